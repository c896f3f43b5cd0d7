package sandbox

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"citycard"
)

const (
	bodyLimit     = 64 << 10
	timestampSkew = 5 * time.Minute
)

var methodForm = regexp.MustCompile(`^[a-z][a-z0-9]*(\.[a-z0-9]+){1,7}$`)

// gatewayCall is an accepted request.
type gatewayCall struct {
	method string
	params map[string]string
	// openIDOnly is the fault that leaves user_id and union_id out of token replies.
	openIDOnly bool
}

// content reads biz_content into fields; members it does not name are passed over, as on the platform.
func (c gatewayCall) content(fields any) *refusal {
	if json.Unmarshal([]byte(c.params["biz_content"]), fields) != nil {
		return invalid("isv.invalid-parameter", "参数无效：biz_content")
	}
	return nil
}

// readParams joins the parameters of query and body: SDKs split them differently. A name given twice, an empty
// value, a bad escape, a semicolon or invalid UTF-8 is refused.
func readParams(r *http.Request) (map[string]string, *refusal) {
	texts := []string{r.URL.RawQuery}
	if r.Method == http.MethodPost {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/x-www-form-urlencoded" {
			return nil, invalid("isv.invalid-parameter", "Content-Type 应为 application/x-www-form-urlencoded")
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
		if err != nil || len(body) > bodyLimit {
			return nil, invalid("isv.invalid-parameter", "请求过大")
		}
		texts = append(texts, string(body))
	}
	params := map[string]string{}
	for _, text := range texts {
		values, err := url.ParseQuery(text)
		if err != nil {
			return params, invalid("isv.invalid-parameter", "参数编码有误")
		}
		for name, given := range values {
			if _, twice := params[name]; twice || len(given) > 1 || given[0] == "" || !utf8.ValidString(name+given[0]) {
				return params, invalid("isv.invalid-parameter", "参数重复、为空或编码有误")
			}
			params[name] = given[0]
		}
	}
	return params, nil
}

// authenticate holds the common parameters and the application's signature, as the platform does.
func (s *Sandbox) authenticate(params map[string]string) *refusal {
	for _, need := range []struct{ name, sub string }{
		{"method", "isv.missing-method"}, {"app_id", "isv.missing-app-id"},
		{"sign_type", "isv.missing-signature-type"}, {"sign", "isv.missing-signature"},
		{"timestamp", "isv.missing-timestamp"}, {"version", "isv.missing-version"}, {"charset", "isv.missing-charset"},
	} {
		if params[need.name] == "" {
			return &refusal{Code: "40001", Msg: "Missing Required Arguments", SubCode: need.sub, SubMsg: "缺少参数：" + need.name}
		}
	}
	sent, err := time.ParseInLocation(time.DateTime, params["timestamp"], citycard.Shanghai)
	switch {
	case !methodForm.MatchString(params["method"]):
		return invalid("isv.invalid-method", "不存在的方法名")
	case params["format"] != "" && !strings.EqualFold(params["format"], "JSON"):
		return invalid("isv.invalid-format", "无效的数据格式")
	case !strings.EqualFold(params["charset"], "utf-8"):
		return invalid("isv.invalid-charset", "字符集错误")
	case params["version"] != "1.0":
		return invalid("isv.invalid-version", "无效的版本")
	case params["app_id"] != s.appID:
		return invalid("isv.invalid-app-id", "无效的AppID参数")
	case params["sign_type"] != "RSA2":
		return invalid("isv.invalid-signature-type", "无效的签名类型")
	case err != nil || s.now().Sub(sent).Abs() > timestampSkew:
		return invalid("isv.invalid-timestamp", "非法的时间戳参数")
	case !s.signedByApp(params):
		return invalid("isv.invalid-signature", "验签出错，请检查签名字符串、签名私钥与应用公钥是否匹配")
	}
	return nil
}

// signedByApp verifies RSASSA-PKCS1-v1_5 with SHA-256 over all parameters but sign, sorted by name, as
// name=value joined by &.
func (s *Sandbox) signedByApp(params map[string]string) bool {
	pairs := make([]string, 0, len(params))
	for name, value := range params {
		if name != "sign" {
			pairs = append(pairs, name+"="+value)
		}
	}
	slices.Sort(pairs)
	signature, err := base64.StdEncoding.DecodeString(params["sign"])
	if err != nil || base64.StdEncoding.EncodeToString(signature) != params["sign"] {
		return false
	}
	sum := sha256.Sum256([]byte(strings.Join(pairs, "&")))
	return rsa.VerifyPKCS1v15(s.appKey, crypto.SHA256, sum[:], signature) == nil
}
