package signing

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

var (
	notifyIDPattern   = regexp.MustCompile(`^[A-Za-z0-9_-]{8,128}$`)
	notifyTypePattern = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,63}$`)
)

// notifyNeeded are the parameters every notification carries, in the order in which a missing one is named.
var notifyNeeded = []string{
	nameAppID, nameNotifyType, nameNotifyID, nameNotifyTime, nameSign, nameSignType, nameVersion, nameCharset,
}

// NotifyType is what notifications of one notify_type look like.
type NotifyType struct {
	// Names are the parameters it may carry beyond those of every notification.
	Names []string
	// SignTypeSigned says that the platform leaves sign_type in the canonical string for this type.
	SignTypeSigned bool
}

// Notification is a well-formed message of the platform notify profile. Nothing in it may be believed
// until Verify has accepted it, and then app_id, seller_id, order and amount must still agree with ours.
type Notification struct {
	ID    string // notify_id, the event's id
	Type  string // notify_type
	AppID string

	values         form // UTF-8
	signed         form // the declared charset's bytes
	signTypeSigned bool
	signType       string
	sign           string
	time           string
}

// ParseNotify reads a notification. types is the allow-list per notify_type. It judges rows 2 to 8 of the
// check table; the error is a *Refusal with status 400. Only the body counts: a query parameter is
// refused. A charset of GBK is accepted, and the signature is then over the GBK bytes.
func ParseNotify(types map[string]NotifyType, query string, body []byte, header http.Header) (*Notification, error) {
	n, refusal := parseNotify(types, query, body, header)
	if refusal != nil {
		return nil, asNotifyRefusal(refusal)
	}
	return n, nil
}

// asNotifyRefusal gives a refusal the only status a notification is refused with.
func asNotifyRefusal(r *Refusal) *Refusal {
	r.Status = http.StatusBadRequest
	return r
}

func parseNotify(types map[string]NotifyType, query string, body []byte, header http.Header) (*Notification, *Refusal) {
	if refusal := checkFormSize(query, body); refusal != nil {
		return nil, refusal
	}
	if !notifyMediaType(header) || encoded(header) {
		return nil, refuseStatus(RowMediaType, http.StatusUnsupportedMediaType, ProblemUnsupportedMediaType, "")
	}
	f, wellFormed := parseForm("", string(body))
	f.sort()
	values, readable := f, true
	if strings.EqualFold(f.value(nameCharset), charsetGBK) {
		values, readable = f.toUTF8()
	}
	if !wellFormed || !readable || !values.isText() {
		return nil, refuseForm(RowEncoding, subInvalidEncoding, "")
	}
	if f.duplicated() {
		return nil, refuseForm(RowDuplicate, subDuplicateParameter, "")
	}
	notifyType := types[f.value(nameNotifyType)]
	for _, p := range f {
		if !slices.Contains(notifyNeeded, p.name) && !slices.Contains(notifyType.Names, p.name) {
			return nil, refuseForm(RowUnknownName, subUnknownParameter, "")
		}
	}
	if query != "" {
		return nil, refuseForm(RowUnknownName, subUnknownParameter, "query")
	}
	if name, found := f.missing(notifyNeeded); found {
		return nil, refuseForm(RowMissing, missingSubCodes[name], name)
	}
	if refusal := checkNotifyValues(f, types); refusal != nil {
		return nil, refusal
	}
	return &Notification{
		ID:             f.value(nameNotifyID),
		Type:           f.value(nameNotifyType),
		AppID:          f.value(nameAppID),
		values:         values,
		signed:         f,
		signTypeSigned: notifyType.SignTypeSigned,
		signType:       f.value(nameSignType),
		sign:           f.value(nameSign),
		time:           f.value(nameNotifyTime),
	}, nil
}

// notifyMediaType reads the Content-Type up to its first semicolon. What follows is not judged: the
// platform is known to send `application/x-www-form-urlencoded; text/html; charset=utf-8`, which no media
// type parser takes, and the charset that counts is the signed one in the body.
func notifyMediaType(header http.Header) bool {
	lines := header.Values("Content-Type")
	if len(lines) != 1 {
		return false
	}
	mediaType, _, _ := strings.Cut(lines[0], ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), formMediaType)
}

// checkNotifyValues judges row 8.
func checkNotifyValues(f form, types map[string]NotifyType) *Refusal {
	charset := f.value(nameCharset)
	if !strings.EqualFold(charset, charsetUTF8) && !strings.EqualFold(charset, charsetGBK) {
		return refuseForm(RowPattern, subInvalidCharset, nameCharset)
	}
	if f.value(nameVersion) != formVersion {
		return refuseForm(RowPattern, subInvalidVersion, nameVersion)
	}
	for _, p := range f {
		valid := true
		switch p.name {
		case nameAppID:
			valid = appIDPattern.MatchString(p.value)
		case nameNotifyID:
			valid = notifyIDPattern.MatchString(p.value)
		case nameNotifyType:
			_, valid = types[p.value]
			valid = valid && notifyTypePattern.MatchString(p.value)
		case nameBizContent:
			valid = p.value != "" && len(p.value) <= maxBizContent
		case nameSign, nameSignType, nameNotifyTime:
		default:
			valid = p.value != "" && !splits(p.value)
		}
		if !valid {
			return refuseForm(RowPattern, subInvalidParameter, p.name)
		}
	}
	return nil
}

// Value returns a parameter in UTF-8, empty where the notification does not carry it.
func (n *Notification) Value(name string) string {
	return n.values.value(name)
}

// Canonical returns the bytes the platform signed, in the declared charset.
func (n *Notification) Canonical() []byte {
	if n.signTypeSigned {
		return n.signed.canonical(nameSign)
	}
	return n.signed.canonical(nameSign, nameSignType)
}

// Verify judges rows 10, 11 and 13 against the platform's public keys, current and next. A notification
// keeps its notify_time and its bytes over days of redelivery, so its age is not judged, only that it is
// not ahead of the clock: its notify_id tells a repeat. The error is a *Refusal with status 400.
func (n *Notification) Verify(keys []VerifyingKey, now time.Time) error {
	if n.signType != string(KeyRSA2) {
		return asNotifyRefusal(refuseForm(RowSignType, subInvalidSignatureType, nameSignType))
	}
	if sent, ok := parseTimestamp(n.time); !ok || sent.Sub(now) > maxSkew {
		return asNotifyRefusal(refuseForm(RowTime, subInvalidTimestamp, nameNotifyTime))
	}
	if signature, ok := decodeBase64(n.sign); ok {
		canonical := n.Canonical()
		for _, k := range (Sender{Keys: keys}).candidates(KeyRSA2, "") {
			if k.Key.Verify(canonical, signature) {
				return nil
			}
		}
	}
	return asNotifyRefusal(refuseForm(RowSignature, subInvalidSignature, nameSign))
}

// SignNotify makes the body of a notification, also that of an event sent to a partner: parameters sorted,
// sign_type and sign at the end. values are UTF-8, without sign_type and sign; a charset of GBK encodes
// them. The same values and key give the same bytes every time. What it returns, ParseNotify accepts.
func SignNotify(values map[string]string, notifyType NotifyType, key *PrivateKey) (string, error) {
	if key.Type() != KeyRSA2 {
		return "", fmt.Errorf("sign notification: sign_type must be %s", KeyRSA2)
	}
	f := formOf(values)
	if strings.EqualFold(values[nameCharset], charsetGBK) {
		if err := f.toGBK(); err != nil {
			return "", fmt.Errorf("sign notification: %w", err)
		}
	}
	signType := parameter{name: nameSignType, value: string(KeyRSA2)}
	signed := f
	if notifyType.SignTypeSigned {
		signed = append(slices.Clone(f), signType)
		signed.sort()
	}
	signature, err := key.Sign(signed.canonical())
	if err != nil {
		return "", fmt.Errorf("sign notification: %w", err)
	}
	body := append(f, signType, parameter{name: nameSign, value: base64.StdEncoding.EncodeToString(signature)}).encode()
	types := map[string]NotifyType{values[nameNotifyType]: notifyType}
	if _, err := ParseNotify(types, "", []byte(body), http.Header{"Content-Type": {formMediaType}}); err != nil {
		return "", fmt.Errorf("sign notification: %w", err)
	}
	return body, nil
}

// toGBK encodes the values of the form, which must be UTF-8.
func (f form) toGBK() error {
	for i := range f {
		value, err := simplifiedchinese.GBK.NewEncoder().String(f[i].value)
		if err != nil {
			return fmt.Errorf("encode %s as GBK: %w", f[i].name, err)
		}
		f[i].value = value
	}
	return nil
}
