//go:build unix

package supervisor_test

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A socket that the program was started with, as by systemd, outlives it: whoever
// connects meanwhile is served by the next one.
func TestAnInheritedSocketIsSharedAndStays(t *testing.T) { // features: G4
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	defer socket.Close()
	for range 2 {
		p := startWith(t, os.Args[0], 2, "fd:3", []*os.File{socket})
		require.NotEmpty(t, p.url)
		assert.Equal(t, "http://"+l.Addr().String(), p.url)
		p.signal(syscall.SIGTERM)
		assert.Zero(t, p.status())
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err, "the socket is still open")
		require.NoError(t, conn.Close())
	}
}

func TestTheFileOfAnInheritedSocketStays(t *testing.T) { // features: G4
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer l.Close()
	socket, err := l.(*net.UnixListener).File()
	require.NoError(t, err)
	defer socket.Close()
	p := startWith(t, os.Args[0], 2, "fd:3", []*os.File{socket})
	p.signal(syscall.SIGTERM)
	assert.Zero(t, p.status())
	assert.FileExists(t, path)
}
