package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"citycard"
	"citycard/integrations/signing"
)

const (
	sendTimeout = 30 * time.Second
	// mostReply is how much of a reply is read.
	mostReply = 1 << 20
)

type partnerSendCommand struct {
	URL        string          `name:"url" default:"http://localhost:8080" placeholder:"URL" help:"The service; http://localhost:8080 by default."`
	Host       string          `placeholder:"HOST" help:"The host of the service's public address, where --url has another: messages are signed for it."`
	AppID      string          `name:"app-id" required:"" placeholder:"ID" help:"The partner."`
	Key        string          `required:"" placeholder:"KEY.pem" help:"The partner's private key, PKCS #8 in PEM."`
	KeyID      string          `name:"key-id" placeholder:"K" help:"The id under which the public key is registered; needed with --profile message."`
	Profile    string          `enum:"gateway,message" default:"gateway" help:"gateway (form, by default) or message (RFC 9421)."`
	Method     citycard.Method `required:"" placeholder:"M" help:"What to report, such as citycard.financial.activate."`
	Region     string          `placeholder:"R" help:"The card's region."`
	CardNumber string          `name:"card-number" placeholder:"N" help:"The card's number."`
	Code       string          `name:"card-identification-code" placeholder:"C" help:"Or its identification code, in place of the two."`
	Number     string          `name:"out-request-no" placeholder:"N" help:"The event's number; a new one by default. The same one again is answered with the same reply."`
	Set        []string        `placeholder:"NAME=VALUE" sep:"none" help:"A member of the content, in place of the sample's; an empty value leaves it out."`
	Print      bool            `help:"Only print the request, as a curl command."`
}

// Help is the example, and what each method carries.
func (partnerSendCommand) Help() string {
	return "Example:\n\n  citycard partner send --app-id 2026000000000001 --key bank.pem --method citycard.financial.activate \\\n" +
		"    --region 320100 --card-number A12345678 --set bank_code=102 --set account_last4=7893\n\n" +
		"Methods: " + methodList() + ".\n\nWhat is not set comes from a sample of the method's content. The reply's signature is checked " +
		"with the keys that the service publishes; the exit code is 1 where it does not verify or the event was refused."
}

// sentRequest is a signed request, and how to check the reply to it.
type sentRequest struct {
	request *http.Request
	body    string
	check   func(keys []signing.VerifyingKey, answer *http.Response, body []byte) error
}

// Run sends the event and says what came of it.
func (s partnerSendCommand) Run(p *program) error {
	text, err := os.ReadFile(s.Key)
	if err != nil {
		return usage("--key: %w", err)
	}
	key, err := signing.ParsePrivateKey(text)
	if err != nil {
		return usage("--key: %w", err)
	}
	if s.Number == "" {
		s.Number = "SEND-" + newID()
	}
	c, err := p.load()
	if err != nil {
		return err
	}
	content, err := sampleContent(s.Method, s.Number, c.clock(), append(s.card(), s.Set...))
	if err != nil {
		return err
	}
	sent, err := s.sign(p.ctx, key, content, c.clock())
	if err != nil {
		return err
	}
	if s.Print {
		return p.say("%s\n", curlOf(sent))
	}
	return s.send(p, sent)
}

func (s partnerSendCommand) card() []string {
	var members []string
	for name, value := range map[string]string{"region": s.Region, "card_number": s.CardNumber, "card_identification_code": s.Code} {
		if value != "" {
			members = append(members, name+"="+value)
		}
	}
	return members
}

