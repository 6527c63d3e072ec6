package middleware_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func TestAnotherSchemeIsSaid(t *testing.T) {
	basic := middleware.Basic(middleware.Users(nil))
	const said = "the header Authorization is of a scheme that is not taken here: want "
	for name, tc := range map[string]struct {
		auth   *middleware.Auth
		header string
		detail string
	}{
		"a scheme that is not there": {middleware.Bearer(keys()), basicHeader("a:b"), said + "Bearer"},
		"the token alone":            {middleware.Bearer(keys()), "Authorization: " + batmanKey, said + "Bearer"},
		"several are taken":          {middleware.AnyOf(basic, middleware.Bearer(keys()), middleware.Bearer(keys())), "Authorization: Token x", said + "Basic or Bearer"},
		"nobody reads the header":    {middleware.APIKey(middleware.InHeader, "X-Key", keys()), basicHeader("a:b"), "say who you are"},
		"what is read comes first":   {middleware.Bearer(keys()), "Authorization: Bearer wrong", "the credentials were refused"},
	} {
		t.Run(name, func(t *testing.T) {
			reply := send(guarded(tc.auth), "GET", "/", "", tc.header)
			assert.Equal(t, 401, reply.Code)
			assert.Contains(t, reply.Body.String(), tc.detail)
			assert.NotContains(t, reply.Body.String(), batmanKey)
			assert.NotContains(t, reply.Header().Get("WWW-Authenticate"), "invalid_request")
		})
	}
}

// A reply with status 401 has to say how one can prove who one is, whoever sends it.
func TestAHandlersOwn401HasChallenges(t *testing.T) {
	app := quiet()
	both := middleware.AnyOf(middleware.Bearer(keys(), middleware.BearerOptions{Realm: "cave"}), middleware.APIKey(middleware.InHeader, "X-Key", keys()))
	all := []string{`Bearer realm="cave"`, `ApiKey in="header", name="X-Key"`}
	badge := redstart.Error(401, "badge, please")
	fail := func(*redstart.Request) redstart.Response { return redstart.Fail(badge) }
	group := app.Group("/g")
	group.Secure(both.Optional())
	group.Get("/fail", fail)
	group.Get("/status", func(*redstart.Request) redstart.Response { return redstart.Status(401) })
	group.Get("/page", func(*redstart.Request) redstart.Response { return redstart.HTML("no").WithStatus(401) })
	group.WebSocket("/chat", fail)
	redstart.Get(group, "/typed", redstart.Action(func(context.Context) error { return badge }))
	group.Get("/middleware", whoami, redstart.With(func(redstart.Handler) redstart.Handler { return fail }))
	group.Get("/stricter", whoami, redstart.Secured(middleware.Basic(middleware.Users(nil))))
	group.Get("/own", func(*redstart.Request) redstart.Response {
		return redstart.Fail(badge.WithHeader("WWW-Authenticate", "Signature"))
	})
	group.Get("/forbidden", func(*redstart.Request) redstart.Response { return redstart.Fail(redstart.Error(403, "")) })
	group.Get("/moved", func(*redstart.Request) redstart.Response { return redstart.Redirect("/login") })
	app.Get("/known", fail, redstart.Secured(both))
	app.Get("/open", fail)
	for _, tc := range []struct {
		path   string
		status int
		want   []string
	}{
		{"/g/fail", 401, all},
		{"/g/status", 401, all},
		{"/g/page", 401, all},
		{"/g/chat", 401, all},
		{"/g/typed", 401, all},
		{"/g/middleware", 401, all},
		{"/g/stricter", 401, []string{`Basic realm="restricted", charset="UTF-8"`}},
		{"/g/own", 401, []string{"Signature"}},
		{"/g/forbidden", 403, nil},
		{"/g/moved", 302, nil},
		{"/known", 401, all},
		{"/open", 401, nil},
	} {
		t.Run(tc.path, func(t *testing.T) {
			reply := send(app, "GET", tc.path, "", "X-Key: "+batmanKey)
			assert.Equal(t, tc.status, reply.Code)
			assert.Equal(t, tc.want, reply.Header()["Www-Authenticate"])
		})
	}
}
