package redstart_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

// replies serves one response, which each request gets a copy of.
func replies(resp redstart.Response, opts ...redstart.Option) *redstart.App {
	app, _ := newApp(opts...)
	app.Any("/", func(*redstart.Request) redstart.Response { return resp })
	return app
}

func wroteABC(w io.Writer) error { _, err := io.WriteString(w, "abc"); return err }

func TestConstructors(t *testing.T) {
	tests := map[string]struct {
		resp        redstart.Response
		status      int
		contentType string
		body        string
	}{
		"zero":             {redstart.Response{}, 200, "", ""},
		"text":             {redstart.Text("héllo"), 200, "text/plain; charset=utf-8", "héllo"},
		"text like a page": {redstart.Text("<html>"), 200, "text/plain; charset=utf-8", "<html>"},
		"html":             {redstart.HTML("<p>"), 200, "text/html; charset=utf-8", "<p>"},
		"json":             {redstart.JSON(map[string]any{"a": "<&>"}), 200, "application/json", `{"a":"<&>"}`},
		"json nil slice":   {redstart.JSON([]int(nil)), 200, "application/json", "[]"},
		"json nil":         {redstart.JSON(nil), 200, "application/json", "null"},
		"bytes":            {redstart.Bytes([]byte{0, 1, 2}), 200, "application/octet-stream", "\x00\x01\x02"},
		"no bytes":         {redstart.Bytes(nil), 200, "application/octet-stream", ""},
		"status":           {redstart.Status(418), 418, "", ""},
		"no content":       {redstart.NoContent(), 204, "", ""},
		"reset content":    {redstart.HTML("not to be sent").WithStatus(205), 205, "", ""},
		"stream of a type": {redstart.Stream("text/csv", wroteABC), 200, "text/csv", "abc"},
		"stream of none":   {redstart.Stream("", wroteABC), 200, "application/octet-stream", "abc"},
		"stream of 204":    {redstart.Stream("text/csv", wroteABC).WithStatus(204), 204, "text/csv", ""},
		"stream of 205":    {redstart.Stream("text/csv", wroteABC).WithStatus(205), 205, "text/csv", ""},
		"created":          {redstart.JSON(1).WithStatus(201), 201, "application/json", "1"},
		"own type":         {redstart.Bytes([]byte("x")).With("content-type", "image/png"), 200, "image/png", "x"},
		"body of nothing":  {redstart.Status(200).WithBody([]byte("<html>")), 200, "application/octet-stream", "<html>"},
		"body of a stream": {redstart.SSEResponse(noEvents).WithBody([]byte("<html>")), 200, "application/octet-stream", "<html>"},
		"body keeps type":  {redstart.HTML("a").WithBody([]byte("bc")), 200, "text/html; charset=utf-8", "bc"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			// A real server, which would guess a Content-Type that is missing.
			server := httptest.NewServer(replies(tt.resp))
			defer server.Close()
			resp, err := server.Client().Get(server.URL)
			require.NoError(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, tt.status, resp.StatusCode)
			assert.Equal(t, tt.contentType, resp.Header.Get("Content-Type"))
			assert.Equal(t, tt.body, string(body))
			if tt.status != 204 && !tt.resp.Streams() {
				assert.Equal(t, strconv.Itoa(len(tt.body)), resp.Header.Get("Content-Length"))
			}
		})
	}
}

func TestWithoutContentTypeIsNotGuessed(t *testing.T) {
	server := httptest.NewServer(replies(redstart.HTML("<html>").Without("Content-Type").Without("Date")))
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.NotContains(t, resp.Header, "Content-Type")
	assert.NotContains(t, resp.Header, "Date")
}

