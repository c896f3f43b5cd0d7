package handlers_test

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/handlers"
)

func form(body string, headers ...string) *http.Request {
	return newRequest(http.MethodPost, "/h5/activate", body, append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

// visible is what a person reads of a page, outside head and tags, with single spaces.
func visible(html string) string {
	_, body, _ := strings.Cut(html, "<body>")
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")), " ")
}

const (
	topEN    = "Skip to content Binjiang Social Security Card 中文 Large text "
	footEN   = " Questions? Call the social security hotline 12333 Your name and ID number serve to confirm that it is you, are stored encrypted, and are used for nothing else."
	insideEN = " My cards Log out" + footEN
	stepsEN  = "Your details Confirm Done "
	faceEN   = "Social Security Card Model Bank Holder 张*三 Card number A12****89 "
)

// TestPages reads each page as a person does.
func TestPages(t *testing.T) {
	t.Parallel()
	fresh := session
	fresh.PersonID = ""
	done, same, pending := activated(), activated(), activated()
	same.Activation.Changed = false
	pending.Activation.Status = citycard.ActivationPendingBank
	pending.Card = nil
	ready := card()
	ready.Social, ready.Financial, ready.Password, ready.Blockers = "active", "active", "set", nil
	ready.ReplacedBy, ready.Activatable = "card-9", false
	one := []citycard.CardView{card()}
	cases := map[string]struct {
		world  *world
		target string
		want   string
	}{
		"home, nobody": {&world{}, "/", topEN + "Activate your card Activate the bank function of your social security card on your phone. It takes about two minutes, without a visit to a branch. " +
			"How it works Log in with Alipay Enter your name and ID number Confirm that it is you, and the card is active Have at hand: your ID card and your social security card. " +
			"Log in and start A card that is not activated does not affect your contributions or benefits." + footEN},
		"home, card to activate": {&world{loggedInAs: &session, cards: one}, "/", topEN + "Activate your card Activate the bank function of your social security card on your phone. It takes about two minutes, without a visit to a branch. " +
			faceEN + "Social security function Not activated yet Bank function Not activated yet Activate the bank function " +
			"A card that is not activated does not affect your contributions or benefits." + insideEN},
		"home, card active": {&world{loggedInAs: &session, cards: []citycard.CardView{ready}}, "/", topEN + "My cards " + faceEN + "Social security function Active Bank function Active Look at my cards" + insideEN},
		"form": {&world{loggedInAs: &fresh}, "/h5/activate", topEN + stepsEN + "The cardholder&#39;s details Name Exactly as on your ID card ID number From your ID card, residence permit or permanent resident card Next " +
			"You can activate only your own card here. To act for a relative, please visit a card centre." + insideEN},
		"form, card to check": {&world{loggedInAs: &session, cards: one}, "/h5/activate", topEN + stepsEN + "The cardholder&#39;s details Please check: is this the card in your hand? " + faceEN +
			"Name Exactly as on your ID card ID number From your ID card, residence permit or permanent resident card Next " +
			"You can activate only your own card here. To act for a relative, please visit a card centre." + insideEN},
		"consent": {&world{loggedInAs: &session, view: awaiting("certdoc")}, "/h5/activations/activation-1", topEN + stepsEN + "Confirm that it is you Please check what you entered, then agree to the comparison. " +
			"Name 张*三 ID number 330***********8515 Not right? Go back and change it What happens when you agree " +
			"Alipay compares this name and ID number with the verified identity of your account. Alipay tells us only “the same person” or “not the same person”. " +
			"If it is you, we find your card and activate its bank function. Agree and continue Please finish before 2026-11-22 11:30; after that you start again." + insideEN},
		"consent to the face check": {&world{loggedInAs: &session, view: awaiting("face")}, "/h5/activations/activation-1", topEN + stepsEN + "Confirm that it is you Please check what you entered, then agree to the comparison. " +
			"Name 张*三 ID number 330***********8515 Not right? Go back and change it What happens when you agree " +
			"Alipay asks you for a face check, to confirm that you are this person. Alipay tells us only “the same person” or “not the same person”. " +
			"If it is you, we find your card and activate its bank function. Agree and start the face check Please finish before 2026-11-22 11:30; after that you start again." + insideEN},
		"activated": {&world{loggedInAs: &session, view: done}, "/h5/activations/activation-1", topEN + stepsEN + "Activated The bank function of your card is ready to use. " + faceEN +
			"Social security function Not activated yet Bank function Active Receipt number 20261122-7KQ2-M9TX-04WB Time 2026-11-22 09:31 Confirm " +
			"Please note the receipt number or keep a screenshot, in case you have a question later. " +
			"The social security function is not activated yet: that happens when you first use the card at a designated hospital or pharmacy. Your contributions are unaffected." + insideEN},
		"activated before": {&world{loggedInAs: &session, view: same}, "/h5/activations/activation-1", topEN + stepsEN + "Already active This card was active before; there is nothing left to do. " + faceEN +
			"Social security function Not activated yet Bank function Active Receipt number 20261122-7KQ2-M9TX-04WB Time 2026-11-22 09:31 Confirm " +
			"Please note the receipt number or keep a screenshot, in case you have a question later. " +
			"The social security function is not activated yet: that happens when you first use the card at a designated hospital or pharmacy. Your contributions are unaffected." + insideEN},
		"waiting for the bank": {&world{loggedInAs: &session, view: pending}, "/h5/activations/activation-1", topEN + stepsEN + "Submitted, waiting for the bank The card becomes active once the issuing bank confirms. You need not do anything. " +
			"Receipt number 20261122-7KQ2-M9TX-04WB Time 2026-11-22 09:31 Confirm Please note the receipt number or keep a screenshot, in case you have a question later." + insideEN},
		"failed, to be tried again": {&world{loggedInAs: &session, view: failed(citycard.CodeCardNotMatched)}, "/h5/activations/activation-1", topEN + "This did not work No card was found for this name and ID number. " +
			"What to do Please check that both are as on your ID card. If they are and nothing is found, call or visit us. Where By phone: the social security hotline 12333 Bring Your original identity document " +
			"Start again A card that is not activated does not affect your contributions or benefits." + insideEN},
		"failed for good": {&world{loggedInAs: &session, view: failed(citycard.CodeCardNotCollected)}, "/h5/activations/activation-1", topEN + "This did not work Your card has not been collected yet. " +
			"What to do Please collect the card first and activate it afterwards. Where The outlet named in your pick-up message; call 12333 if unsure Bring Your original identity document " +
			"Back to the start page A card that is not activated does not affect your contributions or benefits." + insideEN},
		"cards":    {&world{loggedInAs: &session, cards: one}, "/h5/cards", topEN + "My cards " + faceEN + "Social security function Not activated yet Bank function Not activated yet Details" + insideEN},
		"no cards": {&world{loggedInAs: &fresh}, "/h5/cards", topEN + "My cards No card to show yet. Once you have confirmed your identity in an activation, it appears here. Start activation" + insideEN},
		"card": {&world{loggedInAs: &session, cards: one, history: transitions()}, "/h5/cards/card-1", topEN + "Your card " + faceEN +
			"Two functions Social security function Not activated yet Bank function Not activated yet The social security function is not activated yet; your contributions and benefits are unaffected. " +
			"Social security password Initial; change it before use Activate the bank function What needs your attention The social security function is not activated yet; your contributions are unaffected. " +
			"What to do Please activate it on your phone, or at a designated hospital or pharmacy, or at a card centre. Where On the social security card page under City Service in the app Bring Your original identity document; Your social security card " +
			"About the card Where it is In your hand Received on 2026-11-01 Valid until 2036-10-31 Activate the bank function by 2027-08-28 Your original medical card works until 2027-04-30 " +
			"History 2026-11-21 09:30 Making: Ready for pick-up → In your hand From the card file 2026-11-22 09:30 Bank function: Not activated yet → Active Online" + insideEN},
		"card in order": {&world{loggedInAs: &session, cards: []citycard.CardView{ready}}, "/h5/cards/card-1", topEN + "Your card " + faceEN +
			"Two functions Social security function Active Bank function Active Social security password Set This card is ready to use. " +
			"About the card Where it is In your hand Received on 2026-11-01 Valid until 2036-10-31 Replacement Replaced by a newer card Back to the start page" + insideEN},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := send(t, c.world, newRequest(http.MethodGet, c.target+"?lang=en", ""))
			assert.Equal(t, http.StatusOK, got.Code)
			assert.Equal(t, "text/html; charset=UTF-8", got.Header().Get("Content-Type"))
			assert.Equal(t, c.want, visible(got.Body.String()))
			assertPlain(t, got.Body.String())
		})
	}
}

