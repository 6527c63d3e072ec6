package middleware_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

const (
	batmanKey = "batman-0123456789abcdef"
	robinKey  = "robin-0123456789abcdef"
)

// keys know two people.
func keys() func(context.Context, string) (*redstart.Identity, error) {
	return middleware.KnownKeys(map[string]redstart.Identity{
		batmanKey: {Subject: "batman", Scopes: []string{"crimes:read", "crimes:write"}},
		robinKey:  {Subject: "robin", Scopes: []string{"crimes:read"}},
	})
}

// whoami answers with who asks.
func whoami(req *redstart.Request) redstart.Response {
	id := req.Identity()
	if id == nil {
		return redstart.Text("nobody")
	}
	return redstart.Text(id.Subject + " by " + id.Scheme)
}

// guarded makes an app with a guard around everything.
func guarded(guards ...redstart.Guard) *redstart.App {
	app := quiet(redstart.WithoutRequestID())
	app.Secure(guards...)
	app.Any("/", whoami)
	return app
}

func basicHeader(userPassword string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(userPassword))
}

func ExampleBearer() {
	app := quiet(redstart.WithoutRequestID())
	api := app.Group("/api")
	api.Secure(middleware.Bearer(middleware.KnownKeys(map[string]redstart.Identity{
		"0123456789abcdef": {Subject: "batman", Scopes: []string{"crimes:read"}},
	})))
	api.Get("/me", func(req *redstart.Request) redstart.Response { return redstart.Text(req.Identity().Subject) })
	api.Post("/crimes", whoami, redstart.Secured(middleware.RequireScopes("crimes:write")))

	fmt.Println(send(app, "GET", "/api/me", "", "Authorization: Bearer 0123456789abcdef").Body)
	fmt.Println(send(app, "GET", "/api/me", "").Header().Get("WWW-Authenticate"))
	fmt.Println(send(app, "POST", "/api/crimes", "", "Authorization: Bearer 0123456789abcdef").Body)
	// Output:
	// batman
	// Bearer
	// {"title":"Forbidden","status":403,"detail":"this needs the scope \"crimes:write\""}
}

func ExampleAnyOf() {
	app := quiet(redstart.WithoutRequestID())
	app.Secure(middleware.AnyOf(
		middleware.Bearer(keys(), middleware.BearerOptions{Realm: "Gotham"}),
		middleware.APIKey(middleware.InHeader, "X-API-Key", keys()),
	))
	app.Get("/", whoami)
	fmt.Println(send(app, "GET", "/", "", "X-API-Key: "+robinKey).Body)
	fmt.Println(strings.Join(send(app, "GET", "/", "").Header()["Www-Authenticate"], "\n"))
	// Output:
	// robin by ApiKey
	// Bearer realm="Gotham"
	// ApiKey in="header", name="X-Api-Key"
}

