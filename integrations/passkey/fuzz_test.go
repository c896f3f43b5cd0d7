package passkey_test

import (
	"net/url"
	"testing"

	"citycard"
	"citycard/integrations/passkey"
)

// FuzzAnswers holds that whatever a browser sends is a passkey that holds or credentials_invalid, and that nobody gets in
// with an answer to nothing.
func FuzzAnswers(f *testing.F) {
	origin, err := url.Parse("https://desk.example.gov.cn")
	if err != nil {
		f.Fatal(err)
	}
	ceremony, err := passkey.New(origin)
	if err != nil {
		f.Fatal(err)
	}
	_, adding, err := ceremony.AskToAdd(amy, nil)
	if err != nil {
		f.Fatal(err)
	}
	_, entering, err := ceremony.AskToLogIn()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("{}")
	f.Fuzz(func(t *testing.T, answer string) {
		_, err := ceremony.Add(amy, adding, answer)
		if err == nil || citycard.CodeOf(err) != citycard.CodeCredentialsInvalid {
			t.Errorf("added: %v", err)
		}
		_, _, err = ceremony.LogIn(entering, answer, func(string) (citycard.Passkey, error) {
			return citycard.Passkey{StaffID: amy.ID, Record: "{}"}, nil
		})
		if err == nil || citycard.CodeOf(err) != citycard.CodeCredentialsInvalid {
			t.Errorf("let in: %v", err)
		}
	})
}
