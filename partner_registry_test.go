package citycard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

var (
	clerk      = citycard.Registrar{ID: "s1"}
	supervisor = citycard.Registrar{ID: "s2"}
	operator   = citycard.Registrar{ID: "root", CommandLine: true}
)

// registered is a registry in memory.
type registered struct {
	records map[string]*citycard.PartnerRecord
	failing error
	reads   int
}

func (r *registered) AddPartner(_ context.Context, p citycard.Partner) error {
	r.records[p.AppID] = &citycard.PartnerRecord{Partner: p}
	return r.failing
}

func (r *registered) ChangePartner(_ context.Context, appID string, change func(*citycard.PartnerRecord) error) error {
	record, found := r.records[appID]
	if !found {
		return &citycard.Error{Code: citycard.CodeNotFound}
	}
	return change(record)
}

func (r *registered) Partners(context.Context) ([]citycard.PartnerRecord, error) {
	r.reads++
	var list []citycard.PartnerRecord
	for _, record := range r.records {
		copied := *record
		copied.Keys = slices.Clone(record.Keys)
		list = append(list, copied)
	}
	return list, r.failing
}

const bankApp = "2026000000000001"

// newRegistry holds one bank without a key. A file's text is read as a key: its type, and what tells it apart.
func newRegistry(t *testing.T, now *time.Time) (*citycard.PartnerRegistry, *registered) {
	t.Helper()
	store := &registered{records: map[string]*citycard.PartnerRecord{}}
	registry := &citycard.PartnerRegistry{Partners: store, Clock: func() time.Time { return *now }}
	registry.ReadKey = func(pem []byte) (citycard.PublicKey, error) {
		var kind, mark string
		if n, _ := fmt.Sscan(string(pem), &kind, &mark); n != 2 {
			return citycard.PublicKey{}, errors.New("weak")
		}
		return citycard.PublicKey{Type: citycard.KeyType(kind), PEM: string(pem), Fingerprint: mark}, nil
	}
	require.NoError(t, registry.AddPartner(t.Context(), partnerOf(citycard.PartnerBank), operator))
	return registry, store
}

func newKey(pem string) citycard.NewKey {
	var kind string
	_, _ = fmt.Sscan(pem, &kind)
	return citycard.NewKey{AppID: bankApp, Type: citycard.KeyType(kind), PEM: []byte(pem)}
}

func TestAKeyNeedsASecondPerson(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	registry, store := newRegistry(t, &now)
	key, err := registry.AddKey(t.Context(), newKey("RSA2 aaaa"), clerk)
	require.NoError(t, err)
	assert.Equal(t, citycard.KeyPending, key.State)
	assert.Equal(t, "rsa2-aaaa", key.ID)
	assert.Zero(t, key.NotBefore, "no beginning but its approval")
	assert.Equal(t, now.Add(2*365*24*time.Hour), key.NotAfter)
	record := store.records[bankApp]
	assert.Empty(t, record.VerifyingKeys(now))
	assert.Empty(t, record.KeyTypes())
	assert.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(registry.ApproveKey(t.Context(), bankApp, key.ID, clerk)))
	require.NoError(t, registry.ApproveKey(t.Context(), bankApp, key.ID, supervisor))
	assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(registry.ApproveKey(t.Context(), bankApp, key.ID, supervisor)))
	require.Len(t, record.VerifyingKeys(now), 1)
	assert.Equal(t, "s1", record.Keys[0].AddedBy)
	assert.Equal(t, "s2", record.Keys[0].ApprovedBy)
	assert.False(t, record.Keys[0].CommandLine)
	assert.Equal(t, []citycard.KeyType{"RSA2"}, record.KeyTypes())
	require.NoError(t, registry.RevokeKey(t.Context(), bankApp, key.ID, clerk))
	require.NoError(t, registry.RevokeKey(t.Context(), bankApp, key.ID, supervisor), "again changes nothing")
	assert.Equal(t, "s1", record.Keys[0].RevokedBy)
	assert.Empty(t, record.VerifyingKeys(now))
	assert.Equal(t, []citycard.KeyType{"RSA2"}, record.KeyTypes(), "the type stays registered")
}

func TestOnTheCommandLineNobodyElseIsAskedAndTheRecordSaysSo(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	registry, _ := newRegistry(t, &now)
	key, err := registry.AddKey(t.Context(), newKey("SM2 bbbb"), operator)
	require.NoError(t, err)
	assert.Equal(t, citycard.KeyActive, key.State)
	assert.True(t, key.CommandLine)
	assert.Equal(t, "root", key.ApprovedBy)
}

