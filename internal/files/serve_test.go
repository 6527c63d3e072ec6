package files_test

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

const digits = "0123456789"

// zipped is a file system whose files cannot seek.
func zipped(t testing.TB, content map[string]string) fs.FS {
	t.Helper()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, text := range content {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: settled})
		require.NoError(t, err)
		_, err = io.WriteString(w, text)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	r, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	require.NoError(t, err)
	f, err := r.Open("file.txt")
	require.NoError(t, err)
	_, seeks := f.(io.Seeker)
	require.False(t, seeks, "this test is about files that cannot seek")
	require.NoError(t, f.Close())
	return r
}

func TestConditionsAndRanges(t *testing.T) {
	content := map[string]string{"file.txt": digits, "empty.txt": ""}
	roots := map[string]*files.Root{
		"disk":   open(t, tree(t, content)),
		"memory": files.FS(fstest.MapFS{"file.txt": {Data: []byte(digits), ModTime: settled}, "empty.txt": {ModTime: settled}}),
		"zip":    files.FS(zipped(t, content)),
	}
	at := settled.Format(http.TimeFormat)
	before := settled.Add(-time.Hour).Format(http.TimeFormat)
	tag := serveFile(t, roots["disk"], "file.txt", files.Options{}, request("GET", "/")).Header.Get("Etag")
	require.Regexp(t, `^"[^"]+"$`, tag, "a settled file has a strong tag")
	for _, test := range []struct {
		name   string
		method string
		file   string
		header []string
		status int
		body   string
		length string
		ranges string // Content-Range
	}{
		{"whole", "GET", "file.txt", nil, 200, digits, "10", ""},
		{"HEAD", "HEAD", "file.txt", nil, 200, "", "10", ""},
		{"empty", "GET", "empty.txt", nil, 200, "", "0", ""},
		{"empty with a range", "GET", "empty.txt", []string{"Range", "bytes=0-5"}, 200, "", "0", ""},
		{"first bytes", "GET", "file.txt", []string{"Range", "bytes=0-3"}, 206, "0123", "4", "bytes 0-3/10"},
		{"middle", "GET", "file.txt", []string{"Range", "bytes=4-5"}, 206, "45", "2", "bytes 4-5/10"},
		{"from", "GET", "file.txt", []string{"Range", "bytes=8-"}, 206, "89", "2", "bytes 8-9/10"},
		{"last bytes", "GET", "file.txt", []string{"Range", "bytes=-2"}, 206, "89", "2", "bytes 8-9/10"},
		{"one range too long", "GET", "file.txt", []string{"Range", "bytes=7-100"}, 206, "789", "3", "bytes 7-9/10"},
		{"behind the end", "GET", "file.txt", []string{"Range", "bytes=10-"}, 416, `header Range: "bytes=10-" is behind the end: the file has 10 bytes`, "", "bytes */10"},
		{"backwards", "GET", "file.txt", []string{"Range", "bytes=5-4"}, 416, `header Range: "bytes=5-4": expected ranges such as bytes=0-99, bytes=100- or bytes=-100`, "", ""},
		{"not in numbers", "GET", "file.txt", []string{"Range", "bytes=a-b"}, 416, `header Range: "bytes=a-b": expected ranges`, "", ""},
		{"without a dash", "GET", "file.txt", []string{"Range", "bytes=5"}, 416, `header Range: "bytes=5": expected ranges`, "", ""},
		{"huge", "GET", "file.txt", []string{"Range", "bytes=99999999999999999999-"}, 416, `header Range: "bytes=99999999999999999999-"`, "", ""},
		{"long", "GET", "file.txt", []string{"Range", "bytes=" + strings.Repeat("9", 1e5)}, 416, strings.Repeat("9", 190) + `…": expected ranges`, "", ""},
		{"an unknown unit is ignored", "GET", "file.txt", []string{"Range", "pages=1-2"}, 200, digits, "10", ""},
		{"no range is ignored", "GET", "file.txt", []string{"Range", "bytes="}, 200, digits, "10", ""},
		{"range on HEAD is ignored", "HEAD", "file.txt", []string{"Range", "bytes=0-3"}, 200, "", "10", ""},
		{"range on POST is ignored", "POST", "file.txt", []string{"Range", "bytes=0-3"}, 200, digits, "10", ""},
		{"conditions on POST come too late", "POST", "file.txt", []string{"If-None-Match", tag, "If-Match", `"x"`}, 200, digits, "10", ""},
		{"too many ranges are ignored", "GET", "file.txt", []string{"Range", "bytes=" + strings.Repeat("0-0,", 16) + "1-1"}, 200, digits, "10", ""},
		{"the client has it", "GET", "file.txt", []string{"If-None-Match", tag}, 304, "", "", ""},
		{"the client has it, HEAD", "HEAD", "file.txt", []string{"If-None-Match", tag}, 304, "", "", ""},
		{"the client has one of several", "GET", "file.txt", []string{"If-None-Match", `"a", W/` + tag}, 304, "", "", ""},
		{"the client has another", "GET", "file.txt", []string{"If-None-Match", `"a"`}, 200, digits, "10", ""},
		{"not modified since", "GET", "file.txt", []string{"If-Modified-Since", at}, 304, "", "", ""},
		{"modified since", "GET", "file.txt", []string{"If-Modified-Since", before}, 200, digits, "10", ""},
		{"a tag outranks a date", "GET", "file.txt", []string{"If-Modified-Since", at, "If-None-Match", `"a"`}, 200, digits, "10", ""},
		{"If-Match holds", "GET", "file.txt", []string{"If-Match", tag}, 200, digits, "10", ""},
		{"If-Match fails", "GET", "file.txt", []string{"If-Match", `"a"`}, 412, `header If-Match: "\"a\"" is not the file as it is now`, "", ""},
		{"If-Unmodified-Since fails", "GET", "file.txt", []string{"If-Unmodified-Since", before}, 412, `header If-Unmodified-Since: "` + before + `": the file was modified later`, "", ""},
		{"If-Range by tag holds", "GET", "file.txt", []string{"Range", "bytes=8-", "If-Range", tag}, 206, "89", "2", "bytes 8-9/10"},
		{"If-Range by tag fails", "GET", "file.txt", []string{"Range", "bytes=8-", "If-Range", `"a"`}, 200, digits, "10", ""},
		{"If-Range by a weak tag fails", "GET", "file.txt", []string{"Range", "bytes=8-", "If-Range", "W/" + tag}, 200, digits, "10", ""},
		{"If-Range by date holds", "GET", "file.txt", []string{"Range", "bytes=8-", "If-Range", at}, 206, "89", "2", "bytes 8-9/10"},
		{"If-Range by date fails", "GET", "file.txt", []string{"Range", "bytes=8-", "If-Range", before}, 200, digits, "10", ""},
	} {
		for kind, root := range roots {
			t.Run(test.name+" "+kind, func(t *testing.T) {
				o, req := files.Options{CacheControl: "public, max-age=60"}, request(test.method, "/x", test.header...)
				if test.status >= 400 {
					w := httptest.NewRecorder()
					var refusal *files.Refusal
					require.ErrorAs(t, root.ServeFile(w, req, test.file, o), &refusal)
					assert.Equal(t, test.status, refusal.StatusCode())
					assert.Equal(t, test.ranges, refusal.Range)
					assert.ErrorContains(t, refusal, test.body)
					assert.Empty(t, w.Header(), "what is told of the file must not go with the error")
					assert.Empty(t, w.Body.String())
					return
				}
				res := serveFile(t, root, test.file, o, req)
				assert.Equal(t, test.status, res.StatusCode)
				assert.Equal(t, test.ranges, res.Header.Get("Content-Range"))
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				assert.Equal(t, test.body, string(body))
				assert.Equal(t, test.length, res.Header.Get("Content-Length"))
				if test.status < 300 {
					assert.Equal(t, at, res.Header.Get("Last-Modified"))
					assert.Equal(t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
					assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
				}
			})
		}
	}
}

func TestSeveralRanges(t *testing.T) {
	root := open(t, tree(t, map[string]string{"file.txt": digits}))
	res := serveFile(t, root, "file.txt", files.Options{}, request("GET", "/", "Range", "bytes=8-9,0-1"))
	require.Equal(t, http.StatusPartialContent, res.StatusCode)
	kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/byteranges", kind)
	parts := multipart.NewReader(res.Body, params["boundary"])
	for _, want := range []struct{ ranges, body string }{{"bytes 8-9/10", "89"}, {"bytes 0-1/10", "01"}} {
		part, err := parts.NextPart()
		require.NoError(t, err)
		body, err := io.ReadAll(part)
		require.NoError(t, err)
		assert.Equal(t, want.body, string(body))
		assert.Equal(t, want.ranges, part.Header.Get("Content-Range"))
		assert.Equal(t, "text/plain; charset=utf-8", part.Header.Get("Content-Type"))
	}
	_, err = parts.NextPart()
	assert.ErrorIs(t, err, io.EOF)
}

func TestSeveralRangesOfAFileThatCannotSeekAreIgnored(t *testing.T) {
	root := files.FS(zipped(t, map[string]string{"file.txt": digits}))
	res := serveFile(t, root, "file.txt", files.Options{}, request("GET", "/", "Range", "bytes=8-9,0-1"))
	assert.Equal(t, http.StatusOK, res.StatusCode)
}

func TestStatusesWithoutContent(t *testing.T) {
	root := open(t, tree(t, map[string]string{"file.txt": digits}))
	for _, status := range []int{204, 205, 304} {
		res := serveFile(t, root, "file.txt", files.Options{Status: status}, request("GET", "/"))
		assert.Equal(t, status, res.StatusCode)
		assert.Empty(t, res.Header.Get("Content-Length"))
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Empty(t, string(body), status)
	}
}

func TestOptions(t *testing.T) {
	root := open(t, tree(t, map[string]string{"page.html": "<p>", "unknown.xyzzy": "<html>"}))
	t.Run("download", func(t *testing.T) {
		res := serveFile(t, root, "page.html", files.Options{DownloadName: "Bericht.html"}, request("GET", "/"))
		assert.Equal(t, `attachment; filename="Bericht.html"`, res.Header.Get("Content-Disposition"))
	})
	t.Run("type and cache policy", func(t *testing.T) {
		res := serveFile(t, root, "page.html", files.Options{ContentType: "text/x-riddle", CacheControl: "no-store"}, request("GET", "/"))
		assert.Equal(t, "text/x-riddle", res.Header.Get("Content-Type"))
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	})
	t.Run("an unknown type is not sniffed", func(t *testing.T) {
		res := serveFile(t, root, "unknown.xyzzy", files.Options{}, request("GET", "/"))
		assert.Equal(t, "application/octet-stream", res.Header.Get("Content-Type"))
		assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	})
	t.Run("headers already set win", func(t *testing.T) {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "text/own")
		w.Header().Set("Cache-Control", "private")
		w.Header().Set("Etag", `"own"`)
		require.NoError(t, root.ServeFile(w, request("GET", "/"), "page.html", files.Options{CacheControl: "public", ContentType: "text/other"}))
		assert.Equal(t, "text/own", w.Header().Get("Content-Type"))
		assert.Equal(t, "private", w.Header().Get("Cache-Control"))
		assert.Equal(t, `"own"`, w.Header().Get("Etag"))
	})
	for _, method := range []string{"GET", "HEAD"} {
		t.Run("another status "+method, func(t *testing.T) {
			res := serveFile(t, root, "page.html", files.Options{Status: 404}, request(method, "/", "Range", "bytes=0-0"))
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			assert.Equal(t, 404, res.StatusCode)
			assert.Equal(t, "3", res.Header.Get("Content-Length"))
			assert.Empty(t, res.Header.Get("Etag"))
			assert.Equal(t, map[string]string{"GET": "<p>", "HEAD": ""}[method], string(body))
		})
	}
}

