package headers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// changes makes a list from words such as "set A 1", "add A 2", "remove A" and
// "default A 3".
func changes(t *testing.T, words ...string) (c *Changes) {
	t.Helper()
	for _, word := range words {
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
