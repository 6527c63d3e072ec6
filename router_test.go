package redstart_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

func TestVerbs(t *testing.T) {
	app, _ := newApp()
	type register func(string, redstart.Handler, ...redstart.RouteOption)
	verbs := map[string]register{
		"GET": app.Get, "POST": app.Post, "PUT": app.Put, "PATCH": app.Patch, "DELETE": app.Delete,
		"HEAD": app.Head, "OPTIONS": app.Options, "TRACE": app.Trace, "CONNECT": app.Connect,
	}
	group := app.Group("/group")
	grouped := map[string]register{
		"GET": group.Get, "POST": group.Post, "PUT": group.Put, "PATCH": group.Patch, "DELETE": group.Delete,
		"HEAD": group.Head, "OPTIONS": group.Options, "TRACE": group.Trace, "CONNECT": group.Connect,
	}
	for method := range verbs {
		answer := func(req *redstart.Request) redstart.Response {
			return redstart.Text(method).With("Answer", method+" "+req.Method())
		}
		verbs[method]("/verb", answer)
		grouped[method]("/verb", answer)
	}
	for method := range verbs {
		for _, path := range []string{"/verb", "/group/verb"} {
			t.Run(method+path, func(t *testing.T) {
				w := ask(app, method, path, "")
				assert.Equal(t, 200, w.Code)
				assert.Equal(t, method+" "+method, w.Header().Get("Answer"))
			})
		}
	}
}

func TestAnyAndOwnMethods(t *testing.T) {
	app, _ := newApp()
	app.Any("/any", func(req *redstart.Request) redstart.Response { return redstart.Text("any " + req.Method()) })
	app.Get("/any", text("get"))
	app.Handle("PURGE", "/cache", text("purged"))

	assert.Equal(t, "get", get(app, "/any").Body.String(), "a method's own route comes first")
	assert.Equal(t, "any POST", ask(app, "POST", "/any", "").Body.String())
	assert.Equal(t, "any BREW", ask(app, "BREW", "/any", "").Body.String())
	assert.Equal(t, "any OPTIONS", ask(app, "OPTIONS", "/any", "").Body.String())
	assert.Equal(t, "purged", ask(app, "PURGE", "/cache", "").Body.String())
	assert.Equal(t, 405, ask(app, "purge", "/cache", "").Code, "methods are case-sensitive")
	panicsAt(t, `Handle "/x"`, `"GET /x" is not a method: want a token such as "GET"`,
		func() { app.Handle("GET /x", "/x", text("")) })
}

func TestUnknownMethodAndPath(t *testing.T) {
	app, _ := newApp()
	app.Get("/crimes", text("list"))
	app.Post("/crimes", text("report"))
	app.Use(mark("global"))

	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"BREW", "/crimes", 405, "GET, HEAD, OPTIONS, POST"},
		{"DELETE", "/crimes", 405, "GET, HEAD, OPTIONS, POST"},
		{"OPTIONS", "/crimes", 204, "GET, HEAD, OPTIONS, POST"},
		{"HEAD", "/crimes", 200, ""},
		{"BREW", "/nothing", 404, ""},
		{"GET", "/nothing", 404, ""},
		{"OPTIONS", "/nothing", 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.method+tt.path, func(t *testing.T) {
			w := ask(app, tt.method, tt.path, "")
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.allow, w.Header().Get("Allow"))
			assert.Equal(t, "global", w.Header().Get("Trace"), "automatic replies pass the global middleware")
		})
	}
	assert.JSONEq(t, `{"title":"Method Not Allowed","status":405,"detail":"PUT is not offered at \"/crimes\", but GET, HEAD, OPTIONS, POST"}`,
		ask(redstartWithoutIDs(app), "PUT", "/crimes", "").Body.String())
}

