package files_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

func TestPrecompressed(t *testing.T) {
	dir := tree(t, map[string]string{
		"app.js": "plain", "app.js.br": "br", "app.js.zst": "zstd", "app.js.gz": "gzip",
		"only.css": "plain", "only.css.gz": "gzip",
		"none.css":  "plain",
		"photo.png": "plain", "photo.png.gz": "gzip",
		"stale.js": "plain", "stale.js.br": "old", "stale.js.gz": "gzip",
		"failed.js": "plain", "failed.js.br": "",
		"index.html": "home", "index.html.br": "br",
	})
	early := settled.Add(-time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(dir, "stale.js.br"), early, early))
	static := &files.Static{Root: open(t, dir), Index: "index.html"}
	const every = "gzip, deflate, br, zstd"
	for _, test := range []struct {
		name, path, accept string
		coding, body       string
		vary               bool
	}{
		{"a browser", "/app.js", every, "br", "br", true},
		{"no field", "/app.js", "", "", "plain", true},
		{"gzip only", "/app.js", "gzip", "gzip", "gzip", true},
		{"zstd only", "/app.js", "zstd", "zstd", "zstd", true},
		{"by weight", "/app.js", "br;q=0.1, gzip;q=0.9", "gzip", "gzip", true},
		{"identity preferred", "/app.js", "identity, br;q=0.5", "", "plain", true},
		{"refused", "/app.js", "br;q=0, *;q=0", "", "plain", true},
		{"the best one that exists", "/only.css", every, "gzip", "gzip", true},
		{"none exists", "/none.css", every, "", "plain", true},
		{"not for what is compressed anyway", "/photo.png", every, "", "plain", false},
		{"older than the original", "/stale.js", every, "gzip", "gzip", true},
		{"empty", "/failed.js", every, "", "plain", true},
		{"an index", "/", every, "br", "br", true},
		{"the sibling itself", "/app.js.gz", every, "", "gzip", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			res := get(t, static, "GET", test.path, "Accept-Encoding", test.accept)
			require.NotNil(t, res)
			assert.Equal(t, test.body, text(t, res))
			assert.Equal(t, test.coding, res.Header.Get("Content-Encoding"))
			assert.Equal(t, test.vary, res.Header.Get("Vary") == "Accept-Encoding")
			assert.EqualValues(t, len(test.body), res.ContentLength)
		})
	}
	t.Run("the type is the original's", func(t *testing.T) {
		res := get(t, static, "GET", "/app.js", "Accept-Encoding", "br")
		assert.Equal(t, "text/javascript; charset=utf-8", res.Header.Get("Content-Type"))
		res = get(t, static, "GET", "/app.js.gz")
		assert.Equal(t, "application/gzip", res.Header.Get("Content-Type"))
	})
	t.Run("each form has its own tag", func(t *testing.T) {
		tags := map[string]bool{}
		for _, coding := range []string{"", "br", "zstd", "gzip"} {
			tags[get(t, static, "GET", "/app.js", "Accept-Encoding", coding).Header.Get("Etag")] = true
		}
		assert.Len(t, tags, 4)
		tag := get(t, static, "GET", "/app.js", "Accept-Encoding", "br").Header.Get("Etag")
		res := get(t, static, "GET", "/app.js", "Accept-Encoding", "br", "If-None-Match", tag)
		assert.Equal(t, 304, res.StatusCode)
		assert.Equal(t, "Accept-Encoding", res.Header.Get("Vary"), "RFC 9110 §15.4.5 asks for it on a 304")
		res = get(t, static, "GET", "/app.js", "Accept-Encoding", "gzip", "If-None-Match", tag)
		assert.Equal(t, 200, res.StatusCode)
	})
	t.Run("a range is one of the encoded form", func(t *testing.T) {
		res := get(t, static, "GET", "/app.js", "Accept-Encoding", "gzip", "Range", "bytes=1-2")
		assert.Equal(t, 206, res.StatusCode)
		assert.Equal(t, "zi", text(t, res))
		assert.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
		assert.Equal(t, "bytes 1-2/4", res.Header.Get("Content-Range"))
	})
	t.Run("HEAD says how long it would be", func(t *testing.T) {
		res := get(t, static, "HEAD", "/app.js", "Accept-Encoding", "gzip")
		assert.Equal(t, "4", res.Header.Get("Content-Length"))
		assert.Empty(t, text(t, res))
	})
	t.Run("several lines of the field count as one", func(t *testing.T) {
		res := get(t, static, "GET", "/app.js", "Accept-Encoding", "deflate", "Accept-Encoding", "gzip")
		assert.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
	})
}
