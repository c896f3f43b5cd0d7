package sql

import (
	"fmt"

	"citycard"
)

// KeyRing encrypts fields and makes blind indexes. Sealed text names the key that sealed it, so that older
// keys stay readable after a rotation.
type KeyRing interface {
	// Seal encrypts and authenticates plain together with aad.
	Seal(plain, aad []byte) (string, error)
	// Open reverses Seal; another aad, key or altered text is an error.
	Open(sealed string, aad []byte) ([]byte, error)
	// Index is a keyed hash of a value for one purpose.
	Index(purpose, value string) string
}

// The purposes of blind indexes.
const (
	indexNumber  = "person_number"
	indexAccount = "card.account"
	indexOpenID  = "citizen.open_id"
	// indexNameBirth is of a name and a day of birth.
	indexNameBirth = "person_number.name_birth"
)

// seal encrypts text for one column of one row; the empty text stays empty.
func (s *Store) seal(column, row, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	sealed, err := s.keys.Seal([]byte(text), []byte(column+"\x00"+row))
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", column, err)
	}
	return sealed, nil
}

func (s *Store) open(column, row, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	plain, err := s.keys.Open(sealed, []byte(column+"\x00"+row))
	if err != nil {
		return "", fmt.Errorf("open %s: %w", column, err)
	}
	return string(plain), nil
}

func (s *Store) numberIndex(number citycard.IDNumber) string {
	if number.IsZero() {
		return ""
	}
	return s.keys.Index(indexNumber, number.Reveal())
}
