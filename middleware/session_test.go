package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

var sessionKeys = [][]byte{bytes.Repeat([]byte("s"), 32)}

// browser keeps the cookies of one host.
type browser struct {
	app     http.Handler
	cookies map[string]*http.Cookie
	tls     bool
}

func newBrowser(app http.Handler) *browser {
	return &browser{app: app, cookies: map[string]*http.Cookie{}}
}

func (b *browser) send(method, path string, header ...string) *httptest.ResponseRecorder {
	for _, c := range b.cookies {
		header = append(header, "Cookie: "+c.Name+"="+c.Value)
	}
	if b.tls {
		path = "https://example.com" + path
	}
	reply := send(b.app, method, path, "", header...)
	for _, c := range reply.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c
		}
	}
	return reply
}

func (b *browser) get(path string) string { return b.send("GET", path).Body.String() }

// visits is an app that counts how often a browser comes, and more.
func visits(o middleware.SessionOptions, mw ...redstart.Middleware) *redstart.App {
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.Session(o))
	app.Use(mw...)
	count := func(req *redstart.Request) (n int) {
		req.Session().Get("visits", &n)
		req.Session().Set("visits", n+1)
		return n + 1
	}
	app.Get("/", func(req *redstart.Request) redstart.Response { return redstart.Text(fmt.Sprint(count(req))) })
	app.Post("/", func(req *redstart.Request) redstart.Response { return redstart.Text(fmt.Sprint(count(req))) })
	app.Get("/look", func(req *redstart.Request) redstart.Response {
		return redstart.Text(fmt.Sprint(req.Session().Keys()))
	})
	app.Get("/nothing", func(*redstart.Request) redstart.Response { return redstart.Text("nothing") })
	app.Get("/id", func(req *redstart.Request) redstart.Response { return redstart.Text(req.Session().ID()) })
	app.Get("/renew", func(req *redstart.Request) redstart.Response {
		req.Session().Renew()
		return redstart.Text(req.Session().ID())
	})
	app.Get("/clear", func(req *redstart.Request) redstart.Response { req.Session().Clear(); return redstart.NoContent() })
	app.Get("/large", func(req *redstart.Request) redstart.Response {
		n, _ := req.QueryInt("n", 5000)
		req.Session().Set("large", strings.Repeat("x", n))
		return redstart.Text("kept")
	})
	app.Get("/error", func(req *redstart.Request) redstart.Response {
		count(req)
		return redstart.Fail(redstart.Error(409, "taken"))
	})
	app.Get("/panic", func(req *redstart.Request) redstart.Response { count(req); panic("the Joker") })
	app.Get("/events", func(req *redstart.Request) redstart.Response {
		s := req.Session()
		count(req)
		return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) {
			s.Set("late", 1)
			yield(sse.Text("one"))
		})
	})
	app.Get("/stream", func(req *redstart.Request) redstart.Response {
		count(req)
		return redstart.Stream("text/csv", func(yield func(string) bool) { yield("a,b\n") })
	})
	app.Get("/public", func(req *redstart.Request) redstart.Response {
		count(req)
		return redstart.Text("").With("Cache-Control", "public, max-age=60, s-maxage=600")
	})
	app.Get("/no-store", func(req *redstart.Request) redstart.Response {
		count(req)
		return redstart.Text("").With("Cache-Control", "no-store")
	})
	return app
}

// kinds are the ways to keep sessions.
func kinds() map[string]func() middleware.SessionOptions {
	return map[string]func() middleware.SessionOptions{
		"signed": func() middleware.SessionOptions { return middleware.SessionOptions{Keys: sessionKeys} },
		"sealed": func() middleware.SessionOptions { return middleware.SessionOptions{Keys: sessionKeys, Seal: true} },
		"stored": func() middleware.SessionOptions {
			return middleware.SessionOptions{Store: middleware.NewMemorySessions(0, 0)}
		},
		"stored, signed": func() middleware.SessionOptions {
			return middleware.SessionOptions{Keys: sessionKeys, Store: middleware.NewMemorySessions(0, 0)}
		},
	}
}

