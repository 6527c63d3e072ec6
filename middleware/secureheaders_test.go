package middleware_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleSecureHeaders() {
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.SecureHeaders(middleware.SecureHeadersOptions{
		FrameOptions: "SAMEORIGIN",
		OpenerPolicy: middleware.Omit,
	}))
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.HTML("<h1>Gotham</h1>") })

	h := send(app, "GET", "/", "").Header()
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Println(name+":", h.Get(name))
	}
	// Output:
	// Content-Length: 15
	// Content-Security-Policy: base-uri 'self'; object-src 'none'; frame-ancestors 'self'
	// Content-Type: text/html; charset=utf-8
	// Cross-Origin-Resource-Policy: same-origin
	// Referrer-Policy: strict-origin-when-cross-origin
	// X-Content-Type-Options: nosniff
	// X-Frame-Options: SAMEORIGIN
}

// secure are the headers of the zero SecureHeadersOptions.
var secure = map[string]string{
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Content-Security-Policy":      "base-uri 'self'; object-src 'none'; frame-ancestors 'none'",
	"Referrer-Policy":              "strict-origin-when-cross-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
}

// securing are the headers that SecureHeaders may set.
func securing(h http.Header) map[string]string {
	got := map[string]string{}
	for _, name := range append(slices.Collect(maps.Keys(secure)), "Permissions-Policy", "Strict-Transport-Security") {
		if v := h[name]; len(v) > 0 {
			got[name] = fmt.Sprint(v)
			if len(v) == 1 {
				got[name] = v[0]
			}
		}
	}
	return got
}

func TestSecureHeadersAreOnEveryReply(t *testing.T) {
	app := quiet()
	app.Use(middleware.SecureHeaders())
	for _, kind := range everyReply(app) {
		t.Run(kind.name, func(t *testing.T) {
			reply := send(app, kind.method, kind.path, "")
			assert.Equal(t, kind.status, reply.Code)
			assert.Equal(t, secure, securing(reply.Header()))
		})
	}
}

func TestSecureHeadersLeaveWhatTheReplyHas(t *testing.T) {
	app := quiet()
	app.Use(middleware.SecureHeaders())
	own := "default-src 'none'"
	app.Get("/handler", func(*redstart.Request) redstart.Response {
		return redstart.HTML("").With("Content-Security-Policy", own)
	})
	app.Group("/group", middleware.SecureHeaders(middleware.SecureHeadersOptions{ContentSecurityPolicy: own})).
		Get("/", func(*redstart.Request) redstart.Response { return redstart.HTML("") })
	app.Mount("/mount", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", own)
	}))
	app.Get("/without", func(*redstart.Request) redstart.Response {
		return redstart.HTML("").Without("Content-Security-Policy")
	})
	assert.Empty(t, send(app, "GET", "/without", "").Header()["Content-Security-Policy"])
	for _, path := range []string{"/handler", "/group", "/mount/"} {
		assert.Equal(t, []string{own}, send(app, "GET", path, "").Header()["Content-Security-Policy"], path)
	}
}

func TestSecureHeadersOptions(t *testing.T) {
	with := func(changes ...string) map[string]string {
		want := maps.Clone(secure)
		for pair := range slices.Chunk(changes, 2) {
			if want[pair[0]] = pair[1]; pair[1] == "" {
				delete(want, pair[0])
			}
		}
		return want
	}
	const omit = middleware.Omit
	for _, tc := range []struct {
		name    string
		options middleware.SecureHeadersOptions
		want    map[string]string
	}{
		{"nothing at all", middleware.SecureHeadersOptions{
			ContentTypeOptions: omit, FrameOptions: omit, ContentSecurityPolicy: omit, ReferrerPolicy: omit,
			OpenerPolicy: omit, ResourcePolicy: omit, PermissionsPolicy: omit,
		}, map[string]string{}},
		{"own values", middleware.SecureHeadersOptions{
			ContentSecurityPolicy: "default-src 'self'", ReferrerPolicy: "no-referrer", OpenerPolicy: "same-origin-allow-popups",
			ResourcePolicy: "cross-origin", PermissionsPolicy: "camera=()",
		}, with("Content-Security-Policy", "default-src 'self'", "Referrer-Policy", "no-referrer", "Cross-Origin-Opener-Policy",
			"same-origin-allow-popups", "Cross-Origin-Resource-Policy", "cross-origin", "Permissions-Policy", "camera=()")},
		{"frames of this site", middleware.SecureHeadersOptions{FrameOptions: "SAMEORIGIN"}, with("X-Frame-Options", "SAMEORIGIN",
			"Content-Security-Policy", "base-uri 'self'; object-src 'none'; frame-ancestors 'self'")},
		{"frames of any site", middleware.SecureHeadersOptions{FrameOptions: omit}, with("X-Frame-Options", "",
			"Content-Security-Policy", "base-uri 'self'; object-src 'none'")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet()
			app.Use(middleware.SecureHeaders(tc.options))
			assert.Equal(t, tc.want, securing(send(app, "GET", "/", "").Header()))
		})
	}
}

