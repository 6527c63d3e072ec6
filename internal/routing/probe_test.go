package routing

import (
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"unsafe"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLookupDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget on purpose")
	}
	m := build(t, "GET /", "GET /crimes", "GET /crimes/:id", "GET /crimes/:id/notes/:note", "GET /:a/:b/:c/:d/end",
		"GET /files/*path", "* /any/:x", "POST /crimes", "GET /crimes/search/:word")
	for _, tt := range []struct{ name, method, path string }{
		{"static", "GET", "/crimes"},
		{"static, trailing slash", "GET", "/crimes/"},
		{"static, HEAD", "HEAD", "/crimes"},
		{"one parameter", "GET", "/crimes/7"},
		{"one parameter, trailing slash", "GET", "/crimes/7/"},
		{"one parameter, HEAD", "HEAD", "/crimes/7"},
		{"two parameters", "GET", "/crimes/7/notes/2"},
		{"four parameters", "GET", "/1/2/3/4/end"},
		{"catch-all", "GET", "/files/a/b/c"},
		{"first layer", "GET", "/crimes/search/x"},
		{"any method", "PATCH", "/any/1"},
		{"unknown path", "POST", "/nothing"},
		{"unknown method", "BREW", "/crimes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			match := new(Match[string])
			assert.Zero(t, testing.AllocsPerRun(200, func() { m.Lookup(tt.method, tt.path, "", match) }))
		})
	}
}

// The pools, httprouter's and ours, must not keep the paths of old requests.
func TestIdleLookupHoldsNoString(t *testing.T) {
	m := build(t, "GET /crimes/:id", "GET /files/*path", "GET /:x/notes")
	for _, path := range []string{"/crimes/", "/files/a/", "/nothing/"} {
		var held []weak.Pointer[byte]
		for range 10 {
			held = append(held, lookupOnce(m, path+strings.Repeat("x", 200)))
		}
		// Pools live through one collection, so what they hold does too.
		runtime.GC()
		for _, p := range held {
			assert.Nil(t, p.Value(), path)
		}
	}
	runtime.KeepAlive(m)
}

//go:noinline
func lookupOnce(m *Matcher[string], path string) weak.Pointer[byte] {
	var match Match[string]
	m.Lookup("GET", path, "", &match)
	return weak.Make(unsafe.StringData(path))
}

func TestProbeIsAnIdleResponseWriter(t *testing.T) {
	p := newProbe()
	require.Implements(t, (*http.ResponseWriter)(nil), p)
	p.Header().Set("X-Test", "1")
	assert.Empty(t, p.Header())
	p.WriteHeader(http.StatusTeapot)
	n, err := p.Write([]byte("abc"))
	assert.NoError(t, err)
	assert.Equal(t, 3, n)
	assert.Equal(t, newProbe(), p)
}

// discard is a response writer that keeps nothing but the status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) Write(data []byte) (int, error) { return len(data), nil }
func (d *discard) WriteHeader(status int)         { d.status = status }

func getRequest(path string) *http.Request {
	return &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}}
}
