package jetstream

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/redstart-go/redstart/sse"
)

// readBytes bounds what one request for entries sends.
const readBytes = 8 << 20

// Read implements [sse.Broker]. It costs no consumer: any server that keeps the stream
// answers it. It fails with a [*ReplacedError] when the stream is not the one, any
// more, whose state was asked for last.
func (b *Broker) Read(ctx context.Context, after uint64, limit int) ([]sse.Entry, error) {
	if err := b.ended(ctx); err != nil || limit <= 0 {
		return nil, err
	}
	b.mu.Lock()
	epoch := b.told
	b.mu.Unlock()
	var entries []sse.Entry
	err := b.try(ctx, "reading", func(ctx context.Context) (err error) {
		entries, err = b.read(ctx, epoch, after, limit)
		return err
	})
	return entries, err
}

func (b *Broker) read(ctx context.Context, epoch string, after uint64, limit int) ([]sse.Entry, error) {
	info, err := b.lookFor(ctx, epoch)
	if err != nil || info.State.LastSeq <= after {
		return nil, err
	}
	const attempts = 20
	var entries []sse.Entry
	for n := 0; ; {
		batch, left, err := b.directGet(ctx, epoch, after, limit-len(entries))
		if err != nil {
			return nil, err
		}
		entries = append(entries, batch...)
		if len(entries) > 0 {
			after = entries[len(entries)-1].Cursor.Sequence()
		}
		if len(entries) == limit || after >= info.State.LastSeq {
			break
		}
		if left > 0 {
			continue
		}
		// The messages behind may have been deleted, or the server that answered may
		// not have them yet.
		if n++; info.Config.Replicas == 1 || n == attempts {
			break
		}
		if err := b.pause(ctx, 10*time.Millisecond); err != nil {
			return nil, err
		}
	}
	// What was read belongs to the life that was there before and after.
	_, err = b.lookFor(ctx, epoch)
	return entries, err
}

func (b *Broker) lookFor(ctx context.Context, epoch string) (*js.StreamInfo, error) {
	info, now, err := b.look(ctx)
	if err == nil && now != epoch {
		return nil, &ReplacedError{Stream: b.settings.stream, Was: epoch, Now: now}
	}
	return info, err
}

// directGet asks once. It returns how many entries are left behind those it got.
func (b *Broker) directGet(ctx context.Context, epoch string, after uint64, limit int) (entries []sse.Entry, left int, err error) {
	inbox := b.nc.NewInbox()
	replies := make(chan *nats.Msg, min(limit, 1024)+1)
	sub, err := b.nc.ChanSubscribe(inbox, replies)
	if err != nil {
		return nil, 0, fmt.Errorf("jetstream: %w", err)
	}
	defer sub.Unsubscribe() // fails only with the connection
	request := fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d}`, after+1, min(limit, 1024), readBytes)
	if err := b.nc.PublishRequest("$JS.API.DIRECT.GET."+b.settings.stream, inbox, request); err != nil {
		return nil, 0, fmt.Errorf("jetstream: stream %q: reading: %w", b.settings.stream, err)
	}
	for {
		select {
		case msg := <-replies:
			if last(msg.Header, js.SequenceHeader) != "" {
				e, err := b.entry(epoch, msg)
				if err != nil {
					return nil, 0, err
				}
				entries = append(entries, e)
				continue
			}
			switch status := msg.Header.Get("Status"); status {
			case "204": // the end of the batch
				left, _ = strconv.Atoi(msg.Header.Get("Nats-Num-Pending"))
				return entries, left, nil
			case "404":
				return entries, 0, nil
			case "503":
				return nil, 0, nats.ErrNoResponders
			default:
				return nil, 0, fmt.Errorf("jetstream: stream %q: reading: the server says %s %s", b.settings.stream, status, msg.Header.Get("Description"))
			}
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		}
	}
}

// entry reads what a direct get says about a message in additional headers.
func (b *Broker) entry(epoch string, msg *nats.Msg) (e sse.Entry, err error) {
	seq, err := strconv.ParseUint(last(msg.Header, js.SequenceHeader), 10, 64)
	if err == nil {
		e.Time, err = time.Parse(time.RFC3339Nano, last(msg.Header, js.TimeStampHeaer))
	}
	if err != nil {
		return e, fmt.Errorf("jetstream: stream %q: reading: %w", b.settings.stream, err)
	}
	if e.Cursor, err = sse.NewCursor(epoch, seq); err != nil {
		return e, err
	}
	e.Topic, e.Message = b.decode(last(msg.Header, js.SubjectHeader), msg.Header, msg.Data)
	return e, nil
}

// last returns the value that the server added behind any that a publisher gave.
func last(header nats.Header, name string) string {
	if values := header[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}