func TestRefiningNeverChangesACopy(t *testing.T) {
	base := redstart.Text("x").With("A", "1").WithAdded("Vary", "a")
	one := base.With("A", "2").WithAdded("Vary", "b").WithStatus(201)
	two := base.Without("A").WithAdded("Vary", "c").WithBody([]byte("y"))

	assert.Equal(t, http.Header{"A": {"1"}, "Vary": {"a"}, "Content-Type": {"text/plain; charset=utf-8"}}, base.Header())
	assert.Equal(t, http.Header{"A": {"2"}, "Vary": {"a", "b"}, "Content-Type": {"text/plain; charset=utf-8"}}, one.Header())
	assert.Equal(t, http.Header{"Vary": {"a", "c"}, "Content-Type": {"text/plain; charset=utf-8"}}, two.Header())
	assert.Equal(t, 200, base.StatusCode())
	body, ok := base.Bytes()
	assert.True(t, ok)
	assert.Equal(t, "x", string(body))

	h := base.Header()
	h["Content-Type"][0] = "spoilt"
	h["A"][0] = "spoilt"
	assert.Equal(t, "text/plain; charset=utf-8", redstart.Text("").Header().Get("Content-Type"), "Header is a copy in depth")
	assert.Equal(t, "1", base.Header().Get("A"))
}

func TestOneResponseForManyGoroutines(t *testing.T) {
	shared := redstart.JSON(map[string]int{"n": 1}).With("A", "0").WithCookie(&http.Cookie{Name: "c", Value: "0"})
	app, _ := newApp()
	app.Get("/:n", func(req *redstart.Request) redstart.Response {
		n := req.Param("n")
		return shared.With("A", n).WithAdded("B", n).WithCookie(&http.Cookie{Name: "c", Value: n})
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				n := strconv.Itoa(i*50 + j)
				w := get(app, "/"+n)
				assert.Equal(t, []string{n}, w.Header()["A"])
				assert.Equal(t, []string{n}, w.Header()["B"])
				assert.Equal(t, []string{"c=0", "c=" + n}, w.Header()["Set-Cookie"])
				assert.Equal(t, `{"n":1}`, w.Body.String())
			}
		})
	}
	wg.Wait()
	assert.Equal(t, "0", shared.Header().Get("A"))
}

func TestBadHeadersAndCookies(t *testing.T) {
	ok := redstart.Text("secret")
	tests := map[string]struct {
		resp redstart.Response
		want string
	}{
		"name":           {ok.With("bad name", "v"), `redstart: "bad name" is not a header name`},
		"empty name":     {ok.With("", "v"), `redstart: "" is not a header name`},
		"value":          {ok.With("X", "a\r\nEvil: 1"), `redstart: header X: "a\r\nEvil: 1" holds a control character at byte 1`},
		"added":          {ok.WithAdded("X", "a\x00"), `redstart: header X: "a\x00" holds a control character at byte 1`},
		"without":        {ok.Without("a b"), `redstart: "a b" is not a header name`},
		"cookie name":    {ok.WithCookie(&http.Cookie{Name: "a b", Value: "v"}), `redstart: cookie "a b": http: invalid Cookie.Name`},
		"cookie value":   {ok.WithCookie(&http.Cookie{Name: "a", Value: "v\n"}), `redstart: cookie "a": http: invalid byte '\n' in Cookie.Value`},
		"ignored cookie": {ok.WithCookie(&http.Cookie{Name: "a", SameSite: http.SameSiteNoneMode}), `redstart: cookie "a": browsers ignore SameSite=None without Secure`},
		"large cookie":   {ok.WithCookie(&http.Cookie{Name: "a", Value: strings.Repeat("x", 4096)}), `redstart: cookie "a": name and value have 4097 bytes together, and browsers keep no more than 4096`},
		"cookie path":    {ok.WithCookie(&http.Cookie{Name: "a", Path: "p"}), `redstart: cookie "a": browsers ignore the Path "p", which does not begin with a slash`},
		"length":         {ok.With("Content-Length", "abc"), `redstart: header Content-Length: "abc" is not a number of bytes`},
		"coding":         {ok.With("Transfer-Encoding", "gzip"), `redstart: header Transfer-Encoding: the server chooses it by itself`},
		"nil function":   {ok.WithDone(nil), `redstart: WithDone was called with a nil function`},
		"no files":       {new(redstart.Files).File("a"), `redstart: the Files are of no folder: make them by OpenFiles or FilesFS`},
		"nil cookie":     {ok.WithCookie(nil), `redstart: WithCookie was called with a nil cookie`},
		"clear":          {ok.ClearCookie("a;b", "/", ""), `redstart: cookie "a;b": http: invalid Cookie.Name`},
		"status":         {ok.WithStatus(99), `redstart: WithStatus(99): not the status of a reply`},
		"informational":  {redstart.Status(101), `redstart: WithStatus(101): not the status of a reply`},
		"redirect":       {redstart.Redirect("http://[bad"), `redstart: Redirect: parse "http://[bad": missing ']' in host`},
		"empty redirect": {redstart.Redirect(""), `redstart: Redirect: the target is empty`},
		"nil error":      {redstart.Fail(nil), `Internal Server Error: redstart: Fail was called with a nil error`},
		"first wins":     {ok.With("bad name", "").With("also bad", ""), `redstart: "bad name" is not a header name`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			app, log := newApp()
			app.Get("/", func(*redstart.Request) redstart.Response { return tt.resp })
			w := get(app, "/")
			assert.Equal(t, 500, w.Code)
			assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			assert.NotContains(t, w.Body.String(), "redstart:", "the cause is not for clients")
			assert.Empty(t, w.Header().Get("Evil"))
			assert.Equal(t, tt.want, log.line(t, "request")["error"])
		})
	}
}

