package redstart_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// known is middleware that says who everybody is.
func known(id *redstart.Identity) redstart.Middleware {
	return redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		req.SetIdentity(id)
		return redstart.Response{}, false
	})
}

func ExampleIdentityFrom() {
	app, _ := newApp()
	app.Use(known(&redstart.Identity{Subject: "batman", Scopes: []string{"crimes:write"}}))
	redstart.Get(app, "/me", redstart.NoInput(func(ctx context.Context) (string, error) {
		id := redstart.IdentityFrom(ctx)
		return fmt.Sprint(id.Subject, " may write: ", id.Has("crimes:write")), nil
	}))
	fmt.Println(ask(app, "GET", "/me", "").Body)
	// Output: "batman may write: true"
}

func TestIdentityIsReachable(t *testing.T) {
	batman := &redstart.Identity{Subject: "batman"}
	seen := map[string]*redstart.Identity{}
	app, _ := newApp()
	app.Use(func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			early := req.Context() // before anybody knows who it is
			resp := next(req)
			seen["a context made before"] = redstart.IdentityFrom(early)
			seen["middleware further out"] = req.Identity()
			return resp
		}
	})
	app.Use(known(batman))
	type key struct{}
	hub := sse.NewHub(sse.Authorize(func(ctx context.Context, _ string) error {
		seen["Authorize"] = redstart.IdentityFrom(ctx)
		return errors.New("no")
	}))
	app.Get("/handler", func(req *redstart.Request) redstart.Response {
		seen["request"] = req.Identity()
		seen["context"] = redstart.IdentityFrom(req.Context())
		seen["from the request"] = redstart.IdentityFrom(req)
		req.SetContext(context.WithValue(req.Context(), key{}, 1))
		seen["derived context"] = redstart.IdentityFrom(req.Context())
		return redstart.SSEResponse(hub.Subscribe("crimes"))
	})
	redstart.Get(app, "/typed", redstart.Action(func(ctx context.Context) error {
		seen["typed"] = redstart.IdentityFrom(ctx)
		return nil
	}))
	app.Mount("/mount", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen["mounted handler"] = redstart.IdentityFrom(r.Context())
	}))
	app.NotFound(func(req *redstart.Request) redstart.Response {
		seen["not found"] = req.Identity()
		return redstart.NoContent()
	})
	for _, path := range []string{"/handler", "/typed", "/mount/x", "/nowhere"} {
		ask(app, "GET", path, "")
	}
	assert.Len(t, seen, 10)
	for where, id := range seen {
		assert.Same(t, batman, id, where)
	}
}

func TestNobody(t *testing.T) {
	app, _ := newApp()
	app.Get("/", func(req *redstart.Request) redstart.Response {
		assert.Nil(t, req.Identity())
		assert.Nil(t, redstart.IdentityFrom(req.Context()))
		return redstart.NoContent()
	})
	require.Equal(t, 204, ask(app, "GET", "/", "").Code)
	assert.Nil(t, redstart.IdentityFrom(context.Background()))
	var nobody *redstart.Identity
	assert.False(t, nobody.Has())
	assert.False(t, nobody.Claim("sub", new(string)))
	assert.EqualError(t, nobody.Decode(new(struct{})), "redstart: there is no identity")
}

