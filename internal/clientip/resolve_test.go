package clientip_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart/internal/clientip"
)

const (
	proxy  = "10.0.0.1:4711" // trusted in the tests below
	victim = "203.0.113.66"  // the address a spoofer pretends to have
)

// seen is what a test expects to be seen of a client.
type seen struct{ ip, scheme, host string }

func resolve(trust clientip.Trust, peer string, header http.Header) seen {
	c := trust.Resolve(&http.Request{RemoteAddr: peer, Host: "app.local", Header: header})
	return seen{c.Address(), c.Scheme, c.Host}
}

func TestWithoutTrustHeadersSayNothing(t *testing.T) {
	lies := http.Header{
		"Forwarded":         {"for=" + victim + ";proto=https;host=evil.example"},
		"X-Forwarded-For":   {victim},
		"X-Forwarded-Proto": {"https"},
		"X-Forwarded-Host":  {"evil.example"},
		"X-Real-Ip":         {victim},
	}
	for _, test := range []struct {
		name, peer string
		trust      clientip.Trust
		want       string
	}{
		{"zero value", "198.51.100.7:1234", clientip.Trust{}, "198.51.100.7"},
		{"zero value, v6", "[2001:db8::7]:1234", clientip.Trust{}, "2001:db8::7"},
		{"zero value, mapped", "[::ffff:198.51.100.7]:1234", clientip.Trust{}, "198.51.100.7"},
		{"zero value, no port", "198.51.100.7", clientip.Trust{}, "198.51.100.7"},
		{"zero value, zone", "[fe80::1%lo]:1234", clientip.Trust{}, "fe80::1%lo"},
		{"zero value, unix socket", "@", clientip.Trust{}, ""},
		{"zero value, in memory", "pipe", clientip.Trust{}, ""},
		{"a peer that is not among the trusted", "198.51.100.7:1234", trusting(t, "10.0.0.0/8", "unix"), "198.51.100.7"},
		{"a unix peer where only networks are trusted", "@", trusting(t, "0.0.0.0/0", "::/0"), ""},
		{"only a family word", "198.51.100.7:1234", trusting(t, "forwarded"), "198.51.100.7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, seen{test.want, "http", "app.local"}, resolve(test.trust, test.peer, lies))
		})
	}
}

func TestSchemeOfTheConnection(t *testing.T) {
	c := clientip.Trust{}.Resolve(&http.Request{RemoteAddr: proxy, TLS: &tls.ConnectionState{}})
	assert.Equal(t, "https", c.Scheme)
}

