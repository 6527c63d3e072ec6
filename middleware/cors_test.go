package middleware_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleCORS() {
	app := quiet()
	app.Use(middleware.CORS(middleware.CORSOptions{
		Origins:     []string{"https://gotham.city", "https://*.gotham.city"},
		Methods:     []string{"GET", "POST", "DELETE"},
		Headers:     []string{"Content-Type"},
		Credentials: true,
		MaxAge:      10 * time.Minute,
	}))
	app.Delete("/crimes/:id", func(*redstart.Request) redstart.Response { return redstart.NoContent() })

	preflight := send(app, "OPTIONS", "/crimes/7", "",
		"Origin: https://police.gotham.city", "Access-Control-Request-Method: DELETE")
	fmt.Println(preflight.Code, preflight.Header().Get("Access-Control-Allow-Methods"))
	reply := send(app, "DELETE", "/crimes/7", "", "Origin: https://police.gotham.city")
	fmt.Println(reply.Code, reply.Header().Get("Access-Control-Allow-Origin"))
	reply = send(app, "DELETE", "/crimes/7", "", "Origin: https://metropolis.city")
	fmt.Printf("%d %q\n", reply.Code, reply.Header().Get("Access-Control-Allow-Origin"))
	// Output:
	// 204 GET, POST, DELETE
	// 204 https://police.gotham.city
	// 204 ""
}

// corsHeaders returns the headers that CORS may set.
func corsHeaders(h http.Header) map[string]string {
	got := map[string]string{}
	for name, values := range h {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
			got[name] = strings.Join(values, " | ")
		}
	}
	return got
}

func TestCORSAnswersPreflights(t *testing.T) {
	const varies = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	gotham := []string{"https://gotham.city"}
	ask := []string{"Origin: https://gotham.city", "Access-Control-Request-Method: PUT"}
	for _, tc := range []struct {
		name    string
		options middleware.CORSOptions
		header  []string
		want    map[string]string
	}{
		{"zero value allows nobody", middleware.CORSOptions{}, ask, map[string]string{"Vary": varies}},
		{"allowed", middleware.CORSOptions{Origins: gotham}, ask, map[string]string{
			"Vary": varies, "Access-Control-Allow-Origin": "https://gotham.city", "Access-Control-Allow-Methods": "GET, HEAD, POST",
		}},
		{"other origin", middleware.CORSOptions{Origins: []string{"https://metropolis.city"}}, ask, map[string]string{"Vary": varies}},
		{"everything", middleware.CORSOptions{
			Origins: gotham, Credentials: true, Methods: []string{"PUT", "PATCH"}, Headers: []string{"X-Badge", "Content-Type"},
			Expose: []string{"X-Total"}, MaxAge: time.Hour, PrivateNetwork: true,
		}, append(ask, "Access-Control-Request-Private-Network: true"), map[string]string{
			"Vary":                        varies + ", Access-Control-Request-Private-Network",
			"Access-Control-Allow-Origin": "https://gotham.city", "Access-Control-Allow-Credentials": "true",
			"Access-Control-Allow-Methods": "PUT, PATCH", "Access-Control-Allow-Headers": "X-Badge, Content-Type",
			"Access-Control-Max-Age": "3600", "Access-Control-Allow-Private-Network": "true",
		}},
		{"private network that was not asked for", middleware.CORSOptions{Origins: gotham, PrivateNetwork: true}, ask, map[string]string{
			"Vary":                        varies + ", Access-Control-Request-Private-Network",
			"Access-Control-Allow-Origin": "https://gotham.city", "Access-Control-Allow-Methods": "GET, HEAD, POST",
		}},
		{"private network that is not allowed", middleware.CORSOptions{Origins: gotham}, append(ask, "Access-Control-Request-Private-Network: true"), map[string]string{
			"Vary": varies, "Access-Control-Allow-Origin": "https://gotham.city", "Access-Control-Allow-Methods": "GET, HEAD, POST",
		}},
		{"any origin", middleware.CORSOptions{Origins: []string{"*"}, Methods: []string{"*"}, Headers: []string{"*"}, MaxAge: -1}, ask, map[string]string{
			"Vary":                        "Access-Control-Request-Method, Access-Control-Request-Headers",
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "*", "Access-Control-Allow-Headers": "*", "Access-Control-Max-Age": "0",
		}},
		{"two origins", middleware.CORSOptions{Origins: gotham}, append(ask, "Origin: https://gotham.city"), map[string]string{"Vary": varies}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet()
			app.Use(middleware.CORS(tc.options), redstart.Before(func(*redstart.Request) (redstart.Response, bool) {
				t.Error("what is inside is called for a preflight")
				return redstart.Response{}, false
			}))
			app.Put("/crimes", func(*redstart.Request) redstart.Response { return redstart.NoContent() })
			for _, path := range []string{"/crimes", "/nowhere"} {
				reply := send(app, "OPTIONS", path, "", tc.header...)
				assert.Equal(t, http.StatusNoContent, reply.Code)
				assert.Equal(t, tc.want, corsHeaders(reply.Header()))
				assert.NotContains(t, reply.Header(), "Content-Type")
			}
		})
	}
}

