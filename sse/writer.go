package sse

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// burst is the silence after which a message is written by its sender at once.
	// Messages that follow each other faster are written by a goroutine which
	// takes all that has gathered meanwhile: nothing waits for more to come, and
	// one system call serves many messages.
	burst = time.Millisecond
	// sendLimit and aheadLimit are how many bytes may gather behind a write that
	// is under way before a sender has to wait.
	sendLimit  = 64 << 10
	aheadLimit = 256 << 10
	// keepLimit is the largest buffer that a silent stream holds on to.
	keepLimit = 4 << 10
)

// writer owns the ResponseWriter of one portable stream. Whoever sets busy may
// use the ResponseWriter until it clears busy; everything else happens under mu.
type writer struct {
	rw        http.ResponseWriter
	rc        *http.ResponseController
	timeout   time.Duration // of one write, 0 for none
	commit    func()        // sends the header
	onFailure func(error)   // called under mu, once, when a write failed
	begin     start         // for a subscription

	mu        sync.Mutex
	idle      sync.Cond // a write has ended, or the stream has stopped
	buf       []byte    // encoded, not yet written
	spare     []byte    // the other buffer, nil while it is being written
	pending   int64     // messages in buf
	limit     int       // bytes in buf beyond which a sender waits
	ahead     bool      // senders never write by themselves
	busy      bool
	committed bool
	closed    bool
	stopped   error // why no more messages are taken
	failed    error // why nothing can be written any more
	last      time.Time
	writing   int64         // since when a write is under way, in unix ns, 0 when none is
	retry     time.Duration // goes out with the next message
	events    int64
	bytes     int64

	beat     *time.Timer
	interval time.Duration
	patience time.Duration // the silence after which the next pulse is due
	pulse    []byte
}

func newWriter(rw http.ResponseWriter, rc *http.ResponseController) *writer {
	w := &writer{rw: rw, rc: rc, limit: sendLimit}
	w.idle.L = &w.mu
	return w
}

// runAhead makes senders independent of the network, up to a larger buffer.
func (w *writer) runAhead() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead, w.limit = true, aheadLimit
}

// send is the [Send] of the stream.
func (w *writer) send(m Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.stopped == nil && w.busy && len(w.buf) > w.limit {
		w.idle.Wait()
	}
	if w.stopped != nil {
		return w.stopped
	}
	if w.retry > 0 && m.Retry == 0 {
		m.Retry = w.retry
	}
	buf, err := m.AppendTo(w.buf)
	if err != nil {
		return &sourceError{err}
	}
	w.retry = 0
	w.buf = buf
	w.pending++
	switch {
	case w.busy: // whoever is writing takes it along
	case !w.ahead && time.Since(w.last) >= burst:
		// Only once: what others send meanwhile would hold this sender for as
		// long as they go on.
		w.busy = true
		w.writeLocked()
		if len(w.buf) > 0 {
			go w.flush()
		} else {
			w.restLocked()
		}
	default:
		w.busy = true
		go w.flush()
	}
	return w.stopped
}

// sendFrames lets fill append encoded messages and writes them before it
// returns. fill returns the extended buffer and the number of messages. What the
// client is to be told of reconnecting goes before the first of them: fields of a
// block may come in any order.
func (w *writer) sendFrames(fill func(dst []byte) ([]byte, int)) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.busy {
		w.idle.Wait()
	}
	if w.stopped != nil {
		return 0, w.stopped
	}
	buf := w.buf[:0]
	if w.retry > 0 {
		buf = appendRetry(buf, w.retry)
	}
	buf, n := fill(buf)
	if n == 0 {
		return 0, nil
	}
	w.retry = 0
	w.buf = buf
	w.pending += int64(n)
	w.flushLocked()
	return n, w.stopped
}

// appendRetry appends a retry field to which a block with data has to follow.
func appendRetry(dst []byte, d time.Duration) []byte {
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, retryMillis(d), 10)
	return append(dst, '\n')
}

// flush is flushLocked on a goroutine of its own, which close waits for by busy.
func (w *writer) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flushLocked()
}

// flushLocked writes until nothing is left. mu is held on entry and on return,
// but not during a write.
func (w *writer) flushLocked() {
	w.busy = true
	for len(w.buf) > 0 && w.failed == nil {
		w.writeLocked()
	}
	w.restLocked()
}