func TestTextsOfAutomaticReplies(t *testing.T) {
	app, _ := newApp(redstart.WithoutRequestID())
	app.Get("/:name", text(""))
	long := "/" + strings.Repeat("x", 199)
	tests := map[string]struct{ method, path, want string }{
		"a path that is just short enough":  {"POST", long, `POST is not offered at "` + long + `", but GET, HEAD, OPTIONS`},
		"a long path with another method":   {"POST", long + "x", `POST is not offered at "` + long + `…", but GET, HEAD, OPTIONS`},
		"a long path that leads to nothing": {"GET", long + "/y", `there is nothing at "` + long + `…"`},
		"cut between characters":            {"POST", long[:199] + "事", `POST is not offered at "` + long[:199] + `…", but GET, HEAD, OPTIONS`},
		"a tunnel":                          {"CONNECT", "", "CONNECT is not offered: this server is not a proxy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			r.URL.Path = tt.path
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			var problem struct{ Detail string }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem))
			assert.Equal(t, tt.want, problem.Detail)
		})
	}
}

// redstartWithoutIDs leaves the id out of error replies, which differs each time.
func redstartWithoutIDs(app *redstart.App) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		app.ServeHTTP(&withoutID{w}, r)
	})
}

type withoutID struct{ http.ResponseWriter }

func (w *withoutID) Write(p []byte) (int, error) {
	head, _, found := strings.Cut(string(p), `,"request_id"`)
	if found {
		head += "}"
	}
	_, err := w.ResponseWriter.Write([]byte(head))
	return len(p), err
}

func TestTheMostSpecificRouteAnswersWhateverItsMethod(t *testing.T) {
	app, _ := newApp()
	app.Get("/*path", text("page"))
	app.Any("/api/exact", text("exact"))
	app.Any("/api/:x", text("parameter"))
	app.Get("/api/own/:x", text("own"))
	app.Any("/api/own/:y", text("not for GET"))
	app.Mount("/debug", http.HandlerFunc(sees))
	for path, want := range map[string]string{
		"/elsewhere": "page",
		"/api/exact": "exact",
		"/api/1":     "parameter",
		"/api/1/2":   "page",
		"/api/own/1": "own",
		"/debug":     "GET /||",
		"/debug/x":   "GET /x||",
	} {
		assert.Equal(t, want, get(app, path).Body.String(), path)
	}
	assert.Equal(t, "not for GET", ask(app, "PUT", "/api/own/1", "").Body.String())
	assert.Equal(t, "9", ask(app, "HEAD", "/api/1", "").Header().Get("Content-Length"), "that of the parameter's route")
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	app, _ := newApp()
	app.Get("/page", text("hello"))
	w := ask(app, "HEAD", "/page", "")
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "5", w.Header().Get("Content-Length"))
	assert.Empty(t, w.Body.String())
}

func TestTrailingSlashHasTheSameMiddleware(t *testing.T) {
	app, _ := newApp()
	guard := redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		return redstart.Fail(redstart.Error(401, "badge, please")), req.Header("Badge") == ""
	})
	app.Group("/admin", guard).Get("/safe", text("gold"))
	app.Get("/routed", text("gold"), redstart.With(guard))

	for _, path := range []string{"/admin/safe", "/admin/safe/", "/routed", "/routed/"} {
		assert.Equal(t, 401, get(app, path).Code, path)
		assert.Equal(t, "gold", get(app, path, "Badge", "7").Body.String(), path)
	}
	assert.Equal(t, 404, get(app, "/routed//").Code)
}

func TestParamsAreDecodedAndOptional(t *testing.T) {
	app, _ := newApp()
	app.Get("/posts/:id/:slug?", func(req *redstart.Request) redstart.Response {
		return redstart.Text(req.Pattern() + " " + req.Param("id") + " [" + req.Param("slug") + "]" + req.Param("nope"))
	})
	app.Get("/files/*path", func(req *redstart.Request) redstart.Response { return redstart.Text(req.Param("path")) })

	assert.Equal(t, "/posts/:id/:slug? 7 []", get(app, "/posts/7").Body.String())
	assert.Equal(t, "/posts/:id/:slug? a/b [小丑]", get(app, "/posts/a%2Fb/%E5%B0%8F%E4%B8%91").Body.String())
	assert.Equal(t, "a/b.txt", get(app, "/files/a/b.txt").Body.String())
	assert.Equal(t, 404, get(app, "/files/").Code)
}

