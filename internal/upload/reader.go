// Package upload reads the bodies of requests: bounded in size, bounded in the
// time that passes without a byte, and closed for good when the request is over.
package upload

import (
	"errors"
	"io"
	"math"
	"net/http"
	"sync"
	"time"
)

var (
	// ErrTooLarge is how a body over its limit ends.
	ErrTooLarge = errors.New("the body is larger than its limit")
	// ErrOver is what reading returns once the request is over, or was given up.
	ErrOver = errors.New("the request is over, its body cannot be read any more")
)

// Reader bounds a body. net/http's ReadTimeout would bound the whole time, and so
// break slow large uploads. Reading is for one goroutine at a time; the other
// methods may be called meanwhile.
type Reader struct {
	body    io.ReadCloser
	control *http.ResponseController

	mu      sync.Mutex
	limit   int64 // in bytes; 0 is none
	read    int64
	stall   time.Duration
	armed   time.Time // when the deadline was set, zero when there is none
	reading bool
	idle    chan struct{} // closed when a Read that was interrupted has returned
	ended   bool          // the body was read to its end
	failed  bool          // it broke off, or stalled
	over    bool
}

// restTimeout is how long the rest of a body that nobody wants may take to arrive,
// so that the connection can be used again.
const restTimeout = 2 * time.Second

// NewReader bounds the body of the request that w answers: to limit bytes, and to
// stall without a byte. Zero is no bound.
func NewReader(w http.ResponseWriter, body io.ReadCloser, limit int64, stall time.Duration) *Reader {
	return &Reader{body: body, control: http.NewResponseController(w), limit: limit, stall: stall}
}

// SetLimit replaces the limit. What was read before counts.
func (b *Reader) SetLimit(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = bytes
}

// Read reads a part of the body.
func (b *Reader) Read(p []byte) (int, error) {
	room, err := b.begin()
	if err != nil {
		return 0, err
	}
	if int64(len(p)) > room {
		p = p[:room]
	}
	n, err := b.body.Read(p)
	return n, b.end(n, err)
}

// begin says how much may be read: one byte more than the limit, which tells a
// body at the limit from one above it.
func (b *Reader) begin() (room int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	room = math.MaxInt64
	switch {
	case b.over:
		return 0, ErrOver
	case b.limit > 0 && b.read > b.limit:
		return 0, ErrTooLarge
	case b.limit > 0 && b.limit < math.MaxInt64:
		room = b.limit - b.read + 1
	}
	if b.stall > 0 && !b.ended && !b.failed {
		if now := time.Now(); now.Sub(b.armed) > b.stall/4 {
			b.armed = now
			_ = b.control.SetReadDeadline(now.Add(b.stall))
		}
	}
	b.reading = true
	return room, nil
}

func (b *Reader) end(n int, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	if b.idle != nil {
		close(b.idle)
		b.idle = nil
	}
	b.read += int64(n)
	switch {
	case b.over: // the deadline is no longer ours
		return ErrOver
	case b.limit > 0 && b.read > b.limit:
		b.disarm()
		return ErrTooLarge
	case err == io.EOF:
		b.ended = true
		b.disarm()
	case err != nil:
		b.failed = true
		b.disarm()
	}
	return err
}

// disarm takes the read deadline off: left armed, it would end the request's
// context in the midst of a stream. While there is a rest of the body, which
// net/http wants to read before it replies or goes on to the next request, another
// deadline takes its place.
func (b *Reader) disarm() {
	if b.armed.IsZero() {
		return
	}
	b.armed = time.Time{}
	if b.ended {
		_ = b.control.SetReadDeadline(time.Time{})
	} else {
		_ = b.control.SetReadDeadline(b.untilRest())
	}
}

// untilRest is when the rest must have arrived. One that failed before is not
// waited for.
func (b *Reader) untilRest() time.Time {
	if b.failed || b.over {
		return time.Unix(1, 0)
	}
	return time.Now().Add(min(restTimeout, b.stall))
}

// Refuse is called before the reply to an HTTP/1 request is written. net/http would
// wait without end for the rest of a body that was not read, lest it be taken for
// the next request: now it waits for a while, and for a body that failed or was
// given up not at all, and then ends the connection behind the reply.
func (b *Reader) Refuse(reply http.Header) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	if b.failed || b.over {
		reply.Set("Connection", "close")
	}
	if b.stall > 0 && b.armed.IsZero() && !b.reading {
		_ = b.control.SetReadDeadline(b.untilRest())
	}
}

// Close closes the body.
func (b *Reader) Close() error { return b.body.Close() }

// Stop ends reading for good: a Read that waits is interrupted, later ones fail,
// and none touches the connection any more, which may serve another request then.
// A Read that was interrupted has returned when Stop returns, since net/http takes
// the deadline off that it finds during one. Where w has no deadlines, a Read goes
// on until the body yields.
func (b *Reader) Stop() {
	if idle := b.stop(); idle != nil {
		patience := time.NewTimer(time.Second) // for a w that only pretends to have deadlines
		defer patience.Stop()
		select {
		case <-idle:
		case <-patience.C:
		}
	}
}

// stop returns what to wait for, nil for nothing.
func (b *Reader) stop() (idle <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return nil
	}
	if !b.reading {
		b.disarm()
		b.over = true
		return nil
	}
	b.over = true
	if b.control.SetReadDeadline(time.Unix(1, 0)) != nil {
		return nil
	}
	b.idle = make(chan struct{})
	return b.idle
}