func TestBearer(t *testing.T) {
	o := middleware.BearerOptions{Realm: "Gotham", InsecureQuery: "access_token"}
	encoded := base64.RawURLEncoding.EncodeToString([]byte(robinKey))
	upgrade := []string{"Connection: Upgrade", "Upgrade: websocket"}
	const (
		plain   = `Bearer realm="Gotham"`
		invalid = `Bearer realm="Gotham", error="invalid_token"`
		request = `Bearer realm="Gotham", error="invalid_request", error_description=`
	)
	for _, tc := range []struct {
		name, path string
		header     []string
		status     int
		challenge  string // a part of it
	}{
		{"header", "/", []string{"Authorization: Bearer " + batmanKey}, 200, ""},
		{"any case", "/", []string{"Authorization: bEARER " + batmanKey}, 200, ""},
		{"query", "/?access_token=" + batmanKey, nil, 200, ""},
		{"another query", "/?token=" + batmanKey, nil, 401, plain},
		{"handshake", "/", append(upgrade, "Sec-WebSocket-Protocol: chat, bearer."+encoded), 200, ""},
		{"no handshake", "/", []string{"Sec-WebSocket-Protocol: chat, bearer." + encoded}, 401, plain},
		{"handshake without", "/", append(upgrade, "Sec-WebSocket-Protocol: chat"), 401, plain},
		{"handshake, wrong", "/", append(upgrade, "Sec-WebSocket-Protocol: bearer.YWJj"), 401, invalid},
		{"nothing", "/", nil, 401, plain},
		{"another scheme", "/", []string{basicHeader("a:b")}, 401, plain},
		{"wrong", "/", []string{"Authorization: Bearer joker-0123456789abcdef"}, 401, invalid},
		{"a part", "/", []string{"Authorization: Bearer " + batmanKey[:20]}, 401, invalid},
		{"empty header", "/", []string{"Authorization: "}, 400, request},
		{"no scheme", "/", []string{"Authorization: =" + batmanKey}, 400, request},
		{"the token alone", "/", []string{"Authorization: " + batmanKey}, 401, plain},
		{"no token", "/", []string{"Authorization: Bearer"}, 400, request + `"there is no token"`},
		{"two tokens in one", "/", []string{"Authorization: Bearer " + batmanKey + " " + batmanKey}, 400, request},
		{"a list", "/", []string{"Authorization: Bearer " + batmanKey + "," + batmanKey}, 400, request},
		{"quoted", "/", []string{`Authorization: Bearer "` + batmanKey + `"`}, 400, request},
		{"two headers", "/", []string{"Authorization: Bearer " + batmanKey, "Authorization: Bearer " + batmanKey}, 400, request + `"there are 2 headers Authorization: want one"`},
		{"header and query", "/?access_token=" + batmanKey, []string{"Authorization: Bearer " + batmanKey}, 400, request + `"there are 2 tokens: want one, in one place"`},
		{"query twice", "/?access_token=" + batmanKey + "&access_token=" + batmanKey, nil, 400, request},
		{"empty query", "/?access_token=", nil, 400, request},
		{"too long", "/", []string{"Authorization: Bearer " + strings.Repeat("a", 17<<10)}, 400, request},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD", "POST", "PURGE"} {
				if len(tc.header) > 1 && method != "GET" {
					continue // a handshake is a GET
				}
				reply := send(guarded(middleware.Bearer(keys(), o)), method, tc.path, "", tc.header...)
				assert.Equal(t, tc.status, reply.Code, method)
				if tc.challenge == "" {
					assert.Empty(t, reply.Header()["Www-Authenticate"])
					continue
				}
				require.Len(t, reply.Header()["Www-Authenticate"], 1)
				assert.Contains(t, reply.Header().Get("WWW-Authenticate"), tc.challenge)
				if tc.challenge == plain {
					assert.Equal(t, plain, reply.Header().Get("WWW-Authenticate"))
				}
				assert.Equal(t, "application/problem+json", reply.Header().Get("Content-Type"))
				assert.NotContains(t, reply.Body.String(), batmanKey)
			}
		})
	}
}

func TestVerifyErrors(t *testing.T) {
	for _, tc := range []struct {
		name      string
		id        *redstart.Identity
		err       error
		status    int
		body      string
		challenge string
	}{
		{"nobody", nil, nil, 401, "the credentials were refused", `Bearer error="invalid_token"`},
		{"told", nil, &middleware.CredentialsError{Description: "the token is withdrawn", Err: errors.New("row 7")}, 401, "the token is withdrawn", `Bearer error="invalid_token", error_description="the token is withdrawn"`},
		{"wrapped", nil, fmt.Errorf("verify: %w", &middleware.CredentialsError{Description: "gone"}), 401, `"detail":"gone"`, `Bearer error="invalid_token", error_description="gone"`},
		{"not told", nil, &middleware.CredentialsError{Err: errors.New("row 7")}, 401, "the credentials were refused", `Bearer error="invalid_token"`},
		{"by its status", nil, redstart.Error(401, "row 7"), 401, "the credentials were refused", `Bearer error="invalid_token"`},
		{"forbidden", nil, redstart.Error(403, "you are banned"), 403, "you are banned", ""},
		{"a failure", nil, errors.New("row 7: the database is gone"), 500, `{"title":"Internal Server Error","status":500}`, ""},
		{"busy", nil, redstart.Error(503, "try later"), 503, "try later", ""},
		{"somebody with an error", &redstart.Identity{Subject: "joker"}, errors.New("row 7"), 500, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			auth := middleware.Bearer(func(context.Context, string) (*redstart.Identity, error) { return tc.id, tc.err })
			for _, a := range []*middleware.Auth{auth, auth.Optional()} {
				reply := send(guarded(a), "GET", "/", "", "Authorization: Bearer abc")
				assert.Equal(t, tc.status, reply.Code)
				assert.Contains(t, reply.Body.String(), tc.body)
				assert.Equal(t, tc.challenge, reply.Header().Get("WWW-Authenticate"))
				assert.NotContains(t, reply.Body.String(), "row 7")
			}
		})
	}
}