// assertPlain holds that a page needs no script and carries nothing the content policy forbids.
func assertPlain(t *testing.T, html string) {
	t.Helper()
	for _, forbidden := range []string{"<script", "style=", "<style", " onclick", "javascript:", "http://", "https://", "封存"} {
		assert.NotContains(t, html, forbidden)
	}
	assert.LessOrEqual(t, strings.Count(html, `class="button"`), 1, "one primary action")
}

func TestWrongEntriesStandBesideTheirField(t *testing.T) {
	t.Parallel()
	const entered = "name=%E5%BC%A0%22%3E%E4%B8%89&id_number=330106199003078515&once=form-number-1"
	cases := map[string]struct {
		err    error
		status int
		want   []string
	}{
		"each of the two": {errors.Join(&citycard.Error{Code: citycard.CodeIDCheckDigit, Field: "id_number"}, &citycard.Error{Code: citycard.CodeNameEmpty, Field: "name"}), 400, []string{
			`<p class="alert" role="alert">Both entries need a correction; they are marked below.</p>`,
			`<p class="wrong" id="name-wrong"><strong>The name is missing.</strong>`, `<p class="wrong" id="id-wrong"><strong>One character of the ID number is mistyped.</strong>`,
			`aria-describedby="name-hint name-wrong" aria-invalid="true" autofocus>`, `aria-describedby="id-hint id-wrong" aria-invalid="true">`,
		}},
		"number": {&citycard.Error{Code: citycard.CodeIDCheckDigit, Field: "id_number"}, 400, []string{
			`<p class="alert" role="alert">One entry needs a correction; it is marked below.</p>`,
			`<p class="wrong" id="id-wrong"><strong>One character of the ID number is mistyped.</strong> Please compare it with your ID card character by character and submit again.</p>`,
			`aria-describedby="id-hint id-wrong" aria-invalid="true" autofocus>`, `aria-describedby="name-hint">`,
		}},
		"name": {&citycard.Error{Code: citycard.CodeNameEmpty, Field: "name"}, 400, []string{
			`<p class="wrong" id="name-wrong"><strong>The name is missing.</strong> Please enter the name as it is on your ID card.</p>`,
			`aria-describedby="name-hint name-wrong" aria-invalid="true" autofocus>`, `aria-describedby="id-hint">`,
		}},
		"both together": {&citycard.Error{Code: citycard.CodeCardNotMatched}, 404, []string{
			`<h2>No card was found for this name and ID number.</h2>`, `aria-describedby="id-hint">`, `aria-describedby="name-hint">`,
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{loggedInAs: &session, startErr: c.err}
			got := send(t, w, form(entered, "Accept", "text/html", "Accept-Language", "en"))
			assert.Equal(t, c.status, got.Code)
			for _, want := range append(c.want, `value="张&#34;&gt;三"`, `value="330106199003078515"`, `name="once" value="form-number-1"`) {
				assert.Contains(t, got.Body.String(), want)
			}
			assertPlain(t, got.Body.String())
		})
	}
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	w := &world{loggedInAs: &session, view: awaiting("certdoc")}
	r := form("name=%E5%BC%A0%E5%B0%8F%E4%B8%89&id_number=330106199003078515&once=form-number-1")
	r.RemoteAddr = "203.0.113.9:4000"
	got := send(t, w, r)
	assert.Equal(t, http.StatusSeeOther, got.Code)
	assert.Equal(t, "/h5/activations/activation-1", got.Header().Get("Location"))
	assert.Equal(t, citycard.ActivationRequest{
		Session: session, Name: "张小三", IDNumber: "330106199003078515", Address: "203.0.113.9", OnceKey: "form-number-1",
	}, w.request)
}

