package routing

import (
	"net/http"
	"strings"
	"testing"

	"github.com/julienschmidt/httprouter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each of httprouter's refusals: that it is one, and that it is lifted here.
func TestSetsThatHTTPRouterRefuses(t *testing.T) {
	for _, tt := range []struct {
		name     string
		patterns []string
		asks     map[string]string // path to pattern
	}{
		{"static beside parameter", []string{"/crimes/search", "/crimes/:id"},
			map[string]string{"/crimes/search": "/crimes/search", "/crimes/s": "/crimes/:id", "/crimes/searching": "/crimes/:id"}},
		{"other parameter name", []string{"/crimes/:id", "/crimes/:crime/notes"},
			map[string]string{"/crimes/1": "/crimes/:id", "/crimes/1/notes": "/crimes/:crime/notes"}},
		{"catch-all beside static", []string{"/*path", "/api"},
			map[string]string{"/api": "/api", "/ap": "/*path", "/api/x": "/*path"}},
		{"catch-all beside parameter", []string{"/:x", "/*path"},
			map[string]string{"/a": "/:x", "/a/b": "/*path"}},
		{"static beneath parameter beside parameter", []string{"/c/search/:word", "/c/:id/notes"},
			map[string]string{"/c/search/notes": "/c/search/:word", "/c/1/notes": "/c/:id/notes", "/c/1/x": ""}},
		{"three layers", []string{"/c/a/:x", "/c/:y/b", "/c/*z"},
			map[string]string{"/c/a/b": "/c/a/:x", "/c/x/b": "/c/:y/b", "/c/a": "/c/*z", "/c/x/c": "/c/*z"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Panics(t, func() {
				raw := httprouter.New()
				for _, pattern := range tt.patterns {
					raw.GET(pattern, func(http.ResponseWriter, *http.Request, httprouter.Params) {})
				}
			}, "httprouter has learned it")
			for _, order := range [][]string{tt.patterns, reversed(tt.patterns)} {
				var lines []string
				for _, pattern := range order {
					lines = append(lines, "GET "+pattern)
				}
				m := build(t, lines...)
				for path, want := range tt.asks {
					got, _ := ask(t, m, "GET", path)
					assert.Equal(t, want, strings.TrimPrefix(got, "GET "), path)
				}
			}
		})
	}
}

func reversed(s []string) (r []string) {
	for _, e := range s {
		r = append([]string{e}, r...)
	}
	return r
}

// Each of httprouter's liberties with paths: that it takes it, and that it is
// taken back here.
func TestPathsThatHTTPRouterBends(t *testing.T) {
	for _, tt := range []struct{ name, pattern, path string }{
		{"empty parameter", "/users/:id/posts", "/users//posts"},
		{"empty catch-all", "/files/*path", "/files/"},
		{"redirect to the catch-all", "/files/*path", "/files"},
		{"redirect to another case", "/crimes/:id/notes", "/Crimes/7/Notes"},
		{"redirect to a cleaned path", "/crimes/:id/notes", "/x/../crimes/7//notes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw := httprouter.New()
			raw.GET(tt.pattern, func(http.ResponseWriter, *http.Request, httprouter.Params) {})
			w := &discard{header: http.Header{}}
			raw.ServeHTTP(w, getRequest(tt.path))
			assert.NotEqual(t, http.StatusNotFound, w.status, "httprouter has changed its mind")

			m := build(t, "GET "+tt.pattern)
			var match Match[string]
			assert.False(t, m.Lookup("GET", tt.path, "", &match))
			assert.Nil(t, m.Allowed(tt.path, ""))
		})
	}
}

// httprouter would answer these itself, each with a reply of its own.
func TestHTTPRouterAnswersNothingItself(t *testing.T) {
	m := build(t, "GET /crimes/:id", "POST /crimes/:id/notes")
	for _, method := range []string{"OPTIONS", "DELETE", "CONNECT"} {
		got, _ := ask(t, m, method, "/crimes/7")
		assert.Empty(t, got, method)
	}
}

func TestLayersAreFew(t *testing.T) {
	for _, tt := range []struct {
		name   string
		routes []string
		want   int
	}{
		{"static only", []string{"GET /a", "GET /a/b", "GET /"}, 0},
		{"static beside parameters", []string{"GET /crimes/search", "GET /crimes/:id", "GET /crimes/:crime/notes", "GET /crimes"}, 1},
		{"other branch, same layer", []string{"GET /a/:x", "GET /a/b/:x", "GET /c/:x", "GET /c/d/:x"}, 2},
		{"less specific, but no overlap", []string{"GET /a/b/:x", "GET /a/:x/c/:y"}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Len(t, build(t, tt.routes...).tables["GET"].layers, tt.want)
		})
	}
}

// A route must not slip past a more specific one into an earlier layer where
// it happens to have no conflict.
func TestLayersKeepTheOrder(t *testing.T) {
	m := build(t, "GET /a/b/:x/:y", "GET /a/:x/c/:y", "GET /:x/b/c/:y", "GET /:x/:y/:z/d")
	for path, want := range map[string]string{
		"/a/b/c/d": "GET /a/b/:x/:y",
		"/a/x/c/d": "GET /a/:x/c/:y",
		"/x/b/c/d": "GET /:x/b/c/:y",
		"/x/y/z/d": "GET /:x/:y/:z/d",
		"/a/b/z/d": "GET /a/b/:x/:y",
		"/a/y/z/d": "GET /:x/:y/:z/d",
	} {
		got, _ := ask(t, m, "GET", path)
		assert.Equal(t, want, got, path)
	}
}

func TestRefusalByHTTPRouterIsAnError(t *testing.T) {
	l := &layer{leaves: []leaf{{shape{{kind: param}}, 0}, {shape{{static, "a"}, {kind: param}}, 1}}}
	_, err := l.router()
	require.ErrorContains(t, err, `httprouter refuses the path "/a/:p"`)
}