func TestOptional(t *testing.T) {
	app := guarded(middleware.Bearer(keys()).Optional())
	assert.Equal(t, "nobody", send(app, "GET", "/", "").Body.String())
	assert.Equal(t, "batman by Bearer", send(app, "GET", "/", "", "Authorization: Bearer "+batmanKey).Body.String())
	assert.Equal(t, 401, send(app, "GET", "/", "", "Authorization: Bearer nobody").Code)
	assert.Equal(t, 400, send(app, "GET", "/", "", "Authorization: Bearer a b").Code)
}

func TestAnyOf(t *testing.T) {
	app := guarded(middleware.AnyOf(
		middleware.Basic(middleware.Users(map[string]string{"alfred": sha256Of("tea")})),
		middleware.Bearer(middleware.KnownKeys(map[string]redstart.Identity{batmanKey: {Subject: "batman"}})),
		middleware.Bearer(middleware.KnownKeys(map[string]redstart.Identity{robinKey: {Subject: "robin"}})),
		middleware.APIKey(middleware.InQuery, "key", keys()),
	))
	all := []string{`Basic realm="restricted", charset="UTF-8"`, "Bearer", `ApiKey in="query", name="key"`}
	for _, tc := range []struct {
		name, path string
		header     []string
		status     int
		body       string
		challenges []string
	}{
		{"the first", "/", []string{basicHeader("alfred:tea")}, 200, "alfred by Basic", nil},
		{"the second", "/", []string{"Authorization: Bearer " + batmanKey}, 200, "batman by Bearer", nil},
		{"the same scheme again", "/", []string{"Authorization: Bearer " + robinKey}, 200, "robin by Bearer", nil},
		{"the last", "/?key=" + batmanKey, nil, 200, "batman by ApiKey", nil},
		{"one that is wrong, one that is not", "/?key=" + batmanKey, []string{"Authorization: Bearer wrong"}, 200, "batman by ApiKey", nil},
		{"nothing", "/", nil, 401, "say who you are", all},
		{"one that is wrong", "/", []string{basicHeader("alfred:coffee")}, 401, "the credentials were refused", all},
		{"both are wrong", "/", []string{"Authorization: Bearer wrong"}, 401, "refused", []string{all[0], `Bearer error="invalid_token"`, all[2]}},
		{"malformed counts first", "/?key=wrong", []string{"Authorization: Basic ?"}, 400, "not base64", all},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply := send(app, "GET", tc.path, "", tc.header...)
			assert.Equal(t, tc.status, reply.Code)
			assert.Contains(t, reply.Body.String(), tc.body)
			assert.Equal(t, tc.challenges, reply.Header()["Www-Authenticate"])
		})
	}
}

