package headers

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDefaults(t *testing.T) {
	var d Defaults
	require.NoError(t, d.Add("x-frame-options", "DENY", []string{"/embed/", "/health"}))
	require.NoError(t, d.Add("A", "1", nil))
	assert.EqualError(t, d.Add("A\n", "1", nil), `DefaultHeader: "A\n" is not a header name`)
	for _, except := range []string{"", "health", "*.js"} {
		assert.EqualError(t, d.Add("X", "1", []string{"/", except}),
			`DefaultHeader X: the exception "`+except+`" is no path: begin it with a slash`)
	}
	for path, want := range map[string]string{
		"/": "DENY", "/embedded": "DENY", "/embed": "", "/embed/x": "", "/health": "", "/healthy": "DENY",
	} {
		t.Run(path, func(t *testing.T) {
			h := http.Header{"A": {"own"}}
			d.Apply(h, path)
			assert.Equal(t, want, h.Get("X-Frame-Options"))
			assert.Equal(t, []string{"own"}, h["A"])
		})
	}
	require.NoError(t, d.Add("X-Frame-Options", "SAMEORIGIN", nil))
	h := http.Header{}
	d.Apply(h, "/embed")
	assert.Equal(t, "SAMEORIGIN", h.Get("X-Frame-Options"), "where the first does not count, the second does")
	h = http.Header{}
	d.Apply(h, "/")
	assert.Equal(t, "DENY", h.Get("X-Frame-Options"))
	h.Add("A", "2")
	again := http.Header{}
	d.Apply(again, "/")
	assert.Equal(t, []string{"1"}, again["A"], "a reply that adds a value does not add it to the others")
}
