//go:build unix

package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// childAddr makes the test binary a program that listens there and greets one client.
const childAddr = "SERVING_TEST_ADDR"

func TestMain(m *testing.M) {
	if addr := os.Getenv(childAddr); addr != "" {
		if err := greet(addr); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func greet(addr string) error {
	l, err := Listen(context.Background(), addr, 0)
	if err != nil {
		return err
	}
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	_, err = io.WriteString(conn, "hello")
	return errors.Join(err, conn.Close(), l.Close())
}

// activate starts the program as systemd does, which knows the process by its number.
func activate(t *testing.T, addr, names string, sockets ...*os.File) (said string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), childAddr+"="+addr, "LISTEN_FDS="+strconv.Itoa(len(sockets)), "LISTEN_FDNAMES="+names)
	cmd.ExtraFiles = sockets
	out, err := cmd.Output()
	return string(out), err
}

func file(t *testing.T, of interface{ File() (*os.File, error) }) *os.File {
	f, err := of.File()
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestSocketActivation(t *testing.T) { // features: G4
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer tcp.Close()
	path := filepath.Join(t.TempDir(), "s")
	unix, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer unix.Close()
	sockets := []*os.File{file(t, tcp.(*net.TCPListener)), file(t, unix.(*net.UnixListener))}
	for name, tt := range map[string]struct {
		addr    string
		sockets []*os.File
		at      net.Addr
	}{
		"the only one":             {"systemd:", sockets[:1], tcp.Addr()},
		"by its name":              {"systemd:admin", sockets, unix.Addr()},
		"by its number":            {"fd:4", sockets, unix.Addr()},
		"by its name, of the rest": {"systemd:web", sockets, tcp.Addr()},
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan error, 1)
			go func() {
				said, err := activate(t, tt.addr, "web:admin", tt.sockets...)
				done <- errors.Join(err, map[bool]error{true: errors.New(said)}[said != ""])
			}()
			conn, err := net.Dial(tt.at.Network(), tt.at.String()) // waits in the socket's queue
			require.NoError(t, err)
			defer conn.Close()
			text, err := io.ReadAll(conn)
			assert.NoError(t, err)
			assert.Equal(t, "hello", string(text))
			assert.NoError(t, <-done)
			assert.FileExists(t, path, "the socket's file is not the program's")
		})
	}
}

func TestWhatCannotBeInherited(t *testing.T) { // features: G4
	pid := strconv.Itoa(os.Getpid())
	for name, tt := range map[string]struct{ addr, pid, fds, names, want string }{
		"not by systemd":        {"systemd:", "", "", "", `redstart: address "systemd:": LISTEN_PID and LISTEN_FDS are not set`},
		"for another process":   {"systemd:", "1", "1", "", `LISTEN_PID is "1": the sockets are for another process than this, ` + pid},
		"no number":             {"systemd:", pid, "x", "", `LISTEN_FDS is "x": want a number`},
		"none":                  {"systemd:", pid, "0", "", "systemd has handed over no socket"},
		"several, and no name":  {"systemd:", pid, "2", "web:admin", `systemd has handed over 2 sockets: say which by systemd:name, of ["web" "admin"]`},
		"no names":              {"systemd:web", pid, "2", "", "LISTEN_FDNAMES has 0 names for 2 sockets"},
		"unknown name":          {"systemd:x", pid, "2", "web:admin", `no socket named "x", but ["web" "admin"]`},
		"a name twice":          {"systemd:web", pid, "2", "web:web", `several sockets named "web"`},
		"no descriptor":         {"fd:", "", "", "", `redstart: address "fd:": want fd: and the number of a descriptor from 3 on`},
		"the standard output":   {"fd:1", "", "", "", "from 3 on"},
		"nothing at the number": {"fd:999999", "", "", "", `redstart: address "fd:999999": descriptor 999999 cannot be served: nothing is open there`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LISTEN_PID", tt.pid)
			t.Setenv("LISTEN_FDS", tt.fds)
			t.Setenv("LISTEN_FDNAMES", tt.names)
			_, err := Listen(t.Context(), tt.addr, 0)
			assert.ErrorContains(t, err, tt.want)
		})
	}
	open := func(f *os.File) string { return fmt.Sprintf("fd:%d", f.Fd()) }
	plain, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer plain.Close()
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer datagrams.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	for want, f := range map[string]*os.File{
		"it is no socket":        plain,
		"it is no stream socket": file(t, datagrams.(*net.UDPConn)),
		"it does not listen":     file(t, conn.(*net.TCPConn)),
	} {
		_, err := Listen(t.Context(), open(f), 0)
		assert.ErrorContains(t, err, want)
	}
}

func TestAnInheritedSocketCanBeListenedOnAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	addr := fmt.Sprintf("fd:%d", file(t, l.(*net.TCPListener)).Fd())
	for range 2 {
		listeners, err := ListenSeveral(t.Context(), addr, 0, 3)
		require.NoError(t, err)
		require.Len(t, listeners, 1, "all processes accept on the one that outlives them")
		assert.Equal(t, l.Addr(), listeners[0].Addr())
		closeAll(t, listeners)
	}
}

func TestSocketMode(t *testing.T) { // features: G4
	path := filepath.Join(t.TempDir(), "s")
	for _, mode := range []os.FileMode{0o600, 0o666, 0o620} {
		l, err := Listen(t.Context(), "unix:"+path, mode)
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), "whatever the umask is")
		require.NoError(t, l.Close())
	}
	for want, tt := range map[string]struct {
		addr string
		mode os.FileMode
	}{
		`redstart: address ":0": a socket mode is for addresses such as unix:/path`: {":0", 0o600},
		"more than permissions":          {"unix:" + path, os.ModeSetuid | 0o600},
		"an abstract socket has no file": {"unix:@x", 0o600},
	} {
		_, err := Listen(t.Context(), tt.addr, tt.mode)
		assert.ErrorContains(t, err, want)
	}
}

func TestHTTP2Settings(t *testing.T) { // features: G4
	for want, h := range map[string]http.HTTP2Config{
		"MaxConcurrentStreams is -1: want 1 to 2147483647, or 0 for the default": {MaxConcurrentStreams: -1},
		"MaxReadFrameSize is 100: want 16384 to 16777216":                        {MaxReadFrameSize: 100},
		"MaxReceiveBufferPerConnection is 1: want 65536 to 4194303":              {MaxReceiveBufferPerConnection: 1},
		"PingTimeout is -1s: turn pings off by a negative SendPingTimeout":       {PingTimeout: -1e9},
	} {
		assert.ErrorContains(t, CheckHTTP2(h), want)
	}
	assert.NoError(t, CheckHTTP2(http.HTTP2Config{MaxReadFrameSize: 1 << 20, SendPingTimeout: -1}))
	c := Config{StallTimeout: 7}
	assert.Equal(t, &http.HTTP2Config{MaxConcurrentStreams: 250, SendPingTimeout: 30e9, PingTimeout: 15e9, WriteByteTimeout: 7}, c.http2())
	c.HTTP2 = http.HTTP2Config{MaxConcurrentStreams: 3, SendPingTimeout: -1, PingTimeout: 2, WriteByteTimeout: -1}
	assert.Equal(t, &http.HTTP2Config{MaxConcurrentStreams: 3, PingTimeout: 2}, c.http2())
}