func everyKind(t *testing.T, f func(t *testing.T, o middleware.SessionOptions)) {
	t.Helper()
	for name, o := range kinds() {
		t.Run(name, func(t *testing.T) { f(t, o()) })
	}
}

func ExampleSession() {
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.Session(middleware.SessionOptions{Keys: [][]byte{[]byte("32 or more random bytes, kept secret")}}))
	app.Post("/crimes", func(req *redstart.Request) redstart.Response {
		req.Session().Flash("success", "The crime was reported.")
		return redstart.Redirect("/crimes")
	})
	app.Get("/crimes", func(req *redstart.Request) redstart.Response {
		return redstart.JSON(req.Session().Flashes())
	})
	b := newBrowser(app)
	fmt.Println(b.send("POST", "/crimes").Code)
	fmt.Println(b.get("/crimes"))
	fmt.Println(b.get("/crimes"))
	// Output:
	// 303
	// [{"kind":"success","text":"The crime was reported."}]
	// []
}

func TestSessionIsKept(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		b, other := newBrowser(visits(o)), newBrowser(nil)
		other.app = b.app
		assert.Equal(t, "1", b.get("/"))
		assert.Equal(t, "2", b.get("/"))
		assert.Equal(t, "1", other.get("/"))
		assert.Equal(t, "3", b.get("/"))
		assert.Equal(t, "[visits]", b.get("/look"))
		b.get("/clear")
		assert.Empty(t, b.cookies)
		assert.Equal(t, "1", b.get("/"))
	})
}

func TestSessionIsKeptOnEveryReply(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		for _, tc := range []struct {
			method, path string
			status       int
		}{
			{"GET", "/", 200}, {"HEAD", "/", 200}, {"POST", "/", 200}, {"GET", "/error", 409}, {"GET", "/panic", 500},
			{"GET", "/events", 200}, {"GET", "/stream", 200}, {"HEAD", "/stream", 200},
		} {
			b := newBrowser(visits(o))
			reply := b.send(tc.method, tc.path)
			assert.Equal(t, tc.status, reply.Code, tc.path)
			require.Len(t, reply.Header()["Set-Cookie"], 1, tc.path)
			assert.Equal(t, "2", b.get("/"), tc.path)
		}
	})
}

func TestSessionPassesEveryReplyOn(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		app := quiet()
		app.Use(middleware.Session(o))
		for _, kind := range everyReply(app) {
			reply := send(app, kind.method, kind.path, "")
			assert.Equal(t, kind.status, reply.Code, kind.name)
			assert.Empty(t, reply.Header()["Set-Cookie"])
			assert.NotContains(t, reply.Header()["Vary"], "Cookie")
		}
	})
}

func TestSessionIsWrittenOnlyWhenChanged(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		app := visits(o)
		app.Get("/same", func(req *redstart.Request) redstart.Response {
			req.Session().Set("visits", 1)
			req.Session().Delete("missing")
			return redstart.NoContent()
		})
		b := newBrowser(app)
		for _, path := range []string{"/nothing", "/look", "/clear", "/id"} {
			assert.Empty(t, b.send("GET", path).Header()["Set-Cookie"], "a new session, "+path)
		}
		b.get("/")
		for _, path := range []string{"/nothing", "/look", "/same", "/id"} {
			assert.Empty(t, b.send("GET", path).Header()["Set-Cookie"], path)
		}
	})
}

