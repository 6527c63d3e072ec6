package websocket

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// output is the writing half. Whoever sets busy may write to the socket until it
// clears busy; everything else happens under Conn.mu. While busy is not set and no
// fragmented message is under way, nothing waits to be written. So a message that
// finds the line free is written by its sender, and only what piles up behind a write
// needs a goroutine, for as long as there is something.
type output struct {
	busy      bool
	streaming bool // a fragmented message is under way: other messages wait
	closing   bool // the Close frame is queued or sent: nothing may follow it
	// peerClosed says that the peer's Close frame has come: with ours sent the
	// connection is of no more use.
	peerClosed bool
	failed     *CloseError // why nothing can be written any more
	room       *sync.Cond  // something has changed; made by who has to wait

	queue   queue
	ping    []byte // frames that go before messages
	pong    []byte
	goodbye []byte // the Close frame, which goes after them

	deadline time.Duration // when the write deadline was set
	armed    bool          // it was

	messages, bytes, dropped int64
}

// wireMessage is a message as it goes out: payload compressed or not.
type wireMessage struct {
	op      ws.OpCode
	rsv1    bool
	payload []byte
	size    int // of the data, before compression
	// shared is the whole frame, if one was made for many connections.
	shared []byte
	key    string
}

// send takes a message on its way. With wait set the caller's goroutine does the
// writing, or waits for room behind what others write, until ctx ends. Otherwise what
// the socket does not take at once is left to a goroutine.
func (c *Conn) send(ctx context.Context, m wireMessage, wait bool) error {
	o := &c.out
	c.mu.Lock()
	for {
		if err := c.unsendableLocked(); err != nil {
			c.mu.Unlock()
			return err
		}
		if !o.busy && !o.streaming {
			break
		}
		if !wait {
			overflow, err := c.queueLocked(m)
			c.mu.Unlock()
			if overflow {
				c.overflow()
				return c.end.Load()
			}
			return err
		}
		if o.queue.fits(len(m.payload), c.set.outbox) {
			c.pushLocked(m)
			c.mu.Unlock()
			return nil
		}
		if err := c.waitLocked(ctx); err != nil {
			c.mu.Unlock()
			return err
		}
	}
	o.busy = true
	o.messages++
	o.bytes += int64(m.size)
	c.mu.Unlock()

	if !wait {
		return c.writeNow(m)
	}
	err := c.writeWhole(m)
	c.release(err)
	return c.sendError(err)
}

// sendError is what a sender is told of a write that failed.
func (c *Conn) sendError(err error) error {
	if err == nil {
		return nil
	}
	return c.end.Load() // set by release
}

// unsendableLocked says why messages are not taken.
func (c *Conn) unsendableLocked() error {
	o := &c.out
	if o.failed == nil && !o.closing {
		return nil
	}
	if end := c.end.Load(); end != nil {
		return end
	}
	if o.failed != nil {
		return o.failed
	}
	return errClosing
}

var errClosing = errors.New("websocket: the connection is being closed")

// waitLocked waits until a write has ended.
func (c *Conn) waitLocked(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	room := c.roomLocked()
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() {
			c.mu.Lock() // or the wait might just be beginning
			defer c.mu.Unlock()
			room.Broadcast()
		})
		defer stop()
	}
	room.Wait()
	return nil
}

// roomLocked is what to wait on for a change of the connection's state.
func (c *Conn) roomLocked() *sync.Cond {
	if c.out.room == nil {
		c.out.room = sync.NewCond(&c.mu)
	}
	return c.out.room
}

// sendControl sends a ping or a pong. It never waits. Of those that cannot go out yet only
// the latest is kept (RFC 6455 section 5.5.3).
func (c *Conn) sendControl(op ws.OpCode, payload []byte, slot *[]byte) {
	frame := appendFrame(nil, op, true, false, payload, c.client)
	c.mu.Lock()
	if c.out.failed != nil || c.out.closing {
		c.mu.Unlock()
		return
	}
	if c.out.busy {
		*slot = frame
		c.mu.Unlock()
		return
	}
	c.out.busy = true
	c.mu.Unlock()
	c.attempt(frame, true)
}

func (c *Conn) sendPong(payload []byte) { c.sendControl(ws.OpPong, payload, &c.out.pong) }
func (c *Conn) sendPing(payload []byte) { c.sendControl(ws.OpPing, payload, &c.out.ping) }

