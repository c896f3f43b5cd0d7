package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"

	"citycard"
)

//go:embed pages
var pages embed.FS

// userCookie remembers who is using the super-app in this browser.
const userCookie = "superapp_user"

// view is what every page shows. Data is the page's own.
type view struct {
	Title, TitleEN string
	// Back is where the arrow leads; empty for none.
	Back   string
	Person Person
	// Wide lets the page use a large screen: it is not one of a phone's.
	Wide bool
	Data any
}

var templates = parsePages("step", "choose", "consent", "face", "problem", "clinic")

func parsePages(names ...string) map[string]*template.Template {
	base := template.New("layout.html").Funcs(template.FuncMap{
		"icon": icon,
		"mask": func(name string) string { return citycard.RestoreName(name).Mask() },
		"hide": func(number string) string { return citycard.RestoreIDNumber(number).Mask() },
	})
	parsed := map[string]*template.Template{}
	for _, name := range names {
		clone := template.Must(base.Clone())
		parsed[name] = template.Must(clone.ParseFS(pages, "pages/layout.html", "pages/"+name+".html"))
	}
	return parsed
}

// render writes a page. The policy names no form-action: browsers apply it to the redirects after a form, and the
// consent form leads back to the service.
func render(w http.ResponseWriter, status int, name string, page view) {
	var buffer bytes.Buffer
	if err := templates[name].Execute(&buffer, page); err != nil {
		http.Error(w, "page cannot be shown", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = buffer.WriteTo(w)
}

// trouble is what a page that cannot be shown says.
type trouble struct{ ZH, EN, Why string }

func (s *Sandbox) problem(w http.ResponseWriter, r *http.Request, status int, what trouble) {
	person, _ := s.current(r)
	render(w, status, "problem", view{Title: "出错了", TitleEN: "Something is wrong", Back: "/", Person: person, Data: what})
}

func style(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pages, "pages/style.css") }

// current is the person using this browser; false where none was chosen yet, and then the first one.
func (s *Sandbox) current(r *http.Request) (Person, bool) {
	if cookie, err := r.Cookie(userCookie); err == nil {
		if person, known := s.byUser[cookie.Value]; known {
			return person, true
		}
	}
	return s.people[0], false
}

func remember(w http.ResponseWriter, person Person) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // served over plain HTTP, and holds no secret
		Name: userCookie, Value: person.User, Path: "/", MaxAge: 24 * 60 * 60,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// choice is the page on which somebody picks who to be.
type choice struct {
	People []Person
	Back   string
}

func (s *Sandbox) choosePage(w http.ResponseWriter, r *http.Request) {
	person, _ := s.current(r)
	back := localPath(r.URL.Query().Get("back"))
	render(w, http.StatusOK, "choose", view{
		Title: "选择体验身份", TitleEN: "Choose who to be", Back: back, Person: person, Data: choice{s.people, back},
	})
}

func (s *Sandbox) choose(w http.ResponseWriter, r *http.Request) {
	person, known := s.byUser[r.PostFormValue("user")]
	if !known {
		s.problem(w, r, http.StatusBadRequest, trouble{"没有这个人", "There is no such person", ""})
		return
	}
	remember(w, person)
	back := localPath(r.PostFormValue("back"))
	http.Redirect(w, r, back, http.StatusSeeOther) //nolint:gosec // localPath holds the address
}

func chooseURL(r *http.Request) string {
	return "/choose?" + url.Values{"back": {r.URL.RequestURI()}}.Encode()
}

// localPath keeps a path of this stand-in and turns anything else into the home page.
func localPath(text string) string {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme != "" || parsed.Host != "" || !strings.HasPrefix(text, "/") ||
		strings.HasPrefix(text, "//") || strings.ContainsAny(text, "\\\r\n") {
		return "/"
	}
	return text
}

// leadsBack tells whether an address may be returned to: the service's host, or this machine.
func (s *Sandbox) leadsBack(address string) bool {
	parsed, err := url.Parse(address)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.User != nil {
		return false
	}
	host := parsed.Hostname()
	return parsed.Host != "" && (parsed.Host == s.service.Host || host == "localhost" || net.ParseIP(host).IsLoopback())
}