func TestSessionCookie(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    middleware.SessionOptions
		tls  bool
		want string // behind the value
	}{
		{"plain", middleware.SessionOptions{}, false, "session=V; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"},
		{"HTTPS", middleware.SessionOptions{}, true, "session=V; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax"},
		{"always", middleware.SessionOptions{Secure: true}, false, "session=V; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax"},
		{"this host", middleware.SessionOptions{HostPrefix: true, Name: "s"}, false, "__Host-s=V; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax"},
		{"strict", middleware.SessionOptions{SameSite: http.SameSiteStrictMode}, false, "session=V; Path=/; Max-Age=86400; HttpOnly; SameSite=Strict"},
		{"none", middleware.SessionOptions{SameSite: http.SameSiteNoneMode}, false, "session=V; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=None"},
		{"elsewhere", middleware.SessionOptions{Path: "/a", Domain: "gotham.city", MaxAge: time.Hour}, false, "session=V; Path=/a; Domain=gotham.city; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{"idle", middleware.SessionOptions{Idle: time.Minute}, false, "session=V; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.o.Keys = sessionKeys
				b := newBrowser(visits(tc.o))
				b.tls = tc.tls
				reply := b.send("GET", "/")
				require.Len(t, reply.Header()["Set-Cookie"], 1)
				line := reply.Header().Get("Set-Cookie")
				name, rest, _ := strings.Cut(line, "=")
				_, attributes, _ := strings.Cut(rest, ";")
				assert.Equal(t, tc.want, name+"=V;"+attributes)
				assert.Contains(t, b.send("GET", "/clear").Header().Get("Set-Cookie"), name+"=; Path="+b.path(tc.o)+";")
			})
		})
	}
}

func (b *browser) path(o middleware.SessionOptions) string {
	if o.Path == "" {
		return "/"
	}
	return o.Path
}

func TestSessionCaching(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		b := newBrowser(visits(o))
		b.get("/")
		for _, tc := range []struct{ path, vary, cache string }{
			{"/nothing", "", ""},
			{"/look", "Cookie", "private"},
			{"/", "Cookie", "private"},
			{"/public", "Cookie", "max-age=60, private"},
			{"/no-store", "Cookie", "no-store"},
			{"/events", "Cookie", "no-cache, no-transform, private"},
		} {
			reply := b.send("GET", tc.path)
			assert.Equal(t, tc.vary, reply.Header().Get("Vary"), tc.path)
			assert.Equal(t, tc.cache, reply.Header().Get("Cache-Control"), tc.path)
		}
	})
}

func TestBrokenSessionIsEmpty(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		b := newBrowser(visits(o))
		b.get("/")
		good := b.cookies["session"].Value
		try := func(value string) string {
			return send(b.app, "GET", "/look", "", "Cookie: session="+value).Body.String()
		}
		require.Equal(t, "[visits]", try(good))
		for i := range good {
			for _, c := range []byte{good[i] ^ 1, 'A', '.'} {
				if c != good[i] {
					assert.Equal(t, "[]", try(good[:i]+string(c)+good[i+1:]), "byte %d as %q", i, c)
				}
			}
			assert.Equal(t, "[]", try(good[:i]), "cut at %d", i)
		}
		for _, value := range []string{"", good + "A", good + ".", good + good, "e30.e30", strings.Repeat("A", 43), strings.Repeat("A", 10_000), `"` + good[1:]} {
			assert.Equal(t, "[]", try(value), "%.20q", value)
		}
		// One that is broken is replaced when there is something to keep.
		assert.Equal(t, "1", send(b.app, "GET", "/", "", "Cookie: session=broken").Body.String())
		// Of several, as a neighbour under the same domain may add one, the first good one.
		assert.Equal(t, "[visits]", send(b.app, "GET", "/look", "", "Cookie: session=x; session="+good).Body.String())
		assert.Equal(t, "[]", send(b.app, "GET", "/look", "", "Cookie: "+strings.Repeat("session=x; ", 4)+"session="+good).Body.String())
	})
}

func TestSessionKeysAreReplaced(t *testing.T) {
	one, two := bytes.Repeat([]byte("1"), 32), bytes.Repeat([]byte("2"), 32)
	for _, seal := range []bool{false, true} {
		with := func(keys ...[]byte) http.Handler {
			return visits(middleware.SessionOptions{Keys: keys, Seal: seal})
		}
		b := newBrowser(with(one))
		b.get("/")
		b.app = with(two, one)
		assert.Equal(t, "2", b.get("/"), "written anew with the first")
		b.app = with(two)
		assert.Equal(t, "3", b.get("/"))
		b.app = with(one)
		assert.Equal(t, "1", b.get("/"), "an unknown key")
		b.app = visits(middleware.SessionOptions{Keys: [][]byte{one}, Seal: !seal})
		assert.Equal(t, "1", b.get("/"), "sealed for signed, and the other way round")
		b.cookies["other"] = &http.Cookie{Name: "other", Value: b.cookies["session"].Value}
		b.app = visits(middleware.SessionOptions{Keys: [][]byte{one}, Seal: !seal, Name: "other"})
		assert.Equal(t, "1", b.get("/"), "another cookie's value")
	}
}