func TestMiddlewareOrder(t *testing.T) {
	app, _ := newApp()
	app.Use(mark("app1"), mark("app2"))
	outer := app.Group("/o", mark("outer"))
	inner := outer.Group("/i", mark("inner"))
	inner.Get("/x", text("x"), redstart.With(mark("route1"), mark("route2")))
	outer.Get("/y", text("y"))
	outer.Use(mark("later")) // counts for what was registered before, in groups inside too
	inner.Get("/", text("own address"))

	trace := func(path string) []string { return get(app, path).Header()["Trace"] }
	assert.Equal(t, []string{"route2", "route1", "inner", "later", "outer", "app2", "app1"}, trace("/o/i/x"))
	assert.Equal(t, []string{"later", "outer", "app2", "app1"}, trace("/o/y"))
	assert.Equal(t, "own address", get(app, "/o/i").Body.String())
	assert.Equal(t, []string{"app2", "app1"}, trace("/nothing"))
}

func TestBeforeShortCircuits(t *testing.T) {
	app, _ := newApp()
	called := 0
	app.Use(redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		return redstart.Text("no").WithStatus(403), req.Query("stop") != ""
	}))
	for _, register := range []func(string, redstart.Handler, ...redstart.RouteOption){app.Get, app.Post, app.Delete} {
		register("/x", func(*redstart.Request) redstart.Response { called++; return redstart.NoContent() })
	}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		assert.Equal(t, 403, ask(app, method, "/x?stop=1", "").Code)
		assert.Equal(t, 204, ask(app, method, "/x", "").Code)
	}
	assert.Equal(t, 3, called)
}

// lineOf returns "file:line" of the call n lines below the caller.
func lineOf(n int) string {
	_, file, line, _ := runtime.Caller(1)
	parts := strings.Split(file, "/")
	return strings.Join(parts[len(parts)-2:], "/") + ":" + strconv.Itoa(line+n)
}

func TestDuplicatesNameBothPlaces(t *testing.T) {
	app, _ := newApp()
	first := lineOf(1)
	app.Get("/crimes/:id", text("1"), redstart.Name("crime"))

	panicText := func(f func()) (text string) {
		defer func() { text = fmt.Sprint(recover()) }()
		f()
		return ""
	}
	second := lineOf(1)
	got := panicText(func() { app.Group("/crimes").Get("/:number", text("2")) })
	assert.Contains(t, got, "redstart: ")
	assert.Contains(t, got, first)
	assert.Contains(t, got, second)
	assert.Contains(t, got, `"/crimes/:id"`)
	assert.Contains(t, got, `"/crimes/:number"`)

	second = lineOf(1)
	got = panicText(func() { app.Get("/villains/:id", text("3"), redstart.Name("crime")) })
	assert.Equal(t, fmt.Sprintf(`redstart: two routes are named "crime": /crimes/:id at %s and /villains/:id at %s`, first, second), got)

	first = lineOf(1)
	app.Get("/jokers", text("4"), redstart.Describe(redstart.Doc{ID: "jokers"}))
	second = lineOf(1)
	got = panicText(func() { app.Get("/villains/:id", text("5"), redstart.Describe(redstart.Doc{ID: "jokers"})) })
	assert.Equal(t, fmt.Sprintf(`redstart: two routes have the operation id "jokers": /jokers at %s and /villains/:id at %s`, first, second), got)

	assert.Equal(t, 404, get(app, "/villains/7").Code, "a registration that panicked leaves nothing behind")
	assert.Equal(t, "1", get(app, "/crimes/7").Body.String())
}

// panicsAt wants a panic that says what is wrong, where it stands in the test's own file,
// and what to do about it.
func panicsAt(t *testing.T, what, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got := fmt.Sprint(recover())
		assert.Regexp(t, "^"+regexp.QuoteMeta("redstart: "+what)+` at [^ ]+_test\.go:\d+: `+regexp.QuoteMeta(text)+"$", got)
	}()
	f()
}