func TestKeysFollowOneAnother(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	registry, store := newRegistry(t, &now)
	record := store.records[bankApp]
	add := func(pem string) error {
		_, err := registry.AddKey(t.Context(), newKey(pem), operator)
		return err
	}
	require.NoError(t, add("RSA2 first"))
	require.NoError(t, add("RSA2 second"))
	assert.Equal(t, citycard.KeyRetiring, record.Keys[0].State)
	assert.Equal(t, now.AddDate(0, 0, 30), record.Keys[0].NotAfter)
	assert.Len(t, record.VerifyingKeys(now), 2)
	assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(add("RSA2 third")), "three at once")
	record.Keys = record.Keys[:2]
	require.NoError(t, add("SM2 first-sm2"), "each type by itself")
	assert.Len(t, record.VerifyingKeys(now.AddDate(0, 0, 30).Add(-time.Second)), 3)
	assert.Len(t, record.VerifyingKeys(now.AddDate(0, 0, 30)), 2, "the overlap ends to the second")
	now = now.AddDate(0, 0, 30)
	require.NoError(t, add("RSA2 third"))
	later := newKey("SM2 later")
	later.NotBefore = now.AddDate(0, 2, 0)
	_, err := registry.AddKey(t.Context(), later, operator)
	require.NoError(t, err)
	assert.Equal(t, later.NotBefore.AddDate(0, 0, 30), record.Keys[2].NotAfter, "the overlap runs from where the next begins")
	assert.False(t, record.Keys[4].Verifies(now))
	assert.True(t, record.Keys[4].Verifies(later.NotBefore))
}

func TestKeysThatAreNotRegistered(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	for _, c := range []struct {
		name  string
		key   citycard.NewKey
		field string
	}{
		{"a weak key", citycard.NewKey{AppID: bankApp, Type: "RSA2", PEM: []byte("RSA2")}, "public_key"},
		{"a key of another type", citycard.NewKey{AppID: bankApp, Type: "SM2", PEM: []byte("RSA2 bbbb")}, "type"},
		{"the same key again", newKey("RSA2 aaaa"), "key_id"},
		{"the same key by another id", citycard.NewKey{AppID: bankApp, ID: "other", Type: "RSA2", PEM: []byte("RSA2 aaaa")}, "public_key"},
		{"an id with capitals", citycard.NewKey{AppID: bankApp, ID: "Key-1", Type: "RSA2", PEM: []byte("RSA2 bbbb")}, "key_id"},
		{"a validity that is over", citycard.NewKey{AppID: bankApp, Type: "RSA2", PEM: []byte("RSA2 bbbb"), NotBefore: now.AddDate(-1, 0, 0), NotAfter: now}, "not_after"},
		{"a validity the wrong way round", citycard.NewKey{AppID: bankApp, Type: "RSA2", PEM: []byte("RSA2 bbbb"), NotBefore: now.AddDate(2, 0, 0), NotAfter: now.AddDate(1, 0, 0)}, "not_after"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			registry, _ := newRegistry(t, &now)
			_, err := registry.AddKey(t.Context(), newKey("RSA2 aaaa"), clerk)
			require.NoError(t, err)
			_, err = registry.AddKey(t.Context(), c.key, clerk)
			var refused *citycard.Error
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, citycard.CodeInvalidPayload, refused.Code)
			assert.Equal(t, c.field, refused.Field)
		})
	}
	registry, _ := newRegistry(t, &now)
	_, err := registry.AddKey(t.Context(), citycard.NewKey{AppID: "2026000000000009", Type: "RSA2", PEM: []byte("RSA2 aaaa")}, clerk)
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(registry.RevokeKey(t.Context(), bankApp, "none", clerk)))
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(registry.ApproveKey(t.Context(), bankApp, "none", clerk)))
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(registry.SetPartnerState(t.Context(), bankApp, "asleep")))
}

func TestPartnersThatAreNotRegistered(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*citycard.Partner){
		"app_id":    func(p *citycard.Partner) { p.AppID = "1" },
		"kind":      func(p *citycard.Partner) { p.Kind = "school" },
		"name":      func(p *citycard.Partner) { p.Name = " " },
		"bank_code": func(p *citycard.Partner) { p.Bank = "" },
		"regions":   func(p *citycard.Partner) { p.Regions = []string{"320100", "320100"} },
		"methods":   func(p *citycard.Partner) { p.Methods = nil },
	} {
		partner := partnerOf(citycard.PartnerBank)
		change(&partner)
		var refused *citycard.Error
		require.ErrorAs(t, partner.Check(), &refused, field)
		assert.Equal(t, field, refused.Field)
	}
	hospital := partnerOf(citycard.PartnerHospital)
	hospital.Bank = "102"
	require.Error(t, hospital.Check())
	hospital.Bank, hospital.Regions = "", []string{"nanjing"}
	require.Error(t, hospital.Check())
	hospital.Regions, hospital.Methods = []string{"320100"}, []citycard.Method{"citycard.no.such"}
	require.Error(t, hospital.Check())
}

