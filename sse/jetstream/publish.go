package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/redstart-go/redstart/sse"
)

// epochAge is for how long the epoch is believed without asking.
const epochAge = 5 * time.Second

// acknowledgement is the server's answer to a message.
type acknowledgement struct {
	Stream    string       `json:"stream"`
	Sequence  uint64       `json:"seq"`
	Duplicate bool         `json:"duplicate"`
	Error     *js.APIError `json:"error"`
}

// Publish implements [sse.Broker]. It returns once the stream's servers have the
// message, most of them if there are several. While they do not answer, it tries again
// until ctx ends or the [Patience] is at its end, or three quarters of the stream's
// duplicate window; each message has an id under which it is stored only once, so that
// nothing is doubled by that.
func (b *Broker) Publish(ctx context.Context, topic string, m sse.Message) (sse.Ack, error) {
	if err := b.ended(ctx); err != nil {
		return sse.Ack{}, err
	}
	msg := b.encode(topic, m)
	epoch, patience, err := b.beforePublish(ctx)
	if err != nil {
		return sse.Ack{}, err
	}
	var ack acknowledgement
	attempts := 0
	err = b.tryFor(ctx, patience, min(firstAttempt, patience), fmt.Sprintf("publishing to %q", topic), func(ctx context.Context) error {
		attempts++
		reply, err := b.nc.RequestMsgWithContext(ctx, msg)
		switch {
		case errors.Is(err, nats.ErrNoResponders):
			// Either the stream has no leader for a moment, or it is gone and is made
			// again by this.
			_, now, err := b.look(ctx)
			if err != nil {
				return err
			}
			epoch = now
			return nats.ErrNoResponders
		case errors.Is(err, nats.ErrMaxPayload):
			return fmt.Errorf("jetstream: publishing to %q: %d bytes of data and %d of headers, where the server takes %d together: %w",
				topic, len(msg.Data), headerSize(msg), b.nc.MaxPayload(), &sse.TooLongError{Limit: int(b.nc.MaxPayload())})
		case err != nil:
			return fmt.Errorf("jetstream: publishing to %q: %w", topic, err)
		}
		ack = acknowledgement{}
		if err := json.Unmarshal(reply.Data, &ack); err != nil {
			return fmt.Errorf("jetstream: publishing to %q: the answer on %s is no acknowledgement: %w", topic, msg.Subject, err)
		}
		if ack.Error != nil {
			return fmt.Errorf("jetstream: publishing to %q: %w", topic, ack.Error)
		}
		if ack.Stream != b.settings.stream {
			return fmt.Errorf("jetstream: publishing to %q: stored by stream %q, not by %q", topic, ack.Stream, b.settings.stream)
		}
		return nil
	})
	if err != nil {
		return sse.Ack{}, err
	}
	b.stored(epoch, ack.Sequence)
	duplicate := ack.Duplicate && m.ID != ""
	if duplicate && attempts > 1 {
		duplicate = !b.madeBy(ctx, msg.Header.Get(headerCall), ack.Sequence)
	}
	cursor, err := sse.NewCursor(epoch, ack.Sequence)
	return sse.Ack{Cursor: cursor, Duplicate: duplicate}, err
}

// madeBy says whether a message was stored by the call of Publish of that name: by an
// attempt whose acknowledgement got lost. It is for the Ack's accuracy alone, so what
// cannot be found out is no failure.
func (b *Broker) madeBy(ctx context.Context, call string, seq uint64) bool {
	made := false
	_ = b.try(ctx, "asking for the first message", func(ctx context.Context) error {
		request := &nats.Msg{Subject: "$JS.API.DIRECT.GET." + b.settings.stream, Data: fmt.Appendf(nil, `{"seq":%d}`, seq)}
		reply, err := b.nc.RequestMsgWithContext(ctx, request)
		if err == nil {
			made = reply.Header.Get(headerCall) == call
		}
		return err
	})
	return made
}

// beforePublish returns the epoch of what is stored now, and for how long the stream is
// sure to know a message again. An acknowledgement does not tell the epoch, so it is
// asked for from time to time, and whenever the connection was lost.
func (b *Broker) beforePublish(ctx context.Context) (epoch string, patience time.Duration, err error) {
	b.mu.Lock()
	epoch, patience = b.epoch, min(b.settings.patience, b.window*3/4)
	fresh := time.Since(b.checked) < epochAge
	if !fresh && !b.checked.IsZero() {
		b.checked = time.Now() // one asks for all, and the others need not wait
	}
	b.mu.Unlock()
	if fresh {
		return epoch, patience, nil
	}
	err = b.try(ctx, "asking for the state", func(ctx context.Context) (err error) {
		_, epoch, err = b.look(ctx)
		return err
	})
	return epoch, patience, err
}

// stored remembers that the stream has an entry.
func (b *Broker) stored(epoch string, seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if epoch == b.epoch {
		b.seen = max(b.seen, seq)
	}
}

// headerSize is roughly what the headers take on the wire.
func headerSize(msg *nats.Msg) int {
	return msg.Size() - len(msg.Data) - len(msg.Subject) - len(msg.Reply)
}
