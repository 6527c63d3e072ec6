package files_test

import (
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

// FuzzFind asks for arbitrary names of a tree that is surrounded by secrets:
// next to it, behind links that lead out, and in dotfiles.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		"", "/", "a.txt", "sub/b.txt", "sub/", "sub", "../secret.txt", "..\\secret.txt", "%2e%2e/secret.txt", "link.txt", "linked/secret.txt",
		".env", "sub/.env", "sub/../../secret.txt", "/etc/passwd", "a.txt\x00", "//secret.txt", "sub//b.txt", "C:\\x", "a.txt::$DATA", ".well-known/../.env",
	} {
		f.Add(seed, "text/html", "gzip, br")
	}
	dir := tree(f, map[string]string{
		"secret.txt": "SECRET", "root/.env": "SECRET", "root/sub/.env": "SECRET",
		"root/a.txt": "public", "root/a.txt.gz": "public", "root/sub/b.txt": "public", "root/index.html": "public",
	})
	require.NoError(f, os.Symlink("../secret.txt", filepath.Join(dir, "root", "link.txt")))
	require.NoError(f, os.Symlink("..", filepath.Join(dir, "root", "linked")))
	static := &files.Static{Root: open(f, filepath.Join(dir, "root")), Index: "index.html", Listing: true, Fallback: "index.html"}
	require.NoError(f, static.Check())
	f.Fuzz(func(t *testing.T, name, accept, acceptEncoding string) {
		found, ok := static.Find(name, accept, acceptEncoding)
		if !ok {
			return
		}
		req := httptest.NewRequest("GET", "/", nil)
		req.URL = &url.URL{Path: "/" + name}
		w := httptest.NewRecorder()
		require.NoError(t, static.Serve(w, req, found))
		assert.NotContains(t, w.Body.String(), "SECRET")
		assert.NotContains(t, w.Body.String(), "secret.txt", "listed from outside")
		if location := w.Header().Get("Location"); location != "" {
			target, err := (&url.URL{Scheme: "http", Host: "gotham.city", Path: "/"}).Parse(location)
			require.NoError(t, err)
			assert.Equal(t, "gotham.city", target.Host)
			assert.False(t, strings.ContainsAny(location, "\r\n\\"))
		}
	})
}