func TestXForwarded(t *testing.T) {
	trust := trusting(t, "10.0.0.0/8", "2001:db8:1::/48", "unix")
	for _, test := range []struct {
		name              string
		peer              string
		for_, proto, host []string
		want              seen
	}{
		{"one proxy", proxy, []string{"198.51.100.7"}, []string{"https"}, []string{"gotham.city"}, seen{"198.51.100.7", "https", "gotham.city"}},
		{"no headers", proxy, nil, nil, nil, seen{"10.0.0.1", "http", "app.local"}},
		{"scheme only", proxy, nil, []string{"HTTPS"}, nil, seen{"10.0.0.1", "https", "app.local"}},
		{"a websocket's scheme", proxy, nil, []string{"wss"}, nil, seen{"10.0.0.1", "https", "app.local"}},
		{"a spoofed address is left of the true one", proxy, []string{victim + ", 198.51.100.7"}, nil, nil, seen{"198.51.100.7", "http", "app.local"}},
		{"spoofed on a line of its own", proxy, []string{victim, "198.51.100.7"}, nil, nil, seen{"198.51.100.7", "http", "app.local"}},
		{"spoofed as a trusted proxy", proxy, []string{victim + ", 10.0.0.9, 198.51.100.7"}, nil, nil, seen{"198.51.100.7", "http", "app.local"}},
		{"two proxies", proxy, []string{"198.51.100.7, 10.0.0.2"}, nil, nil, seen{"198.51.100.7", "http", "app.local"}},
		{"two proxies, spoofed", proxy, []string{victim + ",198.51.100.7 ,\t10.0.0.2"}, nil, nil, seen{"198.51.100.7", "http", "app.local"}},
		{"only proxies", proxy, []string{"10.0.0.3, 10.0.0.2"}, []string{"https"}, nil, seen{"10.0.0.3", "https", "app.local"}},
		{"a port", proxy, []string{"198.51.100.7:5555"}, nil, nil, seen{"198.51.100.7", "http", "app.local"}},
		{"v6", proxy, []string{"2001:db8::7"}, nil, nil, seen{"2001:db8::7", "http", "app.local"}},
		{"v6 in brackets with a port", proxy, []string{"[2001:db8::7]:5555"}, nil, nil, seen{"2001:db8::7", "http", "app.local"}},
		{"mapped", proxy, []string{"::ffff:198.51.100.7"}, nil, nil, seen{"198.51.100.7", "http", "app.local"}},
		{"a mapped proxy", proxy, []string{"198.51.100.7, ::ffff:10.0.0.2"}, nil, nil, seen{"198.51.100.7", "http", "app.local"}},
		{"rubbish stops", proxy, []string{victim + ", rubbish"}, nil, nil, seen{"10.0.0.1", "http", "app.local"}},
		{"rubbish behind a proxy stops", proxy, []string{victim + ", rubbish, 10.0.0.2"}, nil, nil, seen{"10.0.0.2", "http", "app.local"}},
		{"unknown stops", proxy, []string{victim + ", unknown"}, nil, nil, seen{"10.0.0.1", "http", "app.local"}},
		{"an empty element stops", proxy, []string{victim + ", "}, nil, nil, seen{"10.0.0.1", "http", "app.local"}},
		{"an empty line stops", proxy, []string{victim, ""}, nil, nil, seen{"10.0.0.1", "http", "app.local"}},
		{"a zone stops", proxy, []string{"fe80::1%eth0"}, nil, nil, seen{"10.0.0.1", "http", "app.local"}},
		{"a unix peer", "@", []string{"198.51.100.7"}, []string{"https"}, nil, seen{"198.51.100.7", "https", "app.local"}},
		{"a unix peer that says nothing", "@", nil, nil, nil, seen{"", "http", "app.local"}},
		{"scheme and host appended: the client's own are left", proxy, []string{"198.51.100.7"}, []string{"https, http"}, []string{"evil.example, gotham.city"}, seen{"198.51.100.7", "http", "gotham.city"}},
		{"two proxies, outermost counts", proxy, []string{"198.51.100.7, 10.0.0.2"}, []string{"https, http"}, []string{"gotham.city, internal"}, seen{"198.51.100.7", "https", "gotham.city"}},
		{"two proxies, spoofed, outermost counts", proxy, []string{victim + ", 198.51.100.7, 10.0.0.2"}, []string{"http, https, http"}, []string{"evil.example, gotham.city, internal"}, seen{"198.51.100.7", "https", "gotham.city"}},
		{"two proxies, one value", proxy, []string{"198.51.100.7, 10.0.0.2"}, []string{"https"}, []string{"gotham.city"}, seen{"198.51.100.7", "https", "gotham.city"}},
		{"an unknown scheme", proxy, []string{"198.51.100.7"}, []string{"javascript"}, nil, seen{"198.51.100.7", "http", "app.local"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			header := http.Header{}
			for key, lines := range map[string][]string{"X-Forwarded-For": test.for_, "X-Forwarded-Proto": test.proto, "X-Forwarded-Host": test.host} {
				if lines != nil {
					header[key] = lines
				}
			}
			assert.Equal(t, test.want, resolve(trust, test.peer, header))
		})
	}
}