func TestRequire(t *testing.T) {
	app := quiet(redstart.WithoutRequestID())
	bearer := middleware.AnyOf(middleware.Bearer(keys()), middleware.APIKey(middleware.InHeader, "X-Key", keys()))
	write := redstart.Secured(middleware.RequireScopes("crimes:write", "crimes:read"))
	app.Get("/without", whoami, write)
	strict, lax := app.Group("/strict"), app.Group("/lax")
	strict.Secure(bearer)
	lax.Secure(bearer.Optional())
	for _, g := range []*redstart.Group{strict, lax} {
		g.Get("/scopes", whoami, write)
		g.Get("/rule", whoami, redstart.Secured(middleware.Require(func(id *redstart.Identity) error {
			switch id.Subject {
			case "batman":
				return nil
			case "robin":
				return redstart.Error(418, "only Batman")
			}
			return errors.New("a secret reason")
		})))
	}
	lax.Get("/open", whoami)
	for _, tc := range []struct {
		path, header string
		status       int
		body         string
		challenge    []string
	}{
		{"/strict/scopes", "Authorization: Bearer " + batmanKey, 200, "batman", nil},
		{"/strict/scopes", "Authorization: Bearer " + robinKey, 403, `this needs the scopes \"crimes:write crimes:read\"`, []string{`Bearer error="insufficient_scope", scope="crimes:write crimes:read"`}},
		{"/strict/scopes", "X-Key: " + robinKey, 403, "this needs the scopes", nil},
		{"/strict/scopes", "X-None: x", 401, "say who you are", []string{"Bearer", `ApiKey in="header", name="X-Key"`}},
		{"/lax/scopes", "X-Key: " + batmanKey, 200, "batman", nil},
		{"/lax/scopes", "X-None: x", 401, "say who you are", []string{"Bearer", `ApiKey in="header", name="X-Key"`}},
		{"/lax/open", "X-None: x", 200, "nobody", nil},
		{"/strict/rule", "X-Key: " + batmanKey, 200, "batman", nil},
		{"/strict/rule", "X-Key: " + robinKey, 418, "only Batman", nil},
		{"/lax/rule", "X-None: x", 401, "", []string{"Bearer", `ApiKey in="header", name="X-Key"`}},
		{"/without", "X-Key: " + batmanKey, 500, `{"title":"Internal Server Error","status":500}`, nil},
	} {
		reply := send(app, "GET", tc.path, "", tc.header)
		assert.Equal(t, tc.status, reply.Code, tc.path+tc.header)
		assert.Contains(t, reply.Body.String(), tc.body)
		assert.Equal(t, tc.challenge, reply.Header()["Www-Authenticate"])
		assert.NotContains(t, reply.Body.String(), "a secret reason")
	}
}

func TestAuthPassesEveryReplyOn(t *testing.T) {
	for _, scheme := range []*middleware.Auth{
		middleware.Bearer(keys()), middleware.APIKey(middleware.InHeader, "X-Key", keys()),
	} {
		app := quiet()
		app.Secure(scheme)
		for _, kind := range everyReply(app) {
			reply := send(app, kind.method, kind.path, "", "Authorization: Bearer "+batmanKey, "X-Key: "+batmanKey)
			assert.Equal(t, kind.status, reply.Code, kind.name)
			assert.Equal(t, 401, send(app, kind.method, kind.path, "").Code, kind.name)
		}
	}
}

func TestAuthorizeKnowsWhoAsks(t *testing.T) {
	hub := sse.NewHub(sse.Authorize(func(ctx context.Context, topic string) error {
		if !redstart.IdentityFrom(ctx).Has(topic + ":write") {
			return redstart.Error(403, "not yours")
		}
		return errors.New("yours")
	}))
	app := quiet()
	app.Secure(middleware.Bearer(keys()))
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.SSEResponse(hub.Subscribe("crimes")) })
	assert.Contains(t, send(app, "GET", "/", "", "Authorization: Bearer "+robinKey).Body.String(), "not yours")
	assert.NotContains(t, send(app, "GET", "/", "", "Authorization: Bearer "+batmanKey).Body.String(), "not yours")
}

func TestSecretsAreNotLogged(t *testing.T) {
	app, lines := logged()
	app.Secure(middleware.AnyOf(middleware.Bearer(func(_ context.Context, token string) (*redstart.Identity, error) {
		return nil, &middleware.CredentialsError{Err: errors.New("no such token")}
	}, middleware.BearerOptions{InsecureQuery: "token"}), middleware.Basic(func(context.Context, string, string) (*redstart.Identity, error) {
		return nil, errors.New("the database is gone")
	})))
	app.Get("/", whoami)
	for _, header := range []string{"Authorization: Bearer s3cret", "Authorization: s3cret", "Authorization: Bearer s3cret s3cret", basicHeader("u:s3cret")} {
		send(app, "GET", "/?token=s3cret", "", header)
		send(app, "GET", "/", "", header)
	}
	assert.Len(t, lines.read(t), 8)
	assert.NotContains(t, lines.buf.String(), "s3cret")
	assert.NotContains(t, lines.buf.String(), base64.StdEncoding.EncodeToString([]byte("u:s3cret")))
}