func TestCookies(t *testing.T) { // features: P7
	resp := redstart.NoContent().
		WithCookie(&http.Cookie{
			Name: "a", Value: "1", Path: "/p", Domain: "gotham.city", Expires: time.Unix(1e9, 0), MaxAge: 60,
			Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode, Partitioned: true,
		}).
		WithCookie(&http.Cookie{Name: "b", Value: "2"}).
		ClearCookie("c", "/p", "gotham.city").
		ClearCookie("__Host-session", "/", "")
	assert.Equal(t, []string{
		"a=1; Path=/p; Domain=gotham.city; Expires=Sun, 09 Sep 2001 01:46:40 GMT; Max-Age=60; HttpOnly; Secure; SameSite=Strict; Partitioned",
		"b=2",
		"c=; Path=/p; Domain=gotham.city; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0",
		"__Host-session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; Secure",
	}, get(replies(resp), "/").Header()["Set-Cookie"])
}

func ExampleResponse_WithFilename() {
	app := redstart.New(redstart.WithoutAccessLog())
	app.Get("/crimes.csv", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/csv; charset=utf-8", func(yield func(string) bool) {
			_ = yield("kind,district\n") && yield("arson,7\n")
		}).WithFilename("Crimes of Gotham – 犯罪.csv")
	})
	fmt.Println(get(app, "/crimes.csv").Header().Get("Content-Disposition"))
	// Output: attachment; filename="Crimes of Gotham _ __.csv"; filename*=UTF-8''Crimes%20of%20Gotham%20%E2%80%93%20%E7%8A%AF%E7%BD%AA.csv
}

func TestFilenames(t *testing.T) { // features: P3
	for name, want := range map[string]string{
		"a.txt":              `attachment; filename="a.txt"`,
		"../../etc/passwd":   `attachment; filename=".._.._etc_passwd"`,
		"a\r\nSet-Cookie: b": `attachment; filename="aSet-Cookie: b"`,
		"gpj.\u202eexe":      `attachment; filename="gpj.exe"`,
		`say "hi".txt`:       `attachment; filename="say _hi_.txt"; filename*=UTF-8''say%20%22hi%22.txt`,
		"":                   `attachment`,
		"..":                 `attachment`,
	} {
		w := get(replies(redstart.Text("x").WithFilename(name)), "/")
		assert.Equal(t, 200, w.Code, name)
		assert.Equal(t, want, w.Header().Get("Content-Disposition"), name)
	}
}

func TestRedirects(t *testing.T) {
	app := replies(redstart.Redirect("/次?q=a b"))
	for method, status := range map[string]int{"GET": 302, "HEAD": 302, "POST": 303, "PUT": 303, "PATCH": 303, "DELETE": 303} {
		w := ask(app, method, "/", "")
		assert.Equal(t, status, w.Code, method)
		assert.Equal(t, "/%E6%AC%A1?q=a%20b", w.Header().Get("Location"), method)
		assert.Empty(t, w.Body.String())
	}
	assert.Equal(t, 307, ask(replies(redstart.Redirect("/x").WithStatus(307)), "POST", "/", "").Code)
	assert.Equal(t, "https://example.com/", get(replies(redstart.Redirect("https://example.com/")), "/").Header().Get("Location"))
}

