package sse

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
)

// Stream is a reply that has not begun yet: a source of messages and how to
// stream them. It is served once. A Stream that is not served holds nothing but
// its source; [Stream.Discard] lets go of that.
type Stream struct {
	source  runner
	err     error // the source cannot be streamed
	options options
	claimed atomic.Bool
}

var errServedTwice = errors.New("sse: a Stream is served once; make one for each request")

// NewStream makes a stream from a source. It never fails: a source that cannot be
// streamed, such as a nil channel, is reported when the stream is served.
func NewStream[S Source](source S, opts ...Option) *Stream {
	s := &Stream{}
	s.source, s.err = newRunner(source)
	return s.With(opts...)
}

// With refines the stream, which must not have been served yet, and returns it.
func (s *Stream) With(opts ...Option) *Stream {
	for _, opt := range opts {
		opt(&s.options)
	}
	return s
}

// ServeHTTP streams to w with the zero [Server]'s defaults, for use on plain
// net/http. A stream that fails before its first byte is answered with status
// 500; one that fails later ends with an "error" event and an aborted body.
func (s *Stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	new(Server).Handle(w, r, s)
}

// Discard lets go of a stream that will not be served: its source is released
// and its OnEnd functions are called. It does nothing for a stream that was
// served or discarded before.
func (s *Stream) Discard() {
	if s.claimed.CompareAndSwap(false, true) {
		s.release(Report{Reason: Unstarted})
	}
}

// release lets go of the source and reports the end.
func (s *Stream) release(report Report) {
	if s.source != nil {
		s.source.discard()
	}
	for i := len(s.options.onEnd) - 1; i >= 0; i-- {
		// Deferred, so that each is called even when one before it panics.
		defer s.options.onEnd[i](report)
	}
}

// UnsupportedWriterError says that a ResponseWriter cannot stream, because
// middleware wrapped it in a type that hides the flush. Nothing was written.
type UnsupportedWriterError struct {
	// Type is the Go type of the wrapper that hides it.
	Type string
}

func (e *UnsupportedWriterError) Error() string {
	return fmt.Sprintf("sse: the ResponseWriter cannot flush: %s has neither FlushError, Flush nor Unwrap; "+
		"let the middleware that made it implement Unwrap() http.ResponseWriter", e.Type)
}

// checkFlush finds out whether w can flush without doing it, since a flush would
// send the header. It looks where [http.ResponseController] looks.
func checkFlush(w http.ResponseWriter) error {
	for {
		switch t := w.(type) {
		case interface{ FlushError() error }, http.Flusher:
			return nil
		case interface{ Unwrap() http.ResponseWriter }:
			inner := t.Unwrap()
			if inner == nil {
				return &UnsupportedWriterError{Type: fmt.Sprintf("%T", w)}
			}
			w = inner
		default:
			return &UnsupportedWriterError{Type: fmt.Sprintf("%T", w)}
		}
	}
}

// LastEventID returns the id that a reconnecting client sends: the Last-Event-ID
// header (WHATWG HTML section 9.2.3), or else the query parameter lastEventID or
// last_event_id, for pages that open their first stream at a position of their own, and
// for WebSockets, which have no such header. It comes
// from the client: treat it as such.
func LastEventID(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	query := r.URL.Query()
	return cmp.Or(query.Get("lastEventID"), query.Get("last_event_id"))
}
