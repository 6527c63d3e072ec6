package files_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

// settled is a modification time old enough for a strong ETag.
var settled = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// tree writes files, name to content, into a new folder. Names may hold
// folders. All get the same settled modification time.
func tree(t testing.TB, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(path, settled, settled))
	}
	return dir
}

// open opens a folder until the test ends.
func open(t testing.TB, dir string) *files.Root {
	t.Helper()
	root, err := files.Dir(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, root.Close()) })
	return root
}

// request makes a request with header lines given as key, value, key, value.
func request(method, target string, header ...string) *http.Request {
	req := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return req
}

// serveFile serves one file and requires that it succeeds.
func serveFile(t testing.TB, root *files.Root, name string, o files.Options, req *http.Request) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	require.NoError(t, root.ServeFile(w, req, name, o))
	return w.Result()
}
