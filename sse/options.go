package sse

import (
	"fmt"
	"time"
)

// Option refines one [Stream].
type Option func(*options)

type options struct {
	status       int
	heartbeat    time.Duration
	beatEvent    string
	writeTimeout time.Duration
	maxAge       time.Duration
	grace        time.Duration
	retry        time.Duration
	lazy         bool
	errorMessage func(error) Message
	onEnd        []func(Report)
	// set marks the durations given by an option, for which zero has a meaning.
	setHeartbeat, setWriteTimeout, setMaxAge, setGrace bool
}

// Status sets the HTTP status of the stream, from 200 to 999. Mind that an
// EventSource gives up for good on any status but 200 (WHATWG HTML section 9.2.3),
// and that 204 tells it to stop: a status without a body is sent without starting
// the source.
func Status(code int) Option { return func(o *options) { o.status = code } }

// Heartbeat sends a comment when nothing was sent for d, so that intermediaries
// keep the connection and a client that vanished is noticed. The first one of
// each silence comes earlier by up to half of d, at random, so that streams which
// were opened together, or got the same message, do not beat together. The
// default is the server's, 15 seconds; 0 turns it off.
func Heartbeat(d time.Duration) Option {
	return func(o *options) { o.heartbeat, o.beatEvent, o.setHeartbeat = d, "", true }
}

// VisibleHeartbeat is [Heartbeat] by an event of that name with empty data, for
// clients that watch for life: an EventSource hides comments from its page.
func VisibleHeartbeat(d time.Duration, event string) Option {
	return func(o *options) { o.heartbeat, o.beatEvent, o.setHeartbeat = d, event, true }
}

// WriteTimeout is how long the client may take to accept what is written before
// it counts as too slow and is cut. The default is the server's, 5 seconds; 0
// turns it off.
func WriteTimeout(d time.Duration) Option {
	return func(o *options) { o.writeTimeout, o.setWriteTimeout = d, true }
}

// MaxAge ends the stream after 80 to 100 percent of d, chosen at random for each
// stream, so that clients spread over the servers anew; one that is parked (see
// [Transport]) up to a sixteenth of that earlier. Clients are told to reconnect. The default is the server's; 0 is no limit.
func MaxAge(d time.Duration) Option {
	return func(o *options) { o.maxAge, o.setMaxAge = d, true }
}

// Grace is how long a draining server lets the stream go on before it ends its
// context. The default is the server's for a generator, whose work would be
// lost. A subscription to a hub needs none: its client resumes elsewhere.
func Grace(d time.Duration) Option {
	return func(o *options) { o.grace, o.setGrace = d, true }
}

// Retry tells the client how long to wait before it reconnects. It travels with
// the first message, since some clients take a block of its own for an event.
// It is sent in whole milliseconds.
func Retry(d time.Duration) Option { return func(o *options) { o.retry = d } }

// LazyCommit holds the header back until the first message, so that a source
// which fails at once is answered by an ordinary error reply. The client's
// onopen waits as long, and no heartbeat is sent until then.
func LazyCommit() Option { return func(o *options) { o.lazy = true } }

// ErrorMessage chooses what the client is told when the source fails after the
// first byte. The default is an event named "error" with a text that does not
// reveal the cause.
func ErrorMessage(f func(error) Message) Option {
	return func(o *options) { o.errorMessage = f }
}

// OnEnd adds a function that is called exactly once: after the stream's last
// byte, or when the stream is discarded unserved. It is the place to let go of
// what the handler acquired for the stream. For a stream that is parked (see
// [Transport]) it runs on a goroutine by which other streams are told of their end,
// after the handler has returned: it should not wait, and what it refers to is kept
// until then. A panic there is logged.
func OnEnd(f func(Report)) Option {
	return func(o *options) { o.onEnd = append(o.onEnd, f) }
}

// pulse encodes the heartbeat.
func (o *options) pulse() ([]byte, error) {
	if o.beatEvent == "" {
		return AppendComment(nil, ""), nil
	}
	pulse, err := Message{Event: o.beatEvent}.AppendTo(nil)
	if err != nil {
		return nil, fmt.Errorf("sse: VisibleHeartbeat: %w", err)
	}
	return pulse, nil
}
