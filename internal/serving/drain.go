package serving

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// bound ends a context with the error late when the time to drain is over, or by
// force. The function that it returns ends it in any case, and waits for what watches force.
func (c *Config) bound(force <-chan struct{}, cancel context.CancelCauseFunc, late error) (release func()) {
	var timeout *time.Timer
	if c.DrainTimeout > 0 {
		timeout = time.AfterFunc(c.DrainTimeout, func() { cancel(fmt.Errorf("%w after %v", late, c.DrainTimeout)) })
	}
	done := make(chan struct{})
	var watcher sync.WaitGroup
	select {
	case <-force: // before, so what follows shall not even begin in good time
		cancel(ErrForced)
	default:
	}
	if force != nil {
		watcher.Go(func() {
			select {
			case <-force:
				cancel(ErrForced)
			case <-done:
			}
		})
	}
	return func() {
		if timeout != nil {
			timeout.Stop()
		}
		close(done)
		watcher.Wait()
		cancel(nil)
	}
}

// drain lets what is under way finish, in the time there is for it, and then cuts
// what is left.
func (c *Config) drain(server *http.Server, force <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer c.bound(force, cancel, errNotDrained)()
	// A connection on which nothing was asked yet, as browsers open in advance, is
	// no reason to wait.
	impatience := time.AfterFunc(newcomerGrace, c.closeNewcomers)
	defer impatience.Stop()
	var drainErr error
	var drained sync.WaitGroup
	drained.Go(func() { drainErr = c.Drain(ctx) })
	c.farewell(ctx)
	err := server.Shutdown(ctx)
	drained.Wait()
	if err == nil {
		err = c.Join(ctx)
	}
	if err == nil && drainErr == nil {
		return nil
	}
	_ = server.Close()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return errors.Join(err, drainErr)
}

// newcomerGrace is how long a drain waits for a first request on a connection.
const newcomerGrace = 500 * time.Millisecond

// farewellTime is how long the drain leaves connections open on which no request is
// under way.
const farewellTime = 500 * time.Millisecond

// farewell tells the clients in the replies of the next moments that their
// connections will be closed. Shutdown alone closes an idle one without a word, and
// the client that sends its next request just then gets no reply. After the farewell
// that can happen only to one that was idle all the time.
func (c *Config) farewell(ctx context.Context) {
	c.mu.Lock()
	empty := make(chan struct{})
	if c.open == 0 {
		close(empty)
	} else {
		c.empty = empty
	}
	c.mu.Unlock()
	timer := time.NewTimer(farewellTime)
	defer timer.Stop()
	select {
	case <-empty:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// answer is the server's handler: the app's, and the word that the connection ends.
// HTTP/2 has its own, which Shutdown sends.
func (c *Config) answer(w http.ResponseWriter, r *http.Request) {
	if c.leaving.Load() && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	c.Handler.ServeHTTP(w, r)
}

// track counts the connections, and keeps those on which no request has come yet.
// It is called twice a request, and takes no lock then.
func (c *Config) track(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateIdle:
		return
	case http.StateNew:
		c.newcomers.Store(conn, nil)
		c.count(+1)
		return
	}
	if _, ok := c.newcomers.Load(conn); ok {
		c.newcomers.Delete(conn)
	}
	if state == http.StateClosed || state == http.StateHijacked {
		c.count(-1)
	}
}

func (c *Config) count(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open += n; c.open == 0 && c.empty != nil {
		close(c.empty)
		c.empty = nil
	}
}

func (c *Config) closeNewcomers() {
	for conn := range c.newcomers.Range {
		_ = conn.(net.Conn).Close() // nobody waits for an answer on it
	}
}
