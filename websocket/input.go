package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

const (
	// idleBuffer is what a connection that waits for its peer holds. Most messages
	// arrive whole in it.
	idleBuffer = 512
	// trust is how much of a payload is allocated because a header announces it. More
	// is as it arrives.
	trust = 32 << 10
)

// Who reads, in input.reader.
const (
	readerNone int32 = iota
	readerUser
	readerAttendant
	readerClosing // for good
)

// input is the reading half. Whoever has taken reader owns the rest of it.
type input struct {
	reader atomic.Int32
	woken  bool            // under Conn.mu: the read deadline has passed on purpose
	wanted atomic.Int32    // how many wait to take reader
	evict  atomic.Bool     // the attendant is to make room
	ctx    context.Context // may end the read of readerUser

	buf  []byte // r to w has come in and was not looked at yet
	r, w int
	full bool    // the last read filled the buffer: more is waiting
	own  []byte  // the buffer for idle times
	big  *buffer // what buf is borrowed from, nil when it is own

	source headerSource
	frame  struct {
		open   bool  // a data frame is under way
		final  bool  // and ends its message
		left   int64 // payload that is to come
		mask   [4]byte
		masked bool
		pos    int // in the mask
	}
	kind       Kind // of the message under way, 0 when none is
	compressed bool
	data       []byte // as it came: masked no more, compressed still
	checked    int    // of data, known to be UTF-8
	borrowed   bool   // data is the caller's buffer
	packed     *buffer

	messages, bytes int64
}

var (
	errEvicted   = errors.New("websocket: the attendant makes room")
	errUnread    = errors.New("websocket: a message is waiting to be read")
	errTwoReader = errors.New("websocket: two goroutines read from one connection")
)

// receive returns the next message. dst is where its data goes, nil for memory of its
// own. An error that is not the connection's end leaves everything where it is, also
// in the middle of a frame.
func (c *Conn) receive(dst []byte) (Message, error) {
	in := &c.in
	for {
		if in.frame.open {
			if in.reader.Load() == readerAttendant {
				return Message{}, errUnread
			}
			if err := c.payload(dst); err != nil {
				return Message{}, err
			}
			in.frame.open = false
			if in.frame.final {
				return c.assemble(dst)
			}
		}
		if err := c.header(); err != nil {
			return Message{}, err
		}
	}
}

// header reads up to the header of a data frame, and deals with the control frames
// before it.
func (c *Conn) header() error {
	in := &c.in
	for {
		if err := c.need(ws.MinHeaderSize); err != nil {
			return err
		}
		n := headerBytes(in.buf[in.r+1])
		if err := c.need(n); err != nil {
			return err
		}
		h, fault := in.source.parse(in.buf[in.r : in.r+n])
		if fault == "" {
			fault = in.expect(&h, c.client, c.deflateBits != 0)
		}
		if fault != "" {
			return c.violate(ProtocolError, fault, "")
		}
		if h.OpCode.IsControl() {
			if err := c.need(n + int(h.Length)); err != nil {
				return err
			}
			payload := in.buf[in.r+n : in.r+n+int(h.Length)]
			in.r += n + len(payload)
			if h.Masked {
				ws.Cipher(payload, h.Mask, 0)
			}
			if err := c.control(h.OpCode, payload); err != nil {
				return err
			}
			continue
		}
		in.r += n
		if h.OpCode != ws.OpContinuation {
			in.kind, in.compressed, in.checked = Kind(h.OpCode), h.Rsv1(), 0
		}
		f := &in.frame
		f.open, f.final, f.left, f.mask, f.masked, f.pos = true, h.Fin, h.Length, h.Mask, h.Masked, 0
		if limit := c.set.maxMessage; limit >= 0 && in.reader.Load() != readerClosing && h.Length > in.allowance(limit)-int64(len(in.data)) {
			return c.tooBig()
		}
		return nil
	}
}

// allowance is how many bytes of a message may come in. What is compressed may be
// somewhat larger than what it holds: bytes that cannot be compressed are stored in
// blocks, and a sender may flush now and then.
func (in *input) allowance(limit int64) int64 {
	if slack := limit/64 + 64; in.compressed && limit <= math.MaxInt64-slack {
		return limit + slack
	}
	return limit
}

