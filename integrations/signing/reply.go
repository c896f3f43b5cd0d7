package signing

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// codeMessages are the `msg` texts of the gateway codes, as the platform's own gateway words them.
var codeMessages = map[string]string{
	"10000":         "Success",
	codeUnavailable: "Service Currently Unavailable",
	codeMissing:     "Missing Required Arguments",
	codeInvalid:     "Invalid Arguments",
	"40004":         "Business Failed",
	"40005":         "Call Limited",
	"40006":         "Insufficient Permissions",
}

// CodeMessage is the `msg` that goes with a gateway code, empty for a code the contract does not have.
func CodeMessage(code string) string {
	return codeMessages[code]
}

// constantRefusals are the refusals that may be answered before the sender is authenticated, as far as the
// gateway answers them with a body: each sub_code and its code.
var constantRefusals = func() map[string]string {
	all := map[string]string{subUnavailable: codeUnavailable}
	for _, sub := range []string{
		subInvalidEncoding, subDuplicateParameter, subUnknownParameter, subInvalidFormat, subInvalidCharset,
		subInvalidVersion, subInvalidParameter, subInvalidAppID, subInvalidSignatureType, subInvalidTimestamp,
		subInvalidSignature,
	} {
		all[sub] = codeInvalid
	}
	for _, name := range gatewayNeeded {
		all[missingSubCodes[name]] = codeMissing
	}
	return all
}()

// Replier signs gateway replies with the platform's keys, one per sign_type. It is safe for concurrent use.
type Replier struct {
	keys map[KeyType]*PrivateKey
	// refusals holds the inner body and signature of each constant refusal, made when first asked for and
	// never again: a flood of forgeries must not buy private-key operations.
	refusals map[KeyType]map[string]func() (signedInner, error)
}

type signedInner struct {
	inner []byte
	sign  string
}

// NewReplier makes a Replier. An RSA2 key is needed, since it also answers requests that name no usable
// sign_type; an SM2 key is needed where apps with SM2 are registered.
func NewReplier(keys ...*PrivateKey) (*Replier, error) {
	r := &Replier{
		keys:     make(map[KeyType]*PrivateKey, len(keys)),
		refusals: make(map[KeyType]map[string]func() (signedInner, error), len(keys)),
	}
	for _, key := range keys {
		if _, ok := formKeyType(string(key.Type())); !ok {
			return nil, fmt.Errorf("make replier: %s is no sign_type", key.Type())
		}
		if r.keys[key.Type()] != nil {
			return nil, fmt.Errorf("make replier: two %s keys", key.Type())
		}
		r.keys[key.Type()] = key
		r.refusals[key.Type()] = constantReplies(key)
	}
	if r.keys[KeyRSA2] == nil {
		return nil, fmt.Errorf("make replier: no %s key", KeyRSA2)
	}
	return r, nil
}

func constantReplies(key *PrivateKey) map[string]func() (signedInner, error) {
	replies := make(map[string]func() (signedInner, error), len(constantRefusals))
	for sub, code := range constantRefusals {
		replies[sub] = sync.OnceValues(func() (signedInner, error) {
			return signInner(key, []byte(`{"code":"`+code+`","msg":"`+codeMessages[code]+`","sub_code":"`+sub+`"}`))
		})
	}
	return replies
}

func signInner(key *PrivateKey, inner []byte) (signedInner, error) {
	signature, err := key.Sign(inner)
	if err != nil {
		return signedInner{}, err
	}
	return signedInner{inner: inner, sign: base64.StdEncoding.EncodeToString(signature)}, nil
}

// keyType is the type that a reply is signed with. Without an SM2 key no app can have SM2 registered, and
// the refusal that says so is signed with RSA2.
func (r *Replier) keyType(e Envelope) KeyType {
	if r.keys[e.SignType] == nil {
		return KeyRSA2
	}
	return e.SignType
}

// Reply wraps and signs one JSON object, byte for byte as given.
func (r *Replier) Reply(e Envelope, inner []byte) ([]byte, error) {
	if !bytes.HasPrefix(inner, []byte("{")) || !json.Valid(inner) {
		return nil, errors.New("sign reply: not a JSON object")
	}
	signed, err := signInner(r.keys[r.keyType(e)], inner)
	if err != nil {
		return nil, fmt.Errorf("sign reply: %w", err)
	}
	return signed.wrap(e), nil
}

// Refuse answers a refusal of the gateway profile with its constant body. A refusal without a code is
// answered with its HTTP status alone and has no body here.
func (r *Replier) Refuse(refusal *Refusal) ([]byte, error) {
	constant, ok := r.refusals[r.keyType(refusal.Envelope)][refusal.SubCode]
	if !ok {
		return nil, fmt.Errorf("sign refusal: no constant body for %q", refusal.SubCode)
	}
	signed, err := constant()
	if err != nil {
		return nil, fmt.Errorf("sign refusal: %w", err)
	}
	return signed.wrap(refusal.Envelope), nil
}

// wrap writes the reply without spaces: SDKs cut the signed bytes out of the text by its member names.
func (s signedInner) wrap(e Envelope) []byte {
	out := make([]byte, 0, len(s.inner)+len(s.sign)+128)
	out = append(out, replyPrefix(e)...)
	out = append(out, s.inner...)
	out = append(out, replySign...)
	out = append(out, s.sign...)
	return append(out, replyEnd...)
}

const (
	replySign = `,"sign":"`
	replyEnd  = `"}`
)

func replyPrefix(e Envelope) string {
	return `{"` + e.member() + `":`
}

// OpenReply is the sender's side of Reply: it returns the inner bytes of a reply whose signature is the
// platform's. The reply must have exactly the form that Reply writes.
func OpenReply(body []byte, e Envelope, key *PublicKey) ([]byte, error) {
	rest, isNamed := strings.CutPrefix(string(body), replyPrefix(e))
	rest, isClosed := strings.CutSuffix(strings.TrimSuffix(rest, "\n"), replyEnd)
	at := strings.LastIndex(rest, replySign)
	if !isNamed || !isClosed || at < 0 {
		return nil, errors.New("open reply: not a signed reply to this method")
	}
	inner := []byte(rest[:at])
	signature, ok := decodeBase64(rest[at+len(replySign):])
	if !ok || !json.Valid(inner) || !key.Verify(inner, signature) {
		return nil, errors.New("open reply: signature does not fit")
	}
	return inner, nil
}
