package files_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

// The same over a real server, which checks what a recorder does not: that the
// headers and the body that is really sent agree.
func TestOverHTTP(t *testing.T) {
	static := &files.Static{Root: files.FS(fstest.MapFS{
		"app.js": {Data: []byte("plain content"), ModTime: settled}, "app.js.gz": {Data: []byte("short"), ModTime: settled},
		"docs/index.html": {Data: []byte("docs"), ModTime: settled},
	}), Index: "index.html"}
	handler := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		found, ok := static.Match(req, req.URL.Path)
		if !ok {
			http.NotFound(w, req)
			return
		}
		if err := static.Serve(w, req, found); err != nil {
			status := http.StatusInternalServerError
			if refusal, ok := errors.AsType[*files.Refusal](err); ok {
				status = refusal.Status
			}
			http.Error(w, err.Error(), status)
		}
	})
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			server := httptest.NewUnstartedServer(handler)
			server.EnableHTTP2 = protocol == "HTTP/2.0"
			server.StartTLS()
			defer server.Close()
			for _, test := range []struct {
				method, path string
				header       []string
				status       int
				body         string
				length       int64
			}{
				{"GET", "/app.js", nil, 200, "plain content", 13},
				{"GET", "/app.js", []string{"Accept-Encoding", "gzip"}, 200, "short", 5},
				{"HEAD", "/app.js", []string{"Accept-Encoding", "gzip"}, 200, "", 5},
				{"GET", "/app.js", []string{"Accept-Encoding", "gzip", "Range", "bytes=1-2"}, 206, "ho", 2},
				{"GET", "/app.js", []string{"Accept-Encoding", "gzip", "If-Match", `"x"`}, 412, "header If-Match: \"\\\"x\\\"\" is not the file as it is now\n", 54},
				{"GET", "/app.js", []string{"If-None-Match", "*"}, 304, "", 0},
				{"GET", "/docs", nil, 200, "docs", 4}, // after the redirect
				{"GET", "/missing", nil, 404, "404 page not found\n", 19},
			} {
				req, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, nil)
				require.NoError(t, err)
				req.Header.Set("Accept-Encoding", "identity") // else the client asks for gzip by itself
				for i := 0; i < len(test.header); i += 2 {
					req.Header.Set(test.header[i], test.header[i+1])
				}
				res, err := server.Client().Do(req)
				require.NoError(t, err)
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
				what := test.method + " " + test.path
				assert.Equal(t, protocol, res.Proto)
				assert.Equal(t, test.status, res.StatusCode, what)
				assert.Equal(t, test.body, string(body), what)
				if test.status != 304 {
					assert.Equal(t, test.length, res.ContentLength, what)
				}
			}
		})
	}
}