func TestTrustedProxiesAddUp(t *testing.T) {
	app, _ := newApp(redstart.TrustProxies("192.0.2.0/24"), redstart.TrustProxies("10.0.0.0/8", "x-forwarded"))
	app.Get("/", func(req *redstart.Request) redstart.Response {
		return redstart.Text(req.IP() + " " + req.Scheme() + " " + req.Host())
	})
	// The recorder's peer is 192.0.2.1.
	w := get(app, "/", "X-Forwarded-For", "1.2.3.4, 8.8.8.8, 10.0.0.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "gotham.city", "Forwarded", "for=6.6.6.6")
	assert.Equal(t, "8.8.8.8 https gotham.city", w.Body.String())
	for _, twice := range [][]redstart.Option{
		{redstart.TrustProxies("forwarded"), redstart.TrustProxies("x-forwarded")},
		{redstart.TrustProxies("everybody"), redstart.TrustProxies("10.0.0.0/8")},
	} {
		app, _ := newApp(twice...)
		assert.ErrorContains(t, app.Run(t.Context(), "127.0.0.1:0"), "redstart: trusted proxies: ")
	}
}

func TestHas(t *testing.T) {
	id := &redstart.Identity{Scopes: []string{"a", "b:c"}}
	assert.True(t, id.Has())
	assert.True(t, id.Has("a"))
	assert.True(t, id.Has("b:c", "a"))
	assert.False(t, id.Has("a", "c"))
	assert.False(t, id.Has("b"))
	assert.False(t, id.Has("A"))
}

func TestClaims(t *testing.T) {
	id := &redstart.Identity{Claims: map[string]any{"district": json.Number("7"), "roles": []any{"police"}, "since": "2026-01-02T03:04:05Z"}}
	district, text := 1, "unchanged"
	var roles []string
	var since time.Time
	assert.True(t, id.Claim("district", &district))
	assert.Equal(t, 7, district)
	assert.True(t, id.Claim("roles", &roles))
	assert.Equal(t, []string{"police"}, roles)
	assert.True(t, id.Claim("since", &since))
	assert.Equal(t, 2026, since.Year())
	assert.False(t, id.Claim("district", &text))
	assert.Equal(t, "unchanged", text)
	assert.False(t, id.Claim("missing", &text))
	var all struct {
		District int      `json:"district"`
		Roles    []string `json:"roles"`
	}
	require.NoError(t, id.Decode(&all))
	assert.Equal(t, 7, all.District)
	var wrong struct{ District string }
	assert.ErrorContains(t, id.Decode(&wrong), "redstart: the claims do not fit: ")
	assert.Panics(t, func() { id.Claim("district", district) })
}

func TestThereIsNoSession(t *testing.T) {
	app, log := newApp()
	var s redstart.Session
	app.Get("/read", func(req *redstart.Request) redstart.Response {
		s = req.Session()
		assert.Equal(t, s, redstart.SessionFrom(req.Context()))
		return redstart.NoContent()
	})
	app.Get("/write", func(req *redstart.Request) redstart.Response {
		req.Session().Set("a", 1)
		return redstart.NoContent()
	})
	require.Equal(t, 204, ask(app, "GET", "/read", "").Code)
	assert.Equal(t, redstart.SessionFrom(context.Background()), s)
	assert.Empty(t, s.ID()+s.Text("a"))
	assert.False(t, s.Get("a", nil) || s.Take("a", nil))
	assert.Empty(t, s.Keys())
	assert.Empty(t, s.Flashes())
	assert.NotPanics(t, func() { s.Delete("a"); s.Clear() })
	assert.Panics(t, s.Renew)
	assert.Panics(t, func() { s.Flash("a", "b") })
	assert.Equal(t, 500, ask(app, "GET", "/write", "").Code)
	assert.Contains(t, log.String(), "put middleware.Session around the route")
}

func TestAHandlerThatIsGivenUpChangesNobody(t *testing.T) {
	for _, late := range []bool{true, false} {
		app, _ := newApp()
		release, ended := make(chan struct{}), make(chan struct{})
		app.Use(func(next redstart.Handler) redstart.Handler {
			return func(req *redstart.Request) redstart.Response {
				req.SetIdentity(&redstart.Identity{Subject: "alfred"})
				resp, inTime := req.Within(time.Hour, errors.New("late"), func(inner *redstart.Request) redstart.Response {
					assert.Equal(t, "alfred", inner.Identity().Subject)
					inner.SetIdentity(&redstart.Identity{Subject: "batman"})
					assert.Equal(t, "batman", redstart.IdentityFrom(inner.Context()).Subject)
					return next(inner)
				})
				if late {
					_, err := req.Within(0, errors.New("late"), func(inner *redstart.Request) redstart.Response {
						defer close(ended)
						<-release
						inner.SetIdentity(&redstart.Identity{Subject: "joker"})
						return redstart.NoContent()
					})
					assert.EqualError(t, err, "late")
					close(release)
					<-ended
					return redstart.Text(req.Identity().Subject)
				}
				assert.NoError(t, inTime)
				return resp.WithBody([]byte(req.Identity().Subject + redstart.IdentityFrom(req.Context()).Subject))
			}
		})
		app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("") })
		assert.Equal(t, strings.Repeat("batman", map[bool]int{true: 1, false: 2}[late]), ask(app, "GET", "/", "").Body.String())
	}
}

// guard is a guard with a name for its scheme.
func guard(name string, trace *[]string) redstart.Security {
	return redstart.Security{
		Schemes: []redstart.SecurityScheme{{Name: name, Type: "http", Scheme: "bearer"}},
		Middleware: redstart.Before(func(*redstart.Request) (redstart.Response, bool) {
			*trace = append(*trace, name)
			return redstart.Response{}, false
		}),
	}
}

func TestRoutesKnowTheirSecurity(t *testing.T) {
	app, _ := newApp()
	var trace []string
	ok := func(*redstart.Request) redstart.Response { return redstart.NoContent() }
	app.Get("/open", ok)
	group := app.Group("/g")
	group.Secure(guard("group", &trace))
	inner := group.Group("/inner")
	inner.Get("/", ok, redstart.Secured(guard("route", &trace), redstart.Security{Scopes: []string{"a"}, Middleware: known(nil)}))
	inner.Secure(guard("inner", &trace)) // later, and yet around it
	var names [][]string
	for _, r := range app.Routes() {
		list := []string{}
		for _, s := range r.Security {
			for _, scheme := range s.Schemes {
				list = append(list, scheme.Name)
			}
			list = append(list, s.Scopes...)
		}
		names = append(names, list)
	}
	assert.Equal(t, [][]string{{}, {"group", "inner", "route", "a"}}, names)
	ask(app, "GET", "/g/inner", "")
	assert.Equal(t, []string{"group", "inner", "route"}, trace)
	panicsAt(t, "guard 1 of 1", "it is nil: leave it out, or give a scheme of package middleware", func() { app.Secure(nil) })
	panicsAt(t, "guard 1 of 1", "it has no middleware", func() { redstart.Secured(redstart.Security{}) })
	panicsAt(t, "securing routes", "there is no guard, and everybody could come in: give one, or leave it out", func() { redstart.Secured() })
	panicsAt(t, "securing routes", "there is no guard, and everybody could come in: give one, or leave it out", func() { app.Secure() })
}
