package routing

import (
	"maps"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// build makes a matcher of lines such as "GET /crimes/:id"; the value of each
// route is its line.
func build(t testing.TB, lines ...string) *Matcher[string] {
	t.Helper()
	var table Table[string]
	for _, line := range lines {
		method, pattern, _ := strings.Cut(line, " ")
		require.NoError(t, table.Add(method, pattern, line, "test.go:1"))
	}
	m, err := table.Build()
	require.NoError(t, err)
	return m
}

// ask looks up a request line's method and path as net/http would parse it.
func ask(t testing.TB, m *Matcher[string], method, target string) (route string, params map[string]string) {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	require.NoError(t, err)
	var match Match[string]
	if !m.Lookup(method, u.Path, u.RawPath, &match) {
		return "", nil
	}
	return match.Value, maps.Collect(match.All())
}

type params = map[string]string

func TestLookup(t *testing.T) {
	for _, tt := range []struct {
		name   string
		routes []string
		path   string
		want   string
		params params
	}{
		{"root", []string{"GET /"}, "/", "GET /", params{}},
		{"static", []string{"GET /crimes"}, "/crimes", "GET /crimes", params{}},
		{"unknown", []string{"GET /crimes"}, "/crime", "", nil},
		{"case counts", []string{"GET /crimes", "GET /users/:id/posts"}, "/Crimes", "", nil},
		{"case counts behind a parameter", []string{"GET /users/:id/posts"}, "/users/7/Posts", "", nil},
		{"parameter", []string{"GET /crimes/:id"}, "/crimes/7", "GET /crimes/:id", params{"id": "7"}},
		{"parameter takes one segment", []string{"GET /crimes/:id"}, "/crimes/7/notes", "", nil},
		{"two parameters", []string{"GET /a/:x/b/:y"}, "/a/1/b/2", "GET /a/:x/b/:y", params{"x": "1", "y": "2"}},
		{"six parameters", []string{"GET /:a/:b/:c/:d/:e/:f"}, "/1/2/3/4/5/6", "GET /:a/:b/:c/:d/:e/:f",
			params{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6"}},

		{"slash in request", []string{"GET /crimes"}, "/crimes/", "GET /crimes", params{}},
		{"slash in pattern", []string{"GET /crimes/"}, "/crimes", "GET /crimes/", params{}},
		{"slash in both", []string{"GET /crimes/"}, "/crimes/", "GET /crimes/", params{}},
		{"slash after parameter", []string{"GET /crimes/:id"}, "/crimes/7/", "GET /crimes/:id", params{"id": "7"}},
		{"two slashes", []string{"GET /crimes", "GET /crimes/:id"}, "/crimes//", "", nil},
		{"two slashes after parameter", []string{"GET /crimes/:id", "GET /crimes/:id/:sub"}, "/crimes/7//", "", nil},
		{"two slashes are not the root", []string{"GET /", "GET /:x"}, "//", "", nil},
		{"slashes inside", []string{"GET /a/b"}, "/a//b", "", nil},

		{"catch-all", []string{"GET /files/*path"}, "/files/a/b.txt", "GET /files/*path", params{"path": "a/b.txt"}},
		{"catch-all keeps its slash", []string{"GET /files/*path"}, "/files/a/", "GET /files/*path", params{"path": "a/"}},
		{"catch-all keeps its slashes", []string{"GET /files/*path"}, "/files/a//", "GET /files/*path", params{"path": "a//"}},
		{"catch-all with an empty segment inside", []string{"GET /files/*path"}, "/files/a//b", "GET /files/*path", params{"path": "a//b"}},
		{"catch-all is not empty", []string{"GET /files/*path"}, "/files/", "", nil},
		{"catch-all needs its slash", []string{"GET /files/*path"}, "/files", "", nil},
		{"catch-all has no leading slash", []string{"GET /files/*path"}, "/files//etc", "", nil},
		{"catch-all has no leading encoded slash", []string{"GET /files/*path"}, "/files/%2Fetc", "", nil},
		{"catch-all at the root", []string{"GET /*path"}, "/a/b", "GET /*path", params{"path": "a/b"}},
		{"catch-all is not the root", []string{"GET /*path"}, "/", "", nil},
		{"catch-all after a parameter", []string{"GET /:repo/*path"}, "/red/a/b", "GET /:repo/*path", params{"repo": "red", "path": "a/b"}},

		{"optional there", []string{"GET /posts/:id/:slug?"}, "/posts/7/x", "GET /posts/:id/:slug?", params{"id": "7", "slug": "x"}},
		{"optional missing", []string{"GET /posts/:id/:slug?"}, "/posts/7", "GET /posts/:id/:slug?", params{"id": "7"}},
		{"optional missing, slash", []string{"GET /posts/:id/:slug?"}, "/posts/7/", "GET /posts/:id/:slug?", params{"id": "7"}},
		{"optional missing from the root", []string{"GET /:lang?"}, "/", "GET /:lang?", params{}},

		{"encoded space", []string{"GET /:x"}, "/a%20b", "GET /:x", params{"x": "a b"}},
		{"encoded slash", []string{"GET /:x"}, "/a%2Fb", "GET /:x", params{"x": "a/b"}},
		{"nothing but an encoded slash", []string{"GET /:x"}, "/%2F", "GET /:x", params{"x": "/"}},
		{"encoded slash at the end", []string{"GET /:x"}, "/a%2f", "GET /:x", params{"x": "a/"}},
		{"encoded slash in a catch-all", []string{"GET /f/*x"}, "/f/a%2Fb/c%2F/", "GET /f/*x", params{"x": "a/b/c//"}},
		{"encoded slash separates nothing", []string{"GET /a/b"}, "/a%2Fb", "", nil},
		{"percent sign", []string{"GET /:x"}, "/100%25", "GET /:x", params{"x": "100%"}},
		{"decoded once", []string{"GET /:x"}, "/%252F", "GET /:x", params{"x": "%2F"}},
		{"decoded once beside an encoded slash", []string{"GET /:x/:y"}, "/%252F/%2F", "GET /:x/:y", params{"x": "%2F", "y": "/"}},
		{"plus is a plus", []string{"GET /:x"}, "/a+b%2F", "GET /:x", params{"x": "a+b/"}},
		{"encoded static text", []string{"GET /api/:x"}, "/%61pi/a%2Fb", "GET /api/:x", params{"x": "a/b"}},
		{"encoded static route", []string{"GET /api"}, "/%61p%69", "GET /api", params{}},
		{"Chinese", []string{"GET /事件/:编号"}, "/%E4%BA%8B%E4%BB%B6/%E4%B8%83", "GET /事件/:编号", params{"编号": "七"}},
		{"percent sign in a pattern", []string{"GET /100%/:x"}, "/100%25/1", "GET /100%/:x", params{"x": "1"}},
		{"percent sign in a static pattern", []string{"GET /100%"}, "/100%25", "GET /100%", params{}},
		{"httprouter's syntax in a request", []string{"GET /a/:x", "GET /b/*y"}, "/a/:p", "GET /a/:x", params{"x": ":p"}},

		{"static before parameter", []string{"GET /crimes/:id", "GET /crimes/search"}, "/crimes/search", "GET /crimes/search", params{}},
		{"static before parameter, deep", []string{"GET /:x/a/:y", "GET /c/:x/:y"}, "/c/a/1", "GET /c/:x/:y", params{"x": "a", "y": "1"}},
		{"the first difference decides", []string{"GET /:x/b", "GET /a/:y"}, "/a/b", "GET /a/:y", params{"y": "b"}},
		{"parameter before catch-all", []string{"GET /f/*path", "GET /f/:x"}, "/f/a", "GET /f/:x", params{"x": "a"}},
		{"parameter before catch-all, slash", []string{"GET /f/*path", "GET /f/:x"}, "/f/a/", "GET /f/:x", params{"x": "a"}},
		{"catch-all when deeper", []string{"GET /f/*path", "GET /f/:x"}, "/f/a/b", "GET /f/*path", params{"path": "a/b"}},
		{"back to the catch-all from a dead end", []string{"GET /*path", "GET /a/:x/c"}, "/a/b/d", "GET /*path", params{"path": "a/b/d"}},
		{"back to the catch-all from an empty segment", []string{"GET /*path", "GET /a/:x/c"}, "/a//c", "GET /*path", params{"path": "a//c"}},
		{"optional against a route of its own", []string{"GET /posts/:id/:slug?", "GET /posts/:id/edit"}, "/posts/7/edit", "GET /posts/:id/edit", params{"id": "7"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, params := ask(t, build(t, tt.routes...), "GET", tt.path)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.params, params)
		})
	}
}

func TestLookupOfMethods(t *testing.T) {
	routes := []string{
		"GET /crimes/:id", "POST /crimes", "HEAD /crimes/search", "GET /crimes/search",
		"* /crimes/:any", "* /open", "GET /get/:only", "PROPFIND /dav/*path",
	}
	m := build(t, routes...)
	for _, tt := range []struct{ name, method, path, want string }{
		{"exact", "POST", "/crimes", "POST /crimes"},
		{"other method", "GET", "/crimes", ""},
		{"HEAD of its own", "HEAD", "/crimes/search", "HEAD /crimes/search"},
		{"HEAD from GET", "HEAD", "/get/1", "GET /get/:only"},
		{"HEAD from GET before any", "HEAD", "/crimes/7", "GET /crimes/:id"},
		{"HEAD from any", "HEAD", "/open", "* /open"},
		{"exact before any", "GET", "/crimes/7", "GET /crimes/:id"},
		{"any where the method has other routes", "POST", "/crimes/7", "* /crimes/:any"},
		{"any for a method without routes", "DELETE", "/crimes/7", "* /crimes/:any"},
		{"any for an unknown token", "BREW", "/open", "* /open"},
		{"unknown token", "BREW", "/get/1", ""},
		{"lower case is another method", "get", "/get/1", ""},
		{"method of an extension", "PROPFIND", "/dav/a/b", "PROPFIND /dav/*path"},
		{"no method", "", "/get/1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := ask(t, m, tt.method, tt.path)
			assert.Equal(t, tt.want, got)
		})
	}
}

// Specificity decides before the method does.
func TestLookupComparesTheRoutesOfAllMethods(t *testing.T) {
	for _, tt := range []struct {
		name         string
		routes       []string
		method, path string
		want         string
	}{
		{"any with text before a catch-all", []string{"GET /*path", "* /api/exact"}, "GET", "/api/exact", "* /api/exact"},
		{"any with a parameter before a catch-all", []string{"GET /*path", "* /api/:x"}, "GET", "/api/1", "* /api/:x"},
		{"any with a longer prefix before a catch-all", []string{"GET /*path", "* /debug/*rest"}, "GET", "/debug/x", "* /debug/*rest"},
		{"any with less text after the exact method", []string{"GET /api/:x", "* /*path"}, "GET", "/api/1", "GET /api/:x"},
		{"back to the exact method from any", []string{"GET /*path", "* /api/:x/end"}, "GET", "/api/1/2", "GET /*path"},
		{"exact method before any of the same shape", []string{"* /api/:any", "GET /api/:x"}, "GET", "/api/1", "GET /api/:x"},
		{"exact text before any of the same text", []string{"* /api", "GET /api/"}, "GET", "/api", "GET /api/"},
		{"exact optional that is missing before any", []string{"* /api", "GET /api/:x?"}, "GET", "/api", "GET /api/:x?"},
		{"any optional that is missing", []string{"GET /*path", "GET /api/:x", "* /api/:y?"}, "GET", "/api", "* /api/:y?"},
		{"any optional that another method has", []string{"GET /*path", "GET /api/:x", "* /api/:y?"}, "GET", "/api/1", "GET /api/:x"},
		{"HEAD from a more specific GET", []string{"HEAD /*path", "GET /api/:x"}, "HEAD", "/api/1", "GET /api/:x"},
		{"HEAD from a more specific any", []string{"HEAD /*path", "GET /:a/*path", "* /api/:x"}, "HEAD", "/api/1", "* /api/:x"},
		{"HEAD from a more specific any, without its own", []string{"GET /*path", "* /api/:x"}, "HEAD", "/api/1", "* /api/:x"},
		{"HEAD before GET before any of the same shape", []string{"* /:x", "GET /:y", "HEAD /:z"}, "HEAD", "/1", "HEAD /:z"},
		{"GET before any of the same shape for HEAD", []string{"* /:x", "GET /:y", "HEAD /*path"}, "HEAD", "/1", "GET /:y"},
		{"HEAD is nothing to GET", []string{"HEAD /api/exact", "GET /api/:x"}, "GET", "/api/exact", "GET /api/:x"},
		{"method of an extension", []string{"PROPFIND /*path", "* /dav/:x"}, "PROPFIND", "/dav/1", "* /dav/:x"},
		{"unknown token sees any only", []string{"GET /api/exact", "* /api/:x"}, "BREW", "/api/exact", "* /api/:x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, order := range [][]string{tt.routes, reversed(tt.routes)} {
				got, _ := ask(t, build(t, order...), tt.method, tt.path)
				assert.Equal(t, tt.want, got)
			}
		})
	}
}

