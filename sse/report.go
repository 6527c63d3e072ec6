package sse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"time"
)

// Reason says in one word why a stream ended. It is meant for logs and metrics.
type Reason string

// The reasons for which streams end.
const (
	Completed  Reason = "completed"  // the source had no more messages
	ClientGone Reason = "gone"       // the client closed the connection
	SlowClient Reason = "slow"       // the client did not take a frame within the write timeout
	Failed     Reason = "failed"     // the source returned an error
	Panicked   Reason = "panic"      // the source panicked
	Drained    Reason = "drained"    // the server is shutting down
	Aged       Reason = "aged"       // the stream reached its maximum age
	Refused    Reason = "refused"    // too many streams: told to come back later
	Unstarted  Reason = "unstarted"  // nothing was streamed: HEAD, a status without body, or a failure before the first byte
	Lagging    Reason = "lagging"    // a subscriber fell behind what the hub retains: told to come back and resume
	HubClosed  Reason = "hub closed" // the hub was closed
)

// Report is what became of one stream. It is made when the stream has ended.
type Report struct {
	Reason   Reason
	Status   int           // the HTTP status that was sent, 0 when none was
	Events   int64         // messages written, heartbeats not counted
	Bytes    int64         // bytes of the body, before the transfer encoding
	Duration time.Duration // from the first header to the end
	// Err is the source's failure, or the write's. It is nil for an orderly end,
	// and for a client that simply left. It is never nil when nothing was
	// committed.
	Err error
	// Committed says whether the header went out. When it did not, the caller
	// still owes the client a reply, and Err says what went wrong.
	Committed bool
	// Parked says that the connection was taken over from net/http: the caller owes
	// nothing and must not touch the ResponseWriter. From Serve it means that the
	// stream goes on; its OnEnd functions are given the final report, in which Bytes
	// counts the chunks' framing as well.
	Parked bool
	// Abort says that the body must not end cleanly, so that the client can tell
	// failure from completion: the caller panics with [http.ErrAbortHandler] when
	// it has done its own accounting. [Stream.ServeHTTP] does so by itself. It is
	// set without Committed only when the source itself panicked with that value,
	// and so asked that there be no reply at all.
	Abort bool
}

// Causes of the end of a stream's context, besides the client's going.
var (
	// ErrDraining is the cause when the server shuts down.
	ErrDraining = errors.New("sse: the server is draining")
	// ErrMaxAge is the cause when the stream has reached its maximum age.
	ErrMaxAge = errors.New("sse: the stream reached its maximum age")
	// ErrSlowClient is the cause when the client did not take a frame in time.
	ErrSlowClient = errors.New("sse: the client is too slow")
	// ErrClientGone is the cause when the connection broke.
	ErrClientGone = errors.New("sse: the client has gone")
	// ErrParked is the cause when the stream goes on without the request: see
	// [Transport].
	ErrParked = errors.New("sse: the connection was taken over")
	// ErrEnded is the cause once the source has ended by itself.
	ErrEnded = errors.New("sse: the stream has ended")
)

// PanicError is a panic in a source, as an error.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the error the source panicked with, if it was one.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// protect turns a panic of f into a *PanicError.
func protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// reasonFor names the reason behind the error that ended a stream's source.
func reasonFor(err error) Reason {
	switch {
	case err == nil:
		return Completed
	case errors.Is(err, ErrDraining):
		return Drained
	case errors.Is(err, ErrMaxAge):
		return Aged
	case errors.Is(err, ErrSlowClient):
		return SlowClient
	case errors.Is(err, ErrClientGone):
		return ClientGone
	case errors.Is(err, ErrLagging):
		return Lagging
	case errors.Is(err, ErrHubClosed):
		return HubClosed
	case errors.Is(err, errTooMany):
		return Refused
	}
	if _, ok := errors.AsType[*PanicError](err); ok {
		return Panicked
	}
	return Failed
}

// writeFailure says what a failed write means: a client that is too slow, or
// gone, or a ResponseWriter that is broken. Not every transport says that the
// deadline has passed, some just say that the stream is closed; hence late: the
// write took all the time it had.
func writeFailure(err error, late bool) error {
	switch panicked, _ := errors.AsType[*PanicError](err); {
	case panicked != nil && !isAbort(err):
		return err
	case late, errors.Is(err, os.ErrDeadlineExceeded):
		return ErrSlowClient
	case errors.Is(err, http.ErrNotSupported):
		// A wrapper that has the method, around a writer that cannot.
		return fmt.Errorf("sse: the ResponseWriter cannot flush: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrClientGone, err)
}

// endCause gives a context's cause in this package's terms: a context that
// ended for a reason unknown here means that the client has gone.
func endCause(ctx context.Context) error {
	cause := context.Cause(ctx)
	if cause == nil {
		return nil
	}
	for _, known := range []error{ErrDraining, ErrMaxAge, ErrSlowClient, ErrClientGone, ErrHubClosed} {
		if errors.Is(cause, known) {
			return cause
		}
	}
	return fmt.Errorf("%w: %w", ErrClientGone, cause)
}

// isAbort says whether the source asked, in net/http's way, for the connection to
// be cut without a word.
func isAbort(err error) bool { return errors.Is(err, http.ErrAbortHandler) }
