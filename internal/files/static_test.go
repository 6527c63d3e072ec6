package files_test

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

const navigation = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// get asks for a URL below the root and returns the reply, or nil if no file
// answers it.
func get(t testing.TB, s *files.Static, method, target string, header ...string) *http.Response {
	t.Helper()
	req := request(method, target, header...)
	found, ok := s.Match(req, req.URL.Path)
	if !ok {
		return nil
	}
	w := httptest.NewRecorder()
	require.NoError(t, s.Serve(w, req, found))
	return w.Result()
}

func text(t testing.TB, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body)
}

func TestCheck(t *testing.T) {
	root := files.FS(fstest.MapFS{"index.html": {}, "folder/a.txt": {}})
	for _, test := range []struct {
		name   string
		static files.Static
		says   string
	}{
		{"right", files.Static{Root: root, Index: "index.html", Fallback: "index.html"}, ""},
		{"no root", files.Static{}, "needs a Root"},
		{"an index that is a path", files.Static{Root: root, Index: "a/b.html"}, `index "a/b.html"`},
		{"an index that climbs", files.Static{Root: root, Index: ".."}, `index ".."`},
		{"a missing fallback", files.Static{Root: root, Fallback: "app.html"}, `"app.html"`},
		{"a folder as fallback", files.Static{Root: root, Fallback: "folder"}, `"folder" is a folder`},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.static.Check()
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.says)
		})
	}
}

func TestFindNames(t *testing.T) {
	content := map[string]string{
		"a.txt": "a", "css/app.css": "css", "100%.txt": "percent", "犯罪.txt": "crime", "a b.txt": "space",
		".env": "secret", ".git/config": "secret", "sub/.hidden": "secret", ".well-known/security.txt": "known",
		".well-known/.secret": "secret", "a..b.txt": "dots", "..c.txt": "leading dots", "%2e%2e": "encoded",
	}
	dir := tree(t, content)
	outside := tree(t, map[string]string{"secret.txt": "secret"})
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(dir, "link.txt")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "linked")))
	if runtime.GOOS != "windows" { // where no such file can exist
		for _, name := range []string{`back\slash.txt`, "line\n.txt", "delete\x7f.txt"} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("odd"), 0o600))
		}
	}
	static := &files.Static{Root: open(t, dir)}
	for _, test := range []struct {
		name string
		want string // content; "" is not found
	}{
		{"a.txt", "a"},
		{"/a.txt", "a"},
		{"css/app.css", "css"},
		{"/css/app.css", "css"},
		{"100%.txt", "percent"},
		{"犯罪.txt", "crime"},
		{"a b.txt", "space"},
		{"a..b.txt", "dots"},
		{"%2e%2e", "encoded"},
		{".well-known/security.txt", "known"},
		{"a.txt/", ""},
		{"a.txt/more", ""},
		{"//a.txt", ""},
		{"css//app.css", ""},
		{"css/./app.css", ""},
		{"css/../a.txt", ""},
		{"../" + filepath.Base(dir) + "/a.txt", ""},
		{"/../a.txt", ""},
		{"..", ""},
		{".", ""},
		{"", ""},
		{"/", ""},
		{"//", ""},
		{"css", ""},
		{"css/", ""},
		{`css\app.css`, ""},
		{`..\a.txt`, ""},
		{"%2e%2e/a.txt", ""},
		{"a.txt\x00.png", ""},
		{`back\slash.txt`, ""},
		{"line\n.txt", ""},
		{"delete\x7f.txt", ""},
		{"a\xff.txt", ""},
		{filepath.Join(dir, "a.txt"), ""},
		{"/etc/passwd", ""},
		{"link.txt", ""},
		{"linked/secret.txt", ""},
		{".env", ""},
		{".git/config", ""},
		{"sub/.hidden", ""},
		{".well-known/.secret", ""},
		{"..c.txt", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, ok := static.Find(test.name, navigation, "")
			require.Equal(t, test.want != "", ok)
			if !ok {
				return
			}
			w := httptest.NewRecorder()
			require.NoError(t, static.Serve(w, request("GET", "/"), found))
			assert.Equal(t, test.want, w.Body.String())
		})
	}
	static.Dotfiles = true
	assert.Equal(t, "secret", text(t, get(t, static, "GET", "/.env")))
}

