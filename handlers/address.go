package handlers

import (
	"net/netip"

	"github.com/labstack/echo/v4"
)

// homeNetwork is what one subscriber has to themselves: of IPv6 a /64, of IPv4 the single address.
const homeNetwork = 64

// clientAddress is what match attempts are counted by: the client's network address, in IPv6 its /64, since
// everybody there has 2^64 addresses to go through.
func clientAddress(c echo.Context) string {
	address, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return c.RealIP()
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	network, err := address.Prefix(homeNetwork)
	if err != nil {
		return address.String()
	}
	return network.String()
}
