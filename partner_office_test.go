package citycard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// newPartnerOffice is an office over one bank without a key.
func newPartnerOffice(t *testing.T) (*citycard.PartnerOffice, *registered, *town) {
	t.Helper()
	city := newTown()
	now := city.tray.now
	registry, store := newRegistry(t, &now)
	desk := city.desk(t)
	office := &citycard.PartnerOffice{Registry: registry, Queue: desk.Queue, Records: city, NewID: desk.NewID, Clock: city.clock}
	city.tray.Carry[citycard.ApprovePartnerKey] = office.CarryOut
	return office, store, city
}

func TestAPartnersKeyIsRegisteredByTwo(t *testing.T) {
	t.Parallel()
	office, store, city := newPartnerOffice(t)
	amy, bob := staffed("amy", citycard.RoleOperator), staffed("bob", citycard.RoleOperator)
	request := citycard.KeyRequest{NewKey: newKey("SM2 first"), Note: "the first one"}
	_, err := office.AskKey(t.Context(), sun, request)
	assert.Equal(t, citycard.CodeRoleRequired, citycard.CodeOf(err), "supervisors decide, and do not ask")
	asked, err := office.AskKey(t.Context(), amy, request)
	require.NoError(t, err)
	assert.Empty(t, store.records[bankApp].Keys, "a key that nobody approved is not there")
	_, err = office.Queue.Approve(t.Context(), amy, asked.ID, "")
	assert.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(err))
	done, err := office.Queue.Approve(t.Context(), bob, asked.ID, "")
	require.NoError(t, err)
	assert.Equal(t, citycard.ApprovalDone, done.State)
	require.Len(t, store.records[bankApp].Keys, 1)
	key := store.records[bankApp].Keys[0]
	assert.Equal(t, citycard.KeyActive, key.State)
	assert.Equal(t, "amy", key.AddedBy)
	assert.Equal(t, "bob", key.ApprovedBy)

	// The process stopped between the key and the request's end.
	left := done
	left.State, left.Outcome = citycard.ApprovalApproved, ""
	city.tray.requests[0], city.tray.now = left, city.tray.now.Add(2*time.Minute)
	again, err := office.Queue.Approve(t.Context(), sun, asked.ID, "")
	require.NoError(t, err)
	assert.Equal(t, citycard.ApprovalDone, again.State)
	assert.Len(t, store.records[bankApp].Keys, 1)

	_, err = office.AskKey(t.Context(), amy, request)
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), "it is registered already")
	for name, change := range map[string]func(*citycard.KeyRequest){
		"no key":            func(r *citycard.KeyRequest) { r.PEM = []byte("weak") },
		"another type":      func(r *citycard.KeyRequest) { r.Type = citycard.KeyRSA2 },
		"no note":           func(r *citycard.KeyRequest) { r.Note = "" },
		"a name of its own": func(r *citycard.KeyRequest) { r.ID = "UPPER CASE" },
	} {
		wrong := citycard.KeyRequest{NewKey: newKey("SM2 second"), Note: "x"}
		change(&wrong)
		_, err := office.AskKey(t.Context(), amy, wrong)
		assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), name)
	}
	other := request
	other.AppID = "2026000000000009"
	_, err = office.AskKey(t.Context(), amy, other)
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}

func TestOnePersonRevokesAKey(t *testing.T) {
	t.Parallel()
	office, store, city := newPartnerOffice(t)
	_, err := office.Registry.AddKey(t.Context(), newKey("SM2 first"), operator)
	require.NoError(t, err)
	id := store.records[bankApp].Keys[0].ID
	revoke := func(app, key, note string) citycard.Code {
		return citycard.CodeOf(office.RevokeKey(t.Context(), sun, citycard.KeyRequest{NewKey: citycard.NewKey{AppID: app, ID: key}, Note: note}))
	}
	assert.Equal(t, citycard.CodeNotFound, revoke("2026000000000009", id, "lost"))
	assert.Equal(t, citycard.CodeNotFound, revoke(bankApp, "other", "lost"))
	assert.Equal(t, citycard.CodeInvalidPayload, revoke(bankApp, id, ""))
	assert.Empty(t, revoke(bankApp, id, "lost"))
	assert.Empty(t, revoke(bankApp, id, "lost"))
	assert.Equal(t, citycard.KeyRevoked, store.records[bankApp].Keys[0].State)
	assert.Equal(t, "revoke_partner_key", city.actions[len(city.actions)-1].Action)
	records, _, err := office.List(t.Context(), sun)
	require.NoError(t, err)
	assert.Len(t, records, 1)
}
