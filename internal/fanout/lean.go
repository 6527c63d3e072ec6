package fanout

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Lean parks connections with two small goroutines each, on any system: one
// writes, one hears the client leave. Its zero value is ready. It is safe for
// concurrent use.
type Lean struct {
	open atomic.Int64
	done sync.WaitGroup
}

// Open returns the number of parked connections.
func (e *Lean) Open() int { return int(e.open.Load()) }

// Wait waits for the connections' goroutines to end.
func (e *Lean) Wait() { e.done.Wait() }

// Park takes over a connection.
func (e *Lean) Park(conn net.Conn, p Parking) (Parked, error) {
	c := &leanConn{conn: conn, parking: p, woken: make(chan struct{}, 1), closed: make(chan struct{})}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	seat := p.Group.Add(c)
	e.open.Add(1)
	e.done.Go(c.listen)
	e.done.Go(func() {
		c.write()
		p.Group.Remove(seat)
		c.end(ErrGone) // for a feed that ended without a cause
		_ = conn.Close()
		e.open.Add(-1)
		p.Ended(End{Cause: c.cause, Messages: c.messages.Load(), Bytes: c.bytes.Load()})
	})
	return c, nil
}

type leanConn struct {
	conn     net.Conn
	parking  Parking
	woken    chan struct{}
	messages atomic.Int64
	bytes    atomic.Int64
	blocked  atomic.Int64 // since when a write is under way, in ns, 0 when none is

	mu      sync.Mutex // guards the feed and the answers
	answers []byte

	once   sync.Once
	cause  error
	closed chan struct{}
}

// Wake has it look for what is new.
func (c *leanConn) Wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// Status says how it is with the connection.
func (c *leanConn) Status() Status {
	s := Status{Remote: c.conn.RemoteAddr().String(), Messages: c.messages.Load(), Bytes: c.bytes.Load()}
	if blocked := c.blocked.Load(); blocked != 0 {
		s.Blocked = time.Duration(now() - blocked)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Behind = c.parking.Feed.Behind()
	return s
}

// Close ends the connection.
func (c *leanConn) Close(cause error) { c.end(cause) }

func (c *leanConn) end(cause error) {
	c.once.Do(func() {
		c.cause = cause
		close(c.closed)
		// A write that the client does not take may have no end of its own. The
		// farewell has as much time.
		_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	})
}

// answer has the writing goroutine send an answer between two batches. There is always
// room for the last one.
func (c *leanConn) answer(answer []byte, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(answer) > 0 && (last || len(c.answers)+len(answer) <= maxAnswers) {
		c.answers = append(c.answers, answer...)
		c.Wake()
	}
}

func (c *leanConn) takeAnswers() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	answers := c.answers
	c.answers = nil
	return answers
}

// next is what the feed has next, after the answers.
func (c *leanConn) next() (batch []byte, messages int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answers) > 0 {
		batch, c.answers = c.answers, nil
		return batch, 0, nil
	}
	return c.parking.Feed.Next()
}

// write sends what is new until the connection is closed.
func (c *leanConn) write() {
	config := c.parking.Config
	var beat, expiry <-chan time.Time
	var silence *time.Timer
	if config.Heartbeat > 0 {
		silence = time.NewTimer(config.Heartbeat)
		defer silence.Stop()
		beat = silence.C
	}
	if !c.parking.Expires.IsZero() {
		age := time.NewTimer(time.Until(c.parking.Expires))
		defer age.Stop()
		expiry = age.C
	}
	for {
		batch, messages, err := c.next()
		switch {
		case err != nil:
			c.end(err)
		case len(batch) > 0:
			if !c.send(batch, messages) {
				return
			}
			if silence != nil {
				silence.Reset(config.Heartbeat)
			}
			select {
			case <-c.closed:
			case <-expiry: // also when there is always more to send
				c.end(c.parking.Expired)
			default:
				continue
			}
		}
		select {
		case <-c.closed:
			if answers := c.takeAnswers(); len(answers) > 0 && !c.send(answers, 0) {
				return
			}
			if config.Farewell != nil && !errors.Is(c.cause, ErrGone) {
				if words := config.Farewell(c.cause); len(words) > 0 {
					c.send(words, 0)
				}
			}
			return
		case <-c.woken:
		case <-expiry:
			c.end(c.parking.Expired)
		case <-beat:
			if !c.send(config.Pulse, 0) {
				return
			}
			silence.Reset(config.Heartbeat)
		}
	}
}

// send writes one batch whole, or ends the connection.
func (c *leanConn) send(batch []byte, messages int) bool {
	if d := c.parking.Config.WriteTimeout; d > 0 {
		_ = c.conn.SetWriteDeadline(time.Now().Add(d))
	}
	c.blocked.Store(now())
	n, err := c.conn.Write(batch)
	c.blocked.Store(0)
	c.bytes.Add(int64(n))
	switch {
	case err == nil:
		c.messages.Add(int64(messages))
		return true
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.end(ErrSlow)
	default:
		c.end(ErrGone)
	}
	return false
}

// listen reads what the client sends until it leaves. Most of the time nobody listens.
func (c *leanConn) listen() {
	defer c.end(ErrGone)
	var buf [64]byte
	for garbage := 0; garbage <= maxGarbage; {
		n, err := c.conn.Read(buf[:])
		if c.parking.Heard != nil {
			answer, err := c.parking.Heard(buf[:n])
			c.answer(answer, err != nil)
			if err != nil {
				c.end(err)
				return
			}
		} else {
			garbage += n
		}
		if err != nil {
			return
		}
	}
}
