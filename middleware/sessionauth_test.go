package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

// cave is an app with a page to log in and one behind it.
func cave(o middleware.SessionOptions, auth *middleware.Auth) *redstart.App {
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.Session(o))
	app.Post("/login", func(req *redstart.Request) redstart.Response {
		if err := middleware.Login(req, req.Query("as")); err != nil {
			return redstart.Fail(err)
		}
		return redstart.Text("welcome")
	})
	app.Post("/logout", func(req *redstart.Request) redstart.Response {
		middleware.Logout(req)
		return redstart.NoContent()
	})
	app.Get("/cart", func(req *redstart.Request) redstart.Response {
		req.Session().Set("cart", 1)
		return redstart.NoContent()
	})
	app.Get("/look", func(req *redstart.Request) redstart.Response {
		return redstart.Text(fmt.Sprint(req.Session().Keys(), req.Session().ID()))
	})
	inside := app.Group("/cave")
	inside.Secure(auth)
	inside.Any("/", whoami)
	return app
}

func ExampleLogin() {
	app := cave(middleware.SessionOptions{Store: middleware.NewMemorySessions(0, 0)}, middleware.SessionAuth(nil))
	b := newBrowser(app)
	fmt.Println(b.send("GET", "/cave").Code)
	b.send("POST", "/login?as=batman")
	fmt.Println(b.get("/cave"))
	b.send("POST", "/logout")
	fmt.Println(b.send("GET", "/cave").Code)
	// Output:
	// 401
	// batman by Session
	// 401
}

func TestLoginRenewsTheSession(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		b := newBrowser(cave(o, middleware.SessionAuth(nil)))
		b.get("/cart")
		before, slipped := b.get("/look"), b.cookies["session"].Value
		assert.Equal(t, 200, b.send("POST", "/login?as=batman").Code)
		after := b.get("/look")
		assert.Contains(t, after, "[cart]", "what was in the session stays")
		assert.NotEqual(t, before, after)
		assert.Equal(t, 401, send(b.app, "GET", "/cave", "", "Cookie: session="+slipped).Code, "the id from before is worth nothing")
		assert.Equal(t, "batman by Session", b.get("/cave"))

		b.send("POST", "/login?as=joker")
		assert.Equal(t, "joker by Session", b.get("/cave"))
		assert.Contains(t, b.get("/look"), "[]", "another's values are not theirs")

		stolen := b.cookies["session"].Value
		b.send("POST", "/logout")
		assert.Empty(t, b.cookies)
		assert.Equal(t, 401, b.send("GET", "/cave").Code)
		if o.Store != nil {
			assert.Equal(t, 401, send(b.app, "GET", "/cave", "", "Cookie: session="+stolen).Code, "the Store has forgotten it")
			assert.Zero(t, o.Store.(*middleware.MemorySessions).Len())
		}
	})
}

func TestLoginLastsFromThenOn(t *testing.T) {
	for name, o := range kinds() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := o()
				options.MaxAge = time.Hour
				b := newBrowser(cave(options, middleware.SessionAuth(nil)))
				b.get("/cart")
				time.Sleep(50 * time.Minute)
				b.send("POST", "/login?as=batman")
				time.Sleep(50 * time.Minute)
				assert.Equal(t, "batman by Session", b.get("/cave"))
				time.Sleep(10 * time.Minute)
				assert.Equal(t, 401, b.send("GET", "/cave").Code)
			})
		})
	}
}

func TestLoginFails(t *testing.T) {
	app := cave(middleware.SessionOptions{Keys: sessionKeys}, middleware.SessionAuth(nil))
	for _, tc := range []struct {
		name, path, header string
		status             int
	}{
		{"another site's page", "/login?as=joker", "Sec-Fetch-Site: cross-site", 403},
		{"an old browser's", "/login?as=joker", "Origin: https://evil.example", 403},
		{"nobody", "/login?as=", "Sec-Fetch-Site: same-origin", 500},
		{"no text", "/login?as=bat%ff", "Sec-Fetch-Site: same-origin", 500},
		{"this site", "/login?as=batman", "Sec-Fetch-Site: same-origin", 200},
	} {
		reply := send(app, "POST", tc.path, "", tc.header)
		assert.Equal(t, tc.status, reply.Code, tc.name)
		assert.Equal(t, tc.status == 200, len(reply.Header()["Set-Cookie"]) == 1, tc.name)
	}
	bare := quiet()
	bare.Get("/", func(req *redstart.Request) redstart.Response {
		middleware.Logout(req) // there is nothing to end
		return redstart.Fail(middleware.Login(req, "batman"))
	})
	bare.Get("/in", whoami, redstart.Secured(middleware.SessionAuth(nil)))
	assert.Equal(t, 500, send(bare, "GET", "/", "").Code)
	assert.Equal(t, 500, send(bare, "GET", "/in", "").Code)
}

func TestSessionAuth(t *testing.T) {
	var id *redstart.Identity
	var failure error
	load := func(_ context.Context, subject string) (*redstart.Identity, error) {
		if subject != "batman" {
			return nil, errors.New("another subject")
		}
		return id, failure
	}
	b := newBrowser(cave(middleware.SessionOptions{Keys: sessionKeys}, middleware.SessionAuth(load)))
	b.send("POST", "/login?as=batman")
	for _, tc := range []struct {
		name    string
		id      *redstart.Identity
		failure error
		status  int
		body    string
	}{
		{"somebody", &redstart.Identity{Subject: "7"}, nil, 200, "7 by Session"},
		{"deleted", nil, nil, 401, "say who you are"},
		{"banned", nil, &middleware.CredentialsError{Description: "banned"}, 401, "say who you are"},
		{"failure", nil, errors.New("gone"), 500, ""},
		{"busy", nil, redstart.Error(503, "later"), 503, "later"},
	} {
		id, failure = tc.id, tc.failure
		reply := b.send("GET", "/cave")
		assert.Equal(t, tc.status, reply.Code, tc.name)
		assert.Contains(t, reply.Body.String(), tc.body, tc.name)
		if tc.status == 401 {
			assert.Equal(t, `Cookie cookie-name="session"`, reply.Header().Get("WWW-Authenticate"))
		}
		assert.Contains(t, reply.Header()["Vary"], "Cookie")
		assert.Equal(t, "private", reply.Header().Get("Cache-Control"), tc.name)
	}
}

