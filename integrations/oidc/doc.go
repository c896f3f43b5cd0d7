// Package oidc logs staff in at an identity provider by OpenID Connect: the code flow with PKCE.
package oidc