func TestAllowed(t *testing.T) {
	m := build(t, "GET /crimes/:id", "DELETE /crimes/:crime", "PUT /crimes/:id/:part?", "POST /crimes",
		"PATCH /crimes/search/:word", "GET /crimes/search", "* /open/*rest", "PROPFIND /open/dav", "OPTIONS /own",
		"REPORT /hidden/*rest", "* /hidden/:x")
	for _, tt := range []struct {
		path string
		want []string
	}{
		{"/crimes", []string{"OPTIONS", "POST"}},
		{"/crimes/7", []string{"DELETE", "GET", "HEAD", "OPTIONS", "PUT"}},
		{"/crimes/7/", []string{"DELETE", "GET", "HEAD", "OPTIONS", "PUT"}},
		{"/crimes/a%2Fb", []string{"DELETE", "GET", "HEAD", "OPTIONS", "PUT"}},
		{"/crimes/search", []string{"DELETE", "GET", "HEAD", "OPTIONS", "PUT"}},
		{"/crimes/search/x", []string{"OPTIONS", "PATCH", "PUT"}},
		{"/open/x", []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}},
		{"/open/dav", []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PROPFIND", "PUT", "TRACE"}},
		{"/own", []string{"OPTIONS"}},
		{"/hidden/x", []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "REPORT", "TRACE"}},
		{"/nothing", nil},
		{"/crimes//", nil},
	} {
		t.Run(tt.path, func(t *testing.T) {
			u, err := url.ParseRequestURI(tt.path)
			require.NoError(t, err)
			assert.Equal(t, tt.want, m.Allowed(u.Path, u.RawPath))
		})
	}
}