func TestReplyToKeysStayOutOfSharedCaches(t *testing.T) {
	for _, tc := range []struct {
		name   string
		auth   *middleware.Auth
		path   string
		header []string
		vary   string
		cache  string
	}{
		{"header", middleware.APIKey(middleware.InHeader, "x-key", keys()), "/", []string{"X-Key: " + batmanKey}, "X-Key", "private"},
		{"cookie", middleware.APIKey(middleware.InCookie, "key", keys()), "/", []string{"Cookie: key=" + batmanKey}, "Cookie", "private"},
		{"query", middleware.APIKey(middleware.InQuery, "key", keys()), "/?key=" + batmanKey, nil, "", "private"},
		{"bearer", middleware.Bearer(keys()), "/", []string{"Authorization: Bearer " + batmanKey}, "", ""},
		{"bearer in the query", middleware.Bearer(keys(), middleware.BearerOptions{InsecureQuery: "t"}), "/?t=" + batmanKey, nil, "Authorization", "private"},
		{"optional, nobody", middleware.AnyOf(middleware.Bearer(keys()), middleware.APIKey(middleware.InHeader, "X-Key", keys())).Optional(), "/", nil, "Authorization, X-Key", ""},
		{"optional, bearer", middleware.Bearer(keys()).Optional(), "/", []string{"Authorization: Bearer " + batmanKey}, "Authorization", ""},
		{"one of two", middleware.AnyOf(middleware.Bearer(keys()), middleware.APIKey(middleware.InHeader, "X-Key", keys())), "/", []string{"Authorization: Bearer " + batmanKey}, "X-Key", ""},
	} {
		reply := send(guarded(tc.auth), "GET", tc.path, "", tc.header...)
		assert.Equal(t, 200, reply.Code, tc.name)
		assert.Equal(t, tc.vary, strings.Join(reply.Header()["Vary"], ", "), tc.name)
		assert.Equal(t, tc.cache, reply.Header().Get("Cache-Control"), tc.name)
	}
}

func TestAPIKeyFaults(t *testing.T) {
	for _, tc := range []struct {
		name   string
		in     middleware.KeyPlace
		path   string
		header []string
		status int
		body   string
	}{
		{"none", middleware.InHeader, "/", nil, 401, "say who you are"},
		{"empty", middleware.InHeader, "/", []string{"Key: "}, 400, "the API key in the header Key is empty"},
		{"two", middleware.InHeader, "/", []string{"Key: " + batmanKey, "Key: " + batmanKey}, 400, "there are 2 API keys in the header Key: want one"},
		{"wrong", middleware.InHeader, "/", []string{"Key: joker"}, 401, "the credentials were refused"},
		{"long", middleware.InHeader, "/", []string{"Key: " + strings.Repeat("a", 17<<10)}, 400, "has 17408 bytes: want 16384 at most"},
		{"elsewhere", middleware.InHeader, "/?Key=" + batmanKey, nil, 401, ""},
		{"query, two", middleware.InQuery, "/?Key=a&Key=b", nil, 400, "there are 2 API keys in the query parameter Key"},
		{"query, empty", middleware.InQuery, "/?Key", nil, 400, "empty"},
		{"cookie, two", middleware.InCookie, "/", []string{"Cookie: Key=a; Key=b"}, 400, "there are 2 API keys in the cookie Key"},
		{"cookie, wrong", middleware.InCookie, "/", []string{"Cookie: Key=a"}, 401, "refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply := send(guarded(middleware.APIKey(tc.in, "Key", keys())), "GET", tc.path, "", tc.header...)
			assert.Equal(t, tc.status, reply.Code)
			assert.Contains(t, reply.Body.String(), tc.body)
			assert.Equal(t, `ApiKey in="`+string(tc.in)+`", name="Key"`, reply.Header().Get("WWW-Authenticate"))
		})
	}
}