func TestRedirectLocalRefusesOtherSites(t *testing.T) {
	for _, target := range []string{"/", "/crimes?page=2#top", "/%2F/x", "/a//b", "/小丑"} {
		w := get(replies(redstart.RedirectLocal(target)), "/")
		assert.Equal(t, 302, w.Code, target)
	}
	for _, target := range []string{
		"", "crimes", "//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "https://evil.example",
		"https:evil.example", "javascript:alert(1)", "/\t/evil.example", "\t//evil.example", " //evil.example",
		"/\n/evil.example", "/\r\nLocation: https://evil.example", "http:/evil.example", "//user@evil.example/", "/\x00",
		"?x", "#x", "data:text/html,x",
	} {
		w := get(replies(redstart.RedirectLocal(target)), "/")
		assert.Equal(t, 400, w.Code, "%q", target)
		assert.Empty(t, w.Header().Get("Location"), "%q", target)
		assert.Contains(t, w.Body.String(), `"detail":"redirect target \"`, "%q", target)
	}
	w := get(replies(redstart.RedirectLocal("x"+strings.Repeat("y", 1e5))), "/")
	assert.Contains(t, w.Body.String(), `yyy…\" is not a path on this site"`)
	assert.Less(t, w.Body.Len(), 500, "what was sent is not sent back at length")
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("marshal") }

func TestJSONThatCannotBeEncoded(t *testing.T) {
	for name, v := range map[string]any{"type": make(chan int), "inside": []any{1, func() {}}, "panic": panics{}} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp()
			app.Get("/", func(*redstart.Request) redstart.Response {
				return redstart.JSON(v).WithStatus(201).With("X-Kept", "yes").With("Cache-Control", "max-age=60").
					WithCookie(&http.Cookie{Name: "c", Value: "1"})
			})
			w := get(app, "/")
			assert.Equal(t, 500, w.Code)
			assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			assert.Equal(t, "yes", w.Header().Get("X-Kept"))
			assert.Equal(t, []string{"c=1"}, w.Header()["Set-Cookie"])
			assert.Empty(t, w.Header().Get("Cache-Control"), "what was about the body goes with it")
			assert.NotEmpty(t, log.line(t, "request")["error"])
			assert.Equal(t, name == "panic", log.line(t, "request")["stack"] != nil)
		})
	}
}

func TestErrorPageThatCannotBeEncoded(t *testing.T) {
	for name, page := range map[string]redstart.Response{
		"json": redstart.JSON(make(chan int)), "panic": redstart.JSON(panics{}),
		"stream": redstart.SSEResponse(noEvents), "file": redstart.File("nowhere"),
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp()
			app.OnError(func(*redstart.Request, error) redstart.Response { return page })
			app.Get("/", func(*redstart.Request) redstart.Response { return redstart.JSON(func() {}).With("X-Kept", "yes") })
			w := get(app, "/")
			assert.Equal(t, 500, w.Code)
			assert.Contains(t, w.Body.String(), `{"title":"Internal Server Error","status":500`)
			assert.Equal(t, "yes", w.Header().Get("X-Kept"))
		})
	}
}

func TestJSONBufferIsNotSharedByReplies(t *testing.T) {
	app, _ := newApp()
	app.Get("/:n", func(req *redstart.Request) redstart.Response { return redstart.JSON(req.Param("n")) })
	keep := &keeper{header: http.Header{}}
	app.ServeHTTP(keep, httptest.NewRequest("GET", "/first", nil))
	app.ServeHTTP(&keeper{header: http.Header{}}, httptest.NewRequest("GET", "/other", nil))
	assert.Equal(t, []string{`"first"`}, keep.kept, "a string that a writer was given never changes")
}

// keeper is a ResponseWriter that keeps the strings it is given, as it may.
type keeper struct {
	header http.Header
	kept   []string
}

