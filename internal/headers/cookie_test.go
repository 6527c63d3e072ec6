package headers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCookie(t *testing.T) {
	for want, c := range map[string]*http.Cookie{
		"a=1; Path=/p; Domain=gotham.city; Expires=Sun, 09 Sep 2001 01:46:40 GMT; Max-Age=60; HttpOnly; Secure; SameSite=Strict; Partitioned": {
			Name: "a", Value: "1", Path: "/p", Domain: "gotham.city", Expires: time.Unix(1e9, 0), MaxAge: 60,
			Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode, Partitioned: true,
		},
		`a="b c"`:                    {Name: "a", Value: "b c"},
		"__Host-a=1; Path=/; Secure": {Name: "__Host-a", Value: "1", Path: "/", Secure: true},
		"__secure-a=1; Secure":       {Name: "__secure-a", Value: "1", Secure: true},
		"__Hosts=1":                  {Name: "__Hosts", Value: "1"},
		"a=1; Max-Age=0":             {Name: "a", Value: "1", MaxAge: -1},
	} {
		got, err := Cookie(c)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestCookiesThatWouldBeIgnored(t *testing.T) {
	for want, c := range map[string]*http.Cookie{
		`redstart: WithCookie was called with a nil cookie`:                       nil,
		`redstart: cookie "a b": http: invalid Cookie.Name`:                       {Name: "a b"},
		`redstart: cookie "a": http: invalid Cookie.Domain`:                       {Name: "a", Domain: "gotham city"},
		`redstart: cookie "b": http: invalid Cookie.Expires`:                      {Name: "b", Expires: time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC)},
		`redstart: cookie "c": http: partitioned cookies must be set with Secure`: {Name: "c", Partitioned: true},
		`redstart: cookie "d": browsers ignore SameSite=None without Secure`:      {Name: "d", SameSite: http.SameSiteNoneMode},
		`redstart: cookie "e": browsers ignore the Path "p", which does not`:      {Name: "e", Path: "p"},
		`redstart: cookie "f": there is no SameSite mode 77`:                      {Name: "f", SameSite: 77},
		`redstart: cookie "__Secure-a": browsers ignore the prefix __Secure-`:     {Name: "__Secure-a"},
		`redstart: cookie "__Host-a": browsers ignore the prefix __Host- without`: {Name: "__Host-a", Path: "/"},
		`redstart: cookie "__Host-b": browsers ignore the prefix __Host- without`: {Name: "__Host-b", Secure: true, Path: "/x"},
		`redstart: cookie "__host-c": browsers ignore the prefix __Host- without`: {Name: "__host-c", Secure: true, Path: "/", Domain: "gotham.city"},
	} {
		_, err := Cookie(c)
		assert.ErrorContains(t, err, want)
	}
}

func TestTheLargestCookie(t *testing.T) {
	value := strings.Repeat("v", 4095)
	_, err := Cookie(&http.Cookie{Name: "a", Value: value, Path: "/" + strings.Repeat("p", 1023)})
	assert.NoError(t, err)
	_, err = Cookie(&http.Cookie{Name: "ab", Value: value})
	assert.EqualError(t, err, `redstart: cookie "ab": name and value have 4097 bytes together, and browsers keep no more than 4096`)
	_, err = Cookie(&http.Cookie{Name: "a", Path: "/" + strings.Repeat("p", 1024)})
	assert.EqualError(t, err, `redstart: cookie "a": browsers ignore a Path of more than 1024 bytes, and this has 1025`)
}

func TestForget(t *testing.T) {
	for name, want := range map[string]string{
		"c":        "c=; Path=/p; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0",
		"__Host-s": "__Host-s=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; Secure",
	} {
		path := map[bool]string{true: "/p", false: "/"}[name == "c"]
		got, err := Cookie(Forget(name, path, ""))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}