// What a browser sends by itself must not be used by the pages of others.
func TestAmbientCredentialsAreCheckedForTheirOrigin(t *testing.T) {
	users := middleware.Users(map[string]string{"alfred": sha256Of("tea")})
	trusted := []string{"https://wayne.example"}
	for _, scheme := range []struct {
		name              string
		header            string
		auth, loose, open *middleware.Auth
	}{
		{
			"Basic", basicHeader("alfred:tea"), middleware.Basic(users),
			middleware.Basic(users, middleware.BasicOptions{TrustedOrigins: trusted}), middleware.Basic(users, middleware.BasicOptions{InsecureCrossOrigin: true}),
		},
		{
			"APIKey", "Cookie: key=" + batmanKey, middleware.APIKey(middleware.InCookie, "key", keys()),
			middleware.APIKey(middleware.InCookie, "key", keys(), middleware.APIKeyOptions{TrustedOrigins: trusted}),
			middleware.APIKey(middleware.InCookie, "key", keys(), middleware.APIKeyOptions{InsecureCrossOrigin: true}),
		},
	} {
		for _, tc := range []struct {
			name   string
			method string
			header []string
			want   [3]int // strict, with a trusted origin, insecure
		}{
			{"no browser", "POST", nil, [3]int{200, 200, 200}},
			{"same origin", "POST", []string{"Sec-Fetch-Site: same-origin"}, [3]int{200, 200, 200}},
			{"cross site", "POST", []string{"Sec-Fetch-Site: cross-site"}, [3]int{403, 403, 200}},
			{"cross site, trusted", "POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://wayne.example"}, [3]int{403, 200, 200}},
			{"cross site, reads", "GET", []string{"Sec-Fetch-Site: cross-site"}, [3]int{200, 200, 200}},
			{"handshake", "GET", []string{"Upgrade: websocket", "Origin: https://evil.example"}, [3]int{403, 403, 200}},
			{"own handshake", "GET", []string{"Upgrade: websocket", "Origin: http://example.com"}, [3]int{200, 200, 200}},
			{"handshake over HTTP/2", "CONNECT", []string{":protocol: websocket", "Origin: https://evil.example"}, [3]int{403, 403, 200}},
		} {
			for i, auth := range []*middleware.Auth{scheme.auth, scheme.loose, scheme.open} {
				reply := send(guarded(auth), tc.method, "/", "", append(tc.header, scheme.header)...)
				assert.Equal(t, tc.want[i], reply.Code, "%s, %s, %d", scheme.name, tc.name, i)
			}
		}
	}
}

func TestSecurityIsDescribed(t *testing.T) {
	s := middleware.AnyOf(middleware.Bearer(keys()), middleware.Basic(middleware.Users(nil)), middleware.APIKey(middleware.InCookie, "k", keys()), middleware.SessionAuth(nil)).Optional().Security()
	assert.True(t, s.Optional)
	assert.Equal(t, []redstart.SecurityScheme{
		{Name: "bearer", Type: "http", Scheme: "bearer"}, {Name: "basic", Type: "http", Scheme: "basic"},
		{Name: "apiKey", Type: "apiKey", In: "cookie", Param: "k"}, {Name: "session", Type: "apiKey", In: "cookie", Param: "session"},
	}, s.Schemes)
	assert.Equal(t, []string{"a", "b"}, middleware.RequireScopes("a", "b").Scopes)
	var guards bytes.Buffer
	app := guarded(middleware.Bearer(keys()), middleware.RequireScopes("a"))
	for _, r := range app.Routes() {
		fmt.Fprintf(&guards, "%d %s %v", len(r.Security), r.Security[0].Schemes[0].Name, r.Security[1].Scopes)
	}
	assert.Equal(t, "2 bearer [a]", guards.String())
}