func (k *keeper) Header() http.Header { return k.header }
func (k *keeper) WriteHeader(int)     {}
func (k *keeper) Write(p []byte) (int, error) {
	k.kept = append(k.kept, string(p))
	return len(p), nil
}
func (k *keeper) WriteString(s string) (int, error) {
	k.kept = append(k.kept, s)
	return len(s), nil
}

func TestBytesOfAResponse(t *testing.T) {
	body, ok := redstart.JSON([]string{"a"}).Bytes()
	assert.True(t, ok)
	assert.Equal(t, `["a"]`, string(body))
	_, ok = redstart.JSON(make(chan int)).Bytes()
	assert.False(t, ok)
	stream := redstart.Stream("text/plain", func(io.Writer) error { return nil })
	_, ok = stream.Bytes()
	assert.False(t, ok)
	assert.True(t, stream.Streams())
	assert.False(t, redstart.Text("x").Streams())
}

func TestMiddlewareChangesABody(t *testing.T) {
	app, _ := newApp()
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		body, ok := resp.Bytes()
		if !ok {
			return resp
		}
		return resp.WithBody([]byte(fmt.Sprintf("<%s>", body)))
	}))
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.JSON(7).WithStatus(201) })
	app.Const("/const", redstart.Text("same"))

	w := get(app, "/")
	assert.Equal(t, 201, w.Code)
	assert.Equal(t, "<7>", w.Body.String())
	assert.Equal(t, "3", w.Header().Get("Content-Length"))
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	w = get(app, "/const", "If-None-Match", "*")
	assert.Equal(t, "<same>", w.Body.String())
	assert.Empty(t, w.Header().Get("ETag"), "it was of another body")
	assert.Equal(t, `<{"title":"Not Found"`, get(app, "/x").Body.String()[:21])
}

func TestConst(t *testing.T) {
	app, log := newApp()
	app.Use(mark("m"))
	app.Const("/health", redstart.JSON(map[string]bool{"ok": true}).With("X-A", "1"))
	app.Const("/own", redstart.Text("v").With("ETag", `W/"mine"`))
	app.Const("/gone", redstart.Text("gone").WithStatus(410))

	w := get(app, "/health")
	etag := w.Header().Get("ETag")
	assert.Regexp(t, `^"[0-9a-f]{24}"$`, etag)
	assert.Equal(t, `{"ok":true}`, w.Body.String())
	assert.Equal(t, "1", w.Header().Get("X-A"))
	assert.Equal(t, "m", w.Header().Get("Trace"))

	for condition, status := range map[string]int{
		etag: 304, "*": 304, "W/" + etag: 304, `"other", ` + etag: 304, `"other"`: 200, "": 200,
	} {
		w := get(app, "/health", "If-None-Match", condition)
		assert.Equal(t, status, w.Code, condition)
		assert.Equal(t, etag, w.Header().Get("ETag"))
		if status == 304 {
			assert.Empty(t, w.Body.String())
			assert.Empty(t, w.Header().Get("Content-Length"))
		}
	}
	assert.Equal(t, 304, get(app, "/health", "If-None-Match", `"other"`, "If-None-Match", etag).Code, "several lines are one list")
	assert.Equal(t, 304, get(app, "/own", "If-None-Match", `"mine"`).Code)
	assert.Equal(t, 410, get(app, "/gone", "If-None-Match", "*").Code, "conditions are for successful replies")

	w = ask(app, "HEAD", "/health", "")
	assert.Equal(t, "11", w.Header().Get("Content-Length"))
	assert.Empty(t, w.Body.String())
	assert.NotContains(t, log.String(), "error")
}

func TestConstWithoutETagIsAlwaysSent(t *testing.T) {
	app, _ := newApp()
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response { return resp.Without("ETag") }))
	app.Const("/", redstart.Text("x"))
	for _, condition := range []string{"", "*", `"x"`} {
		w := get(app, "/", "If-None-Match", condition)
		assert.Equal(t, 200, w.Code, condition)
		assert.Equal(t, "x", w.Body.String())
	}
}

// It is copied at each refinement and each return.
func TestResponseIsSmall(t *testing.T) {
	assert.LessOrEqual(t, reflect.TypeFor[redstart.Response]().Size(), 9*reflect.TypeFor[uintptr]().Size())
}