func (s partnerSendCommand) sign(ctx context.Context, key *signing.PrivateKey, content map[string]any, now time.Time) (sentRequest, error) {
	if s.Profile == "gateway" {
		return s.signForm(ctx, key, content, now)
	}
	content["type"] = s.Method
	if s.KeyID == "" {
		return sentRequest{}, usage("--key-id: a message names the key it is signed with")
	}
	body, err := json.Marshal(content)
	if err != nil {
		return sentRequest{}, fmt.Errorf("write content: %w", err)
	}
	path := "/v1/partner/events"
	if s.Method == citycard.MethodCardQuery {
		path = "/v1/partner/queries"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, bytes.NewReader(body))
	if err != nil {
		return sentRequest{}, usage("--url: %w", err)
	}
	if s.Host != "" {
		request.Host = s.Host
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", `"`+s.Number+`"`)
	message := signing.NewMessage(request, body)
	params := signing.SignatureParams{
		KeyID: s.KeyID, Tag: signing.TagPartner, Created: now, Expires: now.Add(300 * time.Second), Nonce: newSecret(),
	}
	if err := signing.SignRequest(message, params, key); err != nil {
		return sentRequest{}, fmt.Errorf("sign message: %w", err)
	}
	return sentRequest{request, string(body), func(keys []signing.VerifyingKey, answer *http.Response, reply []byte) error {
		if answer.Header.Get("Signature") == "" {
			return errUnsigned
		}
		return signing.VerifyReply(&signing.Reply{Status: answer.StatusCode, Header: answer.Header, Body: reply}, message, keys, now)
	}}, nil
}

func (s partnerSendCommand) signForm(ctx context.Context, key *signing.PrivateKey, content map[string]any, now time.Time) (sentRequest, error) {
	text, err := json.Marshal(content)
	if err != nil {
		return sentRequest{}, fmt.Errorf("write content: %w", err)
	}
	values := map[string]string{
		"app_id": s.AppID, "method": string(s.Method), "format": "JSON", "charset": "utf-8", "version": "1.0",
		"timestamp": now.In(citycard.Shanghai).Format(time.DateTime), "biz_content": string(text),
	}
	if s.KeyID != "" {
		values["key_id"] = s.KeyID
	}
	query, body, err := signing.SignGateway(values, key)
	if err != nil {
		return sentRequest{}, fmt.Errorf("sign form: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/gateway.do?"+query, strings.NewReader(body))
	if err != nil {
		return sentRequest{}, usage("--url: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	envelope := signing.Envelope{Method: string(s.Method), SignType: key.Type()}
	return sentRequest{request, body, func(keys []signing.VerifyingKey, _ *http.Response, reply []byte) error {
		for _, own := range keys {
			if inner, err := signing.OpenReply(reply, envelope, own.Key); err == nil {
				if !bytes.HasPrefix(inner, []byte(`{"code":"10000"`)) {
					return errRefused
				}
				return nil
			}
		}
		return errors.New("the reply's signature does not verify with any key that the service publishes")
	}}, nil
}

var (
	errRefused  = errors.New("the event was refused")
	errUnsigned = errors.New("the reply is not signed, so the service does not know the sender: the host of --url, or --host, must be " +
		"that of its public address, the key must be registered under --key-id, and the clocks must agree")
)

func (s partnerSendCommand) send(p *program, sent sentRequest) error {
	client := &http.Client{Timeout: sendTimeout}
	keys, err := fetchKeys(p.ctx, client, s.URL)
	if err != nil {
		return err
	}
	answer, err := client.Do(sent.request)
	if err != nil {
		return fmt.Errorf("send event: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostReply))
	if err != nil {
		return fmt.Errorf("read reply: %w", err)
	}
	repeated := ""
	if answer.Header.Get("Idempotency-Hit") == "true" {
		repeated = " (the stored reply of the same event before)"
	}
	if err := p.say("sent %s\nHTTP %d%s\n%s\n", sent.body, answer.StatusCode, repeated, body); err != nil {
		return err
	}
	if err := sent.check(keys, answer, body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return errRefused
	}
	return p.say("the reply's signature verifies\n")
}

// fetchKeys are the keys that the service publishes.
func fetchKeys(ctx context.Context, client *http.Client, service string) ([]signing.VerifyingKey, error) {
	address, err := url.JoinPath(service, "/.well-known/citycard-keys.json")
	if err != nil {
		return nil, usage("--url: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, usage("--url: %w", err)
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	defer answer.Body.Close()
	var list struct {
		Keys []struct {
			KeyID     string `json:"key_id"`
			PublicKey string `json:"public_key"`
		} `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, mostReply)).Decode(&list); err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	keys := make([]signing.VerifyingKey, 0, len(list.Keys))
	for _, published := range list.Keys {
		key, err := signing.ParsePublicKey([]byte(published.PublicKey))
		if err != nil {
			return nil, fmt.Errorf("fetch keys: %w", err)
		}
		keys = append(keys, signing.VerifyingKey{ID: published.KeyID, Key: key})
	}
	return keys, nil
}

// curlOf writes a request as a command, for trying by hand and for the signature clinic.
func curlOf(sent sentRequest) string {
	var out strings.Builder
	out.WriteString("curl -sS -X POST")
	for name, values := range sent.request.Header {
		for _, value := range values {
			out.WriteString(" \\\n  -H " + quoteShell(name+": "+value))
		}
	}
	out.WriteString(" \\\n  --data-raw " + quoteShell(sent.body) + " \\\n  " + quoteShell(sent.request.URL.String()))
	return out.String()
}

func quoteShell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