func TestSubmitIsRefused(t *testing.T) {
	t.Parallel()
	in := func(w world) *world { w.loggedInAs = &session; return &w }
	cases := map[string]struct {
		world   *world
		request *http.Request
		code    citycard.Code
		field   string
	}{
		"not logged in":       {&world{}, form("name=a&id_number=b"), citycard.CodeSessionRequired, ""},
		"JSON":                {in(world{}), newRequest("POST", "/h5/activate", "{}", "Content-Type", "application/json"), citycard.CodeUnsupportedMediaType, ""},
		"no type":             {in(world{}), newRequest("POST", "/h5/activate", "name=a"), citycard.CodeUnsupportedMediaType, ""},
		"broken escape":       {in(world{}), form("name=%zz"), citycard.CodeMalformedRequest, ""},
		"not UTF-8":           {in(world{}), form("name=%ff&id_number=b"), citycard.CodeMalformedRequest, ""},
		"with a password":     {in(world{}), form("name=a&id_number=b&Bank_Password=123456"), citycard.CodePasswordInBody, ""},
		"form number made up": {in(world{}), form("name=a&id_number=b&once=%00"), citycard.CodeMalformedRequest, "once"},
		"locked":              {in(world{startErr: &citycard.Error{Code: citycard.CodeAttemptsLocked}}), form("name=a&id_number=b"), citycard.CodeAttemptsLocked, ""},
		"cards fail":          {in(world{startErr: &citycard.Error{Code: citycard.CodeCardNotMatched}, cardsErr: &citycard.Error{Code: citycard.CodeStorageUnavailable}}), form("name=a&id_number=b"), citycard.CodeStorageUnavailable, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertProblem(t, c.world, c.request, c.code, c.field)
		})
	}
	r := form("name=a&id_number=b")
	r.Body = http.MaxBytesReader(nil, r.Body, 3)
	assertProblem(t, in(world{}), r, citycard.CodeBodyTooLarge, "")
}

