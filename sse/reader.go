package sse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"
)

// DefaultMaxEventBytes is the longest event a [Reader] takes unless told
// otherwise: 1 MiB.
const DefaultMaxEventBytes = 1 << 20

// ErrTooLong is what every [*TooLongError] is, for [errors.Is].
var ErrTooLong = errors.New("sse: event too long")

// TooLongError is the error of a [Reader] whose stream holds an event longer than
// the reader's limit.
type TooLongError struct {
	Limit int // in bytes
}

// Error says the limit.
func (e *TooLongError) Error() string {
	return fmt.Sprintf("sse: event is longer than the limit of %d bytes", e.Limit)
}

// Is reports whether target is [ErrTooLong].
func (e *TooLongError) Is(target error) bool { return target == ErrTooLong }

// Reader reads the messages of an event stream as a browser would: it follows
// WHATWG HTML 9.2.5 and 9.2.6 to the letter, and returns each message as soon as
// the blank line after it has begun to arrive, without asking for a byte more.
//
// Use [NewReader] to make one; the zero value has nothing to read from. A Reader
// is for one goroutine at a time. It starts no goroutine and does not close what
// it reads from: to stop a Next that waits, close that or cancel the request
// whose body it is.
type Reader struct {
	// MaxEventBytes bounds the memory one event may take: its data, name and
	// id, together with the line being read, in bytes. Zero or less means
	// [DefaultMaxEventBytes]. Set it before the first Next.
	MaxEventBytes int

	src io.Reader
	buf []byte // what Read filled: bytes pos to end are still to be taken
	pos int
	end int
	err error // of src, or the one that made us stop

	begun  bool   // a first line has been seen, so no byte order mark can follow
	skipLF bool   // the last line ended in CR: an LF now belongs to it
	line   []byte // the part of a line that came with earlier reads

	// The buffers of the standard, kept between events for their memory.
	data  []byte // each line with an LF after it
	event []byte
	id    []byte
	retry time.Duration // what this block says, 0 if nothing
	hasID bool          // an id field has come since the last message

	lastID   string
	lastName string // the last message's, used again if it repeats
	wait     time.Duration
	hasWait  bool
}

// NewReader returns a Reader of the stream r, which is usually the body of an
// HTTP response of type text/event-stream.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: r}
}

// Next waits for the next message and returns it.
//
// At the end of the stream the error is [io.EOF]; an event that had begun but
// not ended by then is dropped, as the standard has it. Any other error of the
// underlying reader is returned as it is: an HTTP body that breaks off gives
// [io.ErrUnexpectedEOF]. A message beyond [Reader.MaxEventBytes] is a
// [*TooLongError]. All errors are final, and later calls return them again.
//
// The message's ID is the last one the stream gave, not always this message's
// own; its Event is empty where a browser would say "message"; its Retry is what
// its own block said, in at most 2147483647 milliseconds. Bytes that are not
// UTF-8 have become U+FFFD. A message that set the id to nothing encodes as one
// made by [Message.WithIDReset], so that it can be passed on as it was.
//
// Blocks without a data field give no message, but their id and retry count.
func (r *Reader) Next() (Message, error) {
	for {
		for r.pos < r.end {
			m, ok, err := r.takeLine()
			if err != nil {
				r.pos, r.end, r.err = 0, 0, err
				return Message{}, err
			}
			if ok {
				return m, nil
			}
		}
		if r.err != nil {
			return Message{}, r.err
		}
		r.fill()
	}
}

// LastEventID returns the id to send as Last-Event-ID when reconnecting, or "".
// An id counts from the blank line after it on.
func (r *Reader) LastEventID() string { return r.lastID }

// Retry returns how long the server last asked to wait before reconnecting, and
// whether it ever did. It may be zero. It counts from the line that says so.
func (r *Reader) Retry() (time.Duration, bool) { return r.wait, r.hasWait }

// Read returns the messages of the stream r, for use in a range statement. It is
// a [Reader] of its own with the usual limit, so it can be ranged over only once.
//
// The sequence ends when the stream does. If that is for an error other than
// [io.EOF], the error comes last, with a zero Message. Breaking out of the loop
// stops the reading; r stays open and may have been read a little ahead.
func Read(r io.Reader) iter.Seq2[Message, error] {
	reader := NewReader(r)
	return func(yield func(Message, error) bool) {
		for {
			m, err := reader.Next()
			switch {
			case err == io.EOF:
				return
			case err != nil:
				yield(Message{}, err)
				return
			case !yield(m, nil):
				return
			}
		}
	}
}

const (
	readBufferSize = 4 << 10
	// keepBufferSize is how much memory a reader holds on to between events;
	// one large event shall not make an idle client large for ever.
	keepBufferSize = 64 << 10
	// maxEmptyReads is after how many reads of nothing at all a source is
	// taken for broken.
	maxEmptyReads = 100
)