// writeLocked writes what has gathered, which must not be nothing. busy is set.
func (w *writer) writeLocked() {
	out, n := w.buf, w.pending
	w.buf, w.spare, w.pending = w.spare[:0], nil, 0
	commit := !w.committed
	w.committed = true
	begin := time.Now()
	w.writing = begin.UnixNano()
	w.mu.Unlock()
	err := protect(func() error { return w.write(out, commit) })
	w.mu.Lock()
	w.writing = 0
	w.last = time.Now()
	if err != nil {
		w.failLocked(writeFailure(err, w.timeout > 0 && w.last.Sub(begin) >= w.timeout))
	} else {
		w.events += n
		w.bytes += int64(len(out))
	}
	w.spare = out[:0]
	w.idle.Broadcast()
}

// restLocked ends the use of the ResponseWriter, and lets go of large buffers.
func (w *writer) restLocked() {
	if cap(w.spare) > keepLimit {
		w.spare = nil
	}
	if len(w.buf) == 0 && cap(w.buf) > keepLimit {
		w.buf = nil
	}
	w.busy = false
	w.idle.Broadcast()
}

// write is one whole exchange with the ResponseWriter. The deadline is cleared
// after the flush: left armed it would reset an idle HTTP/2 stream, and cut off
// the last chunk of an HTTP/1.1 one.
func (w *writer) write(out []byte, commit bool) error {
	if w.timeout > 0 {
		if w.rc.SetWriteDeadline(time.Now().Add(w.timeout)) == nil {
			defer func() { _ = w.rc.SetWriteDeadline(time.Time{}) }()
		}
	}
	if commit {
		w.commit()
	}
	if _, err := w.rw.Write(out); err != nil {
		return err
	}
	return w.rc.Flush()
}

// settle writes what was sent, and returns when nobody uses the ResponseWriter.
func (w *writer) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.busy {
		w.idle.Wait()
	}
	w.flushLocked()
}

// stopWith stops the writer when ctx ends. The function it returns calls that off; if
// ctx has ended, the writer is stopped when it returns. That is waited for where it
// cannot be called off; and it can be though the context has ended, and the source has
// seen that: a context closes its channel first.
func (w *writer) stopWith(ctx context.Context) (callOff func()) {
	heard := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() { defer close(heard); w.stop(endCause(ctx)) })
	return func() {
		if !cancel() {
			<-heard
		} else if ctx.Err() != nil {
			w.stop(endCause(ctx))
		}
	}
}

// stop refuses further messages; what has been sent still goes out.
func (w *writer) stop(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopLocked(cause)
}

func (w *writer) stopLocked(cause error) {
	if w.stopped == nil {
		w.stopped = cause
		w.idle.Broadcast()
	}
}

func (w *writer) failLocked(err error) {
	w.failed = err
	w.buf, w.pending = nil, 0
	w.stopLocked(err)
	w.onFailure(err)
}

// startHeartbeat sends pulse after each interval of silence. The first of each
// silence comes early by up to half, so that streams which were opened together,
// or got the same message, do not beat together.
func (w *writer) startHeartbeat(interval time.Duration, pulse []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.interval, w.pulse = interval, pulse
	w.patience = jitter(interval)
	w.beat = time.AfterFunc(w.patience, w.heartbeat)
}

// jitter chooses between half of d and d.
func jitter(d time.Duration) time.Duration { return d - rand.N(d/2+1) }

// heartbeat runs on the timer's goroutine. It is fenced by closed: once close has
// returned, it touches nothing.
func (w *writer) heartbeat() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.failed != nil {
		return
	}
	next := w.interval
	switch silence := time.Since(w.last); {
	case w.busy || !w.committed:
	case silence < w.patience: // something was said since the timer was set
		w.patience = jitter(w.interval)
		next = max(w.patience-silence, 0)
	default:
		w.patience = w.interval
		w.buf = append(w.buf, w.pulse...)
		w.flushLocked()
		next -= time.Since(w.last)
	}
	w.beat.Reset(next)
}

// close writes final, if anything can still be written, and waits until nobody
// uses the ResponseWriter any more.
func (w *writer) close(final []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopLocked(ErrEnded)
	for w.busy {
		w.idle.Wait()
	}
	if w.closed {
		return
	}
	w.closed = true
	if w.beat != nil {
		w.beat.Stop()
	}
	w.buf = append(w.buf, final...)
	w.flushLocked()
}

// firstBytes sends the header and a comment, so that the client knows at once
// that the stream is open.
func (w *writer) firstBytes() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = AppendComment(w.buf, "")
	w.flushLocked()
	return w.stopped
}