// expect says what is wrong with a header that comes now (RFC 6455 sections 5.1 to
// 5.4, RFC 7692 section 6).
func (in *input) expect(h *ws.Header, client, deflate bool) string {
	switch first := h.OpCode.IsData() && h.OpCode != ws.OpContinuation; {
	case h.Masked && client:
		return "a masked frame from the server"
	case !h.Masked && !client:
		return "an unmasked frame from the client"
	case h.Rsv2() || h.Rsv3(), h.Rsv1() && !deflate:
		return "a reserved bit that no extension defines"
	case h.Rsv1() && !first:
		return "the compression bit on a frame that begins no message"
	case first && in.kind != 0:
		return "a new message inside a fragmented one"
	case h.OpCode == ws.OpContinuation && in.kind == 0:
		return "a continuation of nothing"
	}
	return ""
}

// payload reads the rest of the data frame.
func (c *Conn) payload(dst []byte) error {
	in, f := &c.in, &c.in.frame
	if in.reader.Load() == readerClosing {
		return c.skip()
	}
	if in.data == nil {
		switch {
		case in.compressed:
			in.packed = getBuffer()
			in.data = in.packed.b[:0]
		case dst != nil:
			in.data, in.borrowed = dst[:0], true
		}
	}
	for f.left > 0 {
		in.grow(f.left)
		free := in.data[len(in.data):min(int64(cap(in.data)), int64(len(in.data))+f.left)]
		n := copy(free, in.buf[in.r:in.w])
		if in.r += n; n == 0 {
			var err error
			if len(free) < len(in.buf) {
				if err = c.fill(); err == nil {
					continue
				}
			} else {
				// What is longer than the buffer need not go through it.
				n, err = c.socket(free)
			}
			if err != nil {
				if in.borrowed { // the caller may use its buffer for something else meanwhile
					in.data, in.borrowed = slices.Clone(in.data), false
				}
				return err
			}
		}
		if f.masked {
			ws.Cipher(free[:n], f.mask, f.pos)
			f.pos += n
		}
		in.data = in.data[:len(in.data)+n]
		f.left -= int64(n)
		if in.kind == Text && !in.compressed && !in.checkText(f.left == 0 && f.final) {
			return c.violate(InvalidPayload, badText, "")
		}
	}
	if in.kind == Text && !in.compressed && f.final && in.checked < len(in.data) {
		return c.violate(InvalidPayload, badText, "")
	}
	return nil
}

const badText = "text that is not UTF-8"

// checkText looks at what is new. A character may be cut in two by a frame or a
// packet, but not by the end of the message.
func (in *input) checkText(last bool) bool {
	n, ok := validSoFar(in.data[in.checked:])
	in.checked += n
	return ok && (!last || in.checked == len(in.data))
}

// grow makes room for payload: for all of what is left when that is little, else for
// as much again as has come in.
func (in *input) grow(left int64) {
	if len(in.data) < cap(in.data) {
		return
	}
	// At least doubled, so that many small fragments are not copied again and again.
	room := max(int(min(left, trust)), len(in.data))
	grown := make([]byte, len(in.data), len(in.data)+room)
	copy(grown, in.data)
	in.data, in.borrowed = grown, false
}

// skip throws a payload away, when only the peer's Close frame is waited for.
func (c *Conn) skip() error {
	in, f := &c.in, &c.in.frame
	for f.left > 0 {
		n := int(min(int64(in.w-in.r), f.left))
		in.r += n
		if f.left -= int64(n); n == 0 {
			if err := c.fill(); err != nil {
				return err
			}
		}
	}
	return nil
}

// assemble makes the message of what has come in.
func (c *Conn) assemble(dst []byte) (Message, error) {
	in := &c.in
	m := Message{in.kind, in.data}
	compressed := in.compressed
	in.kind, in.compressed, in.data, in.borrowed = 0, false, nil, false
	if in.reader.Load() == readerClosing {
		return m, nil
	}
	if compressed {
		packed := m.Data
		var err error
		m.Data, err = inflate(dst[:0], packed, c.set.maxMessage)
		if in.packed != nil {
			in.packed.b = packed[:0]
			putBuffer(in.packed)
			in.packed = nil
		}
		switch {
		case err == errTooBig:
			return Message{}, c.tooBig()
		case err != nil:
			return Message{}, c.violate(InvalidPayload, "a message that is not deflated", err.Error())
		case m.Kind == Text:
			if n, ok := validSoFar(m.Data); !ok || n < len(m.Data) {
				return Message{}, c.violate(InvalidPayload, badText, "")
			}
		}
	}
	if !c.pace.allow() {
		return Message{}, c.violate(PolicyViolation, "too many messages", "the rate limit")
	}
	in.messages++
	in.bytes += int64(len(m.Data))
	return m, nil
}

func (c *Conn) tooBig() error {
	return c.violate(MessageTooBig, fmt.Sprintf("a message of more than %d bytes", c.set.maxMessage), "MaxMessageBytes")
}

