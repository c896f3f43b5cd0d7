package sandbox

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clinicPath stands before the path of the service at which the request failed.
const clinicPath = "/clinic"

// coveredParts is what a message signature covers.
var coveredParts = []string{
	`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-type"`, `"content-digest"`, `"idempotency-key"`,
}

var (
	inputForm  = regexp.MustCompile(`^([a-z*][a-z0-9_.*-]*)=(\(([^)]*)\)(.*))$`)
	createdIn  = regexp.MustCompile(`;created=([0-9]{1,12})(;|$)`)
	expiresIn  = regexp.MustCompile(`;expires=([0-9]{1,12})(;|$)`)
	keyIDIn    = regexp.MustCompile(`;keyid="([^"]*)"`)
	neededText = []string{`;created=`, `;expires=`, `;nonce="`, `;keyid="`, `;tag="citycard-partner-v1"`}
)

// examineMessage looks at a request of the message-signature profile (RFC 9421).
func examineMessage(s *Sandbox, r *http.Request, body []byte, keys []clinicKey) diagnosis {
	var d diagnosis
	input := inputForm.FindStringSubmatch(r.Header.Get("Signature-Input"))
	if input == nil {
		d.find(wrongForm, "Signature-Input 缺失，或不是 sig1=(\"@method\" …);created=… 的形式。", `Signature-Input is missing or not of the form sig1=("@method" …);created=….`)
		return d
	}
	parts, params := strings.Fields(input[3]), input[4]
	d.checkCoverage(parts, params, r)
	d.checkLifetime(params, s.now())
	d.checkDigest(r.Header.Get("Content-Digest"), body)
	keys = d.named(params, keys)
	value, found := strings.CutPrefix(r.Header.Get("Signature"), input[1]+"=:")
	signature, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(value, ":"))
	if !found || err != nil || len(signature) == 0 {
		d.find(wrongEncoding, "Signature 应为 "+input[1]+"=:标准base64:。", "Signature must be "+input[1]+"=:standard base64:.")
		return d
	}
	base := clinicBase{r: r, host: s.service.Host, query: "?" + r.URL.RawQuery, params: input[2]}
	d.judge(base.attempts(parts), signature, keys)
	return d
}

func (d *diagnosis) checkCoverage(parts []string, params string, r *http.Request) {
	if !slices.Equal(slices.Sorted(slices.Values(parts)), slices.Sorted(slices.Values(coveredParts))) {
		d.find(wrongCoverage, "签名应恰好覆盖 "+strings.Join(coveredParts, " ")+"。", "The signature must cover exactly "+strings.Join(coveredParts, " ")+".")
	}
	for _, needed := range neededText {
		if !strings.Contains(params, needed) {
			d.find(wrongCoverage, "Signature-Input 缺少参数 "+needed+"。", "Signature-Input lacks the parameter "+needed+".")
		}
	}
	if strings.Contains(params, ";alg=") {
		d.find(wrongForm, "不要发送 alg：算法由登记的密钥决定。", "Do not send alg: the registered key decides.")
	}
	for _, name := range []string{"Idempotency-Key", "Content-Type", "Content-Digest"} {
		if r.Header.Get(name) == "" {
			d.find(wrongForm, "缺少请求头 "+name+"。", "The header "+name+" is missing.")
		}
	}
}

func (d *diagnosis) checkLifetime(params string, now time.Time) {
	created, expires := createdIn.FindStringSubmatch(params), expiresIn.FindStringSubmatch(params)
	if created == nil || expires == nil {
		return
	}
	from, _ := strconv.ParseInt(created[1], 10, 64)
	until, _ := strconv.ParseInt(expires[1], 10, 64)
	off := now.Sub(time.Unix(from, 0)).Round(time.Second)
	if off.Abs() > timestampSkew || until < from || until-from > int64(timestampSkew/time.Second) || now.After(time.Unix(until, 0)) {
		d.find(wrongClock, "created 与平台时间相差 "+off.String()+"（单位是秒）；expires 最多比 created 晚 300 秒，且未过去。",
			"created is "+off.String()+" behind our clock (it is in seconds); expires may be at most 300 s after created and not past.")
	}
}

func (d *diagnosis) checkDigest(given string, body []byte) {
	right := "sha-256=:" + base64.StdEncoding.EncodeToString(sha256Of(body)) + ":"
	if given != "" && given != right {
		d.find(wrongBody, "Content-Digest 与收到的正文不符，应为 "+right+"。", "Content-Digest does not fit the body that arrived; it must be "+right+".")
	}
}

// named are the keys that keyid names.
func (d *diagnosis) named(params string, keys []clinicKey) []clinicKey {
	id := keyIDIn.FindStringSubmatch(params)
	if id == nil {
		return keys
	}
	named := slices.DeleteFunc(slices.Clone(keys), func(k clinicKey) bool { return k.KeyID != id[1] })
	if len(named) == 0 {
		d.find(wrongKey, "没有编号为 "+id[1]+" 的测试公钥。", "There is no test key with the id "+id[1]+".")
		return keys
	}
	return named
}

// clinicBase builds signature bases (RFC 9421, 2.5) as they should be, and as senders build them by mistake.
type clinicBase struct {
	r           *http.Request
	host, query string
	params      string
}

func (b clinicBase) value(part string) string {
	switch name := strings.Trim(part, `"`); name {
	case "@method":
		return b.r.Method
	case "@authority":
		return strings.ToLower(b.host)
	case "@path":
		return strings.TrimPrefix(b.r.URL.EscapedPath(), clinicPath)
	case "@query":
		return b.query
	default:
		return strings.TrimSpace(b.r.Header.Get(name))
	}
}

func (b clinicBase) text(parts []string) string {
	lines := make([]string, 0, len(parts)+1)
	for _, part := range parts {
		lines = append(lines, part+": "+b.value(part))
	}
	return strings.Join(append(lines, `"@signature-params": `+b.params), "\n")
}

func (b clinicBase) attempts(parts []string) []attempt {
	right := b.text(parts)
	here, bare, labelled := b, b, b
	here.host = b.r.Host
	bare.query = strings.TrimPrefix(b.query, "?")
	labelled.params = b.r.Header.Get("Signature-Input")
	sorted := slices.Sorted(slices.Values(parts))
	return []attempt{
		{text: []byte(right)},
		{wrongNewline, "签名基末尾多了一个换行。", "The signature base ends with a line break; the last line has none.", []byte(right + "\n")},
		{wrongNewline, "各行应以 LF 结尾，不是 CRLF。", "Lines are separated by LF, not CRLF.", []byte(strings.ReplaceAll(right, "\n", "\r\n"))},
		{wrongEncoding, "@query 的值应以 ? 开头，没有查询串时就是一个 ?。", "The value of @query begins with ?, and is a lone ? where there is no query.", []byte(bare.text(parts))},
		{wrongHost, "@authority 应为平台的公开主机名 " + b.host + "。", "@authority must be the public host, " + b.host + ".", []byte(here.text(parts))},
		{wrongEncoding, "@signature-params 的值不含标签 sig1=。", "The value of @signature-params has no label before it.", []byte(labelled.text(parts))},
		{wrongOrder, "各行的次序应与 Signature-Input 中的一致。", "The lines must be in the order of Signature-Input.", []byte(b.text(sorted))},
		{wrongOrder, "各行的次序应与 Signature-Input 中的一致。", "The lines must be in the order of Signature-Input.", []byte(b.text(coveredParts))},
		{wrongEncoding, "各部分的名称要带引号。", "The names of the components are in quotes.", []byte(strings.ReplaceAll(right, `"`, ""))},
	}
}