func TestCORSOfOriginsAndPatterns(t *testing.T) {
	origins := []string{"https://gotham.city", "http://localhost:5173", "https://*.gotham.city", "http://*.arkham.city:8080", "app://cave"}
	for _, tc := range []struct {
		origin  string
		allowed bool
	}{
		{"https://gotham.city", true},
		{"http://localhost:5173", true},
		{"app://cave", true},
		{"https://police.gotham.city", true},
		{"https://xn--bcher-kva.gotham.city", true},
		{"http://a.arkham.city:8080", true},
		{"http://gotham.city", false},
		{"https://gotham.city:8443", false},
		{"https://gotham.city.evil.com", false},
		{"https://evilgotham.city", false},
		{"https://a.b.gotham.city", false},
		{"https://.gotham.city", false},
		{"https://evil.com#.gotham.city", false},
		{"https://evil.com/.gotham.city", false},
		{"https://a@b.gotham.city", false},
		{"https://*.gotham.city", false},
		{"HTTPS://GOTHAM.CITY", false},
		{"http://arkham.city:8080", false},
		{"http://a.arkham.city", false},
		{"http://localhost", false},
		{"null", false},
		{"", false},
	} {
		t.Run(tc.origin, func(t *testing.T) {
			app := quiet()
			app.Use(middleware.CORS(middleware.CORSOptions{Origins: origins}))
			app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("") })
			reply := send(app, "GET", "/", "", "Origin: "+tc.origin)
			want := map[string]string{"Vary": "Origin"}
			if tc.allowed {
				want["Access-Control-Allow-Origin"] = tc.origin
			}
			assert.Equal(t, want, corsHeaders(reply.Header()))
		})
	}
}

func TestCORSAllowsNullWhereItIsListed(t *testing.T) {
	app := quiet()
	app.Use(middleware.CORS(middleware.CORSOptions{Origins: []string{"null"}}))
	assert.Equal(t, "null", send(app, "GET", "/", "", "Origin: null").Header().Get("Access-Control-Allow-Origin"))
}

func TestCORSAsksTheFunctionLast(t *testing.T) {
	app := quiet()
	var asked []string
	app.Use(middleware.CORS(middleware.CORSOptions{
		Origins: []string{"https://a.city"},
		AllowOrigin: func(_ *redstart.Request, origin string) bool {
			asked = append(asked, origin)
			return origin == "https://b.city"
		},
	}))
	for _, origin := range []string{"https://a.city", "https://b.city", "https://c.city"} {
		reply := send(app, "GET", "/", "", "Origin: "+origin)
		assert.Equal(t, origin != "https://c.city", reply.Header().Get("Access-Control-Allow-Origin") == origin, origin)
	}
	assert.Equal(t, []string{"https://b.city", "https://c.city"}, asked)
}

