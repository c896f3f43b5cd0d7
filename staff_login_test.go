package citycard_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// office is the store of one staff account, in memory.
type office struct {
	*town

	staff    citycard.Staff
	step     int64
	recovery map[string]bool
	sessions map[string]citycard.StaffSession
	at       time.Time
}

func newOffice(tb testing.TB) (*office, *citycard.StaffLogin, citycard.StaffKeys) {
	tb.Helper()
	o := &office{town: newTown(), recovery: map[string]bool{}, sessions: map[string]citycard.StaffSession{}, at: noonOf("2026-11-22")}
	clock := func() time.Time { return o.at }
	registry := &citycard.StaffRegistry{
		Accounts: o, Passwords: plain{}, NewID: o.newID, Clock: clock,
		NewSecret:     func() string { return fmt.Sprintf("ABCDEFGHIJKLMNOPQRSTUVWX%02d", 22+made.Add(1)%6) },
		NewCodeSecret: func() string { return "secret" },
	}
	keys, err := registry.Add(tb.Context(), citycard.Staff{Account: "amy", Name: "Amy", Role: citycard.RoleClerk}, "correct horse", commandLine)
	require.NoError(tb, err)
	login := &citycard.StaffLogin{
		Accounts: o, Attempts: o, Records: o, Passwords: plain{}, NewID: o.newID, Clock: clock,
		Code:  func(_ string, step int64) (string, error) { return fmt.Sprintf("%06d", step%1_000_000), nil },
		Blind: func(purpose, value string) string { return purpose + "#" + value },
	}
	return o, login, keys
}

// commandLine is who adds accounts next to the database.
var commandLine = citycard.Staff{ID: "command:root"}

// plain hashes nothing.
type plain struct{}

func (plain) Hash(_ context.Context, password string) (string, error) { return "#" + password, nil }

func (plain) Matches(_ context.Context, password, hash string) (bool, error) {
	return hash == "#"+password, nil
}

func (o *office) AddStaff(_ context.Context, s citycard.Staff, recovery []string, by citycard.StaffAction) error {
	o.staff = s
	for _, digest := range recovery {
		o.recovery[digest] = true
	}
	o.actions = append(o.actions, by)
	return nil
}

func (o *office) ResetStaff(ctx context.Context, s citycard.Staff, recovery []string, by citycard.StaffAction) error {
	clear(o.recovery)
	return o.AddStaff(ctx, s, recovery, by)
}

func (o *office) ChangeStaffRole(_ context.Context, _ string, role citycard.StaffRole, by citycard.StaffAction) error {
	o.staff.Role = role
	o.actions = append(o.actions, by)
	return nil
}

func (o *office) SetStaffPassword(_ context.Context, _, hash, kept string, by citycard.StaffAction) error {
	o.staff.PasswordHash = hash
	for id, s := range o.sessions {
		if id != kept {
			s.RevokedAt = by.At
			o.sessions[id] = s
		}
	}
	o.actions = append(o.actions, by)
	return nil
}

func (o *office) ListStaff(context.Context) ([]citycard.Staff, error) {
	return []citycard.Staff{o.staff}, nil
}

func (o *office) DisableStaff(_ context.Context, _ string, by citycard.StaffAction) error {
	o.staff.State = citycard.StaffDisabled
	o.actions = append(o.actions, by)
	return nil
}

func (o *office) StaffByAccount(_ context.Context, account string) (citycard.Staff, error) {
	if account != o.staff.Account {
		return citycard.Staff{}, &citycard.Error{Code: citycard.CodeNotFound}
	}
	return o.staff, nil
}

func (o *office) UseCodeStep(_ context.Context, _ string, step int64) (bool, error) {
	if step <= o.step {
		return false, nil
	}
	o.step = step
	return true, nil
}

func (o *office) UseRecoveryCode(_ context.Context, _, digest string, _ time.Time) (bool, error) {
	known := o.recovery[digest]
	delete(o.recovery, digest)
	return known, nil
}

func (o *office) OpenStaffSession(_ context.Context, s citycard.StaffSession, by citycard.StaffAction) error {
	o.sessions[s.ID] = s
	o.actions = append(o.actions, by)
	return nil
}

func (o *office) StaffSession(_ context.Context, id string) (citycard.StaffSession, error) {
	s, found := o.sessions[id]
	if !found {
		return s, &citycard.Error{Code: citycard.CodeNotFound}
	}
	s.Staff = o.staff
	return s, nil
}

func (o *office) TouchStaffSession(_ context.Context, id string, now time.Time) error {
	s := o.sessions[id]
	s.SeenAt = now
	o.sessions[id] = s
	return nil
}