func TestSessionEnds(t *testing.T) {
	for name, o := range kinds() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := o()
				options.MaxAge = time.Hour
				b := newBrowser(visits(options))
				b.get("/")
				time.Sleep(59 * time.Minute)
				assert.Equal(t, "2", b.get("/"))
				assert.LessOrEqual(t, b.cookies["session"].MaxAge, 60, "using it makes it last no longer")
				time.Sleep(time.Minute)
				assert.Equal(t, "1", b.get("/"))

				options = o()
				options.MaxAge, options.Idle = time.Hour, 10*time.Minute
				b = newBrowser(visits(options))
				b.get("/")
				assert.Empty(t, b.send("GET", "/look").Header()["Set-Cookie"])
				for range 6 {
					time.Sleep(9 * time.Minute)
					reply := b.send("GET", "/look")
					assert.Equal(t, "[visits]", reply.Body.String())
					assert.Len(t, reply.Header()["Set-Cookie"], 1, "it was used")
				}
				time.Sleep(6 * time.Minute)
				assert.Equal(t, "[]", b.get("/look"), "all ends")
				b.get("/")
				time.Sleep(10 * time.Minute)
				assert.Equal(t, "[]", b.get("/look"), "it was not used")
			})
		})
	}
}

func TestSessionTooLarge(t *testing.T) {
	for _, seal := range []bool{false, true} {
		b := newBrowser(visits(middleware.SessionOptions{Keys: sessionKeys, Seal: seal}))
		b.get("/")
		reply := b.send("GET", "/large")
		assert.Equal(t, 500, reply.Code)
		assert.Regexp(t, `the session's cookie has \d{4} bytes, and browsers keep no more than 4093: keep less in the session, or use a Store`, reply.Body.String())
		assert.Empty(t, reply.Header()["Set-Cookie"])
		assert.Equal(t, "[visits]", b.get("/look"), "it is as it was")
		// The largest that there can be, to the byte.
		largest := 0
		for n := 2700; n < 3100; n++ {
			if line := newBrowser(b.app).send("GET", fmt.Sprint("/large?n=", n)).Header().Get("Set-Cookie"); line != "" {
				largest = max(largest, len(line))
			}
		}
		assert.LessOrEqual(t, largest, middleware.MaxSessionCookie)
		assert.Greater(t, largest, middleware.MaxSessionCookie-4)
	}
	b := newBrowser(visits(middleware.SessionOptions{Store: middleware.NewMemorySessions(0, 0)}))
	assert.Equal(t, 200, b.send("GET", "/large").Code)
	assert.Equal(t, 503, newBrowser(visits(middleware.SessionOptions{Store: middleware.NewMemorySessions(0, 1000)})).send("GET", "/large").Code)
}