func TestCORSIsOnEveryReplyOnce(t *testing.T) {
	app := quiet()
	app.Use(middleware.CORS(middleware.CORSOptions{Origins: []string{"https://gotham.city"}, Expose: []string{"X-Total"}, Credentials: true}))
	kinds := everyReply(app)
	app.Get("/own", func(*redstart.Request) redstart.Response {
		return redstart.Text("x").With("Access-Control-Allow-Origin", "*").With("Vary", "accept, origin")
	})
	kinds = append(kinds, replyKind{"one that set it itself", "GET", "/own", 200})
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			reply := send(app, kind.method, kind.path, "", "Origin: https://gotham.city")
			assert.Equal(t, kind.status, reply.Code)
			h := reply.Header()
			assert.Equal(t, []string{"https://gotham.city"}, h["Access-Control-Allow-Origin"])
			assert.Equal(t, []string{"true"}, h["Access-Control-Allow-Credentials"])
			assert.Equal(t, []string{"X-Total"}, h["Access-Control-Expose-Headers"])
			assert.NotContains(t, h, "Access-Control-Allow-Methods", "is for preflights")
			assert.Equal(t, 1, strings.Count(strings.ToLower(strings.Join(h["Vary"], ",")), "origin"))
			without := send(app, kind.method, kind.path, "")
			assert.Contains(t, strings.ToLower(strings.Join(without.Header()["Vary"], ",")), "origin", "a cache must not give this to a page of another origin")
		})
	}
}

func TestCORSPassesOnWhatIsNoPreflight(t *testing.T) {
	for _, tc := range []struct {
		name, method string
		header       []string
	}{
		{"OPTIONS without Origin", "OPTIONS", []string{"Access-Control-Request-Method: PUT"}},
		{"OPTIONS without a method", "OPTIONS", []string{"Origin: https://gotham.city"}},
		{"no OPTIONS", "GET", []string{"Origin: https://gotham.city", "Access-Control-Request-Method: PUT"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet()
			called := false
			app.Use(middleware.CORS(), redstart.Before(func(*redstart.Request) (redstart.Response, bool) {
				called = true
				return redstart.Response{}, false
			}))
			send(app, tc.method, "/", "", tc.header...)
			assert.True(t, called)
		})
	}
}

func TestCORSOfAGroupAnswersItsPreflights(t *testing.T) {
	app := quiet()
	cors := middleware.CORS(middleware.CORSOptions{Origins: []string{"https://gotham.city"}, Methods: []string{"PUT"}})
	ok := func(*redstart.Request) redstart.Response { return redstart.NoContent() }
	app.Group("/api", cors).Put("/crimes/:id", ok)
	app.Put("/route", ok, redstart.With(cors))
	app.Put("/other", ok)
	app.Get("/api/crimes/:id", ok)
	for _, tc := range []struct {
		name, path, method string
		allowed            bool
	}{
		{"group", "/api/crimes/7", "PUT", true},
		{"route", "/route", "PUT", true},
		{"route outside", "/other", "PUT", false},
		{"method of a route outside", "/api/crimes/7", "GET", false},
		{"method that nobody offers", "/route", "PATCH", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply := send(app, "OPTIONS", tc.path, "", "Origin: https://gotham.city", "Access-Control-Request-Method: "+tc.method)
			assert.Equal(t, http.StatusNoContent, reply.Code)
			assert.Equal(t, tc.allowed, reply.Header().Get("Access-Control-Allow-Origin") != "")
			if !tc.allowed {
				assert.Contains(t, reply.Header().Get("Allow"), "PUT", "the automatic reply")
			}
		})
	}
}