// fill reads once from the source, or more often if it gives neither bytes nor
// an error.
func (r *Reader) fill() {
	if r.buf == nil {
		r.buf = make([]byte, readBufferSize)
	}
	r.pos, r.end = 0, 0
	for range maxEmptyReads {
		n, err := r.src.Read(r.buf)
		r.end, r.err = n, err
		if n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// takeLine takes one line, or the part of one that is there, from the buffer,
// which is not empty. If the line completes a message, it returns that and true.
func (r *Reader) takeLine() (Message, bool, error) {
	rest := r.buf[r.pos:r.end]
	if r.skipLF {
		r.skipLF = false
		if rest[0] == '\n' {
			r.pos++
			return Message{}, false, nil
		}
	}
	n := lineLength(rest)
	if n < 0 {
		r.pos = r.end
		return Message{}, false, r.holdPart(rest)
	}
	r.pos += n + 1
	r.skipLF = rest[n] == '\r'
	line := rest[:n]
	if len(r.line) > 0 {
		r.line = append(r.line, line...)
		line = r.line
		r.line = trimmed(r.line)
	}
	if !r.begun {
		r.begun = true
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	if len(line) == 0 {
		m, ok := r.dispatch()
		return m, ok, nil
	}
	if line[0] == ':' {
		return Message{}, false, nil
	}
	if err := r.checkSize(len(line)); err != nil {
		return Message{}, false, err
	}
	r.takeField(line)
	return Message{}, false, nil
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

// lineLength returns the index of the first CR or LF, or -1.
func lineLength(b []byte) int {
	lf := bytes.IndexByte(b, '\n')
	if lf >= 0 {
		b = b[:lf]
	}
	if cr := bytes.IndexByte(b, '\r'); cr >= 0 {
		return cr
	}
	return lf
}

// holdPart keeps the beginning of a line until the rest of it comes. Of a
// comment, however long, only the colon is needed.
func (r *Reader) holdPart(part []byte) error {
	r.line = append(r.line, part...)
	text := r.line
	if !r.begun {
		text = bytes.TrimPrefix(text, byteOrderMark)
	}
	if len(text) > 0 && text[0] == ':' {
		r.line = r.line[:len(r.line)-len(text)+1]
		return nil
	}
	if !r.begun && bytes.HasPrefix(byteOrderMark, r.line) {
		return nil // It may yet be a mark, which takes no part in the event.
	}
	return r.checkSize(len(text))
}

// checkSize reports whether a line of n bytes still fits into the event.
func (r *Reader) checkSize(n int) error {
	limit := r.MaxEventBytes
	if limit <= 0 {
		limit = DefaultMaxEventBytes
	}
	if n+len(r.data)+len(r.event)+len(r.id) > limit {
		return &TooLongError{Limit: limit}
	}
	return nil
}

// takeField does what a line that is neither empty nor a comment says.
func (r *Reader) takeField(line []byte) {
	name, value, hasColon := bytes.Cut(line, []byte{':'})
	if hasColon && len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	switch string(name) {
	case "data":
		r.data = append(r.data, value...)
		r.data = append(r.data, '\n')
	case "event":
		r.event = append(r.event[:0], value...)
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			r.id = append(r.id[:0], value...)
			r.hasID = true
		}
	case "retry":
		if d, ok := parseRetry(value); ok {
			r.retry = d
			r.wait, r.hasWait = d, true
		}
	}
}

// parseRetry reads milliseconds in ASCII digits. More than a 32-bit timer can
// take is taken for as much as it can.
func parseRetry(value []byte) (time.Duration, bool) {
	if len(value) == 0 {
		return 0, false
	}
	ms := int64(0)
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		ms = min(ms*10+int64(c-'0'), math.MaxInt32)
	}
	return time.Duration(ms) * time.Millisecond, true
}

// dispatch ends a block: it returns its message and true, or false if it had no
// data field.
func (r *Reader) dispatch() (Message, bool) {
	// Comparing first saves the allocation for ids and names that stay.
	if string(r.id) != r.lastID {
		r.lastID = decodeText(r.id)
	}
	m := Message{ID: r.lastID, Retry: r.retry}
	r.retry = 0
	if len(r.data) == 0 {
		r.event = r.event[:0]
		return Message{}, false
	}
	m.Data = decodeText(r.data[:len(r.data)-1])
	if string(r.event) != r.lastName {
		r.lastName = decodeText(r.event)
	}
	m.Event = r.lastName
	m.resetID = r.hasID && m.ID == ""
	r.hasID = false
	r.data = trimmed(r.data)
	r.event = trimmed(r.event)
	return m, true
}

// trimmed returns b emptied, without its memory if that is much. The bytes of b
// stay as they are until the next append.
func trimmed(b []byte) []byte {
	if cap(b) > keepBufferSize {
		return nil
	}
	return b[:0]
}