func TestSessionValues(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		type cart struct {
			Items []string `json:"items"`
			Since time.Time
		}
		want := cart{[]string{"<batarang> & 绳"}, time.Now().UTC()}
		app := quiet()
		app.Use(middleware.Session(o))
		app.Get("/set", func(req *redstart.Request) redstart.Response {
			s := req.Session()
			s.Set("cart", want)
			s.Set("name", "Robin")
			s.Set("number", 9007199254740993)
			s.Set("gone", true)
			s.Delete("gone", "missing")
			s.Flash("error", "one")
			s.Flash("", "two")
			return redstart.NoContent()
		})
		app.Get("/get", func(req *redstart.Request) redstart.Response {
			s := req.Session()
			var got cart
			var number int64
			assert.True(t, s.Get("cart", &got))
			assert.Equal(t, want, got)
			assert.Equal(t, "Robin", s.Text("name"))
			assert.True(t, s.Get("number", &number))
			assert.EqualValues(t, 9007199254740993, number)
			assert.False(t, s.Get("name", &number), "it is no number")
			assert.False(t, s.Get("missing", &number))
			assert.Empty(t, s.Text("number"))
			assert.Equal(t, []string{"cart", "name", "number"}, s.Keys())
			assert.Equal(t, []redstart.Flash{{Kind: "error", Text: "one"}, {Text: "two"}}, s.Flashes())
			assert.Empty(t, s.Flashes())
			assert.True(t, s.Take("name", new(string)))
			assert.False(t, s.Take("name", new(string)))
			return redstart.NoContent()
		})
		redstart.Get(app, "/again", redstart.Action(func(ctx context.Context) error {
			s := redstart.SessionFrom(ctx)
			assert.Equal(t, []string{"cart", "number"}, s.Keys())
			assert.Empty(t, s.Flashes())
			return nil
		}))
		b := newBrowser(app)
		for _, path := range []string{"/set", "/get", "/again"} {
			require.Equal(t, 204, b.send("GET", path).Code)
		}
		app.Get("/unfit", func(req *redstart.Request) redstart.Response {
			req.Session().Set("f", func() {})
			return redstart.Text("fine")
		})
		assert.Equal(t, 500, b.send("GET", "/unfit").Code)
		assert.Equal(t, 204, b.send("GET", "/again").Code)
	})
}

func TestSessionID(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		b := newBrowser(visits(o))
		b.get("/")
		before, id := b.cookies["session"].Value, b.get("/id")
		assert.GreaterOrEqual(t, len(id), 26)
		assert.Equal(t, id, b.get("/id"))
		b.get("/")
		assert.Equal(t, id, b.get("/id"), "a change is no new session")
		assert.NotContains(t, before, id, "it cannot be used to get in")
		renewed := b.get("/renew")
		assert.NotEqual(t, id, renewed)
		assert.Equal(t, renewed, b.get("/id"))
		assert.Equal(t, "3", b.get("/"), "the values stay")
		if o.Store != nil {
			assert.Equal(t, "[]", send(b.app, "GET", "/look", "", "Cookie: session="+before).Body.String(), "the old one is worth nothing")
			assert.Equal(t, 1, o.Store.(*middleware.MemorySessions).Len())
			b.get("/clear")
			assert.Zero(t, o.Store.(*middleware.MemorySessions).Len())
		}
	})
}

func TestSessionIsChangedTooLate(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		app, lines := logged()
		app.Use(middleware.Session(o), middleware.Timeout(time.Hour))
		app.Get("/", func(req *redstart.Request) redstart.Response {
			s := req.Session()
			s.Set("early", 1)
			return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) {
				s.Set("late", 1)
				yield(sse.Text(fmt.Sprint(s.Keys())))
			})
		})
		app.Get("/look", func(req *redstart.Request) redstart.Response {
			return redstart.Text(fmt.Sprint(req.Session().Keys()))
		})
		b := newBrowser(app)
		assert.Contains(t, b.get("/"), "[early late]")
		assert.Equal(t, "[early]", b.get("/look"))
		var warnings []any
		for _, line := range lines.read(t) {
			if line["level"] == "warn" {
				warnings = append(warnings, line["message"])
			}
		}
		assert.Equal(t, []any{"the session was changed after the response was returned, which is too late: Set late"}, warnings)
	})
}

func TestAHandlerThatIsGivenUpLeavesTheSession(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		app := quiet()
		release, ended := make(chan struct{}), make(chan struct{})
		app.Use(middleware.Session(o), middleware.Timeout(time.Millisecond))
		app.Get("/slow", func(req *redstart.Request) redstart.Response {
			defer close(ended)
			req.Session().Set("slow", 1)
			<-release
			req.Session().Set("slower", 1)
			return redstart.NoContent()
		})
		reply := send(app, "GET", "/slow", "")
		assert.Equal(t, 503, reply.Code)
		assert.Empty(t, reply.Header()["Set-Cookie"])
		close(release)
		<-ended
	})
}