func TestHSTSIsSentOverHTTPSOnly(t *testing.T) {
	for _, tc := range []struct {
		name   string
		hsts   middleware.HSTS
		trust  bool
		header []string
		url    string
		want   string
	}{
		{"off by default", middleware.HSTS{}, false, nil, "https://gotham.city/", ""},
		{"https", middleware.HSTS{MaxAge: time.Hour}, false, nil, "https://gotham.city/", "max-age=3600"},
		{"http", middleware.HSTS{MaxAge: time.Hour}, false, nil, "http://gotham.city/", ""},
		{"https to a trusted proxy", middleware.HSTS{MaxAge: time.Hour, Subdomains: true}, true, []string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"}, "/", "max-age=3600; includeSubDomains"},
		{"https, says anybody", middleware.HSTS{MaxAge: time.Hour}, false, []string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https"}, "/", ""},
		{"preload", middleware.HSTS{MaxAge: 8760 * time.Hour, Subdomains: true, Preload: true}, false, nil, "https://gotham.city/", "max-age=31536000; includeSubDomains; preload"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var opts []redstart.Option
			if tc.trust {
				opts = append(opts, redstart.TrustProxies("192.0.2.0/24"))
			}
			app := quiet(opts...)
			app.Use(middleware.SecureHeaders(middleware.SecureHeadersOptions{HSTS: tc.hsts}))
			assert.Equal(t, tc.want, send(app, "GET", tc.url, "", tc.header...).Header().Get("Strict-Transport-Security"))
		})
	}
}

func TestSecureHeadersPanicsWhenMisconfigured(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options middleware.SecureHeadersOptions
		want    string
	}{
		{"frames", middleware.SecureHeadersOptions{FrameOptions: "ALLOW-FROM https://a.city"}, "want DENY, SAMEORIGIN or Omit"},
		{"line break", middleware.SecureHeadersOptions{ContentSecurityPolicy: "default-src 'self';\nimg-src *"}, "ContentSecurityPolicy: header Content-Security-Policy"},
		{"negative age", middleware.SecureHeadersOptions{HSTS: middleware.HSTS{MaxAge: -time.Second}}, "want whole seconds above zero"},
		{"no age", middleware.SecureHeadersOptions{HSTS: middleware.HSTS{Subdomains: true}}, "MaxAge 0s: want whole seconds above zero"},
		{"short preload", middleware.SecureHeadersOptions{HSTS: middleware.HSTS{MaxAge: time.Hour, Subdomains: true, Preload: true}}, "a year"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.Contains(t, refused(t, func() { middleware.SecureHeaders(tc.options) }), tc.want)
		})
	}
}

func TestHeadersAreMadeOnce(t *testing.T) {
	plain := allocations()
	assert.Equal(t, plain, allocations(middleware.SecureHeaders()))
	assert.Equal(t, plain, allocations(middleware.CORS(middleware.CORSOptions{Origins: []string{"*"}, Expose: []string{"X-Total"}})))
	assert.LessOrEqual(t, allocations(middleware.SecureHeaders(), middleware.CORS(middleware.CORSOptions{
		Origins: []string{"https://gotham.city"}, Credentials: true, Expose: []string{"X-Total"},
	})), plain+2, "a second list takes a node, and so does the Vary of the reply")
}

func BenchmarkSecureHeaders(b *testing.B) { benchmark(b, middleware.SecureHeaders()) }