func TestKeysThatEndSoonAreWarnedOf(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	registry, store := newRegistry(t, &now)
	ends := func(pem string, in int) {
		key := newKey(pem)
		key.NotAfter = now.AddDate(0, 0, in)
		_, err := registry.AddKey(t.Context(), key, operator)
		require.NoError(t, err)
	}
	warnings := func() []citycard.KeyWarning {
		records, err := store.Partners(t.Context())
		require.NoError(t, err)
		return citycard.KeyWarnings(records, now)
	}
	ends("RSA2 long", 61)
	assert.Empty(t, warnings())
	ends("SM2 short", 30)
	require.Len(t, warnings(), 1)
	assert.Equal(t, citycard.KeyWarning{AppID: bankApp, KeyID: "sm2-short", Type: "SM2", NotAfter: now.AddDate(0, 0, 30), DaysLeft: 30}, warnings()[0])
	ends("SM2 next", 400)
	assert.Empty(t, warnings(), "the next one is there")
	require.NoError(t, registry.RevokeKey(t.Context(), bankApp, "sm2-next", operator))
	assert.Len(t, warnings(), 1)
	now = now.AddDate(0, 0, 40)
	assert.Len(t, warnings(), 2)
	require.NoError(t, registry.SetPartnerState(t.Context(), bankApp, citycard.PartnerSuspended))
	assert.Empty(t, warnings())
}

func TestTheDirectorySeesChangesWithinAMinute(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	registry, store := newRegistry(t, &now)
	directory := &citycard.PartnerDirectory{Partners: store, Clock: func() time.Time { return now }}
	find := func() bool {
		_, found, err := directory.ByKey(t.Context(), "rsa2-aaaa")
		require.NoError(t, err)
		return found
	}
	assert.False(t, find())
	_, err := registry.AddKey(t.Context(), newKey("RSA2 aaaa"), operator)
	require.NoError(t, err)
	now = now.Add(29 * time.Second)
	assert.False(t, find())
	for range 100 {
		_, found, err := directory.ByApp(t.Context(), "2026999999999999")
		require.NoError(t, err)
		assert.False(t, found)
	}
	assert.Equal(t, 1, store.reads, "made-up names cost nothing")
	now = now.Add(time.Second)
	assert.True(t, find())
	record, found, err := directory.ByApp(t.Context(), bankApp)
	require.NoError(t, err)
	require.True(t, found)
	assert.Equal(t, citycard.PartnerBank, record.Kind)
	store.failing = &citycard.Error{Code: citycard.CodeStorageUnavailable}
	now = now.Add(59 * time.Second)
	assert.True(t, find(), "the last copy is good for a minute")
	now = now.Add(time.Second)
	_, _, err = directory.ByApp(t.Context(), bankApp)
	assert.Equal(t, citycard.CodeStorageUnavailable, citycard.CodeOf(err))
	reads := store.reads
	_, _, err = directory.ByKey(t.Context(), "any")
	assert.Equal(t, citycard.CodeStorageUnavailable, citycard.CodeOf(err))
	assert.Equal(t, reads, store.reads, "a registry that is down is left alone for a second")
	store.failing = nil
	now = now.Add(time.Second)
	assert.True(t, find())
}

func TestAPartnerIsChangedUnderTheRulesOfRegistration(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	registry, store := newRegistry(t, &now)
	require.NoError(t, registry.ChangePartner(t.Context(), bankApp, func(p *citycard.Partner) {
		p.AppID, p.AddedBy = "2026000000000009", "nobody"
		p.Regions, p.Methods = []string{"330100"}, []citycard.Method{citycard.MethodFinancialLose}
	}))
	changed := store.records[bankApp].Partner
	assert.Equal(t, bankApp, changed.AppID)
	assert.Equal(t, operator.ID, changed.AddedBy)
	assert.Equal(t, []string{"330100"}, changed.Regions)
	assert.Equal(t, []citycard.Method{citycard.MethodFinancialLose}, changed.Methods)
	for name, change := range map[string]func(*citycard.Partner){
		"no region":                func(p *citycard.Partner) { p.Regions = nil },
		"a method of another kind": func(p *citycard.Partner) { p.Methods = []citycard.Method{citycard.MethodPurchase} },
		"a state that is none":     func(p *citycard.Partner) { p.State = "asleep" },
	} {
		assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(registry.ChangePartner(t.Context(), bankApp, change)), name)
		assert.Equal(t, changed, store.records[bankApp].Partner, name)
	}
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(registry.ChangePartner(t.Context(), "2026000000000009", func(*citycard.Partner) {})))
}