func TestCookiesAreCheckedForTheirOrigin(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		loose, insecure := o, o
		loose.TrustedOrigins, insecure.InsecureCrossOrigin = []string{"https://wayne.example"}, true
		strict := visits(o)
		b := newBrowser(strict)
		b.get("/")
		for _, tc := range []struct {
			name, method string
			cookie       bool
			header       []string
			want         [3]int // strict, with a trusted origin, insecure
		}{
			{"no browser", "POST", true, nil, [3]int{200, 200, 200}},
			{"same origin", "POST", true, []string{"Sec-Fetch-Site: same-origin"}, [3]int{200, 200, 200}},
			{"cross site", "POST", true, []string{"Sec-Fetch-Site: cross-site"}, [3]int{403, 403, 200}},
			{"same site", "POST", true, []string{"Sec-Fetch-Site: same-site"}, [3]int{403, 403, 200}},
			{"old browser", "POST", true, []string{"Origin: https://evil.example"}, [3]int{403, 403, 200}},
			{"trusted", "POST", true, []string{"Sec-Fetch-Site: cross-site", "Origin: https://wayne.example"}, [3]int{403, 200, 200}},
			{"without a session", "POST", false, []string{"Sec-Fetch-Site: cross-site"}, [3]int{200, 200, 200}},
			{"a link", "GET", true, []string{"Sec-Fetch-Site: cross-site"}, [3]int{200, 200, 200}},
			{"handshake", "GET", true, []string{"Upgrade: WebSocket", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, [3]int{403, 403, 200}},
			{"old handshake", "GET", true, []string{"Upgrade: h2c, websocket", "Origin: https://evil.example"}, [3]int{403, 403, 200}},
			{"sandboxed handshake", "GET", true, []string{"Upgrade: websocket", "Origin: null"}, [3]int{403, 403, 200}},
			{"trusted handshake", "GET", true, []string{"Upgrade: websocket", "Origin: https://wayne.example"}, [3]int{403, 200, 200}},
			{"own handshake", "GET", true, []string{"Upgrade: websocket", "Origin: http://example.com"}, [3]int{200, 200, 200}},
			{"handshake of a program", "GET", true, []string{"Upgrade: websocket"}, [3]int{200, 200, 200}},
			{"handshake without a session", "GET", false, []string{"Upgrade: websocket", "Origin: https://evil.example"}, [3]int{200, 200, 200}},
		} {
			for i, app := range []http.Handler{strict, visits(loose), visits(insecure)} {
				header := tc.header
				if tc.cookie {
					header = append(header, "Cookie: session="+b.cookies["session"].Value)
				}
				reply := send(app, tc.method, "/", "", header...)
				assert.Equal(t, tc.want[i], reply.Code, "%s, %d", tc.name, i)
				if reply.Code == 403 {
					assert.Contains(t, reply.Body.String(), "a page of another origin may not do this")
				}
			}
		}
	})
}

// Requests at the same time, of one session and within one request.
func TestSessionFromManyGoroutines(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		app := visits(o)
		app.Get("/many", func(req *redstart.Request) redstart.Response {
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					req.Session().Set(fmt.Sprint("key", i), i)
					req.Session().Keys()
					req.Session().Flash("", "x")
				})
			}
			wg.Wait()
			return redstart.Text(fmt.Sprint(len(req.Session().Keys())))
		})
		b := newBrowser(app)
		b.get("/")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				reply := send(app, "GET", "/many", "", "Cookie: session="+b.cookies["session"].Value)
				assert.Equal(t, "9", reply.Body.String())
			})
		}
		wg.Wait()
	})
}

// failing is a store that fails at one of its methods.
type failing struct {
	middleware.SessionStore
	load, create, update, remove error
}

func (f *failing) Load(ctx context.Context, key string) ([]byte, error) {
	if f.load != nil {
		return nil, f.load
	}
	return f.SessionStore.Load(ctx, key)
}

