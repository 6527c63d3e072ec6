package clientip_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/clientip"
)

// trusting makes a Trust from items known to be right.
func trusting(t testing.TB, proxies ...string) clientip.Trust {
	t.Helper()
	trust, err := clientip.ParseTrust(proxies...)
	require.NoError(t, err)
	return trust
}

func TestParseTrustErrorsNameTheItem(t *testing.T) {
	for _, test := range []struct {
		name    string
		proxies []string
		says    []string
	}{
		{"a word it does not know", []string{"10.0.0.0/8", "everyone"}, []string{`"everyone"`, "loopback"}},
		{"empty", []string{""}, []string{`""`}},
		{"a network too wide", []string{"10.0.0.0/33"}, []string{`"10.0.0.0/33"`, "10.0.0.0/8"}},
		{"a broken address", []string{"10.0.0.256"}, []string{`"10.0.0.256"`}},
		{"a host name", []string{"proxy.gotham.city"}, []string{`"proxy.gotham.city"`}},
		{"bits beyond the prefix", []string{"10.1.2.3/8"}, []string{`"10.1.2.3/8"`, "10.0.0.0/8", "10.1.2.3 "}},
		{"both families", []string{"loopback", "forwarded", "x-forwarded"}, []string{"exclude each other"}},
		{"both families the other way round", []string{"x-forwarded", "forwarded"}, []string{"exclude each other"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := clientip.ParseTrust(test.proxies...)
			require.Error(t, err)
			for _, text := range test.says {
				assert.Contains(t, err.Error(), text)
			}
		})
	}
}

func TestAndAddsUp(t *testing.T) {
	trusts := func(trust clientip.Trust, peer string) bool {
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-Proto": {"https"}}}
		return trust.Resolve(r).Scheme == "https"
	}
	one := trusting(t, "10.0.0.0/8", "x-forwarded")
	both, err := one.And("192.0.2.7", "unix")
	require.NoError(t, err)
	for _, peer := range []string{"10.0.0.1:1", "192.0.2.7:1", "@"} {
		assert.True(t, trusts(both, peer), peer)
	}
	assert.False(t, trusts(one, "192.0.2.7:1"), "it is another Trust")
	same, err := one.And("192.0.2.7", "forwarded")
	require.ErrorContains(t, err, "exclude each other")
	assert.Equal(t, one, same)
}

func TestParseTrustMembers(t *testing.T) {
	for _, test := range []struct {
		name    string
		proxies []string
		trusted []string
		not     []string
	}{
		{"a network", []string{"10.0.0.0/8"}, []string{"10.0.0.1:1", "[::ffff:10.9.9.9]:1"}, []string{"11.0.0.1:1", "[::1]:1"}},
		{"an address", []string{" 192.0.2.7 "}, []string{"192.0.2.7:1"}, []string{"192.0.2.8:1"}},
		{"a v6 network", []string{"2001:db8::/32"}, []string{"[2001:db8::1]:1"}, []string{"[2001:db9::1]:1"}},
		{"a mapped network", []string{"::ffff:10.0.0.0/104"}, []string{"10.0.0.1:1"}, []string{"11.0.0.1:1"}},
		{"a mapped address", []string{"::ffff:10.0.0.1"}, []string{"10.0.0.1:1"}, []string{"10.0.0.2:1"}},
		{"loopback", []string{"loopback"}, []string{"127.0.0.1:1", "127.9.9.9:1", "[::1]:1"}, []string{"10.0.0.1:1", "@"}},
		{"private", []string{"private"}, []string{"10.0.0.1:1", "172.31.0.1:1", "192.168.1.1:1", "[fd00::1]:1"}, []string{"172.32.0.1:1", "127.0.0.1:1", "8.8.8.8:1"}},
		{"link-local with a zone", []string{"fe80::/10"}, []string{"[fe80::1%eth0]:1"}, []string{"[2001:db8::1]:1"}},
		{"unix", []string{"unix"}, []string{"@", "", "/run/app.sock"}, []string{"127.0.0.1:1", "pipe"}},
		{"the same twice", []string{"forwarded", "forwarded", "loopback"}, nil, []string{"10.0.0.1:1"}},
		{"nobody", nil, nil, []string{"127.0.0.1:1", "@", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			trust := trusting(t, test.proxies...)
			header := http.Header{"X-Forwarded-Proto": {"https"}}
			for _, peer := range test.trusted {
				assert.Equal(t, "https", trust.Resolve(&http.Request{RemoteAddr: peer, Header: header}).Scheme, peer)
			}
			for _, peer := range test.not {
				assert.Equal(t, "http", trust.Resolve(&http.Request{RemoteAddr: peer, Header: header}).Scheme, peer)
			}
		})
	}
}
