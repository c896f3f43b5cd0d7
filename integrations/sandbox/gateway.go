package sandbox

import (
	"net/http"
	"time"
)

// The gateway methods the stand-in knows.
const (
	methodToken          = "alipay.system.oauth.token"
	methodUserInfo       = "alipay.user.info.share"
	methodPreconsult     = "alipay.user.certdoc.certverify.preconsult"
	methodConsult        = "alipay.user.certdoc.certverify.consult"
	methodFaceInitialize = "alipay.user.certify.open.initialize"
	methodFaceQuery      = "alipay.user.certify.open.query"
	methodFaceCertify    = "alipay.user.certify.open.certify"
)

var methods = map[string]func(*Sandbox, gatewayCall) (any, *refusal){
	methodToken:          (*Sandbox).token,
	methodUserInfo:       (*Sandbox).userInfo,
	methodPreconsult:     (*Sandbox).preconsult,
	methodConsult:        (*Sandbox).consult,
	methodFaceInitialize: (*Sandbox).initializeFace,
	methodFaceQuery:      (*Sandbox).queryFace,
}

// postGateway answers a method call, misbehaving as the faults say.
func (s *Sandbox) postGateway(w http.ResponseWriter, r *http.Request) {
	params, refused := readParams(r)
	method := params["method"]
	faults := s.faults.take(method)
	delay := time.Duration(faults.DelayMS) * time.Millisecond
	if faults.Status >= 400 && faults.Status <= 599 {
		holdBack(r.Context(), delay)
		http.Error(w, http.StatusText(faults.Status), faults.Status)
		return
	}
	var answer any
	switch {
	case refused != nil:
	case faults.Status == codeUnknown:
		refused = unknownError()
	case faults.Status == codeOverload:
		refused = callLimited()
	default:
		answer, refused = s.carryOut(gatewayCall{method: method, params: params, openIDOnly: faults.OpenIDOnly})
	}
	if refused != nil {
		answer = refused
	}
	holdBack(r.Context(), delay)
	if faults.DropReply {
		panic(http.ErrAbortHandler)
	}
	s.send(w, replyName(method, refused != nil), marshalReply(answer), faults)
}

func (s *Sandbox) carryOut(call gatewayCall) (any, *refusal) {
	if refused := s.authenticate(call.params); refused != nil {
		return nil, refused
	}
	carryOut, known := methods[call.method]
	if !known {
		return nil, invalid("isv.invalid-method", "不存在的方法名")
	}
	return carryOut(s, call)
}

// getGateway answers page methods, which a browser opens: the face page.
func (s *Sandbox) getGateway(w http.ResponseWriter, r *http.Request) {
	params, refused := readParams(r)
	if refused == nil {
		refused = s.authenticate(params)
	}
	if refused == nil && params["method"] != methodFaceCertify {
		refused = invalid("isv.invalid-method", "不存在的方法名")
	}
	var content struct {
		CertifyID string `json:"certify_id"`
	}
	if refused == nil {
		refused = gatewayCall{params: params}.content(&content)
	}
	if refused == nil {
		if _, found := s.faces.get(content.CertifyID, s.now()); !found {
			refused = faceUnknown()
		}
	}
	if refused != nil {
		s.problem(w, r, http.StatusBadRequest, trouble{
			"这个页面打不开", "This page cannot be opened", refused.SubMsg + "（" + refused.SubCode + "）"})
		return
	}
	http.Redirect(w, r, "/faces/"+content.CertifyID, http.StatusFound)
}
