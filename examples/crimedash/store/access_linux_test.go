package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

// unprivileged runs f as somebody to whom permissions apply. For root, whom they
// do not stop, that is a thread with the file access of nobody; the thread ends
// with its goroutine, because it stays locked.
func unprivileged(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	const nobody = 65534
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if assert.NoError(t, syscall.Setfsuid(nobody)) {
			f()
		}
	}()
	<-done
}

func TestOpenNamesWhatMayNotBeWritten(t *testing.T) {
	closed := func(t *testing.T, dir string) { require.NoError(t, os.Chmod(dir, 0o555)) }
	tests := map[string]struct {
		arrange func(t *testing.T, dir string)
		want    string // followed by the path
		name    string // of the file; empty for the folder
	}{
		"a new file in a closed folder": {closed, "no files can be created in the folder ", ""},
		"a file in a closed folder": {func(t *testing.T, dir string) {
			path := filepath.Join(dir, "gotham.db")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Chmod(path, 0o666))
			closed(t, dir)
		}, "no files can be created in the folder ", ""},
		"a file of somebody else": {func(t *testing.T, dir string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can make a file that is somebody else's")
			}
			require.NoError(t, os.Chmod(dir, 0o777))
			path := filepath.Join(dir, "gotham.db")
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Chmod(path, 0o644))
		}, "the file ", "gotham.db"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755), "the way to it is open")
			test.arrange(t, dir)
			t.Cleanup(func() { assert.NoError(t, os.Chmod(dir, 0o755)) })
			before, err := os.ReadDir(dir)
			require.NoError(t, err)

			unprivileged(t, func() {
				opened, openErr := store.Open(t.Context(), filepath.Join(dir, "gotham.db"), store.Options{})
				if opened != nil {
					assert.NoError(t, opened.Close())
				}
				err = openErr
			})
			require.Error(t, err)
			assert.ErrorContains(t, err, test.want+filepath.Join(dir, test.name)+" ")
			assert.ErrorIs(t, err, fs.ErrPermission)
			assert.ErrorContains(t, err, "permission denied")

			after, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Len(t, after, len(before), "asking leaves nothing behind")
		})
	}
}
