package sandbox

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

// clinicExample is what the page shows of how a request is pasted.
const clinicExample = "POST /gateway.do?app_id=…&sign=… HTTP/1.1\nContent-Type: application/x-www-form-urlencoded;charset=utf-8\n\nbiz_content=…"

// clinicData is what the clinic's page shows.
type clinicData struct {
	Request string
	Example string
	// Why says why what was pasted cannot be read; nil where it could.
	Why   *trouble
	Found *diagnosis
	// Expected and Signed are the bytes with the place in which they differ; nil where they are not known.
	Expected, Signed *marked
}

// marked is a text cut where it differs from another.
type marked struct {
	*bytesShown

	Same, Differs, Rest string
}

// clinicPage shows the form of the clinic for people: GET /clinic.
func (s *Sandbox) clinicPage(w http.ResponseWriter, r *http.Request) {
	s.showClinic(w, r, http.StatusOK, clinicData{})
}

// examinePasted answers POST /clinic: it looks at a request that was pasted into the page.
func (s *Sandbox) examinePasted(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4*bodyLimit) // a body of 64 KiB, percent-encoded once more
	data := clinicData{Request: r.PostFormValue("request")}
	pasted, why := readPasted(data.Request)
	if why != nil {
		data.Why = why
		s.showClinic(w, r, http.StatusBadRequest, data)
		return
	}
	keys, err := s.clinicKeys(r.Context())
	if err != nil {
		data.Why = &trouble{"暂时读不到测试公钥，请稍后再试。", "The test keys cannot be read now; try again in a moment.", ""}
		s.showClinic(w, r, http.StatusServiceUnavailable, data)
		return
	}
	found := pasted.examine(s, keys)
	found.OK = len(found.Findings) == 0
	data.Found, data.Expected, data.Signed = &found, cutAt(found.Expected, found.DiffersAt), cutAt(found.Signed, found.DiffersAt)
	s.showClinic(w, r, http.StatusOK, data)
}

func (s *Sandbox) showClinic(w http.ResponseWriter, r *http.Request, status int, data clinicData) {
	person, _ := s.current(r)
	data.Example = clinicExample
	render(w, status, "clinic", view{
		Title: "签名诊所", TitleEN: "Signature clinic", Back: "/", Person: person, Wide: true, Data: data,
	})
}

// cutAt cuts a text at the difference; nil where there are no bytes.
func cutAt(shown *bytesShown, at *difference) *marked {
	if shown == nil {
		return nil
	}
	if at == nil {
		return &marked{bytesShown: shown, Same: shown.Text}
	}
	from := min(at.Offset, len(shown.Text))
	for from > 0 && from < len(shown.Text) && !utf8.RuneStart(shown.Text[from]) {
		from--
	}
	to := min(from+window, len(shown.Text))
	for to < len(shown.Text) && !utf8.RuneStart(shown.Text[to]) {
		to++
	}
	return &marked{shown, shown.Text[:from], shown.Text[from:to], shown.Text[to:]}
}

// pasted is a request as a person copied it.
type pasted struct {
	request *http.Request
	body    string
}

// examine looks at it as the clinic of its profile does.
func (p *pasted) examine(s *Sandbox, keys []clinicKey) diagnosis {
	if strings.HasSuffix(p.request.URL.Path, "/gateway.do") {
		return examineForm(s, p.request, []byte(p.body), keys)
	}
	return examineMessage(s, p.request, []byte(p.body), keys)
}

// readPasted reads a request as it travels, or a curl command.
func readPasted(text string) (*pasted, *trouble) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if strings.HasPrefix(text, "curl ") {
		return readCurl(text)
	}
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	words := strings.Fields(lines[0])
	if len(words) < 2 {
		return nil, &trouble{"第一行应为请求行，例如 POST /gateway.do HTTP/1.1。", "The first line must be the request line, such as POST /gateway.do HTTP/1.1.", ""}
	}
	header := http.Header{}
	for _, line := range lines[1:] {
		name, value, found := strings.Cut(line, ":")
		if !found {
			return nil, &trouble{"请求头应写成 名称: 值，请求头与正文之间空一行。", "Headers are written Name: value, with an empty line before the body.", line}
		}
		header.Add(name, strings.TrimSpace(value))
	}
	return newPasted(words[0], words[1], header, body)
}

func newPasted(method, target string, header http.Header, body string) (*pasted, *trouble) {
	target = strings.Replace(target, clinicPath, "", 1)
	r, err := http.NewRequest(method, target, nil) //nolint:noctx // it is looked at, and never sent
	if err != nil || !strings.HasSuffix(r.URL.Path, "/gateway.do") && !strings.Contains(r.URL.Path, "/v1/partner/") {
		return nil, &trouble{"地址应为 /gateway.do 或 /v1/partner/…。", "The address must be /gateway.do or /v1/partner/….", ""}
	}
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	r.Header = header
	return &pasted{r, body}, nil
}

// readCurl reads a curl command as `citycard partner send --print` and browsers' tools write it.
func readCurl(text string) (*pasted, *trouble) {
	words, whole := shellWords(text)
	if !whole {
		return nil, &trouble{"命令中的引号没有配对。", "A quote of the command is not closed.", ""}
	}
	method, target, body, header := http.MethodPost, "", "", http.Header{}
	for i := 1; i < len(words); i++ {
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		switch words[i] {
		case "-X", "--request":
			method, i = value, i+1
		case "-H", "--header":
			name, text, _ := strings.Cut(value, ":")
			header.Add(name, strings.TrimSpace(text))
			i++
		case "-d", "--data", "--data-raw", "--data-binary":
			body, i = value, i+1
		default:
			if !strings.HasPrefix(words[i], "-") {
				target = words[i]
			}
		}
	}
	if body != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl does
	}
	return newPasted(method, target, header, body)
}

// shellWords splits a command as a shell does: single and double quotes, and a backslash before a character.
func shellWords(text string) (words []string, whole bool) {
	var word strings.Builder
	var quote rune
	started, escaped := false, false
	for _, c := range text {
		switch {
		case escaped:
			if c != '\n' {
				word.WriteRune(c)
				started = true
			}
			escaped = false
		case c == '\\' && quote != '\'':
			escaped = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, started = c, true
		case quote == 0 && (c == ' ' || c == '\n' || c == '\t'):
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(c)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words, quote == 0 && !escaped
}
