package sse

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/redstart-go/redstart/internal/fanout"
)

// Framing is how the messages of a hub look on the wire of another protocol.
type Framing struct {
	// Name tells framings apart. Feeds of the same topics and the same name share
	// what is written to them.
	Name string
	// Append appends a message, whose ID is its position, to dst. It has to be
	// quick and safe for concurrent use. The topic is empty for the hub's own
	// messages, such as "sse.hello" and "sse.gap".
	Append func(dst []byte, topic string, m Message) []byte
}

// Feed follows a subscription for a connection that is no event stream: its messages
// come in another [Framing], and are encoded once for all that are at the same position.
// It holds no goroutine and no queue. Package websocket is made with it; make one with
// [Subscription.Feed].
type Feed struct {
	sub  *subscriber
	seat *fanout.Seat
	wake func()
}

// Feed attaches the subscription, at once, at the position that the client names or
// else where the subscription says. wake is called whenever there may be something new,
// also when the hub is closed; it must not wait for anything. What a hub [Over] a
// broker has to read for a client that was away for long is read now, and is given to
// emit in the framing, as is a snapshot; ctx ends that. Close has to be called.
func (s *Subscription) Feed(ctx context.Context, lastEventID string, framing *Framing, emit func([]byte) error, wake func()) (*Feed, error) {
	sub, err := s.attachFramed(ctx, lastEventID, framing, emit)
	if err != nil {
		return nil, err
	}
	f := &Feed{sub: sub, wake: wake}
	f.seat = sub.audience.parked.Add(f)
	return f, nil
}

// attachFramed prepares and attaches a subscriber of another protocol.
func (s *Subscription) attachFramed(ctx context.Context, lastEventID string, framing *Framing, emit func([]byte) error) (*subscriber, error) {
	if err := s.allowed(ctx); err != nil {
		return nil, err
	}
	begin, err := s.prepare(ctx, lastEventID, func(m Message, at Cursor) error {
		return emit(framing.Append(nil, "", m.WithID(at.String())))
	})
	if err != nil {
		return nil, err
	}
	begin.framing = framing
	return s.attach(begin, true)
}

// Wake implements the waker of the hub.
func (f *Feed) Wake() { f.wake() }

// Next returns what is to be written next, which is shared with other feeds and must not
// be changed, and the number of messages in it; nothing when there is nothing new. It
// returns [ErrLagging] and [ErrHubClosed] when the subscription has ended. It must be
// called by one goroutine at a time.
func (f *Feed) Next() (batch []byte, messages int, err error) { return f.sub.Next() }

// Close ends the subscription. It must not be called while Next is, and only once.
func (f *Feed) Close() {
	f.sub.audience.parked.Remove(f.seat)
	f.sub.detach()
}

// ParkConfig is what many parked connections have in common. It must not change once it
// is used.
type ParkConfig struct {
	Framing *Framing
	// Heartbeat is the longest silence before Pulse is written, 0 for ever, and
	// WriteTimeout how long the client may take to accept what is written, 0 for ever.
	Heartbeat, WriteTimeout time.Duration
	Pulse                   []byte
	// Farewell returns the last bytes for a connection that ends for this cause.
	Farewell func(cause error) []byte

	once  sync.Once
	loops *fanout.Config
}

// forLoops is the configuration as the loops want it, made once.
func (c *ParkConfig) forLoops() *fanout.Config {
	c.once.Do(func() {
		c.loops = &fanout.Config{
			Heartbeat: c.Heartbeat, Pulse: c.Pulse, WriteTimeout: c.WriteTimeout,
			Farewell: func(cause error) []byte { return c.Farewell(parkedCause(cause)) },
		}
	})
	return c.loops
}

// Parking describes a connection that is handed over to a hub's loops.
type Parking struct {
	Config      *ParkConfig
	LastEventID string
	// MaxAge is when the connection is closed, 0 for never.
	MaxAge time.Duration
	// Heard is given what the client sends, and returns what to answer. An error
	// ends the connection, and is its cause. It is called by one goroutine at a time
	// and holds up other connections.
	Heard func(p []byte) (answer []byte, err error)
	// Ended is called once, when the connection is closed, on a goroutine by which
	// other connections are told of their end. Its cause is one of this package's
	// errors, of Heard's, or of what Close was called with.
	Ended func(cause error, messages, bytes int64)
}

// ParkedFeed is a connection that a hub's loops write to.
type ParkedFeed struct{ parked fanout.Parked }

// Close has the connection ended for that cause. It does not wait for the end.
func (p *ParkedFeed) Close(cause error) { p.parked.Close(cause) }

// Park hands a connection over to the hub's loops, which write to it what the
// subscription gets, and close it in the end. It has to be plain, on which nothing is
// under way; after an error it is still the caller's, though something may have been
// written. Idle, it costs no goroutine and no buffer on Linux, and two small goroutines
// elsewhere.
func (s *Subscription) Park(ctx context.Context, conn net.Conn, p Parking) (*ParkedFeed, error) {
	timeout := p.Config.WriteTimeout
	sub, err := s.attachFramed(ctx, p.LastEventID, p.Config.Framing, func(b []byte) error {
		if timeout > 0 {
			_ = conn.SetWriteDeadline(time.Now().Add(timeout))
		}
		_, err := conn.Write(b)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return ErrSlowClient
		case err != nil:
			return ErrClientGone
		}
		return conn.SetWriteDeadline(time.Time{})
	})
	if err != nil {
		return nil, err
	}
	ended := p.Ended // kept as long as the connection, unlike all else of p
	parking := fanout.Parking{
		Config: p.Config.forLoops(), Group: &sub.audience.parked, Feed: sub, Expired: ErrMaxAge, Heard: p.Heard,
		Ended: func(end fanout.End) {
			sub.detach()
			ended(parkedCause(end.Cause), end.Messages, end.Bytes)
		},
	}
	if p.MaxAge > 0 {
		parking.Expires = time.Now().Add(p.MaxAge)
	}
	parked, err := s.hub.park(conn, parking, false)
	if err != nil {
		sub.detach()
		return nil, err
	}
	return &ParkedFeed{parked}, nil
}

// put appends a record in the framing of the subscriber.
func (sub *subscriber) put(dst []byte, topic string, frame []byte) []byte {
	if f := sub.framing(); f != nil {
		return f.Append(dst, topic, frameMessage(frame))
	}
	return append(dst, frame...)
}

// putOpening appends the frames that come before all else.
func (sub *subscriber) putOpening(dst []byte) []byte {
	if sub.framing() == nil {
		return append(dst, sub.opening...)
	}
	for frames := sub.opening; len(frames) > 0; {
		end := bytes.Index(frames, []byte("\n\n")) + 2
		dst = sub.put(dst, "", frames[:end])
		frames = frames[end:]
	}
	return dst
}

func (sub *subscriber) framing() *Framing {
	if sub.audience == nil {
		return nil
	}
	return sub.audience.framing
}