func TestAuthPanicsWhenMisconfigured(t *testing.T) {
	for want, f := range map[string]func(){
		"Bearer: the verify function is nil":                          func() { middleware.Bearer(nil) },
		"Basic: the verify function is nil":                           func() { middleware.Basic(nil) },
		"APIKey: the verify function is nil":                          func() { middleware.APIKey(middleware.InHeader, "X", nil) },
		`APIKey: a key in "body": want InHeader, InCookie or InQuery`: func() { middleware.APIKey("body", "X", keys()) },
		"APIKey: name":       func() { middleware.APIKey(middleware.InHeader, "a b", keys()) },
		`APIKey: name "a b"`: func() { middleware.APIKey(middleware.InCookie, "a b", keys()) },
		"the name of the query parameter is empty":                            func() { middleware.APIKey(middleware.InQuery, "", keys()) },
		"AnyOf: there is no scheme":                                           func() { middleware.AnyOf() },
		"AnyOf: scheme 1 of 1 is nil":                                         func() { middleware.AnyOf(nil) },
		"write AnyOf(...).Optional()":                                         func() { middleware.AnyOf(middleware.Bearer(keys()).Optional()) },
		"RequireScopes: there is no scope":                                    func() { middleware.RequireScopes() },
		`RequireScopes: "a b" is not a scope`:                                 func() { middleware.RequireScopes("a b") },
		"Require: the rule is nil":                                            func() { middleware.Require(nil) },
		`KnownKeys: the key of "batman" has 3 bytes: want 16 or more`:         func() { middleware.KnownKeys(map[string]redstart.Identity{"key": {Subject: "batman"}}) },
		`Users: the hash of "batman" is neither`:                              func() { middleware.Users(map[string]string{"batman": "secret"}) },
		`Users: the hash of "robin" is not sha256: and 64 hexadecimal digits`: func() { middleware.Users(map[string]string{"robin": "sha256:secret"}) },
		"Basic: TrustedOrigins: invalid origin": func() {
			middleware.Basic(middleware.Users(nil), middleware.BasicOptions{TrustedOrigins: []string{"x"}})
		},
		"TrustedOrigins have no effect together with InsecureCrossOrigin": func() {
			middleware.Basic(middleware.Users(nil), middleware.BasicOptions{TrustedOrigins: []string{"https://x"}, InsecureCrossOrigin: true})
		},
		`SessionAuth: LoginPage "https://evil.example": want a path on this`: func() { middleware.SessionAuth(nil, middleware.SessionAuthOptions{LoginPage: "https://evil.example"}) },
		"Bearer: 2 options were given":                                       func() { middleware.Bearer(keys(), middleware.BearerOptions{}, middleware.BearerOptions{}) },
		"JWT: there is no key: want Keys, a KeySet or a KeySetFile":          func() { middleware.JWT(middleware.JWTOptions{}) },
		"JWT: key 1 of 1: the secret has 3 bytes":                            func() { middleware.JWT(middleware.JWTOptions{Keys: []middleware.JWTKey{{Key: []byte("abc")}}}) },
		"JWT: KeySet: the key set is no JSON":                                func() { middleware.JWT(middleware.JWTOptions{KeySet: []byte("abc")}) },
		"JWT: KeySetFile: open /nowhere":                                     func() { middleware.JWT(middleware.JWTOptions{KeySetFile: "/nowhere"}) },
		"JWT: an entry of Audience is empty":                                 func() { middleware.JWT(middleware.JWTOptions{Keys: hmacKeys, Audience: []string{""}}) },
		"JWT: a Leeway of -1ns":                                              func() { middleware.JWT(middleware.JWTOptions{Keys: hmacKeys, Leeway: -1}) },
		"Session: there is no key":                                           func() { middleware.Session(middleware.SessionOptions{}) },
		"Session: key 1 of 1 has 3 bytes":                                    func() { middleware.Session(middleware.SessionOptions{Keys: [][]byte{[]byte("abc")}}) },
		"Session: a Store leaves nothing to Seal": func() {
			middleware.Session(middleware.SessionOptions{Store: middleware.NewMemorySessions(0, 0), Seal: true})
		},
		"Session: a HostPrefix is for a cookie of this host as a whole": func() { middleware.Session(middleware.SessionOptions{Keys: sessionKeys, HostPrefix: true, Path: "/a"}) },
		`Session: the cookie "a b"`:                                     func() { middleware.Session(middleware.SessionOptions{Keys: sessionKeys, Name: "a b"}) },
		"Session: a MaxAge of -1s: want whole seconds, above zero":      func() { middleware.Session(middleware.SessionOptions{Keys: sessionKeys, MaxAge: -1e9}) },
		"Session: an Idle of 48h0m0s has no effect, since every session ends after its MaxAge of 24h0m0s": func() {
			middleware.Session(middleware.SessionOptions{Keys: sessionKeys, Idle: 48 * time.Hour})
		},
		"Session: an Idle of 1h0m0s has no effect": func() {
			middleware.Session(middleware.SessionOptions{Keys: sessionKeys, Idle: time.Hour, MaxAge: time.Hour})
		},
		"Session: a Wait is for a Store, and there is none":            func() { middleware.Session(middleware.SessionOptions{Keys: sessionKeys, Wait: time.Second}) },
		"Session: key 1 of 1 is nothing but zeros":                     func() { middleware.Session(middleware.SessionOptions{Keys: [][]byte{make([]byte, 32)}}) },
		`Session: the cookie "session": http: invalid Cookie.Domain`:   func() { middleware.Session(middleware.SessionOptions{Keys: sessionKeys, Domain: "gotham city"}) },
		`Session: the cookie "__Secure-s": browsers ignore the prefix`: func() { middleware.Session(middleware.SessionOptions{Keys: sessionKeys, Name: "__Secure-s"}) },
		`Session: the cookie "__Host-s": browsers ignore the prefix`:   func() { middleware.Session(middleware.SessionOptions{Keys: sessionKeys, Name: "__Host-s"}) },
		"Session: an Idle of 1ms: want whole seconds":                  func() { middleware.Session(middleware.SessionOptions{Keys: sessionKeys, Idle: 1e6}) },
		"Session: TrustedOrigins: invalid origin": func() {
			middleware.Session(middleware.SessionOptions{Keys: sessionKeys, TrustedOrigins: []string{"x"}})
		},
		"NewMemorySessions(-1, 0): want how many sessions and bytes may be kept": func() { middleware.NewMemorySessions(-1, 0) },
	} {
		message := refused(t, f)
		assert.Contains(t, message, want)
		assert.True(t, strings.HasPrefix(message, "middleware: "), message)
		assert.NotContains(t, message, "secret\"")
	}
	assert.NotPanics(t, func() {
		middleware.Session(middleware.SessionOptions{Keys: sessionKeys, Name: "__Secure-s", Secure: true})
	})
	var none *middleware.Auth
	assert.Contains(t, refused(t, func() { quiet().Secure(none) }), "guard 1 of 1")
}

