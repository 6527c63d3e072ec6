package routing

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAddRefusesDuplicates(t *testing.T) {
	for _, tt := range []struct{ name, first, second string }{
		{"the same", "/crimes", "/crimes"},
		{"trailing slash", "/crimes", "/crimes/"},
		{"other name of a parameter", "/crimes/:id", "/crimes/:crime"},
		{"other name of a catch-all", "/files/*path", "/files/*rest"},
		{"optional left out", "/posts/:id/:slug?", "/posts/:post"},
		{"optional given", "/posts/:id/:slug", "/posts/:id/:part?"},
		{"optional left out is static", "/", "/:lang?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var table Table[int]
			require.NoError(t, table.Add("GET", tt.first, 1, "api.go:12"))
			require.NoError(t, table.Add("POST", tt.second, 2, "api.go:13"), "another method is no duplicate")
			require.NoError(t, table.Add(AnyMethod, tt.second, 2, "api.go:14"), "any method is no duplicate")
			err := table.Add("GET", tt.second, 3, "main.go:7")
			require.ErrorContains(t, err, `route GET "`+tt.second+`" (main.go:7) is already registered as "`+tt.first+`" (api.go:12)`)
		})
	}
}

func TestAddAcceptsWhatOverlaps(t *testing.T) {
	var table Table[int]
	for i, pattern := range []string{
		"/crimes/search", "/crimes/:id", "/crimes/:crime/notes", "/crimes/*rest", "/*path", "/api", "/:x", "/:x/:y", "/:x/notes",
	} {
		require.NoError(t, table.Add("GET", pattern, i, ""))
	}
	_, err := table.Build()
	require.NoError(t, err)
}

func TestAddRefusesBadInput(t *testing.T) {
	for _, tt := range []struct{ name, method, pattern, want string }{
		{"lower case", "get", "/", `write "GET" instead of "get"`},
		{"mixed case", "Patch", "/", `write "PATCH" instead of "Patch"`},
		{"empty method", "", "/", `"" is not a method`},
		{"space in the method", "GET ", "/", `"GET " is not a method`},
		{"list of methods", "GET,POST", "/", `"GET,POST" is not a method`},
		{"bad pattern", "GET", "/:", `route pattern "/:": ":" needs a name`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var table Table[int]
			err := table.Add(tt.method, tt.pattern, 1, "api.go:12")
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, "(api.go:12)")
		})
	}
}

func TestAddLeavesTheTableAloneOnError(t *testing.T) {
	var table Table[string]
	require.NoError(t, table.Add("GET", "/posts/:id", "first", "a.go:1"))
	require.Error(t, table.Add("GET", "/posts/:id/:slug?", "second", "a.go:2"))
	m, err := table.Build()
	require.NoError(t, err)
	route, _ := ask(t, m, "GET", "/posts/1/x")
	assert.Empty(t, route)
	require.NoError(t, table.Add("GET", "/posts/:id/:slug", "third", "a.go:3"), "the refused route holds no place")
}

func TestBuildAgain(t *testing.T) {
	var table Table[string]
	require.NoError(t, table.Add("GET", "/a/:x", "first", ""))
	before, err := table.Build()
	require.NoError(t, err)
	require.NoError(t, table.Add("GET", "/b/:x", "second", ""))
	require.NoError(t, table.Add("POST", "/a/:x", "third", ""))
	after, err := table.Build()
	require.NoError(t, err)

	route, _ := ask(t, after, "GET", "/b/1")
	assert.Equal(t, "second", route)
	route, _ = ask(t, after, "POST", "/a/1")
	assert.Equal(t, "third", route)
	route, _ = ask(t, before, "GET", "/b/1")
	assert.Empty(t, route, "a matcher does not change")
	route, _ = ask(t, before, "GET", "/a/1")
	assert.Equal(t, "first", route)
}
