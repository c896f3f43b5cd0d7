package signing

import "strings"

// Envelope says how a gateway reply is wrapped: which method its member is named after, and the key type
// that signs it. It is known as far as the request was readable, so that an SDK finds even a refusal
// where it looks for it.
type Envelope struct {
	Method   string  // empty where the request's method is missing, malformed or there twice
	SignType KeyType // RSA2 where the request names no type of the gateway
}

// envelopeOf reads the envelope from a form that may be refused.
func envelopeOf(f form) Envelope {
	e := Envelope{SignType: KeyRSA2}
	if p, single := f.lookup(nameMethod); single && methodPattern.MatchString(p.value) {
		e.Method = p.value
	}
	if p, single := f.lookup(nameSignType); single && p.value == string(KeySM2) {
		e.SignType = KeySM2
	}
	return e
}

// member is the name of the reply's first member.
func (e Envelope) member() string {
	if e.Method == "" {
		return "error_response"
	}
	return strings.ReplaceAll(e.Method, ".", "_") + "_response"
}
