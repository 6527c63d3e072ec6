package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"crypto/rand"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/redstart-go/redstart/sse"
)

// How the stream is followed. A request asks for so many messages, of so many bytes
// together; while there are none the server gives a sign of life now and then.
const (
	batchMessages   = 1024
	batchBytes      = 16 << 20
	requestExpires  = 30 * time.Second
	heartbeat       = time.Second
	missedBeats     = 3
	consumerExpires = time.Minute
)

// headerLastSent is, in a sign of life, the number of the consumer's last message.
const headerLastSent = "Nats-Last-Consumer"

// errMoved is why a consumer has to be replaced by another.
var errMoved = errors.New("the consumer is gone or has lost messages")

// Tail implements [sse.Broker]. It waits for as long as the servers are away. It ends
// with a [*ReplacedError] when the stream turns out not to be the one, any more, whose
// state was asked for last.
func (b *Broker) Tail(ctx context.Context, after uint64, deliver func(sse.Entry)) error {
	b.mu.Lock()
	t := tail{broker: b, epoch: b.told, after: after, deliver: deliver}
	b.mu.Unlock()
	pause := time.Duration(0)
	for {
		before := t.after
		err := b.follow(ctx, &t)
		if why := b.ended(ctx); why != nil {
			return why
		}
		if !passing(err) {
			return err
		}
		if t.after != before {
			pause = 0
		}
		if pause > 0 {
			if err := b.pause(ctx, pause); err != nil {
				return err
			}
		}
		pause = min(max(2*pause, firstPause), lastPause)
	}
}

// tail is how far a Tail has come.
type tail struct {
	broker  *Broker
	epoch   string
	after   uint64
	deliver func(sse.Entry)
	cursor  uint64 // of the present consumer: the number of its last message
}

// follow delivers what one consumer yields, as long as it lasts.
func (b *Broker) follow(ctx context.Context, t *tail) error {
	up, err := b.link(ctx)
	if err != nil {
		return err
	}
	c := &consumer{broker: b, name: "redstart-" + rand.Text()[:16], inbox: b.nc.NewInbox()}
	// One request is under way at a time, so no more than its messages and the signs
	// of life can wait here.
	c.messages = make(chan *nats.Msg, batchMessages+64)
	sub, err := b.nc.ChanSubscribe(c.inbox+".*", c.messages)
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	defer sub.Unsubscribe() // fails only with the connection, and then nothing is left to do
	if err := b.attempt(ctx, attemptTimeout, func(ctx context.Context) error { return t.open(ctx, c) }); err != nil {
		return err
	}
	defer c.remove()
	t.cursor = 0
	return t.read(ctx, up, c)
}

// open makes the consumer. What it will deliver belongs to the life of the stream in
// which it was made, so that has to be the same before and after.
func (t *tail) open(ctx context.Context, c *consumer) error {
	b := t.broker
	if err := t.sameLife(ctx); err != nil {
		return err
	}
	_, err := b.js.CreateConsumer(ctx, b.settings.stream, js.ConsumerConfig{
		Name:              c.name,
		DeliverPolicy:     js.DeliverByStartSequencePolicy,
		OptStartSeq:       t.after + 1,
		AckPolicy:         js.AckNonePolicy,
		Replicas:          1,
		MemoryStorage:     true,
		InactiveThreshold: consumerExpires,
	})
	if errors.Is(err, js.ErrStreamNotFound) {
		return errMoved
	}
	if err != nil {
		return fmt.Errorf("jetstream: stream %q: making a consumer: %w", b.settings.stream, err)
	}
	return t.sameLife(ctx)
}

func (t *tail) sameLife(ctx context.Context) error {
	_, epoch, err := t.broker.look(ctx)
	if err == nil && epoch != t.epoch {
		err = &ReplacedError{Stream: t.broker.settings.stream, Was: t.epoch, Now: epoch}
	}
	return err
}