func TestMatchFindsFilesForGETAndHEADOnly(t *testing.T) {
	static := &files.Static{Root: files.FS(fstest.MapFS{"a.txt": {Data: []byte("a")}, "index.html": {}}), Fallback: "index.html"}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		assert.Nil(t, get(t, static, method, "/a.txt"), method)
		assert.Nil(t, get(t, static, method, "/page", "Accept", navigation), method)
	}
	assert.Equal(t, "a", text(t, get(t, static, "GET", "/a.txt")))
	res := get(t, static, "HEAD", "/a.txt")
	assert.Empty(t, text(t, res))
	assert.Equal(t, "1", res.Header.Get("Content-Length"))
}

func TestFolders(t *testing.T) {
	root := open(t, tree(t, map[string]string{
		"index.html": "home", "docs/index.html": "docs", "docs/a:b/index.html": "colon", "plain/a.txt": "a", "evil.example/index.html": "evil",
	}))
	for _, test := range []struct {
		name     string
		target   string
		listing  bool
		status   int // 0 is not found
		location string
		body     string
	}{
		{"the root", "/", false, 200, "", "home"},
		{"an index", "/docs/", false, 200, "", "docs"},
		{"an index by its name", "/docs/index.html", false, 200, "", "docs"},
		{"without its slash", "/docs", false, 301, "./docs/", ""},
		{"the query is kept", "/docs?a=b&c=%0d%0a", false, 301, "./docs/?a=b&c=%0d%0a", ""},
		{"a colon is not a scheme", "/docs/a:b", false, 301, "./a:b/", ""},
		{"escapes are kept", "/docs/a%3Ab", false, 301, "./a%3Ab/", ""},
		{"no index, no listing, no redirect", "/plain", false, 0, "", ""},
		{"no index, no listing", "/plain/", false, 0, "", ""},
		{"a listing without its slash", "/plain", true, 301, "./plain/", ""},
		{"two slashes are not the root", "//", true, 0, "", ""},
		{"two slashes are not another host", "//evil.example", false, 0, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			static := &files.Static{Root: root, Index: "index.html", Listing: test.listing}
			req := request("GET", "/")
			u, err := url.ParseRequestURI(test.target)
			require.NoError(t, err)
			req.URL = u
			found, ok := static.Match(req, u.Path)
			require.Equal(t, test.status != 0, ok)
			if !ok {
				return
			}
			w := httptest.NewRecorder()
			require.NoError(t, static.Serve(w, req, found))
			assert.Equal(t, test.status, w.Code)
			assert.Equal(t, test.location, w.Header().Get("Location"))
			assert.Equal(t, test.body, w.Body.String())
			assert.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
		})
	}
}

