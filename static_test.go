package redstart_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

const html = "text/html,*/*;q=0.8" // what a browser accepts when it navigates

func site() *redstart.Files {
	return redstart.FilesFS(fstest.MapFS{
		"index.html":      {Data: []byte("home")},
		"app.3f2a9c1b.js": {Data: []byte("js")},
		"exact":           {Data: []byte("file exact")},
		"items/7":         {Data: []byte("file 7")},
		".env":            {Data: []byte("secret")},
		"shared.txt":      {Data: []byte("shared")},
	})
}

func TestStaticBesideRoutes(t *testing.T) { // features: P4
	app, _ := newApp()
	app.Use(mark("m"))
	app.Static("/", site(), redstart.StaticOptions{Fallback: "index.html"})
	app.Get("/exact", text("route exact"))
	app.Get("/items/:id", text("route item"))
	app.Post("/items", text("posted"))
	app.Post("/exact", text("posted"))
	app.Get("/api/*rest", text("api"))

	tests := []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/", 200, "home"},
		{"GET", "/app.3f2a9c1b.js", 200, "js"},
		{"HEAD", "/app.3f2a9c1b.js", 200, ""},
		{"GET", "/exact", 200, "route exact"},  // a route without parameters comes first
		{"GET", "/items/7", 200, "file 7"},     // a file before a route with parameters
		{"GET", "/items/8", 200, "route item"}, // no file: falls through
		{"POST", "/items", 200, "posted"},      // another method reaches its route
		{"POST", "/exact", 200, "posted"},      // also where a file has the name
		{"GET", "/api/x", 200, "api"},          // a route comes before the fallback
		{"GET", "/some/page", 200, "home"},     // the fallback, for a navigation
		{"GET", "/missing.js", 404, ""},        // not for an asset
		{"GET", "/.env", 404, ""},              // never a dotfile
		{"POST", "/some/page", 404, ""},        // nor for another method
		{"POST", "/shared.txt", 405, ""},       // there is something, for GET
		{"OPTIONS", "/shared.txt", 204, ""},
	}
	for _, tt := range tests {
		t.Run(tt.method+tt.target, func(t *testing.T) {
			w := ask(app, tt.method, tt.target, "", "Accept", html)
			assert.Equal(t, tt.status, w.Code)
			if tt.body != "" || tt.method == "HEAD" {
				assert.Equal(t, tt.body, w.Body.String())
			}
			assert.Equal(t, "m", w.Header().Get("Trace"), "files pass the middleware")
		})
	}
	assert.Equal(t, 404, get(app, "/some/page", "Accept", "application/json").Code)
	assert.Equal(t, "GET, HEAD, OPTIONS", ask(app, "POST", "/shared.txt", "").Header().Get("Allow"))
	assert.Contains(t, get(app, "/app.3f2a9c1b.js").Header().Get("Cache-Control"), "immutable")
}

func TestStaticServesTheBestForm(t *testing.T) { // features: P4
	app, _ := newApp()
	app.Static("/assets", redstart.FilesFS(fstest.MapFS{
		"app.js":            {Data: []byte("script")},
		"app.js.br":         {Data: []byte("br")},
		"app.js.zst":        {Data: []byte("zst")},
		"app.js.gz":         {Data: []byte("gz")},
		"docs/a.txt":        {Data: []byte("a")},
		"lib.3f2a9c1b.js":   {Data: []byte("lib")},
		"sub/index.html":    {Data: []byte("sub")},
		".well-known/a.txt": {Data: []byte("known")},
	}), redstart.StaticOptions{Listing: true})
	app.Static("/v1", redstart.FilesFS(fstest.MapFS{"a.js": {Data: []byte("a")}}),
		redstart.StaticOptions{Hashed: func(string) bool { return true }, Dotfiles: true})

	for accepted, want := range map[string]string{"gzip, br, zstd": "br", "gzip, zstd": "zst", "gzip": "gz", "br;q=0": "script", "": "script"} {
		w := get(app, "/assets/app.js", "Accept-Encoding", accepted)
		assert.Equal(t, want, w.Body.String(), accepted)
		assert.Equal(t, "text/javascript; charset=utf-8", w.Header().Get("Content-Type"))
		assert.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
		assert.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
		again := get(app, "/assets/app.js", "Accept-Encoding", accepted, "If-None-Match", w.Header().Get("ETag"))
		assert.Equal(t, 304, again.Code)
	}
	assert.Contains(t, get(app, "/assets/docs/").Body.String(), `href="./a.txt"`)
	assert.Equal(t, "./docs/", get(app, "/assets/docs").Header().Get("Location"))
	assert.Equal(t, "sub", get(app, "/assets/sub/").Body.String())
	assert.Equal(t, "known", get(app, "/assets/.well-known/a.txt").Body.String())
	assert.Equal(t, "public, max-age=31536000, immutable", get(app, "/assets/lib.3f2a9c1b.js").Header().Get("Cache-Control"))
	assert.Equal(t, "public, max-age=31536000, immutable", get(app, "/v1/a.js").Header().Get("Cache-Control"))
	assert.Equal(t, "public, max-age=31536000, immutable", get(app, "/v1/a.js", "If-None-Match", get(app, "/v1/a.js").Header().Get("ETag")).Header().Get("Cache-Control"))
	assert.Equal(t, "cri", get(app, "/assets/app.js", "Range", "bytes=1-3").Body.String())
}

