package websocket

import (
	"context"
	"errors"
	"iter"
)

// Read waits for the next message. Its data is the caller's own.
//
// A ctx that ends does no harm to the connection: Read returns its cause, and the next
// Read goes on where this one was, even in the middle of a message. Any other error is
// the end of the connection and a [*CloseError], which every later Read returns too.
// Only one goroutine may read at a time.
func (c *Conn) Read(ctx context.Context) (Message, error) { return c.ReadInto(ctx, nil) }

// ReadInto is [Conn.Read] with the data in buf, as far as it fits: for programs that
// look at a message and forget it. The message is valid until buf is used again.
//
//	buf := make([]byte, 4096)
//	for {
//		msg, err := conn.ReadInto(ctx, buf)
//		...
//	}
func (c *Conn) ReadInto(ctx context.Context, buf []byte) (Message, error) {
	if err := c.beginRead(); err != nil {
		return Message{}, err
	}
	if ctx.Done() != nil {
		return c.readUntil(ctx, buf)
	}
	if c.in.r == c.in.w && !c.in.frame.open {
		if err := c.fill(); err != nil {
			c.releaseReader()
			return Message{}, err
		}
	}
	m, err := c.receive(buf)
	c.releaseReader()
	return m, err
}

func (c *Conn) beginRead() error {
	if err := c.takeReader(readerUser); err != nil {
		return err
	}
	if end := c.end.Load(); end != nil {
		c.releaseReader()
		return end
	}
	return nil
}

// readUntil is a read that ctx can interrupt.
func (c *Conn) readUntil(ctx context.Context, buf []byte) (Message, error) {
	defer c.releaseReader()
	if ctx.Err() != nil {
		return Message{}, context.Cause(ctx)
	}
	c.in.ctx = ctx
	stop := context.AfterFunc(ctx, c.interrupt)
	m, err := c.receive(buf)
	stop() // one that comes too late wakes the next read, which finds nothing to stop for
	c.in.ctx = nil
	return m, err
}

// Messages returns the messages as they come in, for a range loop:
//
//	for msg, err := range conn.Messages() {
//		if err != nil {
//			return err
//		}
//		...
//	}
//
// The loop ends without an error when the connection was closed with 1000, 1001 or no
// code, by whichever side, or the server drains. Any other end is its last error, a
// [*CloseError]. A loop that was left may be begun anew.
func (c *Conn) Messages() iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			m, err := c.ReadInto(context.Background(), nil)
			if err != nil && orderly(err) || !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// orderly says whether an error is the end that conversations are meant to have.
func orderly(err error) bool {
	end, ok := errors.AsType[*CloseError](err)
	return ok && end.orderly()
}

// ReadJSON waits for the next message and decodes it into v: see [Conn.Read] and
// [Message.JSON]. After an error of the latter the connection is as good as before.
func (c *Conn) ReadJSON(ctx context.Context, v any) error {
	m, err := c.Read(ctx)
	if err != nil {
		return err
	}
	return m.JSON(v)
}
