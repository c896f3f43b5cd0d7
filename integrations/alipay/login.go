package alipay

import (
	"context"
	"errors"
	"net/url"

	"citycard"
)

const (
	methodToken    = "alipay.system.oauth.token"
	methodUserInfo = "alipay.user.info.share"
)

// AuthorizeURL is the consent page's address for a.
func (c *Client) AuthorizeURL(a citycard.Authorization) string {
	query := url.Values{
		"app_id":       {c.appID},
		"scope":        {a.Scope},
		"redirect_uri": {a.RedirectURI},
		"state":        {a.State},
	}
	if a.CheckID != "" {
		query.Set("cert_verify_id", a.CheckID)
	}
	return c.authorize + "?" + query.Encode()
}

// ExchangeCode turns a single-use authorization code into the user. A code whose exchange got no credible answer
// may be used up; it is not sent again, and the user logs in anew.
func (c *Client) ExchangeCode(ctx context.Context, authCode string) (citycard.PlatformUser, error) {
	var token tokenReply
	err := c.call(ctx, c.tokenRequest("authorization_code", "code", authCode), &token)
	if err != nil {
		return citycard.PlatformUser{}, err
	}
	if token.AccessToken == "" || token.OpenID == "" {
		return citycard.PlatformUser{}, c.explain(methodToken, failure{errors.New("reply without access_token or open_id")})
	}
	return citycard.PlatformUser{
		AppID: c.appID, OpenID: token.OpenID, UserID: token.UserID, UnionID: token.UnionID,
		AccessToken: token.AccessToken, RefreshToken: token.RefreshToken,
	}, nil
}

// tokenReply is our own reading of the answer: new applications get no user_id.
type tokenReply struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	OpenID       string `json:"open_id"`
	UserID       string `json:"user_id"`
	UnionID      string `json:"union_id"`
}

func (c *Client) tokenRequest(grant, name, value string) request {
	r := c.newRequest(methodToken, nil)
	r.payload.AddParam("grant_type", grant).AddParam(name, value)
	r.repeatable = false
	return r
}

// UserInfo is what the platform shows of a user who agreed to it (scope auth_user).
type UserInfo struct {
	Nickname string `json:"nick_name"`
	Avatar   string `json:"avatar"`
	Province string `json:"province"`
	City     string `json:"city"`
}

// UserInfo asks for the user's public profile.
func (c *Client) UserInfo(ctx context.Context, user citycard.PlatformUser) (UserInfo, error) {
	var info UserInfo
	err := c.callForUser(ctx, user, c.newRequest(methodUserInfo, nil), &info)
	return info, err
}

// callForUser is call with the user's token. A token that has lapsed is refreshed once, all within one time-out.
func (c *Client) callForUser(ctx context.Context, user citycard.PlatformUser, r request, reply any) error {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	method := r.payload.APIName()
	r.payload.AddParam("auth_token", user.AccessToken)
	err := c.callWithin(ctx, limited, r, reply)
	var refused refusal
	if !errors.As(err, &refused) || refused.code != codeTokenInvalid || user.RefreshToken == "" {
		return c.explain(method, err)
	}
	var token tokenReply
	if err := c.callWithin(ctx, limited, c.tokenRequest("refresh_token", "refresh_token", user.RefreshToken), &token); err != nil {
		return c.explain(methodToken, err)
	}
	if token.AccessToken == "" {
		return c.explain(methodToken, failure{errors.New("reply without access_token")})
	}
	r.payload.AddParam("auth_token", token.AccessToken)
	return c.explain(method, c.callWithin(ctx, limited, r, reply))
}