func TestDefaultHeaders(t *testing.T) { // features: P8
	app, _ := newApp(
		redstart.DefaultHeader("x-frame-options", "DENY", "/embed"),
		redstart.DefaultHeader("Cache-Control", "no-store"),
		redstart.DefaultHeader("Server", "redstart"),
	)
	app.Get("/", text("x"))
	app.Post("/post", text("x"))
	app.Get("/own", func(*redstart.Request) redstart.Response {
		return redstart.Text("x").With("X-Frame-Options", "SAMEORIGIN")
	})
	app.Get("/none", func(*redstart.Request) redstart.Response { return redstart.Text("x").Without("X-Frame-Options") })
	app.Get("/embed/x", text("x"))
	app.Get("/embedded", text("x"))
	app.Get("/fail", fails(errors.New("x")))
	app.Get("/json", func(*redstart.Request) redstart.Response { return redstart.JSON(func() {}) })
	app.Get("/stream", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/plain", func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err })
	})
	app.Get("/events", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) {})
	})
	app.Mount("/mounted", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private")
		w.WriteHeader(202)
	}))

	for path, want := range map[string]string{
		"/": "DENY", "/own": "SAMEORIGIN", "/none": "", "/embed/x": "", "/embed": "", "/embedded": "DENY", "/fail": "DENY",
		"/json": "DENY", "/nothing": "DENY", "/post": "DENY", "/stream": "DENY", "/events": "DENY", "/mounted/x": "DENY",
	} {
		w := get(app, path)
		assert.Equal(t, want, w.Header().Get("X-Frame-Options"), path)
		assert.Equal(t, "redstart", w.Header().Get("Server"), path)
	}
	assert.Equal(t, "no-store", get(app, "/").Header().Get("Cache-Control"))
	assert.Equal(t, "no-store", get(app, "/stream").Header().Get("Cache-Control"))
	assert.Equal(t, "private", get(app, "/mounted/x").Header().Get("Cache-Control"), "the reply does not lack it")
	assert.Equal(t, "no-cache, no-transform", get(app, "/events").Header().Get("Cache-Control"), "nor does a stream")
}

func TestWithVary(t *testing.T) {
	resp := redstart.Text("").With("Vary", "Origin, accept").WithVary("Accept", "Cookie").WithVary("Cookie")
	assert.Equal(t, []string{"Origin, accept", "Cookie"}, resp.Header()["Vary"])
	assert.Equal(t, []string{"*"}, redstart.Text("").With("Vary", "*").WithVary("Cookie").Header()["Vary"])
	assert.Error(t, redstart.Text("").WithVary("a\nb").Err())
}

func ExampleResponse_WithHeadersOf() {
	internal := redstart.Response{}.With("Cache-Control", "private").WithVary("Cookie") // made once

	resp := redstart.JSON([]int{1}).WithVary("Cookie", "Accept").WithHeadersOf(internal)
	fmt.Println(resp.Header()["Cache-Control"], resp.Header()["Vary"])
	// Output: [private] [Cookie Accept]
}

func ExampleResponse_WithEncoding() {
	app := redstart.New(redstart.WithoutAccessLog())
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		return resp.WithEncoding(func(h http.Header, _ int, size int64) redstart.BodyEncoding {
			if size < 3 {
				return nil
			}
			h.Set("Content-Encoding", "stars")
			return stars{}
		})
	}))
	app.Get("/:name", func(req *redstart.Request) redstart.Response { return redstart.Text(req.Param("name")) })

	fmt.Println(get(app, "/Bat").Body, get(app, "/Ra").Body)
	// Output: *Bat* false Ra
}

func TestWithHeadersOf(t *testing.T) {
	template := redstart.Status(404).With("A", "1").WithDefault("B", "1").WithAdded("C", "1").Without("D")
	resp := redstart.Text("x").With("A", "0").With("B", "0").With("C", "0").With("D", "0").WithHeadersOf(template).With("E", "2")
	h := resp.Header()
	assert.Equal(t, 200, resp.StatusCode(), "nothing but headers")
	assert.Equal(t, http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "A": {"1"}, "B": {"0"}, "C": {"0", "1"}, "E": {"2"}}, h)
	assert.Equal(t, http.Header{"A": {"1"}, "B": {"1"}, "C": {"1"}}, template.Header(), "the template stays as it is")
	assert.Error(t, redstart.Text("").WithHeadersOf(redstart.Response{}.With("a b", "")).Err(), "a broken template breaks the reply")
}

