package middleware

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConstantsAreEncodedOnce(t *testing.T) {
	c := newCoding("gzip")
	body := []byte(strings.Repeat("riddle ", 200))
	first, err := c.Encode(nil, body, true)
	require.NoError(t, err)
	second, err := c.Encode(nil, body, true)
	require.NoError(t, err)
	assert.Same(t, &first[0], &second[0])
	other, err := c.Encode(nil, body[:100], true)
	require.NoError(t, err)
	assert.NotEqual(t, first, other, "another body that begins at the same place")
	buf := make([]byte, 0, 4096)
	plain, err := c.Encode(buf, body, false)
	require.NoError(t, err)
	assert.Equal(t, first, plain)
	assert.Same(t, &buf[:1][0], &plain[0], "others go into the caller's buffer")

	for n := range 2 * mostConstants {
		_, err := c.Encode(nil, make([]byte, n+1), true)
		require.NoError(t, err)
	}
	assert.Len(t, c.constants.forms, mostConstants, "their number is bounded")
}

func TestKeysFitIntoTextColumns(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range []string{"ip:203.0.113.9", "Joker ☺", "a\x00b", "a\x00c", "\xff", "a\xc3"} {
		fit := fitForText(key)
		assert.True(t, utf8.ValidString(fit), "%q", key)
		assert.NotContains(t, fit, "\x00")
		assert.Equal(t, !utf8.ValidString(key) || strings.Contains(key, "\x00"), fit != key, "%q", key)
		assert.False(t, seen[fit], "%q", key)
		seen[fit] = true
	}
}
