package form

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSaveToNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, content := range []string{"one", "two", "three"} {
		path, err := SaveTo(dir, "photo.jpg", strings.NewReader(content))
		require.NoError(t, err)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, string(data))
		paths = append(paths, filepath.Base(path))
	}
	assert.Equal(t, []string{"photo.jpg", "photo-2.jpg", "photo-3.jpg"}, paths)
}

func TestSaveToStaysInItsFolder(t *testing.T) {
	for name, want := range map[string]string{
		"../escape.txt": "escape.txt", "/etc/passwd": "passwd", `..\x`: "x", "..": "file", "": "file", "a/b/c.txt": "c.txt",
	} {
		t.Run(name, func(t *testing.T) {
			outer := t.TempDir()
			dir := filepath.Join(outer, "uploads")
			require.NoError(t, os.Mkdir(dir, 0o755))
			path, err := SaveTo(dir, name, strings.NewReader("x"))
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(dir, want), path)
			entries, err := os.ReadDir(outer)
			require.NoError(t, err)
			assert.Len(t, entries, 1, "nothing beside the folder")
		})
	}
}

func TestSaveAsStaysInItsRoot(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "uploads")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Symlink(outer, filepath.Join(dir, "link")))
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, root.Close()) }()

	for _, name := range []string{"../x", "/x", "link/x", ""} {
		require.Error(t, SaveAs(root, name, strings.NewReader("x")), name)
	}
	entries, err := os.ReadDir(outer)
	require.NoError(t, err)
	assert.Len(t, entries, 1)

	require.NoError(t, SaveAs(root, "x", strings.NewReader("first")))
	r := strings.NewReader("second")
	require.ErrorIs(t, SaveAs(root, "x", r), fs.ErrExist)
	assert.Equal(t, 6, r.Len(), "nothing was read")
	data, err := root.ReadFile("x")
	require.NoError(t, err)
	assert.Equal(t, "first", string(data))
}

// A symbolic link that waits under the name is not followed.
func TestSaveToDoesNotFollowALink(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "uploads")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Symlink(filepath.Join(outer, "target"), filepath.Join(dir, "x.txt")))
	path, err := SaveTo(dir, "x.txt", strings.NewReader("x"))
	require.NoError(t, err)
	assert.Equal(t, "x-2.txt", filepath.Base(path))
	assert.NoFileExists(t, filepath.Join(outer, "target"))
}

func TestAFailedSaveLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("the river froze")
	_, err := SaveTo(dir, "x", io.MultiReader(strings.NewReader("half"), errReader{broken}))
	require.ErrorIs(t, err, broken)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
	_, err = SaveTo(filepath.Join(dir, "missing"), "x", strings.NewReader(""))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestManySaveAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			_, err := SaveTo(dir, "x.txt", strings.NewReader("x"))
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 30)
}