func TestPagesAreRefused(t *testing.T) {
	t.Parallel()
	in := func(w world) *world { w.loggedInAs = &session; return &w }
	notFound := &citycard.Error{Code: citycard.CodeNotFound}
	down := &citycard.Error{Code: citycard.CodeStorageUnavailable}
	cases := map[string]struct {
		world  *world
		target string
		code   citycard.Code
	}{
		"form, cards fail":             {in(world{cardsErr: down}), "/h5/activate", citycard.CodeStorageUnavailable},
		"cards fail":                   {in(world{cardsErr: down}), "/h5/cards", citycard.CodeStorageUnavailable},
		"home, cards fail":             {in(world{cardsErr: down}), "/", citycard.CodeStorageUnavailable},
		"card absent":                  {in(world{cardsErr: notFound}), "/h5/cards/card-2", citycard.CodeNotFound},
		"impossible card":              {in(world{}), "/h5/cards/a%20b", citycard.CodeNotFound},
		"activation absent":            {in(world{findErr: notFound}), "/h5/activations/a", citycard.CodeNotFound},
		"impossible activation":        {in(world{}), "/h5/activations/a%20b", citycard.CodeNotFound},
		"authorize, absent":            {in(world{findErr: notFound}), "/h5/activations/a/authorize", citycard.CodeNotFound},
		"authorize, platform down":     {in(world{view: awaiting("certdoc"), loginErr: down}), "/h5/activations/a/authorize", citycard.CodeStorageUnavailable},
		"face return of an impossible": {in(world{}), "/h5/faces/a%20b", citycard.CodeNotFound},
		"face return of another's":     {in(world{confirmErr: notFound, findErr: notFound}), "/h5/faces/a", citycard.CodeNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertProblem(t, c.world, newRequest(http.MethodGet, c.target, ""), c.code, "")
		})
	}
	for _, target := range []string{"/h5/cards/a", "/h5/activations/a", "/h5/faces/a"} {
		got := app(t, &world{})
		recorder := newRecorder()
		got.ServeHTTP(recorder, newRequest(http.MethodGet, target, ""))
		assert.Equal(t, http.StatusUnauthorized, recorder.Code, "without the route's middleware nobody gets in: %s", target)
	}
}

func TestLogOut(t *testing.T) {
	t.Parallel()
	w := &world{loggedInAs: &session}
	got := send(t, w, newRequest(http.MethodPost, "/h5/logout", ""))
	assert.Equal(t, http.StatusSeeOther, got.Code)
	assert.Equal(t, "/", got.Header().Get("Location"))
	assert.Equal(t, []string{"end session-1"}, w.asked)
	assert.True(t, w.left)

	w = &world{}
	send(t, w, newRequest(http.MethodPost, "/h5/logout", ""))
	assert.True(t, w.left)
	assert.Empty(t, w.asked)

	w = &world{loggedInAs: &session, loginErr: &citycard.Error{Code: citycard.CodeStorageUnavailable}}
	assertProblem(t, w, newRequest(http.MethodPost, "/h5/logout", ""), citycard.CodeStorageUnavailable, "")
	assert.False(t, w.left, "a session that lives on is not forgotten")
}

