package serving

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestURL(t *testing.T) {
	for want, addr := range map[string]net.Addr{
		"http://localhost:80":  &net.TCPAddr{IP: net.IPv6unspecified, Port: 80},
		"http://127.0.0.1:80":  &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80},
		"http://[::1]:80":      &net.TCPAddr{IP: net.IPv6loopback, Port: 80},
		"unix:/run/redstart.s": &net.UnixAddr{Name: "/run/redstart.s", Net: "unix"},
	} {
		assert.Equal(t, want, URL(addr, false))
	}
	assert.Equal(t, "https://localhost:443", URL(&net.TCPAddr{IP: net.IPv4zero, Port: 443}, true))
}

func TestUnixSocketsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		"":                              `redstart: address "unix:": want unix:/path/to/socket`,
		"/" + strings.Repeat("x", 199):  "the path has 200 bytes, and the system allows about 100: choose a shorter one",
		filepath.Join(dir, "none", "s"): "its folder does not exist: make it first",
		dir:                             "there is something else than a socket",
	} {
		_, err := Listen(t.Context(), "unix:"+path, 0)
		assert.ErrorContains(t, err, want, path)
	}
}

func TestListenOnABusySocketTakesNothingAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen(t.Context(), "unix:"+path, 0)
	require.NoError(t, err)
	defer l.Close()
	_, err = Listen(t.Context(), "unix:"+path, 0)
	require.ErrorContains(t, err, "another program serves there already")

	served := make(chan error, 1)
	go func() {
		for range 2 { // the first is the one that looked whether somebody is there
			conn, err := l.Accept()
			if err == nil {
				err = conn.Close()
			}
			served <- err
		}
	}()
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, <-served)
	require.NoError(t, <-served)
}
