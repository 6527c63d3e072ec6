package websocket

import (
	"fmt"
	"time"
)

// attendAfter is how often a connection is looked at that nobody reads from.
const attendAfter = time.Second

// visit is the heartbeat. It says when to come again.
//
// Silence counts only while somebody looks for an answer. Where the conversation does
// not read for a while, an attendant does for it, up to the next message; with a
// message waiting the peer has given a sign of life, and how long the program takes
// for it is its own affair.
func (c *Conn) visit(now time.Duration) time.Duration {
	p := &c.pulse
	if c.end.Load() != nil {
		return attendAfter
	}
	reading := c.in.reader.Load() != readerNone
	if !reading {
		if p.alone {
			reading = c.attend()
		}
		p.alone = !reading
	} else {
		p.alone = false
	}
	next := c.beat(now, reading)
	if p.alone {
		next = min(next, max(attendAfter, c.clock.tick))
	}
	return next
}

// beat sends the pings. It says when to come again.
func (c *Conn) beat(now time.Duration, reading bool) time.Duration {
	p, s := &c.pulse, c.set
	if s.heartbeat <= 0 {
		return time.Hour
	}
	seen := time.Duration(p.seen.Load())
	if !reading || seen >= p.sent {
		p.waits = false // for an answer, or nobody looks for one
	}
	if p.waits && s.pongTimeout > 0 {
		if silent := now - p.sent; silent < s.pongTimeout {
			return s.pongTimeout - silent
		}
		c.lose(&CloseError{Code: Abnormal, Remote: true, cause: fmt.Errorf("%w: no answer to a ping for %v", ErrSilent, s.pongTimeout)})
		return time.Hour
	}
	if quiet := now - max(seen, p.sent); quiet < s.heartbeat {
		return s.heartbeat - quiet
	}
	p.sent, p.waits = max(now, 1), true
	c.sendPing(nil)
	if s.pongTimeout > 0 {
		return min(s.pongTimeout, s.heartbeat)
	}
	return s.heartbeat
}

// attend starts an attendant, unless somebody reads or a message is waiting. It says
// whether somebody reads now.
func (c *Conn) attend() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.in.reader.CompareAndSwap(readerNone, readerAttendant) {
		return true
	}
	if c.in.frame.open || c.end.Load() != nil {
		c.in.reader.Store(readerNone)
		return false
	}
	c.in.evict.Store(false)
	go func() { // finish waits for it, by taking its place
		// It ends by a message, or the connection's end, or to make room for the
		// conversation. Nothing is lost by any of these.
		_, _ = c.receive(nil)
		c.releaseReader()
	}()
	return true
}
