package websocket

import (
	"context"
	"errors"
	"io"

	"github.com/gobwas/ws"
)

// fragmentSize is how much of a streamed message gathers before it is sent.
const fragmentSize = 4 << 10

// Writer sends one message piece by piece, of a length that need not be known: it goes
// out in fragments, as it is written. Close ends the message; without it other senders
// wait for ever, or until the connection ends. Writer itself waits until other
// messages are through. The writer is for one goroutine.
func (c *Conn) Writer(kind Kind) (io.WriteCloser, error) {
	if err := (Message{Kind: kind}).check(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.unsendableLocked(); err != nil {
			return nil, err
		}
		if !c.out.busy && !c.out.streaming {
			break
		}
		_ = c.waitLocked(context.Background())
	}
	c.out.streaming = true
	w := &messageWriter{c: c, op: ws.OpCode(kind)}
	if c.deflateBits != 0 {
		w.d = getDeflater(int(c.deflateBits))
	}
	return w, nil
}

type messageWriter struct {
	c       *Conn
	op      ws.OpCode // of the next frame
	d       *deflater // nil without compression
	pending []byte
	size    int
	begun   bool
	err     error // why the message cannot go on
}

var errWriterClosed = errors.New("websocket: the message was ended by Close")

func (w *messageWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.size += len(p)
	if w.d != nil {
		_, _ = w.d.w.Write(p)
		// What may be the tail is held back: it is left out of the message.
		if n := len(w.d.out) - len(syncTail); n >= fragmentSize {
			w.err = w.fragment(w.d.out[:n], false)
			w.d.out = append(w.d.out[:0], w.d.out[n:]...)
		}
	} else if w.pending = append(w.pending, p...); len(w.pending) >= fragmentSize {
		w.err = w.fragment(w.pending, false)
		w.pending = w.pending[:0]
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// Close sends the rest.
func (w *messageWriter) Close() error {
	if w.err == nil {
		rest := w.pending
		if w.d != nil {
			rest = w.d.finish()
		}
		w.err = w.fragment(rest, true)
	}
	if w.d != nil {
		putDeflater(w.d, int(w.c.deflateBits))
		w.d = nil
	}
	w.pending = nil
	err := w.err
	w.err = errWriterClosed
	return err
}

// fragment sends a frame on the caller's goroutine.
func (w *messageWriter) fragment(p []byte, last bool) error {
	c := w.c
	c.mu.Lock()
	for {
		if err := c.unsendableLocked(); err != nil {
			c.out.streaming = false
			c.freeLocked()
			c.mu.Unlock()
			return err
		}
		if !c.out.busy {
			break
		}
		_ = c.waitLocked(context.Background())
	}
	c.out.busy = true
	if last {
		c.out.streaming = false // what has queued up goes next, by release
		c.out.messages++
		c.out.bytes += int64(w.size)
	}
	c.mu.Unlock()

	buf := getBuffer()
	defer putBuffer(buf)
	buf.b = appendFrame(buf.b, w.op, last, w.d != nil && !w.begun, p, c.client)
	w.op, w.begun = ws.OpContinuation, true
	err := c.write(buf.b)
	c.release(err)
	return c.sendError(err)
}