// violate ends the connection for a rule that the peer broke. Nothing that it sends
// is looked at any more (RFC 6455 section 7.1.7). detail is for the program alone.
func (c *Conn) violate(code Code, fault, detail string) error {
	cause := fmt.Errorf("%w: %s", ErrViolation, fault)
	if detail != "" {
		cause = fmt.Errorf("%w (%s)", cause, detail)
	}
	end := &CloseError{Code: code, Reason: fault, cause: cause}
	c.stop(end)
	c.sendClose(code, fault)
	return c.end.Load()
}

// control deals with a control frame. The payload is only lent.
func (c *Conn) control(op ws.OpCode, payload []byte) error {
	switch op {
	case ws.OpPing:
		if !c.pace.allow() {
			return c.violate(PolicyViolation, "too many messages", "the rate limit, by pings")
		}
		c.sendPong(payload)
	case ws.OpPong:
		c.mu.Lock()
		c.pings.answerLocked(payload)
		c.mu.Unlock()
	case ws.OpClose:
		code, reason, fault := parseClose(payload)
		switch fault {
		case "":
		case badReason:
			return c.violate(InvalidPayload, fault, "")
		default:
			return c.violate(ProtocolError, fault, "")
		}
		c.mu.Lock()
		c.out.peerClosed = true
		c.mu.Unlock()
		c.stop(&CloseError{Code: code, Reason: reason, Remote: true})
		c.sendClose(code, "") // does nothing if ours went first
		return c.end.Load()
	}
	return nil
}

// need waits until n bytes are in the buffer.
func (c *Conn) need(n int) error {
	for c.in.w-c.in.r < n {
		if err := c.fill(); err != nil {
			return err
		}
	}
	return nil
}

// fill reads once. While more comes in than the idle buffer holds, a larger one is
// borrowed.
//
// It is called by [Conn.ReadInto] itself when nothing is buffered, and its frame and
// those below are kept small: a goroutine that waits for its peer then needs no more
// than the smallest stack there is.
func (c *Conn) fill() error {
	in := &c.in
	if in.r > 0 || in.w == len(in.buf) {
		in.makeRoom()
	}
	n, err := c.socket(in.buf[in.w:])
	in.w += n
	in.full = in.w == len(in.buf)
	return err
}

// makeRoom changes buffers where that is possible, and otherwise moves what is
// buffered to the front: the longest header and control frame fit in behind.
func (in *input) makeRoom() {
	if in.r < in.w {
		if in.w == len(in.buf) {
			in.w = copy(in.buf, in.buf[in.r:in.w])
			in.r = 0
		}
		return
	}
	in.r, in.w = 0, 0
	if in.full && in.big == nil {
		in.big = getBuffer()
		in.buf = in.big.b[:cap(in.big.b)]
	} else if !in.full && in.big != nil {
		in.release()
	}
}

// release goes back to the small buffer, which must be possible.
func (in *input) release() {
	putBuffer(in.big)
	in.big = nil
	in.buf, in.r, in.w = in.own, 0, 0
}

// socket reads once, and says why that was given up.
func (c *Conn) socket(p []byte) (int, error) {
	for {
		n, err := c.nc.Read(p)
		if n > 0 {
			c.pulse.seen.Store(int64(c.now()))
			return n, nil // a failure comes again
		}
		if err != nil {
			if err = c.readFailed(err); err != nil {
				return 0, err
			}
		}
	}
}

// readFailed says what a failed read means; nil that it is to be tried again.
func (c *Conn) readFailed(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return c.awake()
	}
	if c.end.Load() == nil {
		cause := ErrGone
		if err != io.EOF {
			cause = fmt.Errorf("%w: %w", ErrGone, err)
		}
		c.lose(&CloseError{Code: Abnormal, Remote: true, cause: cause})
	}
	return c.end.Load()
}

// interrupt lets a read that waits look up. What it is to find has to be in place
// before.
func (c *Conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.in.woken && c.in.reader.Load() != readerClosing {
		c.in.woken = true
		_ = c.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// awake finds out why a read was interrupted; nil means that it was for nobody who
// is there now.
func (c *Conn) awake() error {
	in := &c.in
	if in.reader.Load() == readerClosing {
		return os.ErrDeadlineExceeded
	}
	c.mu.Lock()
	if in.woken {
		in.woken = false
		_ = c.nc.SetReadDeadline(time.Time{})
	}
	c.mu.Unlock()
	if end := c.end.Load(); end != nil {
		return end
	}
	if in.reader.Load() == readerAttendant {
		if in.evict.Load() {
			return errEvicted
		}
		return nil
	}
	if in.ctx != nil && in.ctx.Err() != nil {
		return context.Cause(in.ctx)
	}
	return nil
}
