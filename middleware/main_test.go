package middleware_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet makes an app that logs nothing.
func quiet(opts ...redstart.Option) *redstart.App {
	return redstart.New(append([]redstart.Option{redstart.WithLogger(zerolog.Nop())}, opts...)...)
}

// logged makes an app whose log lines are kept.
func logged(opts ...redstart.Option) (*redstart.App, *logLines) {
	lines := &logLines{}
	return redstart.New(append([]redstart.Option{redstart.WithLogger(zerolog.New(zerolog.SyncWriter(&lines.buf)).Level(zerolog.InfoLevel))}, opts...)...), lines
}

// logLines are what was logged. They are read when the requests have ended.
type logLines struct{ buf bytes.Buffer }

func (l *logLines) read(t *testing.T) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(l.buf.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields), line)
		lines = append(lines, fields)
	}
	return lines
}

// send answers one request. A header is "Name: value".
func send(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, path, nil)
	} else {
		r = httptest.NewRequest(method, path, strings.NewReader(body))
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// everyReply is an app with a route for each kind of reply that there is.
func everyReply(app *redstart.App) []replyKind {
	app.Get("/text", func(*redstart.Request) redstart.Response { return redstart.Text("text") })
	app.Get("/json", func(*redstart.Request) redstart.Response { return redstart.JSON([]int{1}) })
	app.Get("/error", func(*redstart.Request) redstart.Response {
		return redstart.Fail(redstart.Error(http.StatusConflict, "taken"))
	})
	app.Get("/panic", func(*redstart.Request) redstart.Response { panic("the Joker") })
	app.Get("/unencodable", func(*redstart.Request) redstart.Response { return redstart.JSON(func() {}) })
	app.Get("/events", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) { yield(sse.Text("one")) })
	})
	app.Get("/stream", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/csv", func(yield func(string) bool) { yield("a,b\n") })
	})
	app.Const("/const", redstart.Text("const"))
	app.Static("/static", redstart.FilesFS(fstest.MapFS{"cape.css": {Data: []byte("cape{}")}}))
	app.Mount("/mount", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	return []replyKind{
		{"text", "GET", "/text", 200}, {"HEAD", "HEAD", "/text", 200}, {"JSON", "GET", "/json", 200},
		{"error", "GET", "/error", 409}, {"panic", "GET", "/panic", 500}, {"JSON that fails", "GET", "/unencodable", 500},
		{"events", "GET", "/events", 200}, {"stream", "GET", "/stream", 200}, {"const", "GET", "/const", 200},
		{"static", "GET", "/static/cape.css", 200}, {"mount", "GET", "/mount/x", 418},
		{"not found", "GET", "/nowhere", 404}, {"not allowed", "DELETE", "/text", 405}, {"automatic OPTIONS", "OPTIONS", "/text", 204},
	}
}

// refused says how a function that is called wrong panics. The place that the text names
// has to be this line's caller, and is left out.
func refused(t *testing.T, f func()) (text string) {
	t.Helper()
	defer func() {
		text = fmt.Sprint(recover())
		place := misused.FindString(text)
		assert.NotEmpty(t, place, "no place in a test of this package: %s", text)
		text = strings.Replace(text, place, "", 1)
	}()
	f()
	return ""
}

var misused = regexp.MustCompile(` at middleware/\w+_test\.go:[0-9]+`)

type replyKind struct {
	name, method, path string
	status             int
}

// benchmark measures what a middleware adds to a small reply.
func benchmark(b *testing.B, mw ...redstart.Middleware) {
	app := quiet()
	app.Use(mw...)
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("text") })
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Origin", "https://gotham.city")
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		app.ServeHTTP(w, r)
	}
}

// allocations counts those of a small reply.
func allocations(mw ...redstart.Middleware) float64 {
	app := quiet()
	app.Use(mw...)
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("text") })
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Origin", "https://gotham.city")
	w := discard{http.Header{}}
	return testing.AllocsPerRun(100, func() {
		clear(w.header)
		app.ServeHTTP(w, r)
	})
}