func TestStaticLeavesNoParamsBehind(t *testing.T) {
	app, _ := newApp()
	app.Get("/:name", text("route"))
	var pattern, name string
	app.Use(redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		pattern, name = req.Pattern(), req.Param("name")
		return redstart.Response{}, false
	}))
	app.Static("/", site())
	assert.Equal(t, "shared", get(app, "/shared.txt").Body.String())
	assert.Equal(t, "", pattern)
	assert.Equal(t, "", name, "the parameter is of a route that does not answer")
}

func TestStaticPrefixes(t *testing.T) {
	app, _ := newApp()
	app.Group("/g", mark("group")).Static("/assets/", site())
	app.Static("/g/assets/items", redstart.FilesFS(fstest.MapFS{"7": {Data: []byte("longer prefix")}}))
	w := get(app, "/g/assets/shared.txt")
	assert.Equal(t, "shared", w.Body.String())
	assert.Equal(t, "group", w.Header().Get("Trace"))
	assert.Equal(t, "longer prefix", get(app, "/g/assets/items/7").Body.String())
	app.Static("/g/assets/items", redstart.FilesFS(fstest.MapFS{"7": {Data: []byte("below")}, "8": {Data: []byte("laid under")}}))
	assert.Equal(t, "longer prefix", get(app, "/g/assets/items/7").Body.String(), "the first of one prefix lies over the second")
	assert.Equal(t, "laid under", get(app, "/g/assets/items/8").Body.String())
	assert.Equal(t, 404, get(app, "/g/assetsshared.txt").Code)
	assert.Equal(t, 301, get(app, "/g/assets").Code)

	panicsAt(t, `Static "/t/:id/x"`, "a folder's prefix cannot hold parameters: use a route with Files.File",
		func() { app.Group("/t/:id").Static("/x", site()) })
	assert.Panics(t, func() { app.Static("assets", site()) })
	assert.Panics(t, func() { app.Static("/x", site(), redstart.StaticOptions{Fallback: "none.html"}) })
}

func TestStaticOfAHostAndForEveryHost(t *testing.T) {
	app, _ := newApp()
	app.Host("api.gotham.city").Get("/x", text("host"))
	app.Static("/", site(), redstart.StaticOptions{Fallback: "index.html"})
	app.Get("/exact", text("route exact"))
	app.Get("/page", text("route page"))
	for _, host := range []string{"api.gotham.city", "other"} {
		assert.Equal(t, "route exact", get(app, "/exact", "Host", host, "Accept", html).Body.String(), host)
		assert.Equal(t, "route page", get(app, "/page", "Host", host, "Accept", html).Body.String(), host)
		assert.Equal(t, "home", get(app, "/elsewhere", "Host", host, "Accept", html).Body.String(), host)
	}
	app.Host("files").Static("/", redstart.FilesFS(fstest.MapFS{"exact": {Data: []byte("of the host")}}))
	assert.Equal(t, "of the host", get(app, "/exact", "Host", "files").Body.String())
	assert.Equal(t, "route exact", get(app, "/exact").Body.String())
}

