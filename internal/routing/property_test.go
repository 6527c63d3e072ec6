package routing

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAgainstOracle builds random route sets and asks for random paths.
func TestAgainstOracle(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	sets := 1500
	if testing.Short() {
		sets = 300
	}
	manyLayers := 0
	for set := range sets {
		g := generator{rand.New(rand.NewPCG(seed, uint64(set)))}
		patterns := g.patterns()
		m, o := buildBoth(t, patterns)
		for _, table := range m.tables {
			if len(table.layers) > 2 {
				manyLayers++
			}
		}
		for range 60 {
			method, encoded := g.method(true), g.path()
			if g.IntN(2) == 0 {
				encoded = g.pathFor(patterns)
			}
			requireAgreement(t, m, o, method, encoded)
		}
	}
	require.NotZero(t, manyLayers, "the route sets are too tame to need layers")
}

// methodPattern is a route to register.
type methodPattern struct{ method, pattern string }

// buildBoth registers what can be registered, once for each router. A route
// that is refused as a duplicate must be one.
func buildBoth(t *testing.T, patterns []methodPattern) (*Matcher[int], *oracle) {
	t.Helper()
	var table Table[int]
	o := &oracle{}
	shapes := map[string]bool{}
	for i, r := range patterns {
		duplicate := false
		var keys []string
		for _, shape := range oracleShapes(r.pattern) {
			key := r.method
			for part := range strings.SplitSeq(strings.TrimSuffix(shape[1:], "/"), "/") {
				if strings.HasPrefix(part, ":") || strings.HasPrefix(part, "*") {
					part = part[:1]
				}
				key += "/" + part
			}
			duplicate = duplicate || shapes[key]
			keys = append(keys, key)
		}
		err := table.Add(r.method, r.pattern, i, fmt.Sprintf("test.go:%d", i))
		if duplicate {
			require.ErrorContains(t, err, "is already registered", "%v", r)
			continue
		}
		require.NoError(t, err)
		for _, key := range keys {
			shapes[key] = true
		}
		o.routes = append(o.routes, oracleRoute{r.method, r.pattern, i})
	}
	m, err := table.Build()
	require.NoError(t, err, "%v", o.routes)
	return m, o
}

// requireAgreement asks both routers for a path as it stands in a request.
func requireAgreement(t *testing.T, m *Matcher[int], o *oracle, method, encoded string) {
	t.Helper()
	u, err := url.ParseRequestURI(encoded)
	require.NoError(t, err)
	want, wantOK := o.lookup(method, encoded)
	match := Match[int]{Value: -1}
	ok := m.Lookup(method, u.Path, u.RawPath, &match)
	require.Equal(t, wantOK, ok, "%s %s in %v", method, encoded, o.routes)
	if ok {
		var params [][2]string
		for name, value := range match.All() {
			params = append(params, [2]string{name, value})
		}
		require.Equal(t, want, oracleMatch{match.Value, params}, "%s %s in %v", method, encoded, o.routes)
	} else {
		require.Equal(t, Match[int]{}, match)
	}
	require.Equal(t, o.allowed(encoded), m.Allowed(u.Path, u.RawPath), "%s in %v", encoded, o.routes)
}

// generator makes route sets and paths from so small an alphabet that they
// meet often.
type generator struct{ *rand.Rand }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func (g generator) method(request bool) string {
	if request {
		return pick(g, "GET", "GET", "HEAD", "POST", "OPTIONS", "PROPFIND", "get", "", "*")
	}
	return pick(g, "GET", "GET", "GET", "GET", "POST", "HEAD", "HEAD", "PROPFIND", "*", "*")
}

