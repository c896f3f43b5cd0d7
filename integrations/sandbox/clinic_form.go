package sandbox

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"citycard"
)

// formPair is one parameter as it arrived and decoded.
type formPair struct {
	name, value, raw string
	inBody           bool
}

// examineForm looks at a request of the gateway profile.
func examineForm(s *Sandbox, r *http.Request, body []byte, keys []clinicKey) diagnosis {
	var d diagnosis
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
		d.find(wrongForm, "Content-Type 应为 application/x-www-form-urlencoded。", "Content-Type must be application/x-www-form-urlencoded.")
	}
	pairs := append(d.readPairs(r.URL.RawQuery, false), d.readPairs(string(body), true)...)
	values := d.checkNames(pairs)
	d.checkTimestamp(values["timestamp"], s.now())
	if at := slices.IndexFunc(pairs, func(p formPair) bool { return p.name == "biz_content" && !p.inBody }); at >= 0 {
		d.find(wrongForm, "biz_content 应放在请求正文中。", "biz_content must be in the body.")
	}
	keys = slices.DeleteFunc(keys, func(k clinicKey) bool { return k.signType() == "" })
	d.checkType(values, keys)
	signature, ok := d.readSign(values["sign"])
	if !ok {
		d.Expected = show([]byte(canonical(pairs, plainValue, slices.Sort, "sign")))
		return d
	}
	before := len(d.Findings)
	attempts := formAttempts(pairs)
	d.judge(attempts, signature, keys)
	if len(d.Findings) > before && d.Findings[len(d.Findings)-1].What == wrongKey {
		d.withoutUser(attempts[0].text, signature, keys)
	}
	return d
}

func (d *diagnosis) readPairs(text string, inBody bool) []formPair {
	var pairs []formPair
	if text == "" {
		return nil
	}
	for part := range strings.SplitSeq(text, "&") {
		name, raw, found := strings.Cut(part, "=")
		plainName, nameErr := url.QueryUnescape(name)
		value, err := url.QueryUnescape(raw)
		if !found || nameErr != nil || err != nil || strings.Contains(part, ";") {
			d.find(wrongEncoding, "参数 "+part+" 的编码有误：应为 名=值，值做一次百分号编码。", "The parameter "+part+" is badly encoded: it must be name=value, percent-encoded once.")
		}
		pairs = append(pairs, formPair{plainName, value, raw, inBody})
	}
	return pairs
}

// clinicNames are the parameters of the gateway profile; the first eight are needed.
var clinicNames = []string{
	"app_id", "method", "charset", "sign_type", "sign", "timestamp", "version", "biz_content",
	"format", "nonce", "key_id", "app_cert_sn", "alipay_root_cert_sn", "alipay_sdk",
}

const clinicNeeded = 8

func (d *diagnosis) checkNames(pairs []formPair) map[string]string {
	values := map[string]string{}
	for _, p := range pairs {
		if _, twice := values[p.name]; twice {
			d.find(wrongForm, "参数 "+p.name+" 出现了两次。", "The parameter "+p.name+" is there twice.")
		}
		if !slices.Contains(clinicNames, p.name) {
			d.find(wrongForm, "不认识的参数 "+p.name+"。", "The parameter "+p.name+" is not known.")
		}
		values[p.name] = p.value
	}
	for _, name := range clinicNames[:clinicNeeded] {
		if values[name] == "" {
			d.find(wrongForm, "缺少参数 "+name+"。", "The parameter "+name+" is missing or empty.")
		}
	}
	return values
}

// checkTimestamp tells a clock that runs wrong from one that is set to another zone.
func (d *diagnosis) checkTimestamp(text string, now time.Time) {
	if text == "" {
		return
	}
	sent, err := time.ParseInLocation(time.DateTime, text, citycard.Shanghai)
	if err != nil {
		d.find(wrongClock, "timestamp 应写成 yyyy-MM-dd HH:mm:ss。", "timestamp must be written yyyy-MM-dd HH:mm:ss.")
		return
	}
	off := now.Sub(sent).Round(time.Second)
	if off.Abs() <= timestampSkew {
		return
	}
	zh, en := "timestamp 与平台时间相差 "+off.String()+"，最多 5 分钟。", "timestamp is "+off.String()+" behind our clock (negative: ahead); at most 5 minutes are allowed."
	if zone := 8 * time.Hour; (off - zone).Abs() <= timestampSkew {
		zh, en = zh+"差值正好是八小时：它是 UTC，应为北京时间。", en+" That is eight hours: it is UTC and must be UTC+8."
	}
	d.find(wrongClock, zh, en)
}

func (d *diagnosis) checkType(values map[string]string, keys []clinicKey) {
	named := values["sign_type"]
	if named != "" && !slices.ContainsFunc(keys, func(k clinicKey) bool { return k.AppID == values["app_id"] && k.signType() == named }) {
		d.find(wrongKey, "应用 "+values["app_id"]+" 没有登记 "+named+" 类型的测试公钥。", "The app "+values["app_id"]+" has no test key of type "+named+" registered.")
	}
	if wanted := values["key_id"]; wanted != "" && !slices.ContainsFunc(keys, func(k clinicKey) bool { return k.KeyID == wanted }) {
		d.find(wrongKey, "没有编号为 "+wanted+" 的测试公钥。", "There is no test key with the id "+wanted+".")
	}
}