func TestBadRegistrations(t *testing.T) {
	app, _ := newApp()
	var none redstart.Middleware
	fine := text("")
	const unfit = "the reply must have a body that can be encoded once: "
	for name, tt := range map[string]struct {
		what, text string
		f          func()
	}{
		"nil handler":          {`GET "/x"`, "the handler is nil", func() { app.Get("/x", nil) }},
		"no slash":             {`GET "x"`, `route pattern "x": must begin with a slash, write "/x"`, func() { app.Get("x", fine) }},
		"no pattern":           {`GET ""`, `route pattern "": must begin with a slash, write "/"`, func() { app.Get("", fine) }},
		"no method":            {`Handle "/x"`, `"GET /x" is not a method: want a token such as "GET"`, func() { app.Handle("GET /x", "/x", fine) }},
		"nil route option":     {`GET "/x"`, "option 2 of 2 is nil: leave it out", func() { app.Get("/x", fine, redstart.Hidden(), nil) }},
		"typed option":         {`GET "/x"`, "WithSuccess is for typed handlers: call WithStatus of the Response", func() { app.Get("/x", fine, redstart.WithSuccess(201)) }},
		"status of failure":    {"WithSuccess(404)", "want a status of success, from 200 to 299", func() { redstart.WithSuccess(404) }},
		"nil middleware":       {"middleware 2 of 2", "it is nil: leave it out", func() { app.Use(mark("a"), none) }},
		"nil in a group":       {"middleware 1 of 1", "it is nil: leave it out", func() { app.Group("/g", none) }},
		"nil on a route":       {"middleware 1 of 1", "it is nil: leave it out", func() { redstart.With(none) }},
		"nil before":           {"Before", "the function is nil", func() { redstart.Before(nil) }},
		"nil after":            {"After", "the function is nil", func() { redstart.After(nil) }},
		"nil guard":            {"guard 1 of 1", "it is nil: leave it out, or give a scheme of package middleware", func() { app.Secure(nil) }},
		"nil net/http wrapper": {"UseHTTP: middleware 1 of 1", "it is nil: leave it out", func() { app.UseHTTP(nil) }},
		"nil at the start":     {"OnStart", "the function is nil", func() { app.OnStart(nil) }},
		"nil at the end":       {"OnStop", "the function is nil", func() { app.OnStop(nil) }},
		"nil option":           {"New", "option 1 of 1 is nil: leave it out", func() { redstart.New(nil) }},
		"group without slash":  {`Group "g"`, `route pattern "g": must begin with a slash, write "/g"`, func() { app.Group("g") }},
		"nil mount":            {`Mount "/m"`, "the handler is nil", func() { app.Mount("/m", nil) }},
		"nil files":            {`Static "/s"`, "the Files are nil: make them by OpenFiles or FilesFS", func() { app.Static("/s", nil) }},
		"files of nothing":     {`Static "/s"`, "the Files are nil: make them by OpenFiles or FilesFS", func() { app.Static("/s", new(redstart.Files)) }},
		"const that streams":   {`Const "/c"`, unfit + "it streams, or is JSON that cannot be encoded", func() { app.Const("/c", redstart.SSEResponse(noEvents)) }},
		"const that fails":     {`Const "/c"`, unfit + `redstart: "bad name" is not a header name`, func() { app.Const("/c", redstart.Text("x").With("bad name", "")) }},
		"docs without a path":  {`Docs "/"`, `the page needs a path of its own, such as "/docs"`, func() { app.Docs("") }},
		"host with a scheme":   {`Host "https://api.gotham.city/"`, `want the name alone, such as "api.gotham.city", without a scheme or a path`, func() { app.Host("https://api.gotham.city/") }},
		"host of all":          {`Host "*.gotham.city"`, "a host is one name and no pattern: make a group for each, or ask Request.Host in one for all", func() { app.Host("*.gotham.city") }},
		"host with a blank":    {`Host "a b"`, "a host name has no ' '", func() { app.Host("a b") }},
	} {
		t.Run(name, func(t *testing.T) { panicsAt(t, tt.what, tt.text, tt.f) })
	}
	assert.Empty(t, app.Routes(), "what panics leaves nothing behind")
}

func forgetful(redstart.Handler) redstart.Handler { return nil }