func (o *office) RevokeStaffSession(_ context.Context, id string, by citycard.StaffAction) error {
	s := o.sessions[id]
	s.RevokedAt = by.At
	o.sessions[id] = s
	return nil
}

// code is the one-time code some steps from now.
func (o *office) code(steps int64) string {
	return fmt.Sprintf("%06d", (o.at.Unix()/30+steps)%1_000_000)
}

func TestStaffLogsInWithPasswordAndCode(t *testing.T) {
	t.Parallel()
	o, login, keys := newOffice(t)
	try := func(account, password, code string) error {
		_, err := login.LogIn(t.Context(), citycard.StaffCredentials{Account: account, Password: password, Code: code, Address: "192.0.2.1"})
		return err
	}
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(try("bob", "correct horse", o.code(0))))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(try("amy", "wrong horse!", o.code(0))))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(try("amy", "correct horse", "")))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(try("amy", "correct horse", o.code(2))))
	require.NoError(t, try("amy", "correct horse", o.code(-1)))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(try("amy", "correct horse", o.code(-1))))
	require.NoError(t, try("amy", "correct horse", o.code(1)))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(try("amy", "correct horse", o.code(0))), "an earlier step")
	require.NoError(t, try("amy", "correct horse", keys.Recovery[0][:13]+"-"+keys.Recovery[0][13:]))
	assert.Equal(t, 6, o.counted(citycard.AttemptByStaffAddress), "only wrong tries count")
	for range 4 {
		assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(try("amy", "wrong horse!", "1")))
	}
	assert.Equal(t, 10, o.counted(citycard.AttemptByStaffAccount), "nine of amy, one of bob")
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(try("amy", "wrong horse!", "1")))
	assert.Equal(t, citycard.CodeAttemptsLocked, citycard.CodeOf(try("amy", "correct horse", keys.Recovery[1])))
}

func TestASessionOfStaffEnds(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(o *office, login *citycard.StaffLogin, s citycard.StaffSession)
		code   citycard.Code
	}{
		"used within a quarter of an hour": {func(o *office, _ *citycard.StaffLogin, _ citycard.StaffSession) { o.at = o.at.Add(14 * time.Minute) }, ""},
		"idle for a quarter of an hour": {func(o *office, _ *citycard.StaffLogin, _ citycard.StaffSession) {
			o.at = o.at.Add(citycard.StaffIdleTime)
		}, citycard.CodeSessionExpired},
		"used all the time for eight hours": {func(o *office, login *citycard.StaffLogin, s citycard.StaffSession) {
			for range 47 {
				o.at = o.at.Add(10 * time.Minute)
				_, err := login.Check(t.Context(), s.ID)
				assert.NoError(t, err)
			}
			o.at = o.at.Add(10 * time.Minute)
		}, citycard.CodeSessionExpired},
		"logged out": {func(_ *office, login *citycard.StaffLogin, s citycard.StaffSession) {
			assert.NoError(t, login.LogOut(t.Context(), s))
		}, citycard.CodeSessionExpired},
		"an account shut out": {func(o *office, _ *citycard.StaffLogin, _ citycard.StaffSession) {
			o.staff.State = citycard.StaffDisabled
		}, citycard.CodeSessionExpired},
		"unknown": {func(o *office, _ *citycard.StaffLogin, s citycard.StaffSession) { delete(o.sessions, s.ID) }, citycard.CodeSessionRequired},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, login, _ := newOffice(t)
			session, err := login.LogIn(t.Context(), citycard.StaffCredentials{Account: "amy", Password: "correct horse", Code: o.code(0)})
			require.NoError(t, err)
			c.change(o, login, session)
			_, err = login.Check(t.Context(), session.ID)
			assert.Equal(t, c.code, citycard.CodeOf(err))
		})
	}
}

func TestAccountsThatAreNotAdded(t *testing.T) {
	t.Parallel()
	o, _, _ := newOffice(t)
	registry := &citycard.StaffRegistry{Accounts: o, Passwords: plain{}, NewID: o.newID, Clock: o.clock}
	good := citycard.Staff{Account: "bob", Name: "Bob", Role: citycard.RoleAuditor}
	for field, c := range map[string]struct {
		change   func(*citycard.Staff)
		password string
	}{
		"account":  {func(s *citycard.Staff) { s.Account = "Bob Lu" }, "correct horse"},
		"name":     {func(s *citycard.Staff) { s.Name = "" }, "correct horse"},
		"role":     {func(s *citycard.Staff) { s.Role = "boss" }, "correct horse"},
		"password": {func(*citycard.Staff) {}, "too short"},
	} {
		staff := good
		c.change(&staff)
		_, err := registry.Add(t.Context(), staff, c.password, commandLine)
		var refused *citycard.Error
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, field, refused.Field)
	}
	_, err := registry.Add(t.Context(), good, "my name is Bob!", commandLine)
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
	_, err = registry.Reset(t.Context(), "bob", "correct horse", commandLine)
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}

