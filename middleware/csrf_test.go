package middleware_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleCSRF() {
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.CSRF())
	app.Post("/crimes", func(*redstart.Request) redstart.Response { return redstart.Text("reported") })

	fmt.Println(send(app, "POST", "/crimes", "", "Sec-Fetch-Site: same-origin").Body)
	fmt.Println(send(app, "POST", "/crimes", "", "Sec-Fetch-Site: cross-site").Body)
	// Output:
	// reported
	// {"title":"Forbidden","status":403,"detail":"a page of another origin may not do this: Sec-Fetch-Site is \"cross-site\"","header":"Sec-Fetch-Site"}
}

func TestCSRF(t *testing.T) {
	for _, tc := range []struct {
		name, method, path string
		header             []string
		o                  middleware.CSRFOptions
		refused            string // the header, "" if not
	}{
		{"no browser", "POST", "/", nil, middleware.CSRFOptions{}, ""},
		{"same origin", "POST", "/", []string{"Sec-Fetch-Site: same-origin"}, middleware.CSRFOptions{}, ""},
		{"typed by the visitor", "POST", "/", []string{"Sec-Fetch-Site: none"}, middleware.CSRFOptions{}, ""},
		{"cross site", "POST", "/", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.city"}, middleware.CSRFOptions{}, "Sec-Fetch-Site"},
		{"same site", "DELETE", "/", []string{"Sec-Fetch-Site: same-site"}, middleware.CSRFOptions{}, "Sec-Fetch-Site"},
		{"cross site, reads", "GET", "/", []string{"Sec-Fetch-Site: cross-site"}, middleware.CSRFOptions{}, ""},
		{"cross site, where nothing is", "POST", "/nowhere", []string{"Sec-Fetch-Site: cross-site"}, middleware.CSRFOptions{}, "Sec-Fetch-Site"},
		{"old browser, same origin", "POST", "/", []string{"Origin: https://example.com"}, middleware.CSRFOptions{}, ""},
		{"old browser, another origin", "POST", "/", []string{"Origin: https://evil.city"}, middleware.CSRFOptions{}, "Origin"},
		{"old browser, sandboxed frame", "POST", "/", []string{"Origin: null"}, middleware.CSRFOptions{}, "Origin"},
		{"trusted", "POST", "/", []string{"Sec-Fetch-Site: cross-site", "Origin: https://wayne.example"}, middleware.CSRFOptions{TrustedOrigins: []string{"https://wayne.example"}}, ""},
		{"not that one", "POST", "/", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.city"}, middleware.CSRFOptions{TrustedOrigins: []string{"https://wayne.example"}}, "Sec-Fetch-Site"},
		{"bypass", "POST", "/hooks/1", []string{"Sec-Fetch-Site: cross-site"}, middleware.CSRFOptions{InsecureBypass: []string{"POST /hooks/"}}, ""},
		{"not that method", "PUT", "/hooks/1", []string{"Sec-Fetch-Site: cross-site"}, middleware.CSRFOptions{InsecureBypass: []string{"POST /hooks/"}}, "Sec-Fetch-Site"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet()
			app.Use(middleware.CSRF(tc.o))
			app.Any("/", func(*redstart.Request) redstart.Response { return redstart.Text("done") })
			app.Any("/hooks/:id", func(*redstart.Request) redstart.Response { return redstart.Text("done") })
			reply := send(app, tc.method, tc.path, "", tc.header...)
			if tc.refused == "" {
				assert.Equal(t, 200, reply.Code)
				return
			}
			assert.Equal(t, 403, reply.Code)
			assert.Equal(t, "application/problem+json", reply.Header().Get("Content-Type"))
			assert.Contains(t, reply.Body.String(), `"header":"`+tc.refused+`"`)
		})
	}
}

func TestCSRFKnowsTheHostBehindATrustedProxy(t *testing.T) {
	for _, tc := range []struct {
		name   string
		opts   []redstart.Option
		status int
	}{
		{"trusted", []redstart.Option{redstart.TrustProxies("192.0.2.0/24")}, 200},
		{"anybody", nil, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet(tc.opts...)
			app.Use(middleware.CSRF())
			app.Post("/", func(*redstart.Request) redstart.Response { return redstart.Text("") })
			reply := send(app, "POST", "http://inner/", "", "Origin: https://gotham.city",
				"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: gotham.city", "X-Forwarded-Proto: https")
			assert.Equal(t, tc.status, reply.Code)
		})
	}
}

func TestCSRFPassesEveryReplyOn(t *testing.T) {
	app := quiet()
	app.Use(middleware.CSRF())
	for _, kind := range everyReply(app) {
		assert.Equal(t, kind.status, send(app, kind.method, kind.path, "", "Sec-Fetch-Site: same-origin").Code, kind.name)
	}
}

func TestCSRFPanicsWhenMisconfigured(t *testing.T) {
	assert.Equal(t, `middleware: CSRF: TrustedOrigins: invalid origin "gotham.city": scheme is required`, refused(t, func() { middleware.CSRF(middleware.CSRFOptions{TrustedOrigins: []string{"gotham.city"}}) }))
	assert.Contains(t, refused(t, func() { middleware.CSRF(middleware.CSRFOptions{InsecureBypass: []string{"no slash"}}) }),
		`middleware: CSRF: InsecureBypass "no slash"`)
}
