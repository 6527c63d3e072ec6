package headers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// changes makes a list from words such as "set A 1", "add A 2", "remove A",
// "default A 3", "member A 4" and "then", after which a shared list begins.
func changes(t *testing.T, words ...string) (c *Changes) {
	t.Helper()
	for i, word := range words {
		if word == "then" {
			return c.Then(changes(t, words[i+1:]...))
		}
		f := append(strings.Fields(word), "")
		var err error
		switch f[0] {
		case "set":
			c, err = c.Set(f[1], f[2])
		case "add":
			c, err = c.Add(f[1], f[2])
		case "remove":
			c, err = c.Remove(f[1])
		case "default":
			c, err = c.Default(f[1], f[2])
		case "member":
			c, err = c.Member(f[1], f[2])
		}
		require.NoError(t, err)
	}
	return c
}

func TestApply(t *testing.T) {
	tests := map[string]struct {
		changes []string
		want    http.Header
	}{
		"none":                 {nil, http.Header{"Old": {"0"}}},
		"set":                  {[]string{"set a 1", "set A 2"}, http.Header{"Old": {"0"}, "A": {"2"}}},
		"add":                  {[]string{"add a 1", "add A 2", "add old 3"}, http.Header{"Old": {"0", "3"}, "A": {"1", "2"}}},
		"remove":               {[]string{"set a 1", "remove a", "remove old"}, http.Header{"Old": nil, "A": nil}},
		"remove, then set":     {[]string{"remove old", "set old 1"}, http.Header{"Old": {"1"}}},
		"default":              {[]string{"default old 1", "default a 1"}, http.Header{"Old": {"0"}, "A": {"1"}}},
		"default, then set":    {[]string{"default a 1", "set a 2"}, http.Header{"Old": {"0"}, "A": {"2"}}},
		"remove, then default": {[]string{"remove old", "default old 1"}, http.Header{"Old": nil}},
		"member":               {[]string{"member old 1", "member a x", "member A X", "member a y"}, http.Header{"Old": {"0", "1"}, "A": {"x", "y"}}},
		"member of a line":     {[]string{"set a x,Y", "member a y"}, http.Header{"Old": {"0"}, "A": {"x,Y"}}},
		"member of all":        {[]string{"set a *", "member a y"}, http.Header{"Old": {"0"}, "A": {"*"}}},
		"a list":               {[]string{"set a 1", "then", "set A 2", "default old 1", "default b 1", "remove c"}, http.Header{"Old": {"0"}, "A": {"2"}, "B": {"1"}, "C": nil}},
		"a list alone":         {[]string{"then", "set a 1"}, http.Header{"Old": {"0"}, "A": {"1"}}},
		"an empty list":        {[]string{"set a 1", "then"}, http.Header{"Old": {"0"}, "A": {"1"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := http.Header{"Old": {"0"}}
			changes(t, tt.changes...).Apply(h)
			assert.Equal(t, tt.want, h)
		})
	}
}

func TestBeginAndEnd(t *testing.T) {
	c := changes(t, "set A 1", "default B 1", "default C 1", "remove D", "remove E", "set E 1", "add F 1")
	h := http.Header{}
	c.Begin(h)
	assert.NotContains(t, h, "B", "a default waits for what the reply brings along")
	for _, name := range []string{"B", "D", "F"} {
		h.Add(name, "own")
	}
	c.End(h)
	assert.Equal(t, http.Header{"A": {"1"}, "B": {"own"}, "C": {"1"}, "D": nil, "E": {"1"}, "F": {"1", "own"}}, h)
}

func TestBeginAndEndOfAList(t *testing.T) {
	c := changes(t, "set A 1", "remove E", "remove G", "then", "default B 1", "remove D", "set E 1", "then", "set G 1", "default A 2")
	h := http.Header{}
	c.Begin(h)
	assert.NotContains(t, h, "B")
	h.Add("B", "own")
	h.Add("D", "own")
	c.End(h)
	assert.Equal(t, http.Header{"A": {"1"}, "B": {"own"}, "D": nil, "E": {"1"}, "G": {"1"}}, h)
}

func TestAListMayBeShared(t *testing.T) {
	list := changes(t, "set A 1", "set B 1")
	for range 2 {
		c, err := changes(t, "set C 1").Then(list).Set("A", "2")
		require.NoError(t, err)
		h := http.Header{}
		changes(t, "set D 1").After(c).Except("B").Apply(h)
		assert.Equal(t, http.Header{"A": {"2"}, "C": {"1"}, "D": {"1"}}, h)
	}
	h := http.Header{}
	list.Apply(h)
	assert.Equal(t, http.Header{"A": {"1"}, "B": {"1"}}, h)
}

func TestCopiesAreIndependent(t *testing.T) {
	base := changes(t, "add A 1")
	one, err := base.Add("A", "2")
	require.NoError(t, err)
	two, err := base.Add("A", "3")
	require.NoError(t, err)
	for want, c := range map[string]*Changes{"1": base, "1,2": one, "1,3": two} {
		h := http.Header{}
		c.Apply(h)
		assert.Equal(t, want, strings.Join(h["A"], ","))
		h["A"] = append(h["A"], "spoilt")
	}
}

func TestAfterAndExcept(t *testing.T) {
	base, c := changes(t, "set A 1", "add B 1"), changes(t, "add A 2", "add B 2")
	h := http.Header{}
	c.After(base).Apply(h)
	assert.Equal(t, http.Header{"A": {"1", "2"}, "B": {"1", "2"}}, h)
	h = http.Header{}
	c.After(base).Except("A").Apply(h)
	assert.Equal(t, http.Header{"B": {"1", "2"}}, h)
	assert.Same(t, base, (*Changes)(nil).After(base))
	assert.Nil(t, (*Changes)(nil).Except("A"))
}

func TestRefused(t *testing.T) {
	for _, name := range []string{"", "a b", "a:b", "a\r\nb", "é", "a\x00"} {
		_, err := (*Changes)(nil).Set(name, "v")
		assert.ErrorContains(t, err, "is not a header name", "%q", name)
	}
	for _, value := range []string{"a\nb", "a\rb", "\x00", "\x7f", "\x1f"} {
		_, err := (*Changes)(nil).Add("A", value)
		assert.ErrorContains(t, err, "header A", "%q", value)
	}
	for _, value := range []string{"", "abc", "-1", "+1", "1,1", "99999999999999999999"} {
		_, err := (*Changes)(nil).Set("content-length", value)
		assert.EqualError(t, err, fmt.Sprintf("redstart: header Content-Length: %q is not a number of bytes", value))
	}
	_, err := (*Changes)(nil).Set("transfer-encoding", "gzip")
	assert.EqualError(t, err, "redstart: header Transfer-Encoding: the server chooses it by itself")
	changes(t, "set content-length 7", "remove Content-Length", "remove Transfer-Encoding")
	for _, value := range []string{"", "a\tb", "犯罪", "\xff"} {
		_, err := (*Changes)(nil).Set("A", value)
		assert.NoError(t, err, "%q", value)
	}
}

func TestContentLength(t *testing.T) {
	for want, n := range map[string]int{"0": 0, "7": 7, "2047": 2047, "2048": 2048, "123456789": 123456789} {
		assert.Equal(t, []string{want}, ContentLength(n))
	}
}

// No header that is accepted can end a line.
func FuzzSet(f *testing.F) {
	f.Add("X-Name", "value")
	f.Add("X\r\nEvil", "value")
	f.Add("X", "a\r\nEvil: 1")
	f.Fuzz(func(t *testing.T, name, value string) {
		c, err := (*Changes)(nil).Set(name, value)
		if err != nil {
			return
		}
		h := http.Header{}
		c.Apply(h)
		var wire strings.Builder
		require.NoError(t, h.Write(&wire))
		assert.Equal(t, 1, strings.Count(wire.String(), "\r\n"))
		assert.NotContains(t, strings.TrimSuffix(wire.String(), "\r\n"), "\n")
	})
}