func TestAMiddlewareWithoutAHandlerIsFoundAtTheStart(t *testing.T) {
	app, _ := newApp()
	app.Get("/x", text(""))
	app.Use(forgetful)
	assert.PanicsWithValue(t, "redstart: the middleware github.com/redstart-go/redstart_test.forgetful returned no handler: return next, or a handler that calls it",
		func() { _ = app.Run(t.Context(), "127.0.0.1:0") })
}

func TestRoutesAndSource(t *testing.T) {
	app, _ := newApp()
	var want []string
	want = append(want, lineOf(1))
	app.Get("/a", listCrimes, redstart.Name("a"))
	want = append(want, lineOf(1))
	app.Group("/g").Group("/h").Post("/b", listCrimes)
	want = append(want, lineOf(1))
	app.Host("api.gotham.city").Any("/c", store{}.list)

	routes := app.Routes()
	require.Len(t, routes, 3)
	for i, source := range want {
		assert.Equal(t, source, routes[i].Source)
	}
	const here = "github.com/redstart-go/redstart_test."
	assert.Equal(t, redstart.RouteInfo{Method: "GET", Pattern: "/a", Name: "a", Handler: here + "listCrimes", Source: want[0]}, routes[0])
	assert.Equal(t, "/g/h/b", routes[1].Pattern)
	assert.Equal(t, redstart.RouteInfo{Method: "*", Pattern: "/c", Handler: here + "store.list", Source: want[2], Host: "api.gotham.city"}, routes[2])
}

// What redstart routes and redstart openapi are told, in place of serving.
func TestAnAppIsInspected(t *testing.T) { // features: R7, O1
	guard := redstart.Security{Middleware: mark("a"), Schemes: []redstart.SecurityScheme{{Name: "jwt"}, {Name: "session"}}, Scopes: []string{"crimes:close"}}
	app, log := newApp()
	app.OnStart(func(context.Context) error { return errors.New("nobody asked for a start") })
	app.Get("/a", listCrimes, redstart.Name("a"), redstart.Secured(guard))
	app.Static("/assets", site())
	asked := func(what string, serve func() error) string {
		path := filepath.Join(t.TempDir(), "told")
		t.Setenv("REDSTART_INSPECT", what+"="+path)
		require.NoError(t, serve())
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(text)
	}
	run := func() error { return app.Run(t.Context(), "nonsense") }
	listen := func() error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { assert.ErrorIs(t, l.Close(), net.ErrClosed, "Serve closes it") }()
		return app.Serve(t.Context(), l)
	}
	for name, serve := range map[string]func() error{"Run": run, "Serve": listen} {
		text := asked("routes", serve)
		assert.Contains(t, text, `"handler":"github.com/redstart-go/redstart_test.listCrimes"`, name)
		assert.Contains(t, text, `"guards":["jwt or session","scope crimes:close"]`)
		assert.Contains(t, text, `"pattern":"/assets","handler":"redstart.Static"`)
	}
	assert.Contains(t, asked("openapi.yaml", run), "openapi: 3.1.1")
	assert.Contains(t, asked("openapi-3.2.json", run), `"openapi": "3.2.0"`)
	t.Setenv("REDSTART_INSPECT", "weather=/tmp/x")
	assert.ErrorContains(t, run(), `redstart: REDSTART_INSPECT="weather=/tmp/x": this version knows nothing of it`)
	assert.Empty(t, log.lines(t, "listening"))
}

func listCrimes(*redstart.Request) redstart.Response { return redstart.NoContent() }

type store struct{}

func (store) list(*redstart.Request) redstart.Response { return redstart.NoContent() }