// Paths that do not come from a request line, but from middleware or from the
// odd forms of RFC 9112, section 3.2.
func TestLookupOfOddPaths(t *testing.T) {
	m := build(t, "GET /", "OPTIONS /", "CONNECT /", "GET /admin/:x", "GET /:x", "GET /a/:x/:y")
	for _, tt := range []struct {
		name, method, path, rawPath, want string
		first                             string
	}{
		{"absolute form without a path", "GET", "", "", "GET /", ""},
		{"authority form", "CONNECT", "", "", "", ""},
		{"asterisk form", "OPTIONS", "*", "", "", ""},
		{"no leading slash", "GET", "x", "", "", ""},
		{"literal percent sign", "GET", "/50%", "", "GET /:x", "50%"},
		{"an escape that is text", "GET", "/%2F", "", "GET /:x", "%2F"},
		{"raw path of another path", "GET", "/x", "/admin/x", "GET /:x", "x"},
		{"raw path of another path with escapes", "GET", "/x", "/admin%2Fx", "GET /:x", "x"},
		{"broken raw path", "GET", "/x", "/%zz", "GET /:x", "x"},
		{"raw path cut short", "GET", "/x%", "/x%", "GET /:x", "x%"},
		{"raw path", "GET", "/a/b/c", "/a%2Fb%2Fc", "GET /:x", "a/b/c"},
		{"raw path without escapes", "GET", "/a/b/c", "/a/b/c", "GET /a/:x/:y", "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var match Match[string]
			require.Equal(t, tt.want != "", m.Lookup(tt.method, tt.path, tt.rawPath, &match))
			assert.Equal(t, tt.want, match.Value)
			assert.Equal(t, tt.first, match.Param("x"))
		})
	}
}

