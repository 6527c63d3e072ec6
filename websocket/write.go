package websocket

import (
	"bytes"
	"time"
)

// chunk is how much is written under one deadline.
const chunk = 256 << 10

// writeWhole writes one message on the caller's goroutine. busy is set.
func (c *Conn) writeWhole(m wireMessage) error {
	if m.shared != nil {
		return c.write(m.shared)
	}
	buf := getBuffer()
	defer putBuffer(buf)
	if len(m.payload) <= directSize || c.client {
		buf.b = appendFrame(buf.b, m.op, true, m.rsv1, m.payload, c.client)
		return c.write(buf.b)
	}
	buf.b = appendHeader(buf.b, m.op, true, m.rsv1, len(m.payload), false, [4]byte{})
	first := min(len(m.payload), cap(buf.b)-len(buf.b)) // the header is no packet of its own
	buf.b = append(buf.b, m.payload[:first]...)
	if err := c.write(buf.b); err != nil {
		return err
	}
	return c.write(m.payload[first:])
}

// writeNow writes what the socket takes at once, and leaves the rest to a goroutine.
// busy is set.
func (c *Conn) writeNow(m wireMessage) error {
	if m.shared != nil {
		return c.attempt(m.shared, true)
	}
	buf := getBuffer()
	defer putBuffer(buf)
	buf.b = appendFrame(buf.b, m.op, true, m.rsv1, m.payload, c.client)
	return c.attempt(buf.b, false)
}

// attempt writes a frame as far as the socket takes it. The rest, if there is one, is
// copied unless the frame may be kept.
func (c *Conn) attempt(frame []byte, keep bool) error {
	c.renewDeadline()
	n, err := tryWrite(c.nc, frame)
	if err == nil && n < len(frame) {
		rest := frame[n:]
		if !keep {
			rest = bytes.Clone(rest)
		}
		go c.flush(rest) // finish waits for it, by busy
		return nil
	}
	c.release(err)
	return c.sendError(err)
}

// write writes all of p.
func (c *Conn) write(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), chunk)
		c.renewDeadline()
		if _, err := c.nc.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// renewDeadline sees to it that a write has at least the write timeout. The deadline
// is set at most four times in that time, since setting it costs as much as a small
// write does by itself; a write may so take up to a quarter longer. In the silence
// after a write the deadline passes without harm, and is set anew before the next.
func (c *Conn) renewDeadline() {
	timeout := c.set.writeTimeout
	if timeout <= 0 {
		return
	}
	o := &c.out // deadline and armed belong to whoever is busy
	slack := timeout / 4
	now := c.now()
	if o.armed && now-o.deadline < slack {
		return
	}
	if c.clock != nil {
		slack += c.clock.tick // by which its time may be late
	}
	o.armed, o.deadline = true, now
	_ = c.nc.SetWriteDeadline(time.Now().Add(timeout + slack))
}
