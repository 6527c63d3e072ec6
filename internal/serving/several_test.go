package serving

import (
	"net"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func closeAll(t *testing.T, listeners []net.Listener) {
	for _, l := range listeners {
		assert.NoError(t, l.Close())
	}
}

func TestListenSeveral(t *testing.T) {
	want := 1
	if runtime.GOOS == "linux" {
		want = 3
	}
	for _, addr := range []string{"127.0.0.1:0", ":0", "0.0.0.0:0", "localhost:0"} {
		t.Run(addr, func(t *testing.T) {
			listeners, err := ListenSeveral(t.Context(), addr, 0, 3)
			require.NoError(t, err)
			defer closeAll(t, listeners)
			require.Len(t, listeners, want)
			at := listeners[0].Addr().String()
			for _, l := range listeners {
				assert.Equal(t, at, l.Addr().String(), "the others are bound to the port that the first one got")
			}
			for _, n := range []int{1, 3} {
				_, err = ListenSeveral(t.Context(), at, 0, n)
				assert.ErrorIs(t, err, syscall.EADDRINUSE, "only its own sockets share the port")
				assert.ErrorContains(t, err, "redstart: listen on "+at+": another program serves there already")
			}
		})
	}
}

func TestListenSeveralSpreads(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the other systems share one socket")
	}
	listeners, err := ListenSeveral(t.Context(), "127.0.0.1:0", 0, 2)
	require.NoError(t, err)
	accepted := make(chan int)
	for i, l := range listeners {
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					accepted <- -1
					return
				}
				_ = conn.Close()
				accepted <- i
			}
		}()
	}
	seen := map[int]bool{}
	for len(seen) < 2 {
		conn, err := net.Dial("tcp", listeners[0].Addr().String())
		require.NoError(t, err)
		seen[<-accepted] = true
		require.NoError(t, conn.Close())
	}
	closeAll(t, listeners)
	assert.Equal(t, -2, <-accepted+<-accepted)
}

func TestListenSeveralOnAUnixSocket(t *testing.T) {
	listeners, err := ListenSeveral(t.Context(), "unix:"+filepath.Join(t.TempDir(), "s"), 0, 3)
	require.NoError(t, err)
	assert.Len(t, listeners, 1, "all accept on it")
	closeAll(t, listeners)
	_, err = ListenSeveral(t.Context(), "nowhere", 0, 3)
	assert.ErrorContains(t, err, `redstart: address "nowhere": want host:port`)
}

func TestListenShared(t *testing.T) {
	if runtime.GOOS != "linux" {
		_, err := ListenShared(t.Context(), "127.0.0.1:0")
		assert.ErrorContains(t, err, "several processes cannot share it on this system")
		return
	}
	first, err := ListenShared(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	second, err := ListenShared(t.Context(), first.Addr().String())
	require.NoError(t, err)
	_, err = Listen(t.Context(), first.Addr().String(), 0)
	assert.ErrorIs(t, err, syscall.EADDRINUSE)
	closeAll(t, []net.Listener{first, second})
}
