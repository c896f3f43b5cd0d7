package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// consentRequest is what the service asks a person to agree to.
type consentRequest struct {
	AppID       string
	Scope       string
	Scopes      []string
	RedirectURI string
	State       string
	CheckID     string
	// WantedName and WantedNumber are what the identity check compares, empty for a log-in.
	WantedName, WantedNumber string
	// Identity tells that an identity check is asked for.
	Identity bool
}

// authorize shows the consent page, or, where the decision comes with the request, answers with the redirect.
func (s *Sandbox) authorize(w http.ResponseWriter, r *http.Request) {
	form := formOf(r)
	asked, why := s.consentRequest(form)
	if why != nil {
		s.problem(w, r, http.StatusBadRequest, trouble{"授权请求有误", "The request for consent is not valid", why.Error()})
		return
	}
	person, chosen := s.current(r)
	if form.Has("user") {
		if person, chosen = s.byUser[form.Get("user")]; !chosen {
			s.problem(w, r, http.StatusBadRequest, trouble{"没有这个人", "There is no such person", ""})
			return
		}
	}
	switch {
	case !chosen:
		http.Redirect(w, r, chooseURL(r), http.StatusSeeOther)
	case form.Get("consent") == "yes":
		code := s.newCode(person, asked.Scopes, asked.CheckID)
		http.Redirect(w, r, asked.agreed(code), http.StatusFound) //nolint:gosec // leadsBack holds the address
	case form.Get("consent") == "no":
		http.Redirect(w, r, asked.declined(), http.StatusFound) //nolint:gosec // leadsBack holds the address
	default:
		render(w, http.StatusOK, "consent", view{
			Title: "授权确认", TitleEN: "Your consent", Person: person,
			Data: struct {
				consentRequest
				Switch string
			}{asked, chooseURL(r)},
		})
	}
}

func formOf(r *http.Request) url.Values {
	if r.Method == http.MethodPost && r.ParseForm() == nil {
		return r.Form
	}
	return r.URL.Query()
}

func (s *Sandbox) consentRequest(form url.Values) (consentRequest, error) {
	asked := consentRequest{
		AppID: form.Get("app_id"), Scope: form.Get("scope"), Scopes: strings.Split(form.Get("scope"), ","),
		RedirectURI: form.Get("redirect_uri"), State: form.Get("state"), CheckID: form.Get("cert_verify_id"),
	}
	switch {
	case asked.AppID != s.appID:
		return asked, errors.New("app_id")
	case !s.leadsBack(asked.RedirectURI):
		return asked, errors.New("redirect_uri")
	}
	if err := checkScopes(asked.Scopes, asked.CheckID); err != nil {
		return asked, err
	}
	if asked.CheckID != "" {
		wanted, found := s.checks.get(asked.CheckID, s.now())
		if !found {
			return asked, errors.New("cert_verify_id")
		}
		asked.WantedName, asked.WantedNumber, asked.Identity = wanted.name, wanted.number, true
	}
	return asked, nil
}

// checkScopes holds that the scopes are known and that an identity check comes with id_verify, and only with it.
func checkScopes(scopes []string, checkID string) error {
	for _, scope := range scopes {
		if scope != scopeLogin && scope != scopeProfile && scope != scopeIdentity {
			return errors.New("scope")
		}
	}
	if slices.Contains(scopes, scopeIdentity) != (checkID != "") {
		return errors.New("cert_verify_id")
	}
	return nil
}

// newCode issues a single-use auth code for what the person agreed to.
func (s *Sandbox) newCode(person Person, scopes []string, checkID string) string {
	code, now := newID(), s.now()
	s.codes.put(code, grant{user: person.User, scopes: scopes, checkID: checkID}, now, now.Add(codeLifetime))
	return code
}

func (c consentRequest) agreed(code string) string {
	return c.back(url.Values{"auth_code": {code}, "scope": {c.Scope}})
}

func (c consentRequest) declined() string { return c.back(url.Values{"error": {"access_denied"}}) }

// back is the redirect address with what is added to its own query.
func (c consentRequest) back(added url.Values) string {
	target, err := url.Parse(c.RedirectURI)
	if err != nil {
		panic("the redirect address was checked: " + err.Error())
	}
	query := target.Query()
	for name, values := range added {
		query[name] = values
	}
	query.Set("app_id", c.AppID)
	query.Set("source", "alipay_wallet")
	if c.State != "" {
		query.Set("state", c.State)
	}
	target.RawQuery = query.Encode()
	return target.String()
}

// postAuthCodes gives what my.getAuthCode would give a person's mini-program.
func (s *Sandbox) postAuthCodes(w http.ResponseWriter, r *http.Request) {
	var body struct {
		User    string   `json:"user"`
		Scopes  []string `json:"scopes"`
		CheckID string   `json:"cert_verify_id"`
	}
	if err := readJSON(r, &body); err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	person, known := s.byUser[body.User]
	if !known {
		writeError(w, http.StatusNotFound, errors.New("there is no such person; GET /people lists them"))
		return
	}
	if len(body.Scopes) == 0 {
		body.Scopes = []string{scopeLogin}
	}
	if err := checkScopes(body.Scopes, body.CheckID); err != nil {
		writeError(w, http.StatusBadRequest, errors.New("not valid: "+err.Error()))
		return
	}
	if body.CheckID != "" {
		if _, found := s.checks.get(body.CheckID, s.now()); !found {
			writeError(w, http.StatusBadRequest, errors.New("not valid: cert_verify_id"))
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]string{"auth_code": s.newCode(person, body.Scopes, body.CheckID)})
}

// listed is a person as GET /people lists them.
type listed struct {
	User       string `json:"user"`
	Name       string `json:"name"`
	IDNumber   string `json:"id_number"`
	Story      string `json:"story"`
	Region     string `json:"region"`
	CardNumber string `json:"card_number"`
	BankCode   string `json:"bank_code"`
}

// listPeople lists the made-up people; the story is its one word, the same as the user.
func (s *Sandbox) listPeople(w http.ResponseWriter, _ *http.Request) {
	items := make([]listed, len(s.people))
	for i, person := range s.people {
		items[i] = listed{User: person.User, Name: person.Name, IDNumber: person.IDNumber, Story: person.User, Region: person.Region}
		if len(person.Cards) > 0 {
			items[i].CardNumber, items[i].BankCode = person.Cards[0].CardNumber, person.Cards[0].BankCode
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"items": items})
}
