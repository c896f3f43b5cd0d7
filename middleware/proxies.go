package middleware

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"
)

// Proxies are the networks of the reverse proxies in front of the service. What a request says about its
// origin (X-Forwarded-For, X-Forwarded-Proto, X-Request-Id) counts only where it comes from one of them.
type Proxies []netip.Prefix

// ParseProxies reads a comma-separated list of networks and single addresses, such as "10.0.0.0/8,192.0.2.7".
func ParseProxies(list string) (Proxies, error) {
	var proxies Proxies
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if address, single := netip.ParseAddr(part); single == nil {
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", part)
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

// Sent tells whether the request came directly from one of the proxies.
func (p Proxies) Sent(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, prefix := range p {
		if prefix.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// Addresses finds a client's network address: the last one before the proxies, or simply the peer where there
// are none. It is what echo.Echo.IPExtractor wants.
func (p Proxies) Addresses() echo.IPExtractor {
	if len(p) == 0 {
		return echo.ExtractIPDirect()
	}
	return echo.ExtractIPFromXFFHeader(p.trust()...)
}

// Schemes finds the scheme the client used. It is what echo.Echo.SchemeExtractor wants.
func (p Proxies) Schemes() echo.SchemeExtractor {
	if len(p) == 0 {
		return echo.ExtractSchemeDirect()
	}
	return echo.ExtractSchemeFromHeaders(p.trust()...)
}

func (p Proxies) trust() []echo.TrustOption {
	options := make([]echo.TrustOption, 0, 3+len(p))
	options = append(options, echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false))
	for _, prefix := range p {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP:   prefix.Addr().AsSlice(),
			Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
		}))
	}
	return options
}