func TestETag(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "one"})
	path := filepath.Join(dir, "a.txt")
	root := open(t, dir)
	tag := func() string {
		return serveFile(t, root, "a.txt", files.Options{}, request("GET", "/")).Header.Get("Etag")
	}
	first := tag()
	assert.Equal(t, first, tag(), "the same file")
	require.NoError(t, os.Chtimes(path, settled, settled.Add(time.Nanosecond)))
	assert.NotEqual(t, first, tag(), "another time")
	require.NoError(t, os.WriteFile(path, []byte("longer"), 0o600))
	require.NoError(t, os.Chtimes(path, settled, settled))
	assert.NotEqual(t, first, tag(), "another size")

	now := time.Now()
	require.NoError(t, os.Chtimes(path, now, now))
	young := tag()
	assert.True(t, strings.HasPrefix(young, `W/"`), "a file written just now may change again within the clock's tick: %s", young)

	// As a reproducible build leaves it: the time says nothing.
	require.NoError(t, os.Chtimes(path, time.Unix(0, 0), time.Unix(1, 0)))
	res := serveFile(t, root, "a.txt", files.Options{}, request("GET", "/"))
	assert.Regexp(t, `^"[\w-]{22}"$`, res.Header.Get("Etag"))
	assert.Empty(t, res.Header.Get("Last-Modified"))
}

