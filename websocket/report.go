package websocket

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Reason says in one word why a conversation ended. It is meant for logs and metrics.
type Reason string

// The reasons for which conversations end.
const (
	Completed Reason = "completed" // the function returned nil, or closed by itself
	Closed    Reason = "closed"    // the peer closed
	Gone      Reason = "gone"      // the connection broke without a Close frame
	Silent    Reason = "silent"    // the peer did not answer a ping in time
	Slow      Reason = "slow"      // the peer did not take what was sent
	Violation Reason = "violation" // the peer broke the protocol, or a limit
	Failed    Reason = "failed"    // the function returned an error
	Panicked  Reason = "panic"     // the function panicked
	Drained   Reason = "drained"   // the server is shutting down
	Refused   Reason = "refused"   // too many connections: told to come back later
	Unstarted Reason = "unstarted" // there was no handshake, or it failed
)

// Report is what became of one conversation.
type Report struct {
	Reason Reason
	Status int // the HTTP status that was sent: 101, or 0 when the caller owes the reply
	// Code and CloseReason are those of the Close frame that came first: the peer's
	// when Remote is set. Code is 1006 when the connection broke.
	Code        Code
	CloseReason string
	Remote      bool

	MessagesIn, MessagesOut int64
	BytesIn, BytesOut       int64         // of payload, as the program sees it
	Dropped                 int64         // messages that the outbox's policy threw away
	Duration                time.Duration // from the handshake to the end
	// Err is the failure of the function, the connection or the handshake. It is nil
	// for an orderly end, and for a peer that closed or left.
	Err error
	// Detached says that the connection was taken over from net/http: the caller owes
	// nothing and must not touch the ResponseWriter. From Serve it means that the
	// conversation has begun; its OnEnd functions are given the final report.
	Detached bool
}

// What lies behind a [CloseError] that was nobody's wish: see [CloseError.Unwrap].
var (
	// ErrDraining: the server shuts down.
	ErrDraining = errors.New("the server is draining")
	// ErrSilent: the peer did not answer a ping in time.
	ErrSilent = errors.New("the peer is silent")
	// ErrSlow: the peer did not take what was sent, within the write timeout or the
	// size of the outbox.
	ErrSlow = errors.New("the peer is too slow")
	// ErrGone: the connection broke.
	ErrGone = errors.New("the connection broke")
	// ErrViolation: the peer broke the protocol, or a limit. The text around it says
	// which.
	ErrViolation = errors.New("the peer broke a rule")
)

// ErrDropped is the error of a message that was not queued, because the outbox is
// full and its policy drops the newest.
var ErrDropped = errors.New("websocket: the outbox is full: the message was dropped")

// PanicError is a panic in a conversation, as an error.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the error the function panicked with, if it was one.
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

var errGoexit = errors.New("websocket: the conversation's goroutine was ended by runtime.Goexit")

// reasonFor names the reason behind the end of a connection.
func reasonFor(end *CloseError) Reason {
	switch {
	case errors.Is(end.cause, ErrDraining):
		return Drained
	case errors.Is(end.cause, ErrSilent):
		return Silent
	case errors.Is(end.cause, ErrSlow):
		return Slow
	case errors.Is(end.cause, ErrViolation):
		return Violation
	case errors.Is(end.cause, ErrGone):
		return Gone
	case end.Remote:
		return Closed
	}
	return Completed
}
