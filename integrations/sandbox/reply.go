package sandbox

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// refusal is the platform's error body.
type refusal struct {
	Code    string `json:"code"`
	Msg     string `json:"msg"`
	SubCode string `json:"sub_code"`
	SubMsg  string `json:"sub_msg"`
}

// success is how the inner object of every answer but a token begins.
type success struct {
	Code string `json:"code"`
	Msg  string `json:"msg"`
}

var done = success{"10000", "Success"}

func invalid(sub, text string) *refusal { return &refusal{"40002", "Invalid Arguments", sub, text} }

func businessFailed(sub, text string) *refusal {
	return &refusal{"40004", "Business Failed", sub, text}
}

func permissionLapsed() *refusal {
	return &refusal{"20001", "Insufficient Authorization Permissions", "aop.invalid-auth-token", "无效的访问令牌"}
}

func permissionMissing() *refusal {
	return &refusal{"40006", "Insufficient Permissions", "isv.insufficient-user-permissions", "用户权限不足"}
}

func unknownError() *refusal {
	return &refusal{"20000", "Service Currently Unavailable", "aop.unknow-error", "服务暂不可用，请稍后重试"}
}

func callLimited() *refusal {
	return &refusal{"40005", "Call Limited", "isv.app-call-limited", "应用调用次数超限"}
}

// replyName is the reply's member for a method; the token method reports errors as error_response, and so does a
// request whose method cannot be read.
func replyName(method string, refused bool) string {
	if !methodForm.MatchString(method) || refused && method == methodToken {
		return "error_response"
	}
	return strings.ReplaceAll(method, ".", "_") + "_response"
}

// marshalReply writes a reply's inner object; what is signed is exactly these bytes.
func marshalReply(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("replies are plain structs: " + err.Error())
	}
	return bytes.TrimRight(buffer.Bytes(), "\n")
}

// send signs and writes a reply, with the faults asked for.
func (s *Sandbox) send(w http.ResponseWriter, name string, inner []byte, faults Faults) {
	sum := sha256.Sum256(inner)
	signature, err := rsa.SignPKCS1v15(nil, s.platform, crypto.SHA256, sum[:])
	if err != nil {
		panic("a checked key always signs: " + err.Error())
	}
	if faults.BadSignature {
		signature[len(signature)/2] ^= 0x55
	}
	body := `{"` + name + `":` + string(inner)
	if !faults.NoSignature {
		body += `,"sign":"` + base64.StdEncoding.EncodeToString(signature) + `"`
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(body + "}"))
}