// stars is an encoding that shows where it was.
type stars struct{ fails bool }

func (s stars) Encode(dst, body []byte, constant bool) ([]byte, error) {
	if s.fails {
		return nil, errors.New("no stars tonight")
	}
	return fmt.Appendf(dst, "*%s* %v", body, constant), nil
}

func (s stars) Writer(w io.Writer) interface {
	io.WriteCloser
	Flush() error
} {
	return starWriter{w}
}

type starWriter struct{ io.Writer }

func (s starWriter) Flush() error { return nil }
func (s starWriter) Close() error { _, err := io.WriteString(s, "*"); return err }

func TestWithEncoding(t *testing.T) {
	chosen := func(e redstart.BodyEncoding) func(http.Header, int, int64) redstart.BodyEncoding {
		return func(h http.Header, status int, size int64) redstart.BodyEncoding {
			h.Set("Seen", fmt.Sprintf("%d %d %s", status, size, h.Get("Content-Type")))
			h.Set("Content-Encoding", "stars")
			return e
		}
	}
	stream := redstart.Stream("text/csv", func(yield func(string) bool) { yield("a") })
	for name, tt := range map[string]struct {
		resp redstart.Response
		seen string
		body string
	}{
		"text":      {redstart.Text("a"), "200 1 text/plain; charset=utf-8", "*a* false"},
		"JSON":      {redstart.JSON(1).WithStatus(201), "201 1 application/json", "*1* false"},
		"stream":    {stream, "200 -1 text/csv", "a*"},
		"cannot":    {redstart.Text("a").WithEncoding(chosen(stars{fails: true})), "200 1 text/plain; charset=utf-8", "a"},
		"twice":     {redstart.Text("a").WithEncoding(chosen(nil)), "200 1 text/plain; charset=utf-8", "a"},
		"new body":  {redstart.JSON(1).WithEncoding(chosen(stars{})).WithBody([]byte("bb")), "200 2 application/json", "*bb* false"},
		"no choice": {redstart.Text("a").WithEncoding(nil), "200 1 text/plain; charset=utf-8", "*a* false"},
		"events":    {redstart.SSEResponse(noEvents), "", ":\n\n"},
		"mount":     {redstart.Response{}, "418 -1 text/x", "m*"},
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp()
			app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
				before, ok := resp.Bytes()
				resp = resp.WithEncoding(chosen(stars{}))
				after, still := resp.Bytes()
				assert.Equal(t, before, after, "who is further out sees the body as it was")
				assert.Equal(t, ok, still)
				return resp
			}))
			app.Get("/", func(*redstart.Request) redstart.Response { return tt.resp })
			path := "/"
			if name == "mount" {
				path = "/mount/"
				app.Mount("/mount", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/x")
					w.WriteHeader(418)
					_, _ = io.WriteString(w, "m")
				}))
			}
			reply := get(app, path)
			assert.Equal(t, tt.seen, reply.Header().Get("Seen"))
			if name != "events" {
				assert.Equal(t, tt.body, reply.Body.String())
			}
			assert.Equal(t, name != "events" && name != "cannot", reply.Header().Get("Content-Encoding") == "stars")
			if n := reply.Header().Get("Content-Length"); n != "" {
				assert.Equal(t, strconv.Itoa(reply.Body.Len()), n)
			}
		})
	}
	app, _ := newApp()
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		return resp.WithEncoding(chosen(stars{}))
	}))
	app.Const("/", redstart.Text("a"))
	reply := get(app, "/")
	assert.Equal(t, "*a* true", reply.Body.String())
	reply = get(app, "/", "If-None-Match", reply.Header().Get("ETag"))
	assert.Equal(t, http.StatusNotModified, reply.Code)
	assert.Empty(t, reply.Header().Get("Content-Encoding"))
}
