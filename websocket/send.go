package websocket

import (
	"context"
	"fmt"
	"sync"

	"github.com/gobwas/ws"

	"github.com/redstart-go/redstart/internal/jsonx"
)

// Send sends a message. When the line is free it returns once the message was given
// to the network; behind others it is queued, and Send returns at once while there is
// room in the outbox, or waits for it. An error is the end of the connection, a
// [*CloseError]. The data may be used again afterwards.
func (c *Conn) Send(m Message) error { return c.Write(context.Background(), m) }

// Write is [Conn.Send] until ctx ends. What ends is the waiting for room: the message
// is not sent then, and the connection is as good as before. A write that has begun is
// bounded by the write timeout alone.
func (c *Conn) Write(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	return c.encodeAndSend(ctx, m, "", true)
}

// SendText is [Conn.Send] for a text.
func (c *Conn) SendText(text string) error { return c.Send(TextMessage(text)) }

// SendBinary is [Conn.Send] for bytes.
func (c *Conn) SendBinary(data []byte) error { return c.Send(BinaryMessage(data)) }

// SendJSON is [Conn.Send] for a value, encoded as JSON into a text message. A value
// that cannot be encoded is an error that does no harm to the connection.
func (c *Conn) SendJSON(v any) error {
	buf := getBuffer()
	defer putBuffer(buf)
	data, err := jsonx.Append(buf.b, v)
	if err != nil {
		return fmt.Errorf("websocket: encoding a message: %w", err)
	}
	buf.b = data
	return c.Send(Message{Text, data})
}

// Post sends a message without ever waiting: what the network does not take at once
// is queued in the outbox. When that is full, its [Policy] decides, for broadcasts
// must not wait for their slowest member. The error is [ErrDropped] for a message that was not
// queued, else a [*CloseError]. The data may be used again afterwards.
func (c *Conn) Post(m Message) error { return c.PostKeyed("", m) }

// PostKeyed is [Conn.Post] for a message that makes earlier ones with the same key
// worthless, such as the position of a car: under the policy [Conflate] it replaces
// one that is still queued, and takes its place at the end.
func (c *Conn) PostKeyed(key string, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	return c.encodeAndSend(context.Background(), m, key, false)
}

func (c *Conn) encodeAndSend(ctx context.Context, m Message, key string, wait bool) error {
	w := wireMessage{op: ws.OpCode(m.Kind), payload: m.Data, size: len(m.Data), key: key}
	if c.deflateBits == 0 || len(m.Data) < compressThreshold {
		return c.send(ctx, w, wait)
	}
	bits := int(c.deflateBits)
	d := getDeflater(bits)
	defer putDeflater(d, bits)
	_, _ = d.w.Write(m.Data)
	if packed := d.finish(); len(packed) < len(m.Data) { // else it goes as it is
		w.payload, w.rsv1 = packed, true
	}
	return c.send(ctx, w, wait)
}

// Prepared is a message for many connections: it is encoded, and compressed, once for
// all of them. It is safe for concurrent use.
type Prepared struct {
	message  Message
	key      string
	plain    []byte
	deflated func() []byte // a frame, nil when compression does not pay
}

// Prepare encodes a message. Its data must not change any more.
func Prepare(m Message) (*Prepared, error) { return PrepareKeyed("", m) }

// PrepareKeyed is [Prepare] with a key: see [Conn.PostKeyed].
func PrepareKeyed(key string, m Message) (*Prepared, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	op := ws.OpCode(m.Kind)
	p := &Prepared{message: m, key: key, plain: appendFrame(nil, op, true, false, m.Data, false)}
	p.deflated = sync.OnceValue(func() []byte {
		if len(m.Data) < compressThreshold {
			return nil
		}
		d := getDeflater(maxWindowBits)
		defer putDeflater(d, maxWindowBits)
		_, _ = d.w.Write(m.Data)
		packed := d.finish()
		if len(packed) >= len(m.Data) {
			return nil
		}
		return appendFrame(nil, op, true, true, packed, false)
	})
	return p, nil
}

// Message returns what was prepared.
func (p *Prepared) Message() Message { return p.message }

// PostPrepared is [Conn.Post] for a message that was prepared. Connections queue the
// very same bytes.
func (c *Conn) PostPrepared(p *Prepared) error {
	if c.client || c.deflateBits != 0 && c.deflateBits != maxWindowBits {
		return c.encodeAndSend(context.Background(), p.message, p.key, false)
	}
	w := wireMessage{op: ws.OpCode(p.message.Kind), shared: p.plain, payload: p.message.Data, size: len(p.message.Data), key: p.key}
	if c.deflateBits != 0 {
		if frame := p.deflated(); frame != nil {
			w.shared = frame
		}
	}
	return c.send(context.Background(), w, false)
}