// Wherever a browser stands, following the redirect keeps it on the host.
func TestRedirectStaysOnTheHost(t *testing.T) {
	static := &files.Static{Root: open(t, tree(t, map[string]string{"evil.example/index.html": "", "x/index.html": ""})), Index: "index.html"}
	for _, path := range []string{"//evil.example", "/a//evil.example", "/evil.example", `/\evil.example`, "/https:%2F%2Fx"} {
		u := &url.URL{Scheme: "http", Host: "gotham.city", Path: path}
		req := request("GET", "/")
		req.URL = u
		// A mount point may leave any of these as the name.
		found, ok := static.Find("evil.example", "", "")
		require.True(t, ok)
		w := httptest.NewRecorder()
		require.NoError(t, static.Serve(w, req, found))
		location := w.Header().Get("Location")
		target, err := u.Parse(location)
		require.NoError(t, err)
		assert.Equal(t, "gotham.city", target.Host, "%s to %s", path, location)
		assert.NotContains(t, location, `\`)
		assert.Regexp(t, `^\./`, location)
	}
}

func TestFallback(t *testing.T) {
	static := &files.Static{
		Root:     open(t, tree(t, map[string]string{"index.html": "app", "app.js": "js", "admin/secret.txt": "x", ".env": "x"})),
		Index:    "index.html",
		Fallback: "index.html",
	}
	for _, test := range []struct {
		name, target, accept string
		want                 string // "" is not found
	}{
		{"a navigation", "/crimes/7", navigation, "app"},
		{"a navigation with a slash", "/crimes/7/", navigation, "app"},
		{"a navigation to a folder without an index", "/admin/", navigation, "app"},
		{"a name with a dot", "/users/bruce.wayne", navigation, "app"},
		{"a page", "/old.html", navigation, "app"},
		{"a file is still a file", "/app.js", navigation, "js"},
		{"a missing script", "/missing.js", navigation, ""},
		{"a missing style", "/css/missing.css", navigation, ""},
		{"a missing image", "/missing.PNG", navigation, ""},
		{"a JSON client", "/crimes/7", "application/json", ""},
		{"fetch without a preference", "/crimes/7", "*/*", ""},
		{"no Accept", "/crimes/7", "", ""},
		{"a dotfile stays refused", "/.env", navigation, ""},
		{"a bad name stays refused", "/a//b", navigation, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			res := get(t, static, "GET", test.target, "Accept", test.accept)
			if test.want == "" {
				assert.Nil(t, res)
				return
			}
			require.NotNil(t, res)
			assert.Equal(t, 200, res.StatusCode)
			assert.Equal(t, test.want, text(t, res))
			if test.want == "app" {
				assert.Contains(t, res.Header.Get("Vary"), "Accept,", "another client gets something else at this URL")
				assert.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
			}
		})
	}
}

func TestCachePolicy(t *testing.T) {
	content := fstest.MapFS{"app.3f2a9c1b.js": {}, "app.js": {}, "assets/index-DiwrgTda.js": {}}
	static := &files.Static{Root: files.FS(content)}
	const year = "public, max-age=31536000, immutable"
	assert.Equal(t, year, get(t, static, "GET", "/app.3f2a9c1b.js").Header.Get("Cache-Control"))
	assert.Equal(t, "no-cache", get(t, static, "GET", "/app.js").Header.Get("Cache-Control"))
	assert.Equal(t, "no-cache", get(t, static, "GET", "/assets/index-DiwrgTda.js").Header.Get("Cache-Control"))

	static.Hashed = func(name string) bool { return filepath.Dir(name) == "assets" }
	assert.Equal(t, year, get(t, static, "GET", "/assets/index-DiwrgTda.js").Header.Get("Cache-Control"))
	assert.Equal(t, "no-cache", get(t, static, "GET", "/app.3f2a9c1b.js").Header.Get("Cache-Control"))
}

func TestHashedName(t *testing.T) {
	for name, want := range map[string]bool{
		"app.3f2a9c1b.js":                   true,
		"app-3f2a9c1b.js":                   true,
		"css/app_3f2a9c1b.min.css":          true,
		"3f2a9c1b.d4.chunk.3f2a9c1b99aa.js": true,
		"app-5K3HJ2XQ.css":                  true,
		"app.3f2a9c1b.js.map":               true,
		"app.js":                            false,
		"jquery-3.7.1.min.js":               false,
		"report-20260301.pdf":               false, // a date
		"app.deadbeef.js":                   false, // could be a word
		"app.3f2a9c1.js":                    false, // too short
		"logo-iphone15.png":                 false,
		"index-DiwrgTda.js":                 false,
		"3f2a9c1b":                          false, // the name itself
		"3f2a9c1b.js":                       false,
		"3f2a9c1b/app.js":                   false, // only the file's own name counts
		"FEATURE-OVERVIEW.html":             false,
	} {
		assert.Equal(t, want, files.HashedName(name), name)
	}
}

func TestFileThatGoesAwayBetweenTheSteps(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a"})
	static := &files.Static{Root: open(t, dir)}
	found, ok := static.Find("a.txt", "", "")
	require.True(t, ok)
	assert.Equal(t, "a.txt", found.Name())
	require.NoError(t, os.Remove(filepath.Join(dir, "a.txt")))
	w := httptest.NewRecorder()
	require.ErrorIs(t, static.Serve(w, request("GET", "/"), found), fs.ErrNotExist)
	assert.Empty(t, w.Header())
}

func TestFailedLookupIsNotAMissingFile(t *testing.T) {
	static := &files.Static{Root: files.FS(brokenFS{fs.ErrPermission})}
	found, ok := static.Find("a.txt", "", "")
	require.True(t, ok)
	w := httptest.NewRecorder()
	require.ErrorIs(t, static.Serve(w, request("GET", "/"), found), fs.ErrPermission)
	assert.Empty(t, w.Header())
}

func ExampleStatic() {
	static := &files.Static{
		Root: files.FS(fstest.MapFS{
			"index.html":      {Data: []byte("<h1>Gotham</h1>")},
			"app.3f2a9c1b.js": {Data: []byte("patrol()")},
		}),
		Index: "index.html",
	}
	for _, path := range []string{"/", "/app.3f2a9c1b.js", "/joker.js"} {
		req := httptest.NewRequest("GET", path, nil)
		found, ok := static.Match(req, req.URL.Path)
		if !ok {
			fmt.Println(path, "is left to the routes")
			continue
		}
		w := httptest.NewRecorder()
		if err := static.Serve(w, req, found); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(path, w.Code, w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"))
	}
	// Output:
	// / 200 text/html; charset=utf-8 no-cache
	// /app.3f2a9c1b.js 200 text/javascript; charset=utf-8 public, max-age=31536000, immutable
	// /joker.js is left to the routes
}
