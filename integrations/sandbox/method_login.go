package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"citycard"
)

// The scopes a person can agree to.
const (
	scopeLogin    = "auth_base"
	scopeProfile  = "auth_user"
	scopeIdentity = "id_verify"
)

type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	AuthStart    string `json:"auth_start"`
	ExpiresIn    int    `json:"expires_in"`
	ReExpiresIn  int    `json:"re_expires_in"`
	RefreshToken string `json:"refresh_token"`
	OpenID       string `json:"open_id"`
	UnionID      string `json:"union_id,omitempty"`
	UserID       string `json:"user_id,omitempty"`
}

// token exchanges an auth code, which counts once, or a refresh token, which is replaced.
func (s *Sandbox) token(call gatewayCall) (any, *refusal) {
	var given grant
	var found bool
	switch call.params["grant_type"] {
	case "authorization_code":
		if given, found = s.codes.take(call.params["code"], s.now()); !found {
			return nil, invalid("isv.code-invalid", "授权码code无效")
		}
	case "refresh_token":
		if given, found = s.refreshes.take(call.params["refresh_token"], s.now()); !found {
			return nil, invalid("isv.refresh-token-invalid", "刷新令牌refresh_token无效")
		}
	default:
		return nil, invalid("isv.grant-type-invalid", "授权类型grant_type无效")
	}
	now := s.now()
	answer := tokenAnswer{
		AccessToken: "authusrB" + newID(), RefreshToken: "authusrB" + newID(),
		AuthStart: now.In(citycard.Shanghai).Format(time.DateTime),
		ExpiresIn: int(tokenLifetime.Seconds()), ReExpiresIn: int(refreshLifetime.Seconds()),
		OpenID: s.openID(given.user),
	}
	if !call.openIDOnly {
		answer.UserID, answer.UnionID = userID(given.user), unionID(given.user)
	}
	s.tokens.put(answer.AccessToken, given, now, now.Add(tokenLifetime))
	s.refreshes.put(answer.RefreshToken, given, now, now.Add(refreshLifetime))
	return answer, nil
}

type userInfoAnswer struct {
	success
	OpenID   string `json:"open_id"`
	Nickname string `json:"nick_name"`
	City     string `json:"city"`
}

func (s *Sandbox) userInfo(call gatewayCall) (any, *refusal) {
	given, refused := s.granted(call, scopeProfile)
	if refused != nil {
		return nil, refused
	}
	return userInfoAnswer{done, s.openID(given.user), "体验用户", s.byUser[given.user].Region}, nil
}

// granted finds what the call's token stands for and holds that it covers the scope.
func (s *Sandbox) granted(call gatewayCall, scope string) (grant, *refusal) {
	given, found := s.tokens.get(call.params["auth_token"], s.now())
	switch {
	case !found:
		return grant{}, permissionLapsed()
	case !slices.Contains(given.scopes, scope):
		return grant{}, permissionMissing()
	}
	return given, nil
}

// openID names a user to one application only; the others are the same for all.
func (s *Sandbox) openID(user string) string { return "0" + mark("open", s.appID, user) }

func unionID(user string) string { return "u" + mark("union", "", user) }

func userID(user string) string {
	sum := sha256.Sum256([]byte("user " + user))
	return fmt.Sprintf("2088%012d", binary.BigEndian.Uint64(sum[:8])%1_000_000_000_000)
}

func mark(kind, app, user string) string {
	sum := sha256.Sum256([]byte(kind + " " + app + " " + user))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
