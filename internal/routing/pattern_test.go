package routing

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseAccepts(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		params  []string
		shapes  []string
	}{
		{"/", nil, []string{"/"}},
		{"/crimes", nil, []string{"/crimes"}},
		{"/crimes/", nil, []string{"/crimes"}},
		{"/crimes/:id", []string{"id"}, []string{"/crimes/:p"}},
		{"/crimes/:id/", []string{"id"}, []string{"/crimes/:p"}},
		{"/crimes/:id/notes/:note_2", []string{"id", "note_2"}, []string{"/crimes/:p/notes/:p"}},
		{"/files/*path", []string{"path"}, []string{"/files/*p"}},
		{"/*path", []string{"path"}, []string{"/*p"}},
		{"/posts/:id/:slug?", []string{"id", "slug"}, []string{"/posts/:p/:p", "/posts/:p"}},
		{"/posts/:id/:slug?/", []string{"id", "slug"}, []string{"/posts/:p/:p", "/posts/:p"}},
		{"/:lang?", []string{"lang"}, []string{"/:p", "/"}},
		{"/事件/:编号", []string{"编号"}, []string{"/事件/:p"}},
		{"/100%/a b", nil, []string{"/100%25/a b"}},
		{"/.well-known/x..y/...", nil, []string{"/.well-known/x..y/..."}},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			p, err := Parse(tt.pattern)
			require.NoError(t, err)
			assert.Equal(t, tt.pattern, p.String())
			assert.Equal(t, tt.params, p.Params())
			var shapes []string
			for _, s := range p.shapes() {
				shapes = append(shapes, s.path())
			}
			assert.Equal(t, tt.shapes, shapes)
		})
	}
}

func TestParseErrorsNameTheFix(t *testing.T) {
	for _, tt := range []struct{ name, pattern, want string }{
		{"empty", "", `must begin with a slash, write "/"`},
		{"no slash", "crimes", `must begin with a slash, write "/crimes"`},
		{"method inside", "GET /crimes", `the method is given apart from the path, write "/crimes"`},
		{"only slashes", "//", `write one "/" instead of two`},
		{"empty segment", "/a//b", `write one "/" instead of two`},
		{"two trailing slashes", "/a//", `write one "/" instead of two`},
		{"dot", "/a/./b", `has the segment "."`},
		{"dot dot", "/a/..", `has the segment ".."`},
		{"query", "/a?x=1", `a pattern has no query`},
		{"query after parameter", "/:id?x=1", `a pattern has no query`},
		{"fragment", "/a#top", `"#" begins a fragment`},
		{"escape", "/caf%C3%A9", `instead of "%C3" write the character`},
		{"invalid UTF-8", "/\xff", `is not valid UTF-8`},
		{"control character", "/a\nb", `control character '\n'`},
		{"parameter without name", "/a/:", `":" needs a name, as in ":id"`},
		{"optional without name", "/a/:?", `":?" needs a name`},
		{"catch-all without name", "/a/*", `"*" needs a name, as in "*id"`},
		{"parameter behind text", "/items:batch", `it must fill one, write "items/:batch"`},
		{"catch-all behind text", "/img*rest", `it must fill one, write "img/*rest"`},
		{"text behind parameter", "/:id.json", `a parameter fills its whole segment, write ":id"`},
		{"two in a segment", "/:from-:to", `a parameter fills its whole segment, write ":from"`},
		{"colon in name", "/:a:b", `a parameter fills its whole segment, write ":a"`},
		{"odd name", "/:-", `write for example ":id"`},
		{"braces", "/crimes/{id}", `a parameter is written ":id"`},
		{"same name twice", "/:id/notes/:id", `the name "id" appears twice`},
		{"same name in catch-all", "/:id/*id", `the name "id" appears twice`},
		{"catch-all in the middle", "/*path/edit", `must be its last segment; for one segment write ":path"`},
		{"catch-all with slash", "/files/*path/", `"*path" already takes slashes`},
		{"optional in the middle", "/:lang?/crimes", `only the last segment may be optional`},
		{"optional catch-all", "/files/*path?", `a catch-all cannot be optional; write "*path"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.pattern)
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, "route pattern ")
		})
	}
	t.Run("too many parameters", func(t *testing.T) {
		var pattern strings.Builder
		for i := range maxParams + 1 {
			pattern.WriteString("/:p" + strings.Repeat("x", i))
		}
		_, err := Parse(pattern.String())
		require.ErrorContains(t, err, "256 parameters are too many")
	})
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"/", "/crimes/:id", "/posts/:id/:slug?", "/files/*path", "/a//b", "/%41", "/:a:b", "*", "/事件/:编号"} {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		p, err := Parse(pattern)
		if err != nil {
			require.Equal(t, Pattern{}, p)
			return
		}
		require.Equal(t, pattern, p.String())
		// What Parse accepts, httprouter has to accept too.
		var table Table[int]
		require.NoError(t, table.Add("GET", pattern, 1, ""))
		m, err := table.Build()
		require.NoError(t, err)
		// And the URL made of any arguments leads back to the route.
		args := map[string]string{}
		for _, name := range p.Params() {
			args[name] = "a b"
		}
		path, err := p.URL(args)
		require.NoError(t, err)
		requireRoundTrip(t, m, path, args)
	})
}
