package headers

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLocal(t *testing.T) {
	for target, want := range map[string]bool{
		"/": true, "/a?b=//c": true, "/a//b": true, "/%5C": true,
		"": false, "a": false, "//evil.test": false, "/\\evil.test": false, "https://evil.test": false, "javascript:x": false,
		"/\t/evil.test": false, "/a\r\nX: 1": false, "/%zz": false,
	} {
		assert.Equal(t, want, Local(target), target)
	}
}

func TestLocation(t *testing.T) {
	for target, want := range map[string]string{
		"/crimes?page=2#top":    "/crimes?page=2#top",
		"/次 1?q=a b&c=é#ende ü": "/%E6%AC%A1%201?q=a%20b&c=%C3%A9#ende%20%C3%BC",
		"/?q=100%25\xff":        "/?q=100%25%FF",
		"https://gotham.city?é": "https://gotham.city?%C3%A9",
		"mailto:j@ü":            "mailto:j@%C3%BC",
	} {
		u, err := url.Parse(target)
		require.NoError(t, err)
		assert.Equal(t, want, Location(u))
	}
}