// sendClose sends the Close frame after what is queued, unless one was sent before.
// It never waits.
func (c *Conn) sendClose(code Code, reason string) {
	frame := appendFrame(nil, ws.OpClose, true, false, closeBody(code, reason), c.client)
	c.mu.Lock()
	o := &c.out
	if o.failed != nil || o.closing {
		c.mu.Unlock()
		return
	}
	o.closing = true
	o.goodbye = frame
	if o.busy {
		c.mu.Unlock()
		return
	}
	// The line being free, what is queued can only be waiting for the end of a
	// fragmented message, which will not come: nothing may follow a Close frame.
	o.queue.clear()
	o.busy, o.goodbye = true, nil
	c.mu.Unlock()
	c.attempt(frame, true)
	c.closeSent()
}

// closeSent hangs up once both sides have said goodbye. A Close frame that is still
// on its way in a goroutine is waited for by that.
func (c *Conn) closeSent() {
	c.mu.Lock()
	o := &c.out
	hangUp := o.closing && o.peerClosed && !o.busy && o.failed == nil
	c.mu.Unlock()
	if !hangUp {
		return
	}
	if half, ok := c.nc.(interface{ CloseWrite() error }); !c.client && ok && half.CloseWrite() == nil {
		// The rest is hangUp's: what the peer has sent behind its Close frame would make
		// TCP reset the connection, by which ours might be lost.
		c.rest()
		return
	}
	_ = c.nc.Close()
	c.rest()
}

// release ends the use of the socket. What has gathered meanwhile is left to a
// goroutine: the sender would be held by it for as long as others send.
func (c *Conn) release(err error) {
	if err != nil {
		c.lose(c.writeFailure(err))
	}
	c.mu.Lock()
	o := &c.out
	if o.failed == nil && c.pendingLocked() {
		c.mu.Unlock()
		go c.flush(nil) // finish waits for it, by busy
		return
	}
	o.busy = false
	if o.room != nil {
		o.room.Broadcast()
	}
	c.freeLocked()
	c.mu.Unlock()
}

func (c *Conn) pendingLocked() bool {
	o := &c.out
	return o.ping != nil || o.pong != nil || o.goodbye != nil || !o.streaming && !o.queue.empty()
}

// failLocked gives up writing.
func (c *Conn) failLocked(end *CloseError) {
	if c.out.failed == nil {
		c.out.failed = end
		c.out.queue.clear()
	}
	if c.out.room != nil {
		c.out.room.Broadcast()
	}
}

// flush writes what is queued until nothing is left. rest is the end of a frame that
// was begun. busy is set.
func (c *Conn) flush(rest []byte) {
	buf := getBuffer()
	defer putBuffer(buf)
	var err error
	if rest != nil {
		err = c.write(rest)
	}
	for {
		c.mu.Lock()
		if err != nil {
			c.mu.Unlock()
			c.lose(c.writeFailure(err))
			c.mu.Lock()
		}
		o := &c.out
		if o.failed != nil || !c.pendingLocked() {
			o.busy = false
			if o.room != nil {
				o.room.Broadcast()
			}
			c.freeLocked()
			c.mu.Unlock()
			c.closeSent()
			return
		}
		var large []byte
		buf.b, large = c.gatherLocked(buf.b[:0])
		if o.room != nil {
			o.room.Broadcast()
		}
		c.mu.Unlock()
		if err = c.write(buf.b); err == nil && large != nil {
			err = c.write(large)
		}
	}
}

// gatherLocked takes what is to be written next: small frames together, a large one
// as it is.
func (c *Conn) gatherLocked(dst []byte) (small, large []byte) {
	o := &c.out
	dst = append(append(dst, o.ping...), o.pong...)
	o.ping, o.pong = nil, nil
	if !o.streaming {
		for !o.queue.empty() {
			next := o.queue.front()
			if len(dst)+len(next) > directSize {
				if len(dst) == 0 {
					o.queue.pop()
					return dst, next
				}
				return dst, nil
			}
			dst = append(dst, next...)
			o.queue.pop()
		}
	}
	if o.goodbye != nil {
		dst = append(dst, o.goodbye...)
		o.goodbye = nil
		o.queue.clear() // what a fragmented message held up until now comes too late
	}
	return dst, nil
}

// writeFailure says what a failed write means.
func (c *Conn) writeFailure(err error) *CloseError {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &CloseError{Code: Abnormal, cause: fmt.Errorf("%w: nothing was taken for %v", ErrSlow, c.set.writeTimeout)}
	}
	return &CloseError{Code: Abnormal, Remote: true, cause: fmt.Errorf("%w: %w", ErrGone, err)}
}
