package websocket

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Close closes the connection: what was sent before goes out, then the Close frame,
// and then Close waits up to 5 seconds for the peer's. Whoever reads or sends gets a
// [*CloseError] from now on. The reason is cut to 123 bytes.
//
// In a conversation there is no need for it: to return does the same. The client of
// [Dial] has to call it when the connection is no longer needed, also after an error.
//
// Closing what has ended already does nothing and returns how it ended. A code that
// may not be sent is an error, and becomes 1011.
func (c *Conn) Close(code Code, reason string) error {
	var fault error
	if !code.sendable() {
		fault = fmt.Errorf("websocket: a Close frame cannot have code %d", code)
		code, reason = InternalError, ""
	}
	first := c.stop(&CloseError{Code: code, Reason: clip(reason)})
	c.finish()
	end := c.end.Load()
	switch {
	case fault != nil:
		return fault
	case !first && !end.orderly():
		return end
	}
	return nil
}

// finish is the end of every connection, whose reason stop was told. It returns when
// nothing uses the connection any more.
func (c *Conn) finish() {
	c.mu.Lock()
	if c.finishing {
		for !c.finished {
			c.roomLocked().Wait()
		}
		c.mu.Unlock()
		return
	}
	c.finishing = true
	c.mu.Unlock()
	c.hangUp()
	c.mu.Lock()
	c.finished = true
	c.roomLocked().Broadcast()
	c.mu.Unlock()
}

func (c *Conn) hangUp() {
	end := c.end.Load()
	var late atomic.Bool
	guard := time.AfterFunc(closeTimeout, func() {
		late.Store(true)
		_ = c.nc.Close() // whatever waits for the peer is let go of by this
	})
	defer guard.Stop()
	c.sendClose(end.Code, end.Reason)

	c.interrupt()
	_ = c.takeReader(readerClosing) // fails for nobody: there is one finish
	c.mu.Lock()
	c.in.woken = false
	_ = c.nc.SetReadDeadline(time.Time{})
	answered := c.out.peerClosed || c.out.failed != nil
	c.mu.Unlock()
	violated := errors.Is(end, ErrViolation)
	if !violated {
		for !answered {
			if _, err := c.receive(nil); err != nil {
				break
			}
		}
	}
	c.awaitWriter()
	c.mu.Lock()
	answered = c.out.peerClosed && c.out.failed == nil && !c.client
	c.mu.Unlock()
	if (violated || answered) && !late.Load() {
		c.linger(violated)
	}
	_ = c.nc.Close()
	c.awaitWriter()
	c.rest()
	c.mu.Lock()
	if c.closeGrace != nil {
		c.closeGrace.Stop()
	}
	c.mu.Unlock()
}

// awaitWriter returns when nobody writes any more.
func (c *Conn) awaitWriter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.out.busy {
		c.roomLocked().Wait()
	}
}

// linger waits until the peer has closed its side too, for a while: it may still be
// sending, and a connection that is closed with data unread is reset, by which the
// Close frame would be lost.
func (c *Conn) linger(violated bool) {
	// A connection in memory has no half to close, but the writes of a peer that was
	// not expecting the end would fail.
	half, ok := c.nc.(interface{ CloseWrite() error })
	if ok && half.CloseWrite() != nil || !ok && !violated {
		return
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.Copy(io.Discard, io.LimitReader(c.nc, 1<<20))
}

// dismiss ends the conversation for a drain, as soon as it has noticed; when that
// takes too long, without it.
func (c *Conn) dismiss(grace time.Duration) {
	c.stop(&CloseError{Code: GoingAway, Reason: "the server is shutting down", cause: ErrDraining})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closeGrace != nil {
		c.closeGrace.Stop()
	}
	c.closeGrace = time.AfterFunc(max(grace, 0), func() {
		c.sendClose(GoingAway, "the server is shutting down")
		c.mu.Lock()
		c.closeGrace = time.AfterFunc(closeTimeout, func() { _ = c.nc.Close() })
		c.mu.Unlock()
	})
}
