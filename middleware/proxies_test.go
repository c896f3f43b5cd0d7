package middleware_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/middleware"
)

func from(peer string, headers ...string) *http.Request {
	r := get(headers...)
	r.RemoteAddr = peer
	return r
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		proxies, peer, forwarded, want string
	}{
		"no proxies":                            {"", "203.0.113.9:4000", "198.51.100.1", "203.0.113.9"},
		"loopback is not trusted by itself":     {"", "127.0.0.1:4000", "198.51.100.1", "127.0.0.1"},
		"through the proxy":                     {"10.0.0.0/8", "10.1.2.3:4000", "198.51.100.1", "198.51.100.1"},
		"a client claims an address":            {"10.0.0.0/8", "10.1.2.3:4000", "192.0.2.1, 198.51.100.1", "198.51.100.1"},
		"through two proxies":                   {"10.0.0.0/8,192.0.2.7", "10.1.2.3:4000", "198.51.100.1, 192.0.2.7", "198.51.100.1"},
		"not from the proxy":                    {"10.0.0.0/8", "203.0.113.9:4000", "198.51.100.1", "203.0.113.9"},
		"private networks are not trusted":      {"10.0.0.0/8", "192.168.1.1:4000", "198.51.100.1", "192.168.1.1"},
		"the proxy sends no header":             {"10.0.0.0/8", "10.1.2.3:4000", "", "10.1.2.3"},
		"the header holds no address":           {"10.0.0.0/8", "10.1.2.3:4000", "198.51.100.1, name", "10.1.2.3"},
		"version 6 through a version 6 proxy":   {"2001:db8::/32", "[2001:db8::1]:4000", "2001:db9::5", "2001:db9::5"},
		"a single version 6 address is trusted": {"2001:db8::1", "[2001:db8::1]:4000", "2001:db9::5", "2001:db9::5"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := from(c.peer)
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-For", c.forwarded)
			}
			assert.Equal(t, c.want, mustProxies(t, c.proxies).Addresses()(r))
		})
	}
}

func TestScheme(t *testing.T) {
	t.Parallel()
	proxies := mustProxies(t, "10.0.0.0/8")
	assert.Equal(t, "https", proxies.Schemes()(from("10.1.2.3:4000", "X-Forwarded-Proto", "https")))
	assert.Equal(t, "http", proxies.Schemes()(from("203.0.113.9:4000", "X-Forwarded-Proto", "https")))
	assert.Equal(t, "http", mustProxies(t, "").Schemes()(from("127.0.0.1:4000", "X-Forwarded-Proto", "https")))
}

func TestProxiesAreReadStrictly(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"10.0.0.0/33", "proxy.example", "10.0.0.1 10.0.0.2"} {
		_, err := middleware.ParseProxies(list)
		require.Error(t, err, list)
	}
	_, err := middleware.ParseProxies("10.0.0.0/8, nonsense")
	require.EqualError(t, err, `"nonsense" is neither an address nor a network such as 10.0.0.0/8`)
	assert.Empty(t, mustProxies(t, " , "))
	assert.True(t, mustProxies(t, "10.9.9.9/8").Sent(from("10.1.2.3:4000")))
	assert.False(t, mustProxies(t, "10.0.0.0/8").Sent(from("@")))
}
