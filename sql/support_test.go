package sql_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
	"citycard/sql/sqltest"
)

// ring is a key ring of one fixed key.
type ring struct{ aead cipher.AEAD }

func newRing() ring {
	block, err := aes.NewCipher([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return ring{aead}
}

func (r ring) Seal(plain, aad []byte) (string, error) {
	nonce := make([]byte, r.aead.NonceSize())
	_, _ = rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(r.aead.Seal(nonce, nonce, plain, aad)), nil
}

func (r ring) Open(sealed string, aad []byte) ([]byte, error) {
	data, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil, err
	}
	return r.aead.Open(nil, data[:r.aead.NonceSize()], data[r.aead.NonceSize():], aad)
}

func (r ring) Index(purpose, value string) string {
	mac := hmac.New(sha256.New, []byte("index key"))
	mac.Write([]byte(purpose + "\x00" + value))
	return hex.EncodeToString(mac.Sum(nil))
}

var now = time.Date(2026, 11, 22, 9, 30, 0, 0, citycard.Shanghai)

func newID() string { return strings.ReplaceAll(uuid.Must(uuid.NewV7()).String(), "-", "") }

func options() sql.Options {
	return sql.Options{Keys: newRing(), Clock: func() time.Time { return now }, NewID: newID}
}

// engine makes addresses of fresh databases of one engine.
type engine struct {
	name  string
	fresh func(t *testing.T) string
}

func engines() []engine {
	return []engine{
		{"sqlite", func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "card.db") }},
		{"postgres", func(t *testing.T) string { return sqltest.Postgres(t) }},
	}
}

func open(t *testing.T, address string) *sql.Store {
	t.Helper()
	store, err := sql.Open(t.Context(), address, options())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// migrated is a store on a fresh database with the schema.
func migrated(t *testing.T, e engine) (*sql.Store, string) {
	t.Helper()
	address := e.fresh(t)
	store := open(t, address)
	require.NoError(t, store.Migrate(t.Context()))
	return store, address
}

func cardRow(n int) citycard.CardRow {
	return citycard.CardRow{
		Line: int64(n + 2), Name: citycard.RestoreName(fmt.Sprintf("王小%d", n)),
		Number: citycard.RestoreIDNumber(fmt.Sprintf("32010019900101%04d", n)),
		Phone:  citycard.RestorePhone(fmt.Sprintf("1380000%04d", n)),
		Card: citycard.Card{
			Region: "320100", Number: citycard.CardNumber(fmt.Sprintf("A%08d", n)),
			IdentificationCode: fmt.Sprintf("320100%026X", n), Bank: "102",
			Fulfilment: citycard.FulfilmentCollected, Social: citycard.SocialSealed,
			Financial: citycard.FinancialInactive, Password: citycard.PasswordInitial,
			ReceivedOn: citycard.DateOf(now).AddDays(-10),
		},
	}
}

// seed stores n cards and gives their refs.
func seed(t *testing.T, store *sql.Store, n int) []string {
	t.Helper()
	rows := make([]citycard.CardRow, n)
	for i := range rows {
		rows[i] = cardRow(i)
	}
	count, err := store.ImportCards(t.Context(), citycard.ImportBatch{File: "seed", LastLine: int64(n + 1), Rows: rows})
	require.NoError(t, err)
	require.Equal(t, n, count.Added)
	refs := make([]string, n)
	for i := range rows {
		found, err := store.Holding(t.Context(), citycard.Subject{Number: rows[i].Number})
		require.NoError(t, err)
		require.Len(t, found.Cards, 1)
		refs[i] = found.Cards[0].Ref
	}
	return refs
}

func cause(event string) citycard.Cause {
	return citycard.Cause{
		Actor: citycard.Actor{Kind: citycard.ActorStaff, ID: "s1"}, Channel: citycard.ChannelCounter,
		Reason: citycard.ReasonFraudHold, Evidence: "case 7", Occurred: now, EventID: event,
	}
}

// toggle freezes a card or releases it: a change that is never refused.
func toggle(event string) func(*citycard.Change) error {
	return func(ch *citycard.Change) error {
		if ch.Card.Social == citycard.SocialFrozen {
			return ch.Card.Release(cause(event), now)
		}
		return ch.Card.Freeze(cause(event), now)
	}
}

func history(t *testing.T, store *sql.Store, ref string) []citycard.Transition {
	t.Helper()
	list, err := store.History(context.WithoutCancel(t.Context()), ref, 0, 10_000)
	require.NoError(t, err)
	return list
}

// requireChain holds that a card's transitions are numbered without a gap, chained, and whole.
func requireChain(t *testing.T, list []citycard.Transition) {
	t.Helper()
	head, at := "", time.Time{}
	for i, transition := range list {
		require.Equal(t, int64(i+1), transition.Seq)
		require.Equal(t, head, transition.PrevHash)
		require.Equal(t, at, transition.PrevAt)
		require.Equal(t, transition.Sum(), transition.Hash)
		head, at = transition.Hash, transition.RecordedAt
	}
}
