package citycard_test

import (
	"context"
	"time"

	"citycard"
)

func (t *town) SeeCitizen(_ context.Context, c citycard.Citizen) (citycard.Citizen, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := c.AppID + "/" + c.OpenID
	if known, found := t.citizens[key]; found {
		c.ID = known.ID
	}
	c.PersonID = t.bound[c.ID]
	t.citizens[key] = c
	return c, t.fault("citizen")
}

func (t *town) OpenSession(_ context.Context, s citycard.Session, once *citycard.Once) (citycard.Session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if once != nil {
		ch := citycard.Change{Earlier: t.once[once.OnceKey]}
		if id, repeated, err := ch.Repetition(once.Fingerprint); repeated || err != nil {
			return t.sessions[id], err
		}
		t.once[once.OnceKey] = once
	}
	t.sessions[s.ID] = s
	return s, nil
}

func (t *town) Earlier(_ context.Context, key citycard.OnceKey) (*citycard.Once, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.once[key], t.fault("earlier")
}

func (t *town) Session(_ context.Context, id string) (citycard.Session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, found := t.sessions[id]
	if !found {
		return s, &citycard.Error{Code: citycard.CodeNotFound}
	}
	s.PersonID = t.bound[s.CitizenID]
	return s, t.faults["session"]
}

func (t *town) RevokeSession(_ context.Context, id string, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sessions[id]
	s.RevokedAt = now
	t.sessions[id] = s
	return nil
}

func (t *town) KeepLoginState(_ context.Context, s citycard.LoginState) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.states[s.StateHash+s.BrowserHash] = s
	return t.fault("keep")
}

func (t *town) TakeLoginState(_ context.Context, state, browser string, now time.Time) (citycard.LoginState, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, found := t.states[state+browser]
	if !found || !now.Before(kept.ExpiresAt) {
		return citycard.LoginState{}, &citycard.Error{Code: citycard.CodeLoginCodeInvalid}
	}
	delete(t.states, state+browser)
	return kept, nil
}

func (t *town) AuthorizeURL(a citycard.Authorization) string {
	return "https://platform/authorize?scope=" + a.Scope + "&check=" + a.CheckID + "&state=" + a.State + "&to=" + a.RedirectURI
}

func (t *town) ExchangeCode(ctx context.Context, code string) (citycard.PlatformUser, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	openID, unused := t.codes[code]
	delete(t.codes, code)
	switch err := t.fault("exchange"); {
	case ctx.Err() != nil:
		return citycard.PlatformUser{}, ctx.Err()
	case err != nil:
		return citycard.PlatformUser{}, err
	case !unused:
		return citycard.PlatformUser{}, &citycard.Error{Code: citycard.CodeLoginCodeInvalid}
	}
	return citycard.PlatformUser{AppID: "app", OpenID: openID, AccessToken: "token"}, nil
}

func (t *town) PrepareCheck(_ context.Context, _ citycard.Name, number citycard.IDNumber) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return "check-" + number.Mask(), t.fault("prepare")
}

func (t *town) ConsultCheck(context.Context, string, citycard.PlatformUser) (citycard.Verdict, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return citycard.Verdict{Passed: t.passed}, t.fault("consult")
}

func (t *town) InitializeFace(_ context.Context, check citycard.FaceCheck) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return "face-" + check.Order, t.fault("initialize")
}

func (t *town) FaceURL(checkID string) (string, error) {
	return "https://platform/face/" + checkID, nil
}

func (t *town) QueryFace(context.Context, string) (citycard.Verdict, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return citycard.Verdict{Passed: t.face}, t.fault("query")
}
