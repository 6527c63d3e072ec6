package routing

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatchAccess(t *testing.T) {
	m := build(t, "GET /:a/:b/:c/:d/:e/:f?", "GET /static")
	var match Match[string]

	assert.Equal(t, 0, match.Len())
	assert.Empty(t, match.Param("a"))
	assert.Empty(t, match.Pattern().String())

	require.True(t, m.Lookup("GET", "/1/2/3/4/5/6", "", &match))
	assert.Equal(t, 6, match.Len())
	assert.Equal(t, "1", match.At(0))
	assert.Equal(t, "4", match.At(3))
	assert.Equal(t, "6", match.At(5))
	assert.Equal(t, "5", match.Param("e"))
	assert.Empty(t, match.Param("g"))
	assert.Equal(t, "/:a/:b/:c/:d/:e/:f?", match.Pattern().String())

	require.True(t, m.Lookup("GET", "/9/8/7/6/5", "", &match), "a match can be filled again")
	assert.Equal(t, 5, match.Len())
	assert.Equal(t, "9", match.Param("a"))
	assert.Empty(t, match.Param("f"), "the optional parameter was missing")
	assert.Panics(t, func() { match.At(5) })
	assert.Panics(t, func() { match.At(-1) })

	for name := range match.All() {
		assert.Equal(t, "a", name)
		break
	}

	require.True(t, m.Lookup("GET", "/static", "", &match))
	assert.Equal(t, 0, match.Len())
	assert.Equal(t, values{}, match.values, "the strings of the last lookup are let go")

	require.True(t, m.Lookup("GET", "/9/8/7/6/5", "", &match))
	require.False(t, m.Lookup("GET", "/nothing", "", &match))
	assert.Equal(t, Match[string]{}, match, "nothing is left of the last lookup")
}