func TestCORSPanicsWhenMisconfigured(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options middleware.CORSOptions
		want    string
	}{
		{"any with credentials", middleware.CORSOptions{Origins: []string{"*"}, Credentials: true}, "list the origins, or leave out Credentials"},
		{"null with credentials", middleware.CORSOptions{Origins: []string{"null"}, Credentials: true}, "from a sandboxed frame"},
		{"any with others", middleware.CORSOptions{Origins: []string{"*", "https://a.city"}}, "leave out the others"},
		{"any with a function", middleware.CORSOptions{Origins: []string{"*"}, AllowOrigin: func(*redstart.Request, string) bool { return true }}, "AllowOrigin is never asked"},
		{"no scheme", middleware.CORSOptions{Origins: []string{"gotham.city"}}, `"gotham.city" is not an origin: want scheme, host`},
		{"empty", middleware.CORSOptions{Origins: []string{""}}, `"" is not an origin`},
		{"only a port", middleware.CORSOptions{Origins: []string{"https://:80"}}, `is not an origin`},
		{"slash", middleware.CORSOptions{Origins: []string{"https://gotham.city/"}}, "a slash at the end included"},
		{"user", middleware.CORSOptions{Origins: []string{"https://b@gotham.city"}}, "is more than an origin"},
		{"fragment", middleware.CORSOptions{Origins: []string{"https://gotham.city#"}}, "is more than an origin"},
		{"query", middleware.CORSOptions{Origins: []string{"https://gotham.city?"}}, "is more than an origin"},
		{"capitals", middleware.CORSOptions{Origins: []string{"https://Gotham.city"}}, `want "https://gotham.city"`},
		{"not ASCII", middleware.CORSOptions{Origins: []string{"https://哥谭.city"}}, "Punycode"},
		{"own port", middleware.CORSOptions{Origins: []string{"https://gotham.city:443"}}, "leave it out"},
		{"star inside a label", middleware.CORSOptions{Origins: []string{"https://bat*.gotham.city"}}, "a star elsewhere"},
		{"two stars", middleware.CORSOptions{Origins: []string{"https://*.*.gotham.city"}}, "a star elsewhere"},
		{"star for a port", middleware.CORSOptions{Origins: []string{"http://localhost:*"}}, "a star elsewhere"},
		{"star before a top-level domain", middleware.CORSOptions{Origins: []string{"https://*.city"}}, "at least two labels"},
		{"method", middleware.CORSOptions{Methods: []string{"GET, PUT"}}, `Methods: "GET, PUT" is not a name`},
		{"small method", middleware.CORSOptions{Methods: []string{"patch"}}, `want "PATCH"`},
		{"header", middleware.CORSOptions{Headers: []string{"X Badge"}}, `Headers: "X Badge" is not a name`},
		{"any header with credentials", middleware.CORSOptions{Headers: []string{"*"}, Credentials: true}, "list the names"},
		{"any header and another", middleware.CORSOptions{Expose: []string{"*", "X-Total"}}, "stands alone"},
		{"half a second", middleware.CORSOptions{MaxAge: 500 * time.Millisecond}, "MaxAge 500ms: want whole seconds"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.Contains(t, refused(t, func() { middleware.CORS(tc.options) }), tc.want)
		})
	}
}

func FuzzCORSOrigin(f *testing.F) {
	for _, seed := range []string{"https://gotham.city", "https://a.gotham.city", "https://a.b.gotham.city", "https://evil.com#.gotham.city", "null", "https://\x00.gotham.city"} {
		f.Add(seed)
	}
	app := quiet()
	app.Use(middleware.CORS(middleware.CORSOptions{Origins: []string{"https://*.gotham.city"}, Credentials: true}))
	f.Fuzz(func(t *testing.T, origin string) {
		r, err := http.NewRequest("GET", "http://api.city/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Origin"] = []string{origin}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		if w.Header().Get("Access-Control-Allow-Origin") == "" {
			return
		}
		label := strings.TrimSuffix(strings.TrimPrefix(origin, "https://"), ".gotham.city")
		if len(label)+len("https://.gotham.city") != len(origin) || strings.ContainsAny(label, "./:@#?\\ \t\r\n") || label == "" {
			t.Errorf("%q is allowed", origin)
		}
	})
}

func BenchmarkCORS(b *testing.B) {
	for name, o := range map[string]middleware.CORSOptions{
		"any":    {Origins: []string{"*"}, Expose: []string{"X-Total"}},
		"listed": {Origins: []string{"https://gotham.city"}, Credentials: true, Expose: []string{"X-Total"}},
	} {
		b.Run(name, func(b *testing.B) { benchmark(b, middleware.CORS(o)) })
	}
}