func TestETagOfContentFollowsTheContent(t *testing.T) {
	tag := func(content string) string {
		root := files.FS(fstest.MapFS{"a.txt": {Data: []byte(content)}})
		return serveFile(t, root, "a.txt", files.Options{}, request("GET", "/")).Header.Get("Etag")
	}
	assert.Equal(t, tag("one"), tag("one"))
	assert.NotEqual(t, tag("one"), tag("two"))
}

// countingFS counts how often its files are opened.
type countingFS struct {
	fs.FS
	opened *int
}

func (c countingFS) Open(name string) (fs.File, error) {
	*c.opened++
	return c.FS.Open(name)
}

func (c countingFS) Stat(name string) (fs.FileInfo, error) { return fs.Stat(c.FS, name) }

func TestContentIsHashedOnce(t *testing.T) {
	opened := 0
	root := files.FS(countingFS{fstest.MapFS{"a.txt": {Data: []byte("a")}}, &opened})
	for range 3 {
		serveFile(t, root, "a.txt", files.Options{}, request("GET", "/"))
	}
	assert.Equal(t, 4, opened, "once for each reply and once for the hash")
}

// A large file goes from the disk to the socket without passing through
// memory: the writer of net/http must be handed the *os.File itself.
func TestDiskFileReachesTheWriterUnwrapped(t *testing.T) {
	root := open(t, tree(t, map[string]string{"a.txt": digits}))
	w := &fileWatcher{ResponseRecorder: httptest.NewRecorder()}
	require.NoError(t, root.ServeFile(w, request("GET", "/"), "a.txt", files.Options{}))
	assert.IsType(t, &os.File{}, w.source)
}

// fileWatcher notes what it is asked to read from, as net/http's writer does
// to find out whether it can use sendfile.
type fileWatcher struct {
	*httptest.ResponseRecorder
	source io.Reader
}

func (w *fileWatcher) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		w.source = limited.R
	}
	return io.Copy(w.ResponseRecorder, r)
}
