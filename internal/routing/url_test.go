package routing

import (
	"maps"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestURL(t *testing.T) {
	type args = map[string]string
	for _, tt := range []struct {
		name, pattern string
		args          args
		want          string
	}{
		{"root", "/", nil, "/"},
		{"static", "/crimes", nil, "/crimes"},
		{"keeps its trailing slash", "/crimes/:id/", args{"id": "7"}, "/crimes/7/"},
		{"static text is escaped", "/事件/a b/100%", nil, "/%E4%BA%8B%E4%BB%B6/a%20b/100%25"},
		{"parameter", "/crimes/:id/notes/:n", args{"id": "7", "n": "1"}, "/crimes/7/notes/1"},
		{"slash in a parameter", "/crimes/:id", args{"id": "a/b"}, "/crimes/a%2Fb"},
		{"percent, question mark, hash", "/crimes/:id", args{"id": "5%?#"}, "/crimes/5%25%3F%23"},
		{"catch-all keeps slashes", "/files/*path", args{"path": "a b/c/"}, "/files/a%20b/c/"},
		{"optional given", "/posts/:id/:slug?", args{"id": "7", "slug": "x"}, "/posts/7/x"},
		{"optional left out", "/posts/:id/:slug?", args{"id": "7"}, "/posts/7"},
		{"only optional left out", "/:lang?", nil, "/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var table Table[int]
			require.NoError(t, table.Add("GET", tt.pattern, 1, ""))
			m, err := table.Build()
			require.NoError(t, err)
			p, err := Parse(tt.pattern)
			require.NoError(t, err)
			got, err := p.URL(tt.args)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			requireRoundTrip(t, m, got, tt.args)
		})
	}
}

func TestURLErrorsNameTheParameter(t *testing.T) {
	type args = map[string]string
	for _, tt := range []struct {
		name, pattern string
		args          args
		want          string
	}{
		{"missing", "/crimes/:id", nil, `URL of "/crimes/:id": parameter "id" is missing`},
		{"missing catch-all", "/files/*path", nil, `parameter "path" is missing`},
		{"missing before an optional one", "/posts/:id/:slug?", args{"slug": "x"}, `parameter "id" is missing`},
		{"empty", "/crimes/:id", args{"id": ""}, `parameter "id" is empty`},
		{"empty optional", "/posts/:id/:slug?", args{"id": "7", "slug": ""}, `parameter "slug" is empty`},
		{"unknown", "/crimes/:id", args{"id": "7", "ID": "8"}, `unknown parameter "ID", the pattern has ["id"]`},
		{"unknown in a static one", "/crimes", args{"id": "7"}, `unknown parameter "id", the pattern has none`},
		{"catch-all with leading slash", "/files/*path", args{"path": "/etc"}, `parameter "path" must not begin with a slash`},
		{"dots", "/crimes/:id", args{"id": ".."}, `parameter "id" cannot hold the segment ".."`},
		{"dots in a catch-all", "/files/*path", args{"path": "a/../b"}, `parameter "path" cannot hold the segment ".."`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Parse(tt.pattern)
			require.NoError(t, err)
			_, err = p.URL(tt.args)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func FuzzURLRoundTrip(f *testing.F) {
	f.Add("7", "joker", "a/b.txt")
	f.Add("a/b", "100%", "x//y/")
	f.Add("事件", "%2F", "%2Fetc")
	f.Add(".", " ", "./a")
	f.Fuzz(func(t *testing.T, id, slug, path string) {
		p, err := Parse("/a/:id/:slug/*path")
		require.NoError(t, err)
		args := map[string]string{"id": id, "slug": slug, "path": path}
		link, err := p.URL(args)
		if err != nil {
			return
		}
		var table Table[int]
		require.NoError(t, table.Add("GET", p.String(), 1, ""))
		m, err := table.Build()
		require.NoError(t, err)
		requireRoundTrip(t, m, link, args)
	})
}

// requireRoundTrip asserts that a built link leads to the route with the
// arguments it was built from.
func requireRoundTrip(t *testing.T, m *Matcher[int], link string, args map[string]string) {
	t.Helper()
	u, err := url.ParseRequestURI(link)
	require.NoError(t, err)
	var match Match[int]
	require.True(t, m.Lookup("GET", u.Path, u.RawPath, &match), "%q leads nowhere", link)
	got := maps.Collect(match.All())
	require.Equal(t, len(args), len(got))
	for name, value := range args {
		require.Equal(t, value, got[name], "parameter %q of %q", name, link)
	}
}