func TestForwarded(t *testing.T) {
	trust := trusting(t, "10.0.0.0/8", "2001:db8:1::/48")
	for _, test := range []struct {
		name  string
		lines []string
		want  seen
	}{
		{"one proxy", []string{"for=198.51.100.7;proto=https;host=gotham.city"}, seen{"198.51.100.7", "https", "gotham.city"}},
		{"names in capitals, spaces, by", []string{" For=198.51.100.7 ; PROTO=HTTPS; by=10.0.0.1;"}, seen{"198.51.100.7", "https", "app.local"}},
		{"quoted v6", []string{`for="[2001:db8::7]"`}, seen{"2001:db8::7", "http", "app.local"}},
		{"quoted v6 with a port", []string{`for="[2001:db8::7]:4711"`}, seen{"2001:db8::7", "http", "app.local"}},
		{"an obfuscated port", []string{`for="198.51.100.7:_port"`}, seen{"198.51.100.7", "http", "app.local"}},
		{"quotes forgotten", []string{"for=[2001:db8::7]:4711"}, seen{"2001:db8::7", "http", "app.local"}},
		{"quoted host with a port", []string{`for=198.51.100.7;host="gotham.city:8443"`}, seen{"198.51.100.7", "http", "gotham.city:8443"}},
		{"spoofed left of the true one", []string{"for=" + victim + ";proto=https;host=evil.example, for=198.51.100.7"}, seen{"198.51.100.7", "http", "app.local"}},
		{"spoofed on a line of its own", []string{"for=" + victim + ";host=evil.example", "for=198.51.100.7;proto=https"}, seen{"198.51.100.7", "https", "app.local"}},
		{"an open quote cannot swallow the proxy's element", []string{`for="` + victim + `, for=198.51.100.7`}, seen{"198.51.100.7", "http", "app.local"}},
		{"nor can one that ends in the proxy's quotes", []string{`for=` + victim + `;x=", for="[2001:db8::7]"`}, seen{"2001:db8::7", "http", "app.local"}},
		{"two proxies, outermost counts", []string{"for=198.51.100.7;proto=https;host=gotham.city, for=10.0.0.2;proto=http;host=internal"}, seen{"198.51.100.7", "https", "gotham.city"}},
		{"two proxies, the outer says no scheme", []string{"for=198.51.100.7, for=10.0.0.2;proto=https"}, seen{"198.51.100.7", "https", "app.local"}},
		{"unknown stops", []string{"for=" + victim + ", for=unknown;proto=https"}, seen{"10.0.0.1", "https", "app.local"}},
		{"a hidden identifier stops", []string{"for=" + victim + `, for="_hidden"`}, seen{"10.0.0.1", "http", "app.local"}},
		{"a hidden identifier behind a proxy stops", []string{"for=" + victim + ", for=_hidden, for=10.0.0.2"}, seen{"10.0.0.2", "http", "app.local"}},
		{"no for stops", []string{"for=" + victim + ", proto=https"}, seen{"10.0.0.1", "https", "app.local"}},
		{"malformed stops and says nothing", []string{"for=" + victim + ", for=198.51.100.7;proto=https;rubbish"}, seen{"10.0.0.1", "http", "app.local"}},
		{"for twice is malformed", []string{"for=" + victim + ";for=198.51.100.7"}, seen{"10.0.0.1", "http", "app.local"}},
		{"an empty element stops", []string{"for=" + victim + ","}, seen{"10.0.0.1", "http", "app.local"}},
		{"an unfinished quote stops", []string{`for="198.51.100.7`}, seen{"10.0.0.1", "http", "app.local"}},
		{"an escape in quotes stops", []string{`for="198.51.100\.7"`}, seen{"10.0.0.1", "http", "app.local"}},
		{"brackets around v4 stop", []string{`for="[198.51.100.7]"`}, seen{"10.0.0.1", "http", "app.local"}},
		{"a bad port stops", []string{`for="198.51.100.7:123456"`}, seen{"10.0.0.1", "http", "app.local"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, resolve(trust, proxy, http.Header{"Forwarded": test.lines}))
		})
	}
}

