package serving

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/memnet"
)

// ask sends a request over a connection that stays open.
func ask(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	_, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp
}

func TestFarewell(t *testing.T) {
	for name, tt := range map[string]struct {
		connections int
		later       func(t *testing.T, conns []net.Conn) // after the wish to stop
		took        time.Duration
	}{
		"nobody is there": {0, func(*testing.T, []net.Conn) {}, 0},
		"an idle one has the time to send its last request": {1, func(t *testing.T, conns []net.Conn) {
			time.Sleep(farewellTime - time.Millisecond)
			assert.True(t, ask(t, conns[0]).Close, "the reply says that the connection ends")
		}, farewellTime - time.Millisecond},
		"the last one that leaves ends it": {2, func(t *testing.T, conns []net.Conn) {
			assert.True(t, ask(t, conns[0]).Close)
			time.Sleep(100 * time.Millisecond)
			assert.NoError(t, conns[1].Close())
		}, 100 * time.Millisecond},
		"one that stays idle is closed": {1, func(t *testing.T, conns []net.Conn) {
			_, err := conns[0].Read(make([]byte, 1))
			assert.Error(t, err)
		}, farewellTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				close(release)
				c, l := config(release), memnet.Listen()
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				done := make(chan error)
				go func() { done <- c.Serve(ctx, nil, l) }()
				var conns []net.Conn
				for range tt.connections {
					conn, err := l.DialContext(t.Context(), "", "")
					require.NoError(t, err)
					defer conn.Close()
					assert.False(t, ask(t, conn).Close)
					conns = append(conns, conn)
				}
				begin := time.Now()
				stop()
				synctest.Wait()
				_, err := l.DialContext(t.Context(), "", "")
				assert.Error(t, err, "nothing new is accepted meanwhile")
				tt.later(t, conns)
				assert.NoError(t, <-done)
				assert.Equal(t, tt.took, time.Since(begin).Truncate(time.Millisecond))
			})
		})
	}
}

func TestAdoptedListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		close(release)
		c, own := config(release), memnet.Listen()
		given := make(chan net.Listener)
		c.Adopted = given
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		done := make(chan error)
		go func() { done <- c.Serve(ctx, nil, own) }()
		first, second := memnet.Listen(), memnet.Listen()
		given <- first
		given <- second
		var conns []net.Conn
		for _, l := range []*memnet.Listener{own, first, second} {
			conn, err := l.DialContext(t.Context(), "", "")
			require.NoError(t, err)
			defer conn.Close()
			ask(t, conn)
			conns = append(conns, conn)
		}
		require.NoError(t, first.Close())
		synctest.Wait()
		assert.False(t, ask(t, conns[1]).Close, "what was accepted there stays, and the others go on")
		ask(t, conns[2])
		stop()
		assert.NoError(t, <-done)
		_, err := second.DialContext(t.Context(), "", "")
		assert.Error(t, err, "it is closed with the server's own")
	})
}