func TestAuthOnAMountedHandler(t *testing.T) {
	app := quiet()
	app.Secure(middleware.Bearer(keys()))
	app.Mount("/old", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, redstart.IdentityFrom(r.Context()).Subject)
	}))
	assert.Equal(t, "robin", send(app, "GET", "/old/x", "", "Authorization: Bearer "+robinKey).Body.String())
	assert.Equal(t, 401, send(app, "GET", "/old/x", "").Code)
}

func ExampleAPIKey() {
	app := quiet(redstart.WithoutRequestID())
	app.Secure(middleware.APIKey(middleware.InHeader, "X-API-Key", middleware.KnownKeys(map[string]redstart.Identity{
		"0123456789abcdef": {Subject: "the batcomputer"},
	})))
	app.Get("/", whoami)
	fmt.Println(send(app, "GET", "/", "", "X-API-Key: 0123456789abcdef").Body)
	fmt.Println(send(app, "GET", "/", "", "X-API-Key: fedcba9876543210").Code)
	// Output:
	// the batcomputer by ApiKey
	// 401
}

func ExampleRequire() {
	app := quiet(redstart.WithoutRequestID())
	app.Secure(middleware.Bearer(keys()))
	app.Get("/cave", whoami, redstart.Secured(middleware.Require(func(id *redstart.Identity) error {
		if id.Subject != "batman" {
			return redstart.Errorf(403, "%s has to wait outside", id.Subject)
		}
		return nil
	})))
	fmt.Println(send(app, "GET", "/cave", "", "Authorization: Bearer "+batmanKey).Body)
	fmt.Println(send(app, "GET", "/cave", "", "Authorization: Bearer "+robinKey).Body)
	// Output:
	// batman by Bearer
	// {"title":"Forbidden","status":403,"detail":"robin has to wait outside"}
}
