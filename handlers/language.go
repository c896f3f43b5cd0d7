package handlers

import (
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

const langCookie = "citycard_lang"

// languageOf is the language to answer in: the one asked for in the address (?lang=), chosen earlier in this
// browser, or preferred by Accept-Language (RFC 9110, 12.5.4); Chinese where none of them says.
func languageOf(c echo.Context) citycard.Lang {
	if lang, ok := knownLang(c.QueryParam("lang")); ok {
		return lang
	}
	if cookie, err := c.Cookie(langCookie); err == nil {
		if lang, ok := knownLang(cookie.Value); ok {
			return lang
		}
	}
	return preferred(c.Request().Header.Get("Accept-Language"))
}

func knownLang(text string) (citycard.Lang, bool) {
	lang := citycard.Lang(text)
	return lang, lang == citycard.LangZH || lang == citycard.LangEN
}

// preferred picks between the two languages by weight; where both weigh the same, the one named first.
func preferred(header string) citycard.Lang {
	best, most := citycard.LangZH, 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, parameter, weighted := strings.Cut(strings.TrimSpace(part), ";")
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		lang, ok := knownLang(primary)
		if !ok {
			continue
		}
		weight := 1.0
		if weighted {
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(parameter), "q="), 64)
			if err != nil {
				continue
			}
			weight = q
		}
		if weight > most {
			best, most = lang, weight
		}
	}
	return best
}
