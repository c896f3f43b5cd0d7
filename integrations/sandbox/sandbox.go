package sandbox

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"citycard"
)

// How long what the stand-in hands out is good for.
const (
	codeLifetime    = 10 * time.Minute
	tokenLifetime   = time.Hour
	refreshLifetime = 30 * 24 * time.Hour
	checkLifetime   = 2 * time.Hour
	faceLifetime    = 24 * time.Hour
)

var appIDForm = regexp.MustCompile(`^[0-9]{16,20}$`)

// Config sets up a stand-in.
type Config struct {
	// AppID and AppPublicKey (RSA, PEM in PKIX) are the one application registered here: citycard.
	AppID        string
	AppPublicKey []byte
	// PlatformPrivateKey signs replies (RSA, PEM in PKCS #8); a new one is made where it is empty.
	PlatformPrivateKey []byte
	// ServiceURL is where the path through the pages ends: citycard's own start page. Consent and face pages lead
	// back only to its host or to this machine.
	ServiceURL string
	// Now is the clock of time-outs and timestamps.
	Now func() time.Time
	// TestKeys are the keys of partners for trying; the signature clinic looks at nothing signed by others. Nil
	// where there are none.
	TestKeys func(ctx context.Context) ([]TestKey, error)
}

// Sandbox is a running stand-in; it is safe for concurrent use.
type Sandbox struct {
	appID    string
	appKey   *rsa.PublicKey
	platform *rsa.PrivateKey
	service  *url.URL
	now      func() time.Time
	testKeys func(ctx context.Context) ([]TestKey, error)

	people []Person
	byUser map[string]Person
	faults faultSwitch

	codes     shelf[grant]
	tokens    shelf[grant]
	refreshes shelf[grant]
	checks    shelf[identity]
	faces     shelf[faceCheck]
	orders    shelf[string]
}

// grant is what a person agreed to: it follows the auth code into the token.
type grant struct {
	user    string
	scopes  []string
	checkID string
}

// identity is a name and number to compare.
type identity struct{ name, number string }

// New checks the configuration and makes what is not given. Nothing listens yet: serve Handler.
func New(config Config) (*Sandbox, error) {
	service, err := url.Parse(config.ServiceURL)
	if err != nil || service.Host == "" || (service.Scheme != "http" && service.Scheme != "https") {
		return nil, errors.New("set up stand-in: ServiceURL must be an absolute http or https address")
	}
	if !appIDForm.MatchString(config.AppID) {
		return nil, errors.New("set up stand-in: AppID must have 16 to 20 digits")
	}
	if config.Now == nil {
		return nil, errors.New("set up stand-in: Now is missing")
	}
	appKey, err := parsePublicKey(config.AppPublicKey)
	if err != nil {
		return nil, fmt.Errorf("set up stand-in: AppPublicKey: %w", err)
	}
	platform, err := platformKey(config.PlatformPrivateKey)
	if err != nil {
		return nil, fmt.Errorf("set up stand-in: PlatformPrivateKey: %w", err)
	}
	people := People(citycard.DateOf(config.Now()))
	byUser := make(map[string]Person, len(people))
	for _, person := range people {
		byUser[person.User] = person
	}
	return &Sandbox{
		appID: config.AppID, appKey: appKey, platform: platform, service: service, now: config.Now,
		testKeys: config.TestKeys, people: people, byUser: byUser,
	}, nil
}

// PublicKeyPEM is the platform's public key, for the client that verifies the replies.
func (s *Sandbox) PublicKeyPEM() []byte {
	der, err := x509.MarshalPKIXPublicKey(&s.platform.PublicKey)
	if err != nil {
		panic("an RSA key always marshals: " + err.Error())
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// Handler serves every route of the stand-in.
func (s *Sandbox) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /gateway.do", s.postGateway)
	mux.HandleFunc("GET /gateway.do", s.getGateway)
	mux.HandleFunc("POST "+clinicPath+"/gateway.do", s.clinic(examineForm))
	mux.HandleFunc("POST "+clinicPath+"/v1/partner/{route}", s.clinic(examineMessage))
	mux.HandleFunc("GET "+clinicPath, s.clinicPage)
	mux.HandleFunc("POST "+clinicPath, s.examinePasted)
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("POST /authorize", s.authorize)
	mux.HandleFunc("GET /faces/{certify_id}", s.face)
	mux.HandleFunc("POST /faces/{certify_id}", s.face)
	mux.HandleFunc("POST /auth-codes", s.postAuthCodes)
	mux.HandleFunc("GET /people", s.listPeople)
	mux.HandleFunc("GET /faults", s.getFaults)
	mux.HandleFunc("PUT /faults", s.putFaults)
	mux.HandleFunc("GET /choose", s.choosePage)
	mux.HandleFunc("POST /choose", s.choose)
	mux.HandleFunc("GET /style.css", style)
	mux.HandleFunc("GET /{$}", s.step(stepHome))
	for _, step := range steps[1:] {
		mux.HandleFunc("GET "+step.Path, s.step(step))
	}
	return mux
}

func platformKey(file []byte) (*rsa.PrivateKey, error) {
	if len(file) == 0 {
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	block, _ := pem.Decode(file)
	if block == nil {
		return nil, errors.New("must be PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("must be an RSA key in PKCS #8")
	}
	return key, nil
}

func parsePublicKey(file []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(file)
	if block == nil {
		return nil, errors.New("must be PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok || key.N.BitLen() < 2048 {
		return nil, errors.New("must be an RSA public key of at least 2048 bits in PKIX")
	}
	return key, nil
}

// newID is an unguessable identifier of 32 hexadecimal characters.
func newID() string {
	var random [16]byte
	_, _ = rand.Read(random[:])
	return hex.EncodeToString(random[:])
}
