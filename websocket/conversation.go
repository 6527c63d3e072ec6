package websocket

import (
	"context"
	"errors"
	"log"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/redstart-go/redstart/sse"
)

// Conversation is a reply that has not begun yet: a function that talks to one
// client, and how its connection is to be kept. It is served once. A Conversation that
// is not served holds nothing; [Conversation.Discard] tells its OnEnd functions.
type Conversation struct {
	run     func(*Conn) error
	feed    *sse.Subscription // of one in which only the server talks
	options options
	claimed atomic.Bool
}

var (
	errServedTwice = errors.New("websocket: a Conversation is served once; make one for each request")
	errNoFunction  = errors.New("websocket: NewConversation was given a nil function")
)

// NewConversation makes a conversation of a function, which runs on a goroutine of its
// own after the handshake. What it returns closes the connection: nil with 1000, the
// error of [Close] with the code that it names, any other error with 1011, as does a
// panic.
func NewConversation(run func(*Conn) error, opts ...Option) *Conversation {
	return (&Conversation{run: run}).With(opts...)
}

// With refines the conversation, and returns it. It does nothing once that was served.
func (v *Conversation) With(opts ...Option) *Conversation {
	if v.claimed.Load() {
		return v
	}
	for _, opt := range opts {
		opt(&v.options)
	}
	return v
}

// ServeHTTP serves the conversation with the zero [Server]'s defaults, for use on
// plain net/http. Nobody waits for such a conversation when the program ends, and its
// heartbeat has a goroutine of its own: a program that has many makes one [Server].
func (v *Conversation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	new(Server).Handle(w, r, v)
}

// Discard lets go of a conversation that will not be served: its OnEnd functions are
// called. It does nothing for one that was served or discarded before.
func (v *Conversation) Discard() {
	if v.claimed.CompareAndSwap(false, true) {
		v.release(Report{Reason: Unstarted})
	}
}

// release reports the end.
func (v *Conversation) release(report Report) { release(v.options.onEnd, report) }

func release(onEnd []func(Report), report Report) {
	for i := len(onEnd) - 1; i >= 0; i-- {
		f := onEnd[i]
		if err := protect(func() error { f(report); return nil }); err != nil {
			log.Printf("websocket: OnEnd: %v\n%s", err, err.(*PanicError).Stack)
		}
	}
}

// greet sends what OnConnect makes.
func (v *Conversation) greet(c *Conn) error {
	if v.options.onConnect == nil {
		return nil
	}
	first, err := v.options.onConnect(c)
	if err == nil && first.Kind != 0 {
		err = c.Send(first)
	}
	return err
}

// lastWord sends what OnClose makes.
func (v *Conversation) lastWord(c *Conn) error {
	if v.options.onClose == nil {
		return nil
	}
	return protect(func() error {
		if last := v.options.onClose(c); last.Kind != 0 {
			_ = c.Send(last) // the peer may be gone, which is not a failure of its own
		}
		return nil
	})
}

// converse is the goroutine of a conversation. Little is on its stack beside what the
// function needs: most of them wait most of the time.
func (s *Server) converse(c *Conn, v *Conversation) {
	err := errGoexit // for a function that ends the goroutine
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
		s.conclude(c, v, err)
	}()
	if err = v.greet(c); err == nil {
		err = errGoexit
		err = v.run(c)
	}
}

// conclude closes the connection of a conversation that is over, and tells of it.
func (s *Server) conclude(c *Conn, v *Conversation, err error) {
	if e := v.lastWord(c); e != nil && err == nil {
		err = e
	}
	c.stop(verdict(err))
	c.leaveAll()
	c.finish()
	report := c.report(err)
	s.count(&report)
	v.release(report)
	s.leave(c) // last, so that a drain waits for OnEnd too
}

// verdict is how a conversation closes that nothing else has ended before it returned.
func verdict(err error) *CloseError {
	chosen, ok := errors.AsType[*CloseError](err)
	switch {
	case err == nil:
		return &CloseError{Code: NormalClosure}
	case ok && chosen.Code.sendable():
		return &CloseError{Code: chosen.Code, Reason: clip(chosen.Reason)}
	}
	return &CloseError{Code: InternalError} // the cause may not be meant for the peer
}

// report is made when the connection is closed.
func (c *Conn) report(err error) Report {
	end := c.end.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	report := Report{
		Reason: reasonFor(end), Status: http.StatusSwitchingProtocols, Detached: true,
		Code: end.Code, CloseReason: end.Reason, Remote: end.Remote,
		MessagesIn: c.in.messages, BytesIn: c.in.bytes,
		MessagesOut: c.out.messages, BytesOut: c.out.bytes, Dropped: c.out.dropped,
		Duration: time.Since(c.born),
	}
	chosen, choice := errors.AsType[*CloseError](err)
	_, panicked := errors.AsType[*PanicError](err)
	switch {
	case panicked:
		report.Reason, report.Err = Panicked, err
	case err == nil || choice && (chosen == end || chosen.Code.sendable()) || end != nil && end.cause != nil && errors.Is(err, context.Canceled):
		// What ended the connection also ended the function, or it chose the code.
		if report.Reason == Slow || report.Reason == Violation {
			report.Err = end
		}
	default:
		report.Reason, report.Err = Failed, err
	}
	return report
}