func (g generator) patterns() (set []methodPattern) {
	for range 1 + g.IntN(14) {
		var pattern strings.Builder
		depth := g.IntN(5)
		end := ""
		for i := range depth {
			switch n := g.IntN(12); {
			case n < 6:
				pattern.WriteString("/" + pick(g, "a", "b", "ab", "abc", "a%", "%", "é", "a b", ".a"))
			case n < 10 || i < depth-1:
				pattern.WriteString("/:" + pick(g, "x", "y", "z") + fmt.Sprint(i))
				if i == depth-1 && g.IntN(3) == 0 {
					end = "?"
				}
			default:
				pattern.WriteString("/*rest")
				end = "*"
			}
		}
		switch text := pattern.String(); {
		case text == "":
			pattern.WriteString("/")
		case end == "?":
			pattern.WriteString("?")
		case end == "" && g.IntN(5) == 0:
			pattern.WriteString("/")
		}
		set = append(set, methodPattern{g.method(false), pattern.String()})
	}
	return set
}

// segment returns a part of an encoded path, which may be empty.
func (g generator) segment() string {
	return pick(g, "a", "a", "b", "b", "ab", "abc", "A", "7", "", "%61", "a%25", "%25", "%252F", "%2F", "%2f", "a%2Fb",
		"%2Fa", "%C3%A9", "é", "a%20b", ":x", "*rest", "..", ".", "%00", "%FF", "a+b", "%3Fq", ".a", ":p", "*p")
}

func (g generator) path() string {
	var path strings.Builder
	for range 1 + g.IntN(5) {
		path.WriteString("/" + g.segment())
	}
	if g.IntN(4) == 0 {
		path.WriteString("/")
	}
	return path.String()
}

// pathFor returns a path that some route of the set nearly or truly matches.
func (g generator) pathFor(set []methodPattern) string {
	var path strings.Builder
	for part := range strings.SplitSeq(pick(g, set...).pattern[1:], "/") {
		switch {
		case g.IntN(8) == 0 || strings.HasPrefix(part, ":"):
			path.WriteString("/" + g.segment())
		case strings.HasPrefix(part, "*"):
			path.WriteString("/" + g.segment() + "/" + g.segment())
		case g.IntN(4) == 0 && part != "" && part[0] == 'a':
			path.WriteString("/%61" + url.PathEscape(part[1:]))
		default:
			path.WriteString("/" + url.PathEscape(part))
		}
	}
	return path.String() + pick(g, "", "", "", "/", "//")
}

func FuzzLookup(f *testing.F) {
	f.Add("/crimes/:id\n/crimes/search\n/*path", "GET", "/crimes/a%2Fb")
	f.Add("/users/:id/posts\n/users/*rest", "HEAD", "/users//posts")
	f.Add("/:a/b\n/a/:b\n/:a/:b?\n/a/b/*c", "POST", "/a/b//")
	f.Add("/100%/:x\n/%/*y", "GET", "/100%25/%2F%25")
	f.Add("/事件/:id?", "GET", "/%E4%BA%8B%E4%BB%B6/")
	f.Add("/*path\n/a\n/a\n/api/:x", "GET", "/api/1")
	f.Add("/api/:x\n/a\n/a\n/api/exact\n/*path", "HEAD", "/api/1")
	f.Add("/:x\n/a\n/a\n/:y/:z?\n/:w", "HEAD", "/api")
	f.Add("/a\n/a\n/a\n/dav/:x\n/a\n/*path", "PROPFIND", "/dav/1")
	f.Fuzz(func(t *testing.T, patterns, method, encoded string) {
		var set []methodPattern
		for i, pattern := range strings.Split(patterns, "\n") {
			if _, err := Parse(pattern); err == nil {
				set = append(set, methodPattern{[]string{"GET", "GET", "POST", "*", "HEAD", "PROPFIND"}[i%6], pattern})
			}
		}
		m, o := buildBoth(t, set)
		// Whatever the two paths are, they must do no harm.
		var match Match[int]
		m.Lookup(method, encoded, patterns, &match)
		m.Lookup(method, patterns, encoded, &match)
		m.Allowed(patterns, encoded)
		if u, err := url.ParseRequestURI(encoded); err == nil && u.EscapedPath() == encoded && strings.HasPrefix(encoded, "/") {
			requireAgreement(t, m, o, method, encoded)
		}
	})
}
