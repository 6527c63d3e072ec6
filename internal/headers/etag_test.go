package headers

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestETag(t *testing.T) {
	assert.Equal(t, `"e3b0c44298fc1c149afbf4c8"`, ETag(nil))
	assert.Equal(t, ETag([]byte("a")), ETag([]byte("a")))
	assert.NotEqual(t, ETag([]byte("a")), ETag([]byte("b")))
}

func TestNotModified(t *testing.T) {
	tests := map[string]struct {
		method, etag string
		conditions   []string
		want         bool
	}{
		"same":                {"GET", `"a"`, []string{`"a"`}, true},
		"head":                {"HEAD", `"a"`, []string{`"a"`}, true},
		"any":                 {"GET", `"a"`, []string{"*"}, true},
		"weak candidate":      {"GET", `"a"`, []string{`W/"a"`}, true},
		"weak validator":      {"GET", `W/"a"`, []string{`"a"`}, true},
		"in a list":           {"GET", `"a"`, []string{`"b" , "a"`}, true},
		"in another line":     {"GET", `"a"`, []string{`"b"`, `"a"`}, true},
		"another":             {"GET", `"a"`, []string{`"b"`}, false},
		"no condition":        {"GET", `"a"`, nil, false},
		"empty condition":     {"GET", `"a"`, []string{""}, false},
		"no validator":        {"GET", "", []string{""}, false},
		"any of no validator": {"GET", "", []string{"*"}, false},
		"a method that acts":  {"POST", `"a"`, []string{`"a"`}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			r.Header = http.Header{"If-None-Match": tt.conditions}
			if tt.conditions == nil {
				r.Header = http.Header{}
			}
			assert.Equal(t, tt.want, NotModified(r, tt.etag))
		})
	}
}