func TestBothFamilies(t *testing.T) {
	header := func(forwarded, xFor, xProto, xHost string) http.Header {
		h := http.Header{"Forwarded": {forwarded}}
		for key, value := range map[string]string{"X-Forwarded-For": xFor, "X-Forwarded-Proto": xProto, "X-Forwarded-Host": xHost} {
			if value != "" {
				h.Set(key, value)
			}
		}
		return h
	}
	for _, test := range []struct {
		name   string
		word   string // besides the network
		header http.Header
		want   seen
	}{
		{"they agree", "10.0.0.0/8", header("for=198.51.100.7;proto=https;host=gotham.city", "198.51.100.7", "https", "Gotham.city"),
			seen{"198.51.100.7", "https", "gotham.city"}},
		{"a client's Forwarded passed on by a proxy that writes X-Forwarded-For", "10.0.0.0/8", header("for="+victim, "198.51.100.7", "", ""),
			seen{"10.0.0.1", "http", "app.local"}},
		{"the same with the client's true address and a false host", "10.0.0.0/8", header("for=198.51.100.7;host=evil.example", "198.51.100.7", "", ""),
			seen{"198.51.100.7", "http", "app.local"}},
		{"a client's X-Forwarded-For passed on by a proxy that writes Forwarded", "10.0.0.0/8", header("for=198.51.100.7", victim, "https", "evil.example"),
			seen{"10.0.0.1", "http", "app.local"}},
		{"told that the proxies write Forwarded", "forwarded", header("for=198.51.100.7;proto=https", victim, "http", "evil.example"),
			seen{"198.51.100.7", "https", "app.local"}},
		{"told that the proxies write X-Forwarded-*", "x-forwarded", header("for="+victim+";host=evil.example", "198.51.100.7", "https", "gotham.city"),
			seen{"198.51.100.7", "https", "gotham.city"}},
		{"told Forwarded, which is missing", "forwarded", http.Header{"X-Forwarded-For": {victim}},
			seen{"10.0.0.1", "http", "app.local"}},
		{"told X-Forwarded-*, which is missing", "x-forwarded", http.Header{"Forwarded": {"for=" + victim}},
			seen{"10.0.0.1", "http", "app.local"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, resolve(trusting(t, "10.0.0.0/8", test.word), proxy, test.header))
		})
	}
}

func TestForwardedHostIsValidated(t *testing.T) {
	trust := trusting(t, "10.0.0.0/8")
	for _, test := range []struct {
		host string
		ok   bool
	}{
		{"gotham.city", true},
		{"gotham.city:8443", true},
		{"gotham.city.", true},
		{"under_score.gotham.city", true},
		{"192.0.2.1", true},
		{"[2001:db8::1]", true},
		{"[2001:db8::1]:443", true},
		{"xn--fiqs8s", true},
		{"", false},
		{".", false},
		{":443", false},
		{"gotham.city:", false},
		{"gotham.city:https", false},
		{"gotham.city:123456", false},
		{"gotham.city/path", false},
		{"gotham.city?query", false},
		{"gotham.city#part", false},
		{`gotham.city\path`, false},
		{"user@gotham.city", false},
		{"gotham.city:80@evil.example", false},
		{"gotham city", false},
		{"gotham.city\r\nSet-Cookie: a=b", false},
		{"gotham.city\x00", false},
		{"gotham%2ecity", false},
		{"哥谭.city", false},
		{"[2001:db8::1", false},
		{"[2001:db8::1]x", false},
		{"[2001:db8::1]:", false},
		{"[192.0.2.1]", false},
		{"[fe80::1%eth0]", false},
	} {
		t.Run(test.host, func(t *testing.T) {
			want := "app.local"
			if test.ok {
				want = test.host
			}
			c := resolve(trust, proxy, http.Header{"X-Forwarded-Host": {test.host}})
			assert.Equal(t, want, c.host)
		})
	}
}

