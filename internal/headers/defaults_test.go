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
	assert.ErrorContains(t, d.Add("A\n", "1", nil), "A")
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
	h := http.Header{}
	d.Apply(h, "/")
	h.Add("A", "2")
	again := http.Header{}
	d.Apply(again, "/")
	assert.Equal(t, []string{"1"}, again["A"], "a reply that adds a value does not add it to the others")
}
