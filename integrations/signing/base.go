package signing

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Message is a request of the message-signature profile, received or about to be sent.
type Message struct {
	Method    string
	Authority string // the Host the request names
	Path      string // as on the request line, not decoded
	Query     string // as on the request line, without `?`, not decoded
	Header    http.Header
	Body      []byte
}

// NewMessage takes the parts of an HTTP request that a signature can cover. body is the request's whole
// body; the header is shared, so that signing it signs the request.
func NewMessage(r *http.Request, body []byte) *Message {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	return &Message{
		Method: r.Method, Authority: authority(r.URL.Scheme, host), Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Header: r.Header, Body: body,
	}
}

// Reply is a response of the message-signature profile.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Component is one covered component of a signature (RFC 9421 §2): its serialised identifier with
// parameters, such as `"@path";req`, and its value.
type Component struct {
	Identifier string
	Value      string
}

// SignatureBase writes the signature base (RFC 9421 §2.5) over the components in the order given. params
// is the serialised value of the signature's Signature-Input member.
func SignatureBase(components []Component, params string) []byte {
	var out strings.Builder
	for _, c := range components {
		out.WriteString(c.Identifier)
		out.WriteString(": ")
		out.WriteString(c.Value)
		out.WriteByte('\n')
	}
	out.WriteString(`"@signature-params": `)
	out.WriteString(params)
	return []byte(out.String())
}

// Names of derived components and fields that are covered.
const (
	componentMethod    = "@method"
	componentAuthority = "@authority"
	componentPath      = "@path"
	componentQuery     = "@query"
	componentStatus    = "@status"

	fieldContentType    = "content-type"
	fieldContentDigest  = "content-digest"
	fieldIdempotencyKey = "idempotency-key"

	headerContentDigest  = "Content-Digest"
	headerIdempotencyKey = "Idempotency-Key"
	headerSignatureInput = "Signature-Input"
	headerSignature      = "Signature"
)

// requestCoverage is exactly what a request's signature covers.
var requestCoverage = []string{
	`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-type"`, `"content-digest"`, `"idempotency-key"`,
}

// replyCoverage is exactly what a reply's signature covers; `;req` binds it to its request (RFC 9421 §2.4).
var replyCoverage = []string{
	`"@status"`, `"content-type"`, `"content-digest"`,
	`"@method";req`, `"@path";req`, `"content-digest";req`, `"idempotency-key";req`,
}

// covers tells whether the identifiers are exactly those of coverage, each once, in any order.
func covers(identifiers, coverage []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(identifiers)), slices.Sorted(slices.Values(coverage)))
}

// component returns the value of a request's component, with the authority as the verifier knows it.
func (m *Message) component(name, authority string) string {
	switch name {
	case componentMethod:
		return m.Method
	case componentAuthority:
		return authority
	case componentPath:
		if m.Path == "" {
			return "/"
		}
		return m.Path
	case componentQuery:
		return "?" + m.Query
	default:
		return fieldValue(m.Header, name)
	}
}

// fieldValue is a field's value as it enters a signature base: one line, white space around it removed.
func fieldValue(header http.Header, name string) string {
	return strings.Trim(header.Get(name), " \t")
}

// requestComponents pairs identifiers of a request's signature with their values.
func (m *Message) requestComponents(identifiers []string, authority string) []Component {
	components := make([]Component, len(identifiers))
	for i, identifier := range identifiers {
		components[i] = Component{identifier, m.component(strings.Trim(identifier, `"`), authority)}
	}
	return components
}

// replyComponents pairs identifiers of a reply's signature with their values from reply and request.
func replyComponents(identifiers []string, reply *Reply, request *Message) []Component {
	components := make([]Component, len(identifiers))
	for i, identifier := range identifiers {
		quoted, ofRequest := strings.CutSuffix(identifier, ";req")
		name := strings.Trim(quoted, `"`)
		var value string
		switch {
		case ofRequest:
			value = request.component(name, request.Authority)
		case name == componentStatus:
			value = strconv.Itoa(reply.Status)
		default:
			value = fieldValue(reply.Header, name)
		}
		components[i] = Component{identifier, value}
	}
	return components
}

// authority writes a host as @authority does (RFC 9421 §2.2.3): lower case, without the scheme's own port.
func authority(scheme, host string) string {
	host = strings.ToLower(host)
	switch scheme {
	case "https":
		return strings.TrimSuffix(host, ":443")
	case "http":
		return strings.TrimSuffix(host, ":80")
	}
	return host
}

// publicHost reads scheme and host of the address under which callers reach the service.
func publicHost(publicURL string) (scheme, host string, err error) {
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", errors.New("read public URL: not http or https with a host")
	}
	return u.Scheme, authority(u.Scheme, u.Host), nil
}
