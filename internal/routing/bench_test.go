package routing

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/julienschmidt/httprouter"
)

// The set is one that httprouter accepts as well, so that both can be asked.
var benchmarkSet = []string{
	"/", "/crimes", "/districts", "/districts/:district/crimes", "/crimes/:id", "/crimes/:id/notes", "/crimes/:id/notes/:note",
	"/users", "/users/:user", "/users/:user/badges/:badge", "/files/*path", "/stats", "/stats/daily", "/login", "/logout",
}

var benchmarkAsks = []struct{ name, path string }{
	{"static", "/stats/daily"},
	{"param1", "/crimes/4711"},
	{"param2", "/crimes/4711/notes/12"},
	{"catchall", "/files/css/site/main.css"},
	{"missing", "/nothing/here"},
}

func BenchmarkLookup(b *testing.B) {
	var lines []string
	for _, pattern := range benchmarkSet {
		lines = append(lines, "GET "+pattern)
	}
	m := build(b, lines...)
	for _, ask := range benchmarkAsks {
		b.Run(ask.name, func(b *testing.B) {
			match := new(Match[string])
			b.ReportAllocs()
			for b.Loop() {
				m.Lookup(http.MethodGet, ask.path, "", match)
			}
		})
	}
}

// BenchmarkLookupRaw is httprouter serving the same requests by itself.
func BenchmarkLookupRaw(b *testing.B) {
	raw := &httprouter.Router{NotFound: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	for _, pattern := range benchmarkSet {
		raw.GET(pattern, func(http.ResponseWriter, *http.Request, httprouter.Params) {})
	}
	for _, ask := range benchmarkAsks {
		b.Run(ask.name, func(b *testing.B) {
			w, r := &discard{header: http.Header{}}, getRequest(ask.path)
			b.ReportAllocs()
			for b.Loop() {
				raw.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkLookupHard asks for what leaves the fast path.
func BenchmarkLookupHard(b *testing.B) {
	m := build(b, "GET /:a/x/:b", "GET /:a/:b", "GET /crimes/:id", "GET /crimes/search/:word", "* /open/:x")
	for _, ask := range []struct{ name, method, path, rawPath string }{
		{"slash", "GET", "/crimes/7/", ""},
		{"second layer", "GET", "/crimes/7", ""},
		{"second layer beneath a parameter", "GET", "/1/2", ""},
		{"any", "PUT", "/open/1", ""},
		{"escaped", "GET", "/crimes/a/b", "/crimes/a%2Fb"},
		{"percent", "GET", "/crimes/50%", ""},
	} {
		b.Run(ask.name, func(b *testing.B) {
			match := new(Match[string])
			b.ReportAllocs()
			for b.Loop() {
				if !m.Lookup(ask.method, ask.path, ask.rawPath, match) {
					b.Fatal("no route")
				}
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	var table Table[int]
	for i := range 2000 {
		for _, pattern := range []string{"/s%d", "/s%d/:id", "/s%d/:id/notes", "/s%d/search/:word"} {
			if err := table.Add(http.MethodGet, fmt.Sprintf(pattern, i), i, ""); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		if _, err := table.Build(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAllowed(b *testing.B) {
	m := build(b, "GET /crimes/:id", "DELETE /crimes/:id", "PUT /crimes/:id", "POST /crimes")
	for b.Loop() {
		m.Allowed("/crimes/7", "")
	}
}