func TestResolveDoesNotAllocate(t *testing.T) {
	direct := &http.Request{RemoteAddr: "198.51.100.7:1234", Host: "app.local", Header: http.Header{"X-Forwarded-For": {victim}}}
	proxied := &http.Request{RemoteAddr: proxy, Host: "app.local", Header: http.Header{
		"X-Forwarded-For": {victim + ", 198.51.100.7, 10.0.0.2"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"gotham.city"},
	}}
	standard := &http.Request{RemoteAddr: proxy, Host: "app.local", Header: http.Header{
		"Forwarded": {`for=198.51.100.7;proto=https;host=gotham.city, for="[::ffff:10.0.0.2]:80"`},
	}}
	trust := trusting(t, "10.0.0.0/8")
	assert.Zero(t, testing.AllocsPerRun(100, func() { clientip.Trust{}.Resolve(direct) }), "no trust")
	assert.Zero(t, testing.AllocsPerRun(100, func() { trust.Resolve(proxied) }), "X-Forwarded")
	assert.Zero(t, testing.AllocsPerRun(100, func() { trust.Resolve(standard) }), "Forwarded")
}

// FuzzResolve holds what matters whatever the client sends: with the proxy's own
// element appended on the right, nothing on the left changes who the client is.
func FuzzResolve(f *testing.F) {
	for _, seed := range []string{"", "for=1.2.3.4", victim, `for="`, `for="[::1]:80";proto=https;host=a`, "a, ,b", "10.0.0.9", `\`, `x=",`} {
		f.Add(seed, seed)
	}
	forwarded := trusting(f, "10.0.0.0/8", "forwarded")
	xForwarded := trusting(f, "10.0.0.0/8", "x-forwarded")
	either := trusting(f, "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, left, host string) {
		want := seen{"198.51.100.7", "https", "gotham.city"}
		standard := http.Header{"Forwarded": {left + ", for=198.51.100.7;proto=https;host=gotham.city"}}
		assert.Equal(t, want, resolve(forwarded, proxy, standard))
		x := http.Header{
			"X-Forwarded-For":   {left + ", 198.51.100.7"},
			"X-Forwarded-Proto": {left + ",https"},
			"X-Forwarded-Host":  {host, "gotham.city"},
		}
		assert.Equal(t, want, resolve(xForwarded, proxy, x))

		mixed := http.Header{"Forwarded": {left}, "X-Forwarded-For": {"198.51.100.7"}}
		assert.Contains(t, []string{"198.51.100.7", "10.0.0.1"}, resolve(either, proxy, mixed).ip)

		c := resolve(xForwarded, proxy, http.Header{"X-Forwarded-Host": {host}})
		assert.NotContains(t, c.host, "/")
		assert.NotContains(t, c.host, "\n")
		assert.NotContains(t, c.host, " ")
		assert.Equal(t, "app.local", resolve(clientip.Trust{}, left, mixed).host)
	})
}

func ExampleTrust_Resolve() {
	trust, err := clientip.ParseTrust("10.0.0.0/8", "x-forwarded")
	if err != nil {
		fmt.Println(err)
		return
	}
	client := trust.Resolve(&http.Request{
		RemoteAddr: "10.0.0.1:4711",
		Host:       "app.internal",
		Header: http.Header{
			// The first address is the client's own invention.
			"X-Forwarded-For":   {"127.0.0.1, 198.51.100.7"},
			"X-Forwarded-Proto": {"https"},
			"X-Forwarded-Host":  {"gotham.city"},
		},
	})
	fmt.Println(client.IP, client.Scheme, client.Host)
	// Output:
	// 198.51.100.7 https gotham.city
}

func ExampleParseTrust() {
	_, err := clientip.ParseTrust("10.1.2.3/8")
	fmt.Println(err)
	// Output:
	// trusted proxies: "10.1.2.3/8" has bits beyond its prefix: write 10.0.0.0/8 for the network or 10.1.2.3 for the address
}
