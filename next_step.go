package citycard

import "strings"

// Lang is a language the service speaks.
type Lang string

// The languages. Chinese is what a person gets who asked for neither.
const (
	LangZH Lang = "zh"
	LangEN Lang = "en"
)

// Text is a text for people in Chinese and English.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In is the text in one language.
func (t Text) In(lang Lang) string {
	if lang == LangEN {
		return t.EN
	}
	return t.ZH
}

// complete tells whether the text says something in both languages.
func (t Text) complete() bool {
	return strings.TrimSpace(t.ZH) != "" && strings.TrimSpace(t.EN) != ""
}

// NextStep tells a person what to do, where, and what to bring.
type NextStep struct {
	Action Text
	Where  Text
	Bring  []Text
}

// LocalStep is a next step in one language, as problem documents and cards carry it.
type LocalStep struct {
	Action string   `json:"action"`
	Where  string   `json:"where"`
	Bring  []string `json:"bring"`
}

// In is the next step in one language. Bring is empty, never nil, where nothing is needed.
func (s NextStep) In(lang Lang) LocalStep {
	local := LocalStep{Action: s.Action.In(lang), Where: s.Where.In(lang), Bring: make([]string, 0, len(s.Bring))}
	for _, thing := range s.Bring {
		local.Bring = append(local.Bring, thing.In(lang))
	}
	return local
}