func TestChoicesAreKept(t *testing.T) {
	t.Parallel()
	got := send(t, &world{}, newRequest(http.MethodGet, "/?lang=en&mode=elder", ""))
	assert.Contains(t, got.Body.String(), `<html lang="en" class="elder">`)
	assert.Equal(t, []string{
		"citycard_lang=en; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax",
		"citycard_mode=elder; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax",
	}, got.Header().Values("Set-Cookie"))

	got = send(t, &world{}, newRequest(http.MethodGet, "/", "", "Cookie", "citycard_mode=elder; citycard_lang=en"))
	assert.Contains(t, got.Body.String(), `<html lang="en" class="elder">`)
	assert.Empty(t, got.Header().Values("Set-Cookie"))

	got = send(t, &world{}, newRequest(http.MethodGet, "/?mode=standard", "", "Cookie", "citycard_mode=elder"))
	assert.Contains(t, got.Body.String(), `<html lang="zh-CN">`)

	got = send(t, &world{}, newRequest(http.MethodGet, "/?mode=huge&lang=fr", ""))
	assert.Equal(t, []string{"citycard_mode=standard; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax"}, got.Header().Values("Set-Cookie"))
}

func TestErrorsPageExplainsEveryCode(t *testing.T) {
	t.Parallel()
	got := send(t, &world{}, newRequest(http.MethodGet, "/docs/errors", ""))
	for _, entry := range citycard.Catalogue() {
		assert.Contains(t, got.Body.String(), `id="`+string(entry.Code)+`"`)
		assert.Contains(t, got.Body.String(), entry.Message.ZH)
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	page := send(t, &world{}, newRequest(http.MethodGet, "/", ""))
	style := regexp.MustCompile(`/static/citycard\.css\?v=[0-9a-f]{12}`).FindString(page.Body.String())
	require.NotEmpty(t, style)
	got := send(t, &world{}, newRequest(http.MethodGet, style, ""))
	want, err := os.ReadFile("../static/assets/citycard.css")
	require.NoError(t, err)
	assert.Equal(t, string(want), got.Body.String())
	assert.Equal(t, "text/css; charset=utf-8", got.Header().Get("Content-Type"))
	assert.Equal(t, "public, max-age=31536000, immutable", got.Header().Get("Cache-Control"))

	again := send(t, &world{}, newRequest(http.MethodGet, style, "", "If-None-Match", got.Header().Get("ETag")))
	assert.Equal(t, http.StatusNotModified, again.Code)

	got = send(t, &world{}, newRequest(http.MethodGet, "/static/favicon.svg", ""))
	assert.Equal(t, "image/svg+xml", got.Header().Get("Content-Type"))
	for _, target := range []string{"/static/openapi.json", "/static/..%2fopenapi.json", "/static/"} {
		assert.Equal(t, http.StatusNotFound, send(t, &world{}, newRequest(http.MethodGet, target, "")).Code, target)
	}
}

func TestReaderHasItsOwnPolicy(t *testing.T) {
	t.Parallel()
	got := send(t, &world{}, newRequest(http.MethodGet, "/docs", ""))
	assert.Equal(t, http.StatusOK, got.Code)
	assert.Equal(t, "default-src 'none'; script-src 'self' 'sha256-HR7iaask9daLMRRskMI++QeJtjWDOjyPA6lGzYGzKW4=' 'sha256-iMrPAWirDC2X0OhZzLsM2MRIWSmepJGI4r7D8ZlwBOw='; "+
		"style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		got.Header().Get("Content-Security-Policy"))
}

func TestBrokenStaticFilesStopTheStart(t *testing.T) {
	t.Parallel()
	whole := fstest.MapFS{}
	static := os.DirFS("../static")
	require.NoError(t, fs.WalkDir(static, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, ".go") {
			return err
		}
		data, err := fs.ReadFile(static, name)
		whole[name] = &fstest.MapFile{Data: data}
		return err
	}))
	cases := map[string]struct {
		name string
		data []byte
		want string
	}{
		"no texts":     {"text.en.json", nil, "read texts: open text.en.json: file does not exist"},
		"broken texts": {"text.zh.json", []byte("{"), "read texts text.zh.json: unexpected end of JSON input"},
		"no style":     {"assets/citycard.css", nil, "read asset: open assets/citycard.css: file does not exist"},
		"broken page":  {"pages/home.html", []byte("{{"), "parse page: template: home.html:1: unclosed action"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{}
			for file, content := range whole {
				files[file] = content
			}
			delete(files, c.name)
			if c.data != nil {
				files[c.name] = &fstest.MapFile{Data: c.data}
			}
			_, err := handlers.NewTemplates(files)
			require.EqualError(t, err, c.want)
		})
	}
	_, err := handlers.NewDocuments(fstest.MapFS{}, http.NotFoundHandler())
	require.EqualError(t, err, "read asset: open openapi.json: file does not exist")
}