// read takes messages until something is wrong.
func (t *tail) read(ctx, up context.Context, c *consumer) error {
	pulse := time.NewTicker(heartbeat)
	defer pulse.Stop()
	silent := 0
	if err := c.ask(); err != nil {
		return err
	}
	for {
		select {
		case msg := <-c.messages:
			silent = 0
			more, err := t.take(msg, c)
			if err != nil {
				return err
			}
			if more {
				if err := c.ask(); err != nil {
					return err
				}
			}
		case <-pulse.C:
			if silent++; silent > missedBeats {
				return errMoved
			}
		case <-up.Done():
			return errLinkLost
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// take delivers a message, or heeds what the server says about a request. It returns
// whether it is time for the next request.
func (t *tail) take(msg *nats.Msg, c *consumer) (more bool, err error) {
	if !strings.HasPrefix(msg.Reply, "$JS.ACK.") {
		return c.heed(msg, t.cursor)
	}
	meta, err := msg.Metadata()
	if err != nil {
		return false, fmt.Errorf("jetstream: stream %q: %w", t.broker.settings.stream, err)
	}
	if meta.Sequence.Consumer != t.cursor+1 {
		return false, errMoved // something was lost on the way
	}
	t.cursor++
	c.left--
	// Whatever the server takes for the start, nothing is delivered twice.
	if seq := meta.Sequence.Stream; seq > t.after {
		e := sse.Entry{Time: meta.Timestamp}
		if e.Cursor, err = sse.NewCursor(t.epoch, seq); err != nil {
			return false, err
		}
		e.Topic, e.Message = t.broker.decode(msg.Subject, msg.Header, msg.Data)
		t.after = seq
		t.broker.stored(t.epoch, seq)
		t.deliver(e)
	}
	return c.left == 0, nil
}

// consumer is one that the server keeps for a tail, on the server's side without any
// state worth keeping.
type consumer struct {
	broker   *Broker
	name     string
	inbox    string
	messages chan *nats.Msg
	requests int // so far; each has its own inbox
	left     int // messages of the present request that are still to come
}

// ask requests the next messages.
func (c *consumer) ask() error {
	b := c.broker
	c.requests++
	c.left = batchMessages
	// A message larger than the bound would never come.
	request := fmt.Appendf(nil, `{"batch":%d,"max_bytes":%d,"expires":%d,"idle_heartbeat":%d}`,
		batchMessages, batchBytes+2*b.nc.MaxPayload(), requestExpires, heartbeat)
	err := b.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+b.settings.stream+"."+c.name, c.replyTo(), request)
	if err != nil {
		return fmt.Errorf("jetstream: stream %q: asking for messages: %w", b.settings.stream, err)
	}
	return nil
}

func (c *consumer) replyTo() string { return c.inbox + "." + strconv.Itoa(c.requests) }

// heed returns whether the present request is at its end, and an error if the consumer
// is, or if it has sent more than was received.
func (c *consumer) heed(msg *nats.Msg, received uint64) (more bool, err error) {
	if msg.Subject != c.replyTo() {
		return false, nil // about a request that is over
	}
	switch status, text := msg.Header.Get("Status"), msg.Header.Get("Description"); {
	case status == "100":
		if sent := msg.Header.Get(headerLastSent); sent != "" && sent != strconv.FormatUint(received, 10) {
			return false, errMoved
		}
		return false, nil
	case status == "408", status == "409" && strings.Contains(text, "MaxBytes"), status == "409" && strings.Contains(text, "Batch Completed"):
		return true, nil
	default:
		return false, fmt.Errorf("%w: %s %s", errMoved, status, text)
	}
}

// remove tells the server that the consumer is not needed any more, without waiting.
// If that gets lost, it goes by itself after consumerExpires.
func (c *consumer) remove() {
	b := c.broker
	_ = b.nc.Publish("$JS.API.CONSUMER.DELETE."+b.settings.stream+"."+c.name, nil)
}
