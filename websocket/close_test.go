package websocket

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Both sides may close at once, from many goroutines, while others read and send.
func TestCloseFromEverywhere(t *testing.T) {
	for range 20 {
		h, reports := serve(new(Server), func(c *Conn) error {
			var all sync.WaitGroup
			for i := range 4 {
				all.Go(func() { _ = c.Close(Code(4000+i), "") })
				all.Go(func() { _ = c.SendText(strings.Repeat("x", 100)) })
				all.Go(func() { _ = c.Ping(context.Background()) })
				all.Go(func() { _ = c.Post(TextMessage("y")) })
			}
			_, _ = c.Read(t.Context())
			all.Wait()
			return nil
		})
		c := dial(t, h, nil)
		go func() { _, _ = c.Read(context.Background()) }()
		_ = c.Close(4444, "")
		report := <-reports
		assert.GreaterOrEqual(t, report.Code, Code(4000))
	}
}

// A peer that does not answer the Close frame is left after five seconds.
func TestCloseUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), func(*Conn) error { return Close(4000, "") })
		c := dial(t, h, nil)
		begin := time.Now()
		report := <-reports
		assert.Equal(t, closeTimeout, time.Since(begin))
		assert.Equal(t, Code(4000), report.Code)
		assert.Equal(t, Completed, report.Reason)
		require.Error(t, c.SendText("x"))
	})
}

// Who reads when the connection is closed elsewhere is told.
func TestCloseWakesReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := serve(new(Server), func(c *Conn) error {
			woken := make(chan error)
			go func() {
				_, err := c.Read(context.Background())
				woken <- err
			}()
			synctest.Wait()
			require.NoError(t, c.Close(4000, "over"))
			assert.Equal(t, &CloseError{Code: 4000, Reason: "over"}, <-woken)
			assert.Equal(t, &CloseError{Code: 4000, Reason: "over"}, context.Cause(c.Context()))
			return nil
		})
		_, err := dial(t, h, nil).Read(t.Context())
		assert.Equal(t, &CloseError{Code: 4000, Reason: "over", Remote: true}, err)
	})
}

// A client that waits for its messages to be read is pinged all the same: a proxy
// between would cut a line that is silent.
func TestHeartbeatWhileNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), func(c *Conn) error {
			time.Sleep(5 * time.Minute)
			return nil
		})
		c := dial(t, h, &DialOptions{WriteTimeout: -1})
		_, err := c.nc.Write(frame{first: fin | 1, payload: "unread"}.bytes())
		require.NoError(t, err)
		pings, buf := 0, make([]byte, 2)
		for {
			_, err := c.nc.Read(buf)
			require.NoError(t, err)
			if buf[0] != fin|9 {
				break // the Close frame
			}
			pings++
		}
		assert.InDelta(t, 11, pings, 2)
		require.NoError(t, c.nc.Close())
		<-reports
	})
}