func TestURL(t *testing.T) {
	app, _ := newApp()
	app.Get("/crimes/:id/:slug?", text(""), redstart.Name("crime"))

	u, err := app.URL("crime", "id", 7)
	require.NoError(t, err)
	assert.Equal(t, "/crimes/7", u)
	u, err = app.URL("crime", "id", "a/b", "slug", "小丑")
	require.NoError(t, err)
	assert.Equal(t, "/crimes/a%2Fb/%E5%B0%8F%E4%B8%91", u)

	for want, pairs := range map[string][]any{
		`parameter "id" is missing`:       {},
		`unknown parameter "nr"`:          {"id", 7, "nr", 8},
		`the last parameter has no value`: {"id"},
		`parameter "id" is empty`:         {"id", ""},
		`parameter "id" is given twice`:   {"id", 7, "id", 8},
		`parameter "id" is nil`:           {"id", nil},
		`name 1 is a int: want a string`:  {7, 7},
		`parameter "slug" is a struct {}: want a text, a number, or a type with a method String or MarshalText`: {"id", 7, "slug", struct{}{}},
		`parameter "slug" is nil`: {"id", 7, "slug", (*time.Time)(nil)},
	} {
		_, err = app.URL("crime", pairs...)
		assert.ErrorContains(t, err, want)
	}
	_, err = app.URL("villain")
	assert.EqualError(t, err, `redstart: URL: no route is named "villain"`)
}

func TestHostGroups(t *testing.T) {
	app, _ := newApp()
	api := app.Host("API.Gotham.City")
	api.Get("/", text("api"))
	api.Post("/both", text("api post"))
	app.Get("/", text("every"))
	app.Get("/both", text("every get"))
	app.Get("/shared", text("shared"))
	api.Use(mark("api"))

	for _, host := range []string{"api.gotham.city", "api.gotham.city:8080", "API.gotham.city."} {
		assert.Equal(t, "api", get(app, "/", "Host", host).Body.String(), host)
	}
	assert.Equal(t, "every", get(app, "/", "Host", "gotham.city").Body.String())
	assert.Equal(t, "shared", get(app, "/shared", "Host", "api.gotham.city").Body.String())
	assert.Equal(t, "every get", get(app, "/both", "Host", "api.gotham.city").Body.String(),
		"the host has the path for another method only, so the routes for every host answer")
	w := ask(app, "DELETE", "/both", "", "Host", "api.gotham.city")
	assert.Equal(t, 405, w.Code)
	assert.Equal(t, "GET, HEAD, OPTIONS, POST", w.Header().Get("Allow"))
	assert.Equal(t, "api", get(app, "/", "Host", "api.gotham.city").Header().Get("Trace"))

	v6, _ := newApp()
	v6.Host("[::1]:8080").Get("/", text("v6"))
	assert.Equal(t, "v6", get(v6, "/", "Host", "[::1]").Body.String())
}

func TestHostBehindATrustedProxy(t *testing.T) {
	app, _ := newApp(redstart.TrustProxies("192.0.2.0/24"))
	app.Host("api.gotham.city").Get("/", text("api"))
	app.Get("/", text("every"))
	// The address of a request of httptest is within the trusted network.
	assert.Equal(t, "api", get(app, "/", "Host", "inside:8080", "X-Forwarded-For", "1.2.3.4", "X-Forwarded-Host", "api.gotham.city").Body.String())
	untrusting, _ := newApp()
	untrusting.Host("api.gotham.city").Get("/", text("api"))
	untrusting.Get("/", text("every"))
	assert.Equal(t, "every", get(untrusting, "/", "Host", "inside:8080", "X-Forwarded-For", "1.2.3.4", "X-Forwarded-Host", "api.gotham.city").Body.String())
}

// Registering while requests are served must neither race nor lose a route. It is
// of use under the race detector above all.
func TestRegistrationWhileServing(t *testing.T) {
	app, _ := newApp(redstart.WithoutAccessLog())
	app.Get("/fixed/:id", func(req *redstart.Request) redstart.Response {
		return redstart.JSON(func() {}) // cannot be encoded: its failure is answered by OnError
	})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					assert.GreaterOrEqual(t, get(app, "/fixed/7").Code, 400)
					get(app, "/nothing")
					app.Routes()
				}
			}
		})
	}
	group := app.Group("/late")
	for i := range 50 {
		group.Get(fmt.Sprintf("/%d", i), text("late"))
		app.Use(mark("m"))
		group.OnError(func(*redstart.Request, error) redstart.Response { return redstart.Text("oops") })
		app.OnError(func(*redstart.Request, error) redstart.Response { return redstart.Text("oops") })
		assert.Equal(t, "late", get(app, fmt.Sprintf("/late/%d", i)).Body.String())
	}
	close(stop)
	wg.Wait()
}