// laborious counts what a log-in asks of the password hash.
type laborious struct {
	plain
	hashed int
}

func (l *laborious) Matches(ctx context.Context, password, hash string) (bool, error) {
	l.hashed++
	return l.plain.Matches(ctx, password, hash)
}

func TestAnUnknownAccountTakesTheSameWorkAsAWrongPassword(t *testing.T) {
	t.Parallel()
	type work struct{ hashed, recorded, counted int }
	done := map[string]work{}
	var answers []string
	for _, account := range []string{"amy", "bob"} {
		o, login, _ := newOffice(t)
		slow, before := &laborious{}, len(o.actions)
		login.Passwords = slow
		_, err := login.LogIn(t.Context(), citycard.StaffCredentials{Account: account, Password: "wrong horse!", Code: o.code(0), Address: "192.0.2.1"})
		answers = append(answers, err.Error())
		done[account] = work{slow.hashed, len(o.actions) - before, o.counted(citycard.AttemptByStaffAccount)}
		if account == "bob" {
			assert.Equal(t, "attempt#bob", o.actions[len(o.actions)-1].Object, "what was typed is recorded as a keyed hash")
		}
	}
	assert.Equal(t, work{1, 1, 1}, done["amy"])
	assert.Equal(t, done["amy"], done["bob"])
	assert.Equal(t, answers[0], answers[1])
}

func TestNobodyChangesTheOwnAccount(t *testing.T) {
	t.Parallel()
	o, _, _ := newOffice(t)
	registry := &citycard.StaffRegistry{Accounts: o, Passwords: plain{}, NewID: o.newID, Clock: o.clock, NewSecret: o.newID, NewCodeSecret: o.newID}
	amy := o.staff
	assert.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(registry.ChangeRole(t.Context(), "amy", citycard.RoleSupervisor, amy)))
	assert.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(registry.Disable(t.Context(), "amy", amy)))
	_, err := registry.Reset(t.Context(), "amy", "correct horse", amy)
	assert.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(err))
	bob := citycard.Staff{ID: "id-bob", Account: "bob", Role: citycard.RoleOperator}
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(registry.ChangeRole(t.Context(), "amy", "boss", bob)))
	assert.False(t, o.staff.FirstPassword, "at the command line the owner may have typed it")
	_, err = registry.Reset(t.Context(), "amy", "correct horse", bob)
	require.NoError(t, err)
	assert.True(t, o.staff.FirstPassword)
	require.NoError(t, registry.ChangeRole(t.Context(), "amy", citycard.RoleSupervisor, bob))
	last := o.actions[len(o.actions)-1]
	assert.Equal(t, citycard.StaffAction{
		ID: last.ID, StaffID: "id-bob", Role: citycard.RoleOperator, Action: "staff_role", Object: "amy", Reason: "supervisor", At: last.At,
	}, last)
}

func TestAPasswordIsChangedByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	o, login, keys := newOffice(t)
	registry := &citycard.StaffRegistry{Accounts: o, Passwords: plain{}, NewID: o.newID, Clock: o.clock, Login: login}
	enter := func(password, code string) (citycard.StaffSession, error) {
		return login.LogIn(t.Context(), citycard.StaffCredentials{Account: "amy", Password: password, Code: code})
	}
	here, err := enter("correct horse", o.code(-1))
	require.NoError(t, err)
	elsewhere, err := enter("correct horse", o.code(0))
	require.NoError(t, err)
	change := func(password, code, to string) error {
		return registry.ChangePassword(t.Context(), here, citycard.StaffCredentials{Password: password, Code: code}, to)
	}
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(change("correct horse", o.code(1), "short")))
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(change("correct horse", o.code(1), "amy's horse battery")))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(change("wrong horse!", o.code(1), "battery staple")))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(change("correct horse", o.code(0), "battery staple")), "a used code")
	require.NoError(t, change("correct horse", o.code(1), "battery staple"))
	_, err = login.Check(t.Context(), here.ID)
	require.NoError(t, err)
	_, err = login.Check(t.Context(), elsewhere.ID)
	assert.Equal(t, citycard.CodeSessionExpired, citycard.CodeOf(err))
	_, err = enter("correct horse", keys.Recovery[0])
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err))
	_, err = enter("battery staple", keys.Recovery[1])
	require.NoError(t, err)
}