func (f *failing) Create(ctx context.Context, key string, data []byte, ends time.Time) error {
	if f.create != nil {
		return f.create
	}
	return f.SessionStore.Create(ctx, key, data, ends)
}

func (f *failing) Update(ctx context.Context, key string, data []byte, ends time.Time) (bool, error) {
	if f.update != nil {
		return false, f.update
	}
	return f.SessionStore.Update(ctx, key, data, ends)
}

func (f *failing) Delete(ctx context.Context, key string) (bool, error) {
	if f.remove != nil {
		return false, f.remove
	}
	return f.SessionStore.Delete(ctx, key)
}

func TestSessionStoreFails(t *testing.T) {
	gone := errors.New("the database is gone")
	store := &failing{SessionStore: middleware.NewMemorySessions(0, 0)}
	b := newBrowser(visits(middleware.SessionOptions{Store: store}))
	b.get("/")
	for _, tc := range []struct {
		name   string
		set    *error
		path   string
		cookie bool
		want   int
	}{
		{"reading", &store.load, "/nothing", true, 503},
		{"reading without a cookie", &store.load, "/nothing", false, 200},
		{"creating", &store.create, "/", false, 503},
		{"changing", &store.update, "/", true, 503},
		{"changing nothing", &store.update, "/look", true, 200},
		{"ending", &store.remove, "/clear", true, 503},
		{"renewing, the old one", &store.remove, "/renew", true, 503},
		{"renewing, the new one", &store.create, "/renew", true, 503},
	} {
		t.Run(tc.name, func(t *testing.T) {
			*tc.set = gone
			defer func() { *tc.set = nil }()
			var header []string
			if tc.cookie {
				header = []string{"Cookie: session=" + b.cookies["session"].Value}
			}
			reply := send(b.app, "GET", tc.path, "", header...)
			assert.Equal(t, tc.want, reply.Code)
			assert.Empty(t, reply.Header()["Set-Cookie"])
			assert.NotContains(t, reply.Body.String(), "gone")
		})
	}
}

// Somebody logs out while another request of theirs is under way.
func TestAnEndedSessionStaysSo(t *testing.T) {
	for _, path := range []string{"/", "/renew"} {
		store := middleware.NewMemorySessions(0, 0)
		var b *browser
		between := redstart.After(func(req *redstart.Request, resp redstart.Response) redstart.Response {
			if req.Path() == path && b.cookies["session"] != nil {
				ended := send(b.app, "GET", "/clear", "", "Cookie: session="+b.cookies["session"].Value)
				assert.Equal(t, 204, ended.Code)
			}
			return resp
		})
		b = newBrowser(visits(middleware.SessionOptions{Store: store}, between))
		b.send("GET", "/error")
		require.Equal(t, 1, store.Len())
		reply := b.send("GET", path)
		assert.Equal(t, 200, reply.Code)
		assert.Empty(t, reply.Header()["Set-Cookie"])
		assert.Zero(t, store.Len(), path)
	}
}

func FuzzSessionCookie(f *testing.F) {
	app := visits(middleware.SessionOptions{Keys: sessionKeys})
	stored := visits(middleware.SessionOptions{Store: middleware.NewMemorySessions(0, 0)})
	b := newBrowser(app)
	b.get("/")
	good := "session=" + b.cookies["session"].Value
	for _, cookie := range []string{good, good[:40], "session=", "session", "=", `session="a"`, "session=a; session=b", "session=" + strings.Repeat("A", 43)} {
		f.Add(cookie)
	}
	f.Fuzz(func(t *testing.T, cookie string) {
		for _, app := range []http.Handler{app, stored} {
			reply := send(app, "GET", "/look", "", "Cookie: "+cookie)
			if reply.Code != 200 || reply.Body.String() != "[]" && !strings.Contains(cookie, good[8:]) {
				t.Fatalf("%q: %d %s", cookie, reply.Code, reply.Body)
			}
		}
	})
}

func BenchmarkSessionUntouched(b *testing.B) {
	benchmark(b, middleware.Session(middleware.SessionOptions{Keys: sessionKeys}))
}
