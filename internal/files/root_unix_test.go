//go:build unix

package files_test

import (
	"io/fs"
	"net/http/httptest"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

// Opening a named pipe waits for a writer: a request for one would hang.
func TestNamedPipeIsNotOpened(t *testing.T) {
	dir := tree(t, nil)
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe.txt"), 0o600))
	root := open(t, dir)
	err := root.ServeFile(httptest.NewRecorder(), request("GET", "/"), "pipe.txt", files.Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, ok := (&files.Static{Root: root}).Find("pipe.txt", "", "")
	assert.False(t, ok)
}