func TestLoginPage(t *testing.T) {
	options := middleware.SessionAuthOptions{LoginPage: "/login?from=cave"}
	app := cave(middleware.SessionOptions{Keys: sessionKeys}, middleware.AnyOf(middleware.Bearer(keys()), middleware.SessionAuth(nil, options)))
	for _, tc := range []struct {
		name, method, path string
		header             []string
		status             int
		location           string
	}{
		{"a page", "GET", "/cave?room=1&b=2", []string{"Sec-Fetch-Mode: navigate", "Accept: text/html"}, 302, "/login?from=cave&next=%2Fcave%3Froom%3D1%26b%3D2"},
		{"an old browser", "GET", "/cave", []string{"Accept: text/html,*/*"}, 302, "/login?from=cave&next=%2Fcave"},
		{"a script", "GET", "/cave", []string{"Sec-Fetch-Mode: cors", "Accept: text/html"}, 401, ""},
		{"a program", "GET", "/cave", []string{"Accept: */*"}, 401, ""},
		{"an event stream", "GET", "/cave", []string{"Accept: text/event-stream"}, 401, ""},
		{"a form", "POST", "/cave", []string{"Sec-Fetch-Mode: navigate", "Accept: text/html"}, 401, ""},
		{"a handshake", "GET", "/cave", []string{"Upgrade: websocket", "Sec-Fetch-Mode: navigate"}, 401, ""},
		{"wrong credentials", "GET", "/cave", []string{"Sec-Fetch-Mode: navigate", "Authorization: Bearer wrong"}, 401, ""},
		{"another site by its slashes", "GET", "//evil.example/cave", []string{"Sec-Fetch-Mode: navigate"}, 404, ""},
	} {
		reply := send(app, tc.method, tc.path, "", tc.header...)
		assert.Equal(t, tc.status, reply.Code, tc.name)
		assert.Equal(t, tc.location, reply.Header().Get("Location"), tc.name)
		if tc.status == 302 {
			assert.Equal(t, "no-store", reply.Header().Get("Cache-Control"))
		}
	}
}

func TestASessionOrAToken(t *testing.T) {
	app := cave(middleware.SessionOptions{Keys: sessionKeys}, middleware.AnyOf(middleware.Bearer(keys()), middleware.SessionAuth(nil)))
	b := newBrowser(app)
	b.send("POST", "/login?as=gordon")
	require.NotEmpty(t, b.cookies)
	assert.Equal(t, "gordon by Session", b.get("/cave"))
	assert.Equal(t, "batman by Bearer", b.send("GET", "/cave", "Authorization: Bearer "+batmanKey).Body.String())
	assert.Equal(t, "batman by Bearer", send(app, "POST", "/cave", "", "Authorization: Bearer "+batmanKey, "Sec-Fetch-Site: cross-site").Body.String(),
		"a page that has the token needs no cookie")
	assert.Equal(t, 403, b.send("POST", "/cave", "Sec-Fetch-Site: cross-site").Code)
}

func ExampleSessionAuth() {
	app := cave(middleware.SessionOptions{Keys: sessionKeys}, middleware.SessionAuth(
		func(_ context.Context, subject string) (*redstart.Identity, error) {
			return &redstart.Identity{Subject: subject, Scopes: []string{"cave"}}, nil // from a database
		},
		middleware.SessionAuthOptions{LoginPage: "/login"},
	))
	b := newBrowser(app)
	fmt.Println(b.send("GET", "/cave?room=1", "Accept: text/html").Header().Get("Location"))
	b.send("POST", "/login?as=robin")
	fmt.Println(b.get("/cave?room=1"))
	// Output:
	// /login?next=%2Fcave%3Froom%3D1
	// robin by Session
}

// All sessions of one user end, whoever has a copy of the cookie, as after a change of
// password. Each user has a number that is counted up for it, in a database.
func ExampleSessionAuth_endAll() {
	numbers := map[string]int{"robin": 1}
	app := quiet()
	app.Use(middleware.Session(middleware.SessionOptions{Keys: sessionKeys}))
	app.Post("/login", func(req *redstart.Request) redstart.Response {
		if err := middleware.Login(req, "robin"); err != nil {
			return redstart.Fail(err)
		}
		req.Session().Set("number", numbers["robin"])
		return redstart.NoContent()
	})
	app.Get("/", whoami, redstart.Secured(middleware.SessionAuth(func(ctx context.Context, subject string) (*redstart.Identity, error) {
		number := 0
		if !redstart.SessionFrom(ctx).Get("number", &number) || number != numbers[subject] {
			return nil, nil
		}
		return &redstart.Identity{Subject: subject}, nil
	})))
	b := newBrowser(app)
	b.send("POST", "/login")
	fmt.Println(b.get("/"))
	numbers["robin"]++
	fmt.Println(b.send("GET", "/").Code)
	b.send("POST", "/login")
	fmt.Println(b.get("/"))
	// Output:
	// robin by Session
	// 401
	// robin by Session
}