func TestEmptyTableMatchesNothing(t *testing.T) {
	m := build(t)
	got, _ := ask(t, m, "GET", "/")
	assert.Empty(t, got)
	assert.Nil(t, m.Allowed("/", ""))
}

func TestLookupFromManyGoroutines(t *testing.T) {
	m := build(t, "GET /", "GET /c/:id", "GET /:a/:b/:c/:d/:e", "GET /c/:id/notes", "* /f/*path", "GET /:x/z")
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			id := strings.Repeat("x", g+1)
			var match Match[string]
			for range 500 {
				assert.True(t, m.Lookup("GET", "/c/"+id, "", &match))
				assert.Equal(t, id, match.Param("id"))
				assert.True(t, m.Lookup("GET", "/1/2/3/4/"+id, "", &match))
				assert.Equal(t, id, match.Param("e"))
				assert.True(t, m.Lookup("PUT", "/f/a/b"+id, "/f/a%2Fb"+id, &match))
				assert.Equal(t, "a/b"+id, match.Param("path"))
				assert.True(t, m.Lookup("GET", "/"+id+"/z", "", &match))
				assert.Equal(t, id, match.Param("x"))
				assert.False(t, m.Lookup("GET", "/"+id+"/y", "", &match))
				assert.Equal(t, []string{"GET", "HEAD", "OPTIONS"}, m.Allowed("/c/"+id, ""))
			}
		})
	}
	group.Wait()
}