func TestFileReplies(t *testing.T) { // features: P3
	dir := t.TempDir()
	path := filepath.Join(dir, "a b.txt")
	require.NoError(t, os.WriteFile(path, []byte("0123456789"), 0o600))
	files, err := redstart.OpenFiles(dir)
	require.NoError(t, err)
	defer files.Close()

	app, log := newApp()
	app.Get("/file", func(*redstart.Request) redstart.Response { return redstart.File(path) })
	app.Get("/status", func(*redstart.Request) redstart.Response { return redstart.File(path).WithStatus(404) })
	app.Get("/without", func(*redstart.Request) redstart.Response {
		return redstart.File(path).Without("ETag").With("X-A", "1").
			WithDefault("Accept-Ranges", "none").WithDefault("X-B", "1")
	})
	app.Get("/save", func(*redstart.Request) redstart.Response { return redstart.Attachment(path, "") })
	app.Get("/saveas", func(*redstart.Request) redstart.Response { return files.Attachment("a b.txt", "犯罪.txt") })
	app.Get("/missing", func(*redstart.Request) redstart.Response { return redstart.File(path+"x").With("X-A", "1") })
	app.Get("/nodir", func(*redstart.Request) redstart.Response { return redstart.File("/nowhere/at/all") })
	app.Get("/in/*name", func(req *redstart.Request) redstart.Response { return files.File(req.Param("name")) })
	app.NotFound(func(*redstart.Request) redstart.Response { return redstart.File(path) })
	addr, client := online(t, app)

	ask := func(path string, header ...string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+path, nil)
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		return resp, string(body)
	}
	resp, body := ask("/file")
	assert.Equal(t, "0123456789", body)
	assert.Equal(t, "text/plain; charset=utf-8", resp.Header.Get("Content-Type"))
	etag := resp.Header.Get("ETag")
	assert.NotEmpty(t, etag)
	resp, _ = ask("/file", "If-None-Match", etag)
	assert.Equal(t, 304, resp.StatusCode)
	resp, body = ask("/file", "Range", "bytes=2-4")
	assert.Equal(t, 206, resp.StatusCode)
	assert.Equal(t, "234", body)
	resp, body = ask("/status", "Range", "bytes=2-4")
	assert.Equal(t, 404, resp.StatusCode)
	assert.Equal(t, "0123456789", body)
	resp, _ = ask("/without")
	assert.Empty(t, resp.Header.Get("ETag"))
	assert.Equal(t, "1", resp.Header.Get("X-A"))
	assert.Equal(t, "1", resp.Header.Get("X-B"))
	assert.Equal(t, "bytes", resp.Header.Get("Accept-Ranges"), "the file has it")
	resp, _ = ask("/save")
	assert.Equal(t, `attachment; filename="a b.txt"`, resp.Header.Get("Content-Disposition"))
	resp, _ = ask("/saveas")
	assert.Contains(t, resp.Header.Get("Content-Disposition"), "filename*=UTF-8''%E7%8A%AF%E7%BD%AA.txt")
	resp, body = ask("/nothing")
	assert.Equal(t, 404, resp.StatusCode)
	assert.Equal(t, "0123456789", body)

	for _, path := range []string{"/missing", "/nodir", "/in/x", "/in/..%2F..%2Fetc%2Fpasswd", "/in/" + strings.Repeat("x", 1e4)} {
		resp, body = ask(path)
		assert.Equal(t, 404, resp.StatusCode, path)
		assert.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"), path)
		assert.Contains(t, body, `"detail":"there is nothing at`, path)
		assert.NotContains(t, body, dir, path)
		assert.Less(t, len(body), 500, path)
	}
	resp, _ = ask("/missing")
	assert.Equal(t, "1", resp.Header.Get("X-A"))
	assert.NotContains(t, log.String(), `"level":"error"`, "a missing file is the client's affair")

	_, err = redstart.OpenFiles(filepath.Join(dir, "none"))
	assert.ErrorContains(t, err, "redstart: ")
}

func TestConditionsThatAFileDoesNotMeet(t *testing.T) { // features: P3, P9
	path := filepath.Join(t.TempDir(), "a.txt")
	require.NoError(t, os.WriteFile(path, []byte("0123456789"), 0o600))
	const old = "Sun, 09 Sep 2001 01:46:40 GMT"
	app, log := newApp()
	app.Get("/file", func(*redstart.Request) redstart.Response {
		return redstart.File(path).With("X-A", "1").With("ETag", `"mine"`).With("Cache-Control", "max-age=60")
	})
	app.Static("/assets", redstart.FilesFS(os.DirFS(filepath.Dir(path))))
	for name, tt := range map[string]struct {
		header [2]string
		status int
		ranges string
		detail string
	}{
		"behind the end": {[2]string{"Range", "bytes=20-"}, 416, "bytes */10", `header Range: "bytes=20-" is behind the end: the file has 10 bytes`},
		"no range":       {[2]string{"Range", "bytes=a-b"}, 416, "", `header Range: "bytes=a-b": expected ranges such as bytes=0-99, bytes=100- or bytes=-100`},
		"another file":   {[2]string{"If-Match", `"other"`}, 412, "", `header If-Match: "\"other\"" is not the file as it is now`},
		"a later file":   {[2]string{"If-Unmodified-Since", old}, 412, "", `header If-Unmodified-Since: "` + old + `": the file was modified later`},
	} {
		for _, target := range []string{"/file", "/assets/a.txt"} {
			t.Run(name+target, func(t *testing.T) {
				w := get(app, target, tt.header[0], tt.header[1])
				assert.Equal(t, tt.status, w.Code)
				assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
				assert.Equal(t, tt.ranges, w.Header().Get("Content-Range"))
				var problem struct{ Detail string }
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem))
				assert.Equal(t, tt.detail, problem.Detail)
				for _, header := range []string{"ETag", "Last-Modified", "Cache-Control", "Content-Encoding"} {
					assert.Empty(t, w.Header().Get(header), "%s is about the file", header)
				}
				assert.Equal(t, map[bool]string{true: "1"}[target == "/file"], w.Header().Get("X-A"))
			})
		}
	}
	assert.NotContains(t, log.String(), `"level":"error"`)
	assert.Equal(t, 200, get(app, "/file", "Range", "pages=1-2").Code, "a unit that is not known is ignored")
}

func TestFilesOfNoFileSystem(t *testing.T) {
	panicsAt(t, "FilesFS", "the file system is nil: give one such as an embed.FS, or call OpenFiles for a folder on disk",
		func() { redstart.FilesFS(nil) })
}