func (d *diagnosis) readSign(text string) ([]byte, bool) {
	if strings.Contains(text, " ") {
		d.find(wrongEncoding, "sign 中的 + 变成了空格：放进请求前要做百分号编码（+ 写成 %2B）。", "A + of sign arrived as a space: percent-encode it before sending (+ becomes %2B).")
		text = strings.ReplaceAll(text, " ", "+")
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(signature) > 0 && base64.StdEncoding.EncodeToString(signature) == text {
		return signature, true
	}
	lenient, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/", "=", "", "\n", "", "\r", "").Replace(text))
	if text != "" {
		d.find(wrongEncoding, "sign 应为标准 base64，有补位的 =，没有换行。", "sign must be standard base64 with padding and without line breaks.")
	}
	return lenient, err == nil && len(lenient) > 0
}

func plainValue(p formPair) string { return p.value }

// canonical joins all parameters not left out, ordered by order.
func canonical(pairs []formPair, value func(formPair) string, order func([]string), without ...string) string {
	byName := map[string]string{}
	var names []string
	for _, p := range pairs {
		if !slices.Contains(without, p.name) {
			names, byName[p.name] = append(names, p.name), p.name+"="+value(p)
		}
	}
	order(names)
	lines := make([]string, len(names))
	for i, name := range names {
		lines[i] = byName[name]
	}
	return strings.Join(lines, "&")
}

func asSent([]string) {}

// formAttempts are the right string and those that senders are known to build instead.
func formAttempts(pairs []formPair) []attempt {
	right := canonical(pairs, plainValue, slices.Sort, "sign")
	raw := func(p formPair) string { return p.raw }
	twice := func(p formPair) string { return url.QueryEscape(p.value) }
	list := []attempt{
		{text: []byte(right)},
		{wrongOrder, "参数没有按名称的字节顺序排列。", "The parameters were not sorted by name.", []byte(canonical(pairs, plainValue, asSent, "sign"))},
		{wrongOrder, "参数按名称倒序排列。", "The parameters were sorted backwards.", []byte(canonical(pairs, plainValue, func(n []string) { slices.Sort(n); slices.Reverse(n) }, "sign"))},
		{wrongEncoding, "签的是编码后的值；应签编码之前的值。", "The encoded values were signed; sign them before percent-encoding.", []byte(canonical(pairs, raw, slices.Sort, "sign"))},
		{wrongEncoding, "签的是编码后的值；应签编码之前的值。", "The encoded values were signed; sign them before percent-encoding.", []byte(canonical(pairs, twice, slices.Sort, "sign"))},
		{wrongEncoding, "签的是编码后的值，而且没有排序。", "The encoded values were signed, and not sorted.", []byte(canonical(pairs, raw, asSent, "sign"))},
		{wrongCoverage, "没有把 sign_type 签进去；除 sign 外的参数都要签。", "sign_type was left out; everything but sign is signed.", []byte(canonical(pairs, plainValue, slices.Sort, "sign", "sign_type"))},
		{wrongCoverage, "只签了 biz_content 的值。", "Only the value of biz_content was signed.", []byte(valueOf(pairs, "biz_content"))},
		{wrongCoverage, "没有把 biz_content 签进去。", "biz_content was left out.", []byte(canonical(pairs, plainValue, slices.Sort, "sign", "biz_content"))},
		{wrongNewline, "待签名串里的 & 写成了换行。", "The parameters were joined by line feeds, not by &.", []byte(strings.ReplaceAll(right, "&", "\n"))},
	}
	for _, p := range pairs {
		if p.name != "sign" && p.name != "sign_type" && p.name != "biz_content" {
			list = append(list, attempt{wrongCoverage, "没有把 " + p.name + " 签进去。", p.name + " was left out of the signature.", []byte(canonical(pairs, plainValue, slices.Sort, "sign", p.name))})
		}
	}
	for _, end := range []string{"\n", "\r\n", "&", " "} {
		list = append(list, attempt{wrongNewline, "待签名串末尾多了字符（换行、& 或空格）。", "There is one character too many at the end of what was signed: a line break, & or a space.", []byte(right + end)})
	}
	return append(list, bodyAttempts(pairs)...)
}

// bodyAttempts are contents that a library changed between signing and sending.
func bodyAttempts(pairs []formPair) []attempt {
	content := valueOf(pairs, "biz_content")
	var list []attempt
	for _, other := range []string{content + "\n", strings.TrimSpace(content), strings.ReplaceAll(content, "\r\n", "\n"), compacted(content), spaced(content)} {
		if other != content {
			changed := func(p formPair) string {
				if p.name == "biz_content" {
					return other
				}
				return p.value
			}
			list = append(list, attempt{wrongBody, "biz_content 在签名之后变了空白；签什么就发什么。", "White space in biz_content changed after signing; send exactly what was signed.", []byte(canonical(pairs, changed, slices.Sort, "sign"))})
		}
	}
	return list
}

func valueOf(pairs []formPair, name string) string {
	for _, p := range pairs {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

func (d *diagnosis) withoutUser(text, signature []byte, keys []clinicKey) {
	for _, key := range keys {
		if key.verifiesWithoutUser(text, signature) {
			d.Findings[len(d.Findings)-1] = finding{wrongKey, "SM2 签名没有使用用户标识 1234567812345678。", "The SM2 signature was made without the user id 1234567812345678."}
			d.KeyID = key.KeyID
			return
		}
	}
}
