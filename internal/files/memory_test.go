package files_test

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

// sink is a ResponseWriter that counts and forgets.
type sink struct {
	header http.Header
	sent   int64
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Write(p []byte) (int, error) {
	s.sent += int64(len(p))
	return len(p), nil
}

// Serving must not cost memory in proportion to the file: neither from disk
// nor from a file system that cannot seek.
func TestLargeFilesUseConstantMemory(t *testing.T) {
	const large = 24 << 20
	dir := tree(t, nil)
	f, err := os.Create(filepath.Join(dir, "large.bin"))
	require.NoError(t, err)
	require.NoError(t, f.Truncate(large)) // a hole: takes no room on the disk
	require.NoError(t, f.Close())
	archive := zipped(t, map[string]string{"file.txt": "", "large.bin": strings.Repeat("\x00", large)})
	for _, test := range []struct {
		name  string
		root  *files.Root
		value string // of Range
		want  int64
	}{
		{"disk", open(t, dir), "", large},
		{"disk, the end", open(t, dir), "bytes=-1000", 1000},
		{"zip", files.FS(archive), "", large},
		{"zip, the end", files.FS(archive), "bytes=-1000", 1000},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &sink{header: http.Header{}}
			req := request("GET", "/", "Range", test.value)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			require.NoError(t, test.root.ServeFile(w, req, "large.bin", files.Options{}))
			runtime.ReadMemStats(&after)
			assert.Equal(t, test.want, w.sent)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		})
	}
}
