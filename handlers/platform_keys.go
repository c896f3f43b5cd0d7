package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// PlatformKey is one of our own public keys towards partners. NotAfter is null while no end is set.
type PlatformKey struct {
	KeyID     string  `json:"key_id"`
	Type      string  `json:"type"`
	PublicKey string  `json:"public_key"`
	NotBefore string  `json:"not_before"`
	NotAfter  *string `json:"not_after"`
}

// PlatformKeys shows partners the keys that our replies and events are signed with, current and next.
type PlatformKeys struct{ Keys []PlatformKey }

// Show answers GET /.well-known/citycard-keys.json.
func (h PlatformKeys) Show(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderCacheControl, "public, max-age=300")
	return c.JSON(http.StatusOK, struct {
		Keys []PlatformKey `json:"keys"`
	}{h.Keys})
}
