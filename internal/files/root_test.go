package files_test

import (
	"embed"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

//go:embed root_test.go
var embedded embed.FS

func TestDirSaysWhatIsWrong(t *testing.T) {
	dir := tree(t, map[string]string{"file": ""})
	_, err := files.Dir(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, `missing" does not exist`)

	_, err = files.Dir(filepath.Join(dir, "file"))
	assert.ErrorContains(t, err, `file" is not a folder`)
	_, err = files.Dir("")
	assert.EqualError(t, err, `files: no folder was named: write "." for the one that the program was started in`)

	_, err = files.Dir("no-such-folder")
	wd, wdErr := os.Getwd()
	require.NoError(t, wdErr)
	assert.ErrorContains(t, err, filepath.Join(wd, "no-such-folder"), "a relative path is shown as it was looked up")
}

func TestFSPanicsWithoutFileSystem(t *testing.T) {
	assert.PanicsWithValue(t, "files: FS(nil): give a file system, such as an embed.FS or os.DirFS(path)", func() { files.FS(nil) })
}

func TestServeFileErrorsWriteNothing(t *testing.T) {
	dir := tree(t, map[string]string{"plain.txt": "x", "folder/inner.txt": "x"})
	outside := tree(t, map[string]string{"secret.txt": "secret"})
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(dir, "absolute-link")))
	require.NoError(t, os.Symlink("../../../../../../etc/passwd", filepath.Join(dir, "relative-link")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "folder-link")))
	require.NoError(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	disk := open(t, dir)
	memory := files.FS(fstest.MapFS{"plain.txt": {Data: []byte("x")}, "folder/inner.txt": {Data: []byte("x")}})
	for _, name := range []string{
		"missing.txt", "folder", ".", "", "/plain.txt", "plain.txt/", "plain.txt/more", "folder/../plain.txt", "..",
		"../" + filepath.Base(outside) + "/secret.txt", "./plain.txt", "folder//inner.txt", "nul\x00byte", "bad\xffutf8",
		"absolute-link", "relative-link", "folder-link/secret.txt", "loop", strings.Repeat("long", 200),
	} {
		for kind, root := range map[string]*files.Root{"disk": disk, "memory": memory} {
			t.Run(kind+" "+name, func(t *testing.T) {
				w := httptest.NewRecorder()
				err := root.ServeFile(w, request("GET", "/"), name, files.Options{ContentType: "text/x", CacheControl: "public"})
				require.ErrorIs(t, err, fs.ErrNotExist)
				assert.Empty(t, w.Header(), "headers of a file that was not served")
				assert.Empty(t, w.Body.String())
				assert.False(t, w.Flushed)
			})
		}
	}
}

func TestLinksInsideTheRootAreFollowed(t *testing.T) {
	dir := tree(t, map[string]string{"folder/inner.txt": "inner"})
	require.NoError(t, os.Symlink("folder/inner.txt", filepath.Join(dir, "link.txt")))
	res := serveFile(t, open(t, dir), "link.txt", files.Options{}, request("GET", "/"))
	body, _ := io.ReadAll(res.Body)
	assert.Equal(t, "inner", string(body))
}

func TestClosedRootIsAFailureNotAMissingFile(t *testing.T) {
	root, err := files.Dir(tree(t, map[string]string{"a.txt": "a"}))
	require.NoError(t, err)
	require.NoError(t, root.Close())
	err = root.ServeFile(httptest.NewRecorder(), request("GET", "/"), "a.txt", files.Options{})
	require.ErrorIs(t, err, fs.ErrClosed)
	assert.NotErrorIs(t, err, fs.ErrNotExist)
	assert.NoError(t, files.FS(embedded).Close())
}

// brokenFS fails in a way that has nothing to do with the name.
type brokenFS struct{ err error }

func (b brokenFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: b.err}
}

func TestFailuresOfTheFileSystemAreKept(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, want := range []error{broken, fs.ErrPermission} {
		w := httptest.NewRecorder()
		err := files.FS(brokenFS{want}).ServeFile(w, request("GET", "/"), "a.txt", files.Options{})
		require.ErrorIs(t, err, want)
		assert.NotErrorIs(t, err, fs.ErrNotExist)
		assert.Empty(t, w.Header())
	}
}

func TestEmbeddedFile(t *testing.T) {
	root := files.FS(embedded)
	res := serveFile(t, root, "root_test.go", files.Options{ContentType: "text/plain"}, request("GET", "/"))
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Contains(t, string(body), "func TestEmbeddedFile")
	assert.Empty(t, res.Header.Get("Last-Modified"), "an embedded file has no modification time")
	tag := res.Header.Get("Etag")
	assert.Regexp(t, `^"[\w-]{22}"$`, tag)
	res = serveFile(t, root, "root_test.go", files.Options{}, request("GET", "/", "If-None-Match", tag))
	assert.Equal(t, http.StatusNotModified, res.StatusCode)
}
