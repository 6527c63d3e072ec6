package middleware_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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
			if body := reply.Body.String(); reply.Code != 200 || body != "[]" && body != "[visits]" {
				t.Fatalf("%q: %d %s", cookie, reply.Code, reply.Body)
			}
		}
	})
}

func BenchmarkSessionUntouched(b *testing.B) {
	benchmark(b, middleware.Session(middleware.SessionOptions{Keys: sessionKeys}))
}
