package sse

import (
	"context"
	"log"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/redstart-go/redstart/internal/fanout"
)

// Transport says how subscribers of a hub are written to. What they receive is the
// same in all cases.
type Transport int

const (
	// Auto lets go of the request's goroutine and buffers where it can: over plain
	// HTTP/1.1, straight from net/http, the connection is taken over by a few event
	// loops (on Linux), or by two small goroutines. Everything else is Portable:
	// HTTP/2, TLS, HTTP/1.0, a wrapped ResponseWriter, [LazyCommit], a context with a
	// deadline. The context ends with [ErrParked] then, and what ends it otherwise no
	// longer ends the stream: use [MaxAge], or Portable.
	Auto Transport = iota
	// Portable writes through the ResponseWriter, from the request's goroutine.
	Portable
	// Lean is Auto without the event loops.
	Lean
)

// canPark says whether the connection can be taken over once the header is out.
func (s *Server) canPark(ctx context.Context, w http.ResponseWriter, r *http.Request, o *options) bool {
	if _, bounded := ctx.Deadline(); bounded {
		return false // nobody would be there to end the stream
	}
	return s.Transport != Portable && !o.lazy && r.TLS == nil && r.ProtoMajor == 1 && r.ProtoMinor == 1 &&
		// A wrapper may change what goes through it, and would be bypassed.
		reflect.TypeOf(w).String() == "*http.response" && w.Header().Get("Transfer-Encoding") == ""
}

// park takes the connection over from net/http and leaves it to the hub's loops.
// It says whether it did; if not, nothing has changed.
func (s *Server) park(ctx context.Context, entry *active, out *writer, sub *Subscription, stream *Stream, begin time.Time) bool {
	if sub.err != nil {
		return false
	}
	conn, _, err := out.rc.Hijack()
	if err != nil {
		return false
	}
	// The server's timeouts for the request ended with it. What the client may have
	// sent ahead is of no interest.
	_ = conn.SetDeadline(time.Time{})
	o := &stream.options
	p := &parkedStream{server: s, entry: entry, onEnd: o.onEnd, begin: begin, status: o.status}
	p.seat, err = sub.attach(out.begin, true)
	config := s.parkConfig(o)
	if err != nil { // the hub was closed meanwhile
		_, _ = conn.Write(config.Farewell(err))
		_ = conn.Close()
		p.ended(fanout.End{Cause: err})
		return true
	}
	p.seat.retry = o.retry
	parking := fanout.Parking{Config: config, Group: &p.seat.audience.parked, Feed: p.seat, Expired: ErrMaxAge, Ended: p.ended}
	if age := s.maxAge(o); age > 0 {
		parking.Expires = begin.Add(age)
	}
	parked, err := sub.hub.park(conn, parking, s.Transport == Lean)
	if err == nil {
		p.conn = parked
	} else {
		_ = conn.Close()
		p.ended(fanout.End{Cause: fanout.ErrGone})
		return true
	}
	s.rebind(ctx, entry, p)
	return true
}

// park chooses the transport that can take this connection.
func (h *Hub) park(conn net.Conn, p fanout.Parking, lean bool) (fanout.Parked, error) {
	if !lean {
		if parked, err := h.loops.Park(conn, p); err == nil {
			return parked, nil
		}
	}
	return h.lean.Park(conn, p)
}

// rebind lets a drain end the parked connection instead of the context.
func (s *Server) rebind(ctx context.Context, a *active, p *parkedStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.cancel, a.stream = p.conn.Close, p
	if ctx.Err() != nil { // the drain, or a middleware, was quicker
		a.cancel(endCause(ctx))
	}
}

// parkedStream is what is kept of a stream whose connection was taken over.
type parkedStream struct {
	server *Server
	entry  *active
	seat   *subscriber
	conn   fanout.Parked
	onEnd  []func(Report)
	begin  time.Time
	status int
}

// ended is called once, when the connection is closed.
func (p *parkedStream) ended(end fanout.End) {
	if p.seat != nil {
		p.seat.detach()
	}
	report := Report{
		Reason: reasonFor(parkedCause(end.Cause)), Status: p.status, Parked: true, Committed: true,
		Events: end.Messages, Bytes: end.Bytes, Duration: time.Since(p.begin),
	}
	if report.Status == 0 {
		report.Status = http.StatusOK
	}
	switch report.Reason {
	case SlowClient:
		report.Err = ErrSlowClient
	case Failed, Panicked:
		report.Err = end.Cause
	}
	p.server.counts.add(&report)
	defer p.server.leave(p.entry)
	for _, f := range p.onEnd {
		// On a loop's goroutine there is nobody above to recover.
		if err := protect(func() error { f(report); return nil }); err != nil {
			log.Printf("sse: in an OnEnd function: %v\n%s", err, err.(*PanicError).Stack)
		}
	}
}

// parkedCause gives a cause of the loops in this package's terms.
func parkedCause(cause error) error {
	switch cause {
	case fanout.ErrGone:
		return ErrClientGone
	case fanout.ErrSlow:
		return ErrSlowClient
	}
	return cause
}

// parkConfig returns what parked streams have in common, which most share.
func (s *Server) parkConfig(o *options) *fanout.Config {
	if o.setHeartbeat || o.setWriteTimeout || o.errorMessage != nil {
		return s.newParkConfig(o)
	}
	s.parkOnce.Do(func() { s.parkShared = s.newParkConfig(&options{}) })
	return s.parkShared
}

func (s *Server) newParkConfig(o *options) *fanout.Config {
	pulse, _ := o.pulse() // was checked before
	return &fanout.Config{
		Heartbeat:    max(s.heartbeat(o), 0),
		Pulse:        appendChunk(nil, pulse),
		WriteTimeout: max(s.writeTimeout(o), 0),
		Farewell: func(cause error) []byte {
			reason := reasonFor(parkedCause(cause))
			switch reason {
			case SlowClient:
				return nil // it takes nothing any more
			case Failed, Panicked:
				// Without the last chunk, so that the client can tell.
				return appendChunk(nil, s.lastWords(cause, *o))
			}
			return append(appendChunk(nil, s.goodbye(reason)), "0\r\n\r\n"...)
		},
	}
}

// appendChunk frames a part of the body for HTTP/1.1 (RFC 9112 section 7.1).
func appendChunk(dst, part []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len(part)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, part...)
	return append(dst, "\r\n"...)
}
