package sse

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redstart-go/redstart/internal/jsonx"
)

// Message is one server-sent event, as it is published, sent and read.
//
// The zero value is an event with empty data, which a browser does fire. A
// Message is a plain value: copying it is cheap, the With methods return
// changed copies, and it may be used by many goroutines as long as none of them
// assigns to its fields.
type Message struct {
	// Data is the payload. It may have any number of lines; CR LF, CR and LF
	// all end a line, and the client sees each of them as LF. A line end at the
	// very end is kept.
	Data string

	// Event is the name under which the client listens. Empty sends no name,
	// and the client's listeners for "message" get the event. It may not hold a
	// line end.
	Event string

	// ID is what the client sends back as Last-Event-ID when it reconnects.
	// Empty sends no id and leaves the client's as it was; see
	// [Message.WithIDReset] for the other wish. It may not hold a line end or a
	// NUL.
	//
	// In a message that was read, it is the last id the stream has given, in
	// this message or before it: what a browser calls lastEventId.
	ID string

	// Retry is how long the client is to wait before it reconnects. Zero says
	// nothing about it. It is sent in whole milliseconds, rounded up, and at
	// most 2147483647 of them (24.8 days), which is as much as a browser's timer
	// takes. Negative is an error.
	//
	// In a message that was read, it is what the message itself said; the time
	// in force is [Reader.Retry].
	Retry time.Duration

	// stateKey names what the message is the state of; see WithStateKey.
	stateKey string

	// resetID asks for an id field with nothing in it, if ID is empty.
	resetID bool

	// failure is why the message can not be sent, if that was known when it was
	// made. Constructors return no error so that they can be chained.
	failure *FieldError
}

// Text returns a message whose data is the given text.
func Text(data string) Message {
	return Message{Data: data}
}

// JSON returns a message whose data is v in JSON, on a single line, as encoding/json has
// it; but a nil slice is [] and a nil map {}, wherever they are.
//
// If v can not be encoded, the message carries the error to whoever sends it:
// [Message.Validate] and [Message.AppendTo] report it, and nothing is written.
func JSON(v any) Message {
	data, err := jsonx.Marshal(v)
	if err != nil {
		return Message{failure: &FieldError{Field: "data", Reason: "cannot be encoded as JSON", Offset: -1, Err: err}}
	}
	return Message{Data: string(data)}
}

// WithEvent returns a copy of the message with the event name set. An empty
// name removes it.
func (m Message) WithEvent(name string) Message {
	m.Event = name
	return m
}

// WithID returns a copy of the message with the id set. An empty id removes it
// and takes back [Message.WithIDReset].
func (m Message) WithID(id string) Message {
	m.ID, m.resetID = id, false
	return m
}

// WithRetry returns a copy of the message that tells the client how long to
// wait before it reconnects. Zero takes that back.
func (m Message) WithRetry(d time.Duration) Message {
	m.Retry = d
	return m
}

// WithIDReset returns a copy of the message that makes the client forget its
// last event id, so that it reconnects without a Last-Event-ID. Assigning a
// non-empty ID afterwards takes precedence.
func (m Message) WithIDReset() Message {
	m.ID, m.resetID = "", true
	return m
}

// WithStateKey returns a copy of the message that is the whole state of something:
// the key names what. In a [Hub] it replaces what was published to the same topic
// with the same key before. A subscriber that keeps pace gets every one of them; who
// lags behind, comes back or begins from the start gets only the latest of each key,
// and has missed nothing by that. So it must not be used for messages that say what
// has changed, of which each one counts. The key is at most 255 bytes and does not
// reach the client; an empty one takes it back.
func (m Message) WithStateKey(key string) Message {
	m.stateKey = key
	return m
}

// StateKey returns the key set by [Message.WithStateKey], or "".
func (m Message) StateKey() string { return m.stateKey }

// DecodeJSON decodes the message's data, a JSON value, into v, which must be a
// non-nil pointer. Unknown object keys are ignored, numbers decoded into an any
// become [encoding/json.Number], and text after the value is an error. The error
// says where in the data the fault is.
func (m Message) DecodeJSON(v any) error {
	err := jsonx.Unmarshal([]byte(m.Data), v, false)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsonx.ErrEmpty):
		return &FieldError{Field: "data", Reason: "is empty, where JSON was expected", Offset: -1, Err: err}
	default:
		return &FieldError{Field: "data", Reason: "cannot be decoded as JSON", Offset: -1, Err: err}
	}
}

// maxStateKey bounds a state key, in bytes.
const maxStateKey = 255

// FieldError says which field of a [Message] is at fault, and why.
type FieldError struct {
	Field  string // "data", "event", "id", "state key" or "retry"
	Reason string // completes the sentence that begins with the field
	Offset int    // the index of the byte at fault, or -1 if it is not about one byte
	Err    error  // the cause, if there is one
}

// Error returns one line such as "sse: message id contains a line break at byte 3".
func (e *FieldError) Error() string {
	var b strings.Builder
	b.WriteString("sse: message ")
	b.WriteString(e.Field)
	b.WriteByte(' ')
	b.WriteString(e.Reason)
	if e.Offset >= 0 {
		b.WriteString(" at byte ")
		b.WriteString(strconv.Itoa(e.Offset))
	}
	// An empty text needs no second sentence to say so.
	if e.Err != nil && !errors.Is(e.Err, jsonx.ErrEmpty) {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// StatusCode is 400: what is published mostly comes with a request. It is 500 for a
// value that cannot be encoded, and for a stream whose own source sends such a
// message: these are the program's faults.
func (e *FieldError) StatusCode() int {
	if e.Err != nil {
		return 500
	}
	return 400
}

// Unwrap returns the cause, or nil.
func (e *FieldError) Unwrap() error { return e.Err }

// Validate reports, as a [*FieldError], the first reason why the message can
// not be sent, or nil. These are: a value that [JSON] could not encode; a line
// end in the event name or the id, which would let whoever chose it add fields
// and events of their own (CWE-93); a NUL in the id, for which clients ignore
// it; a negative retry; and text that is not UTF-8, the only encoding an event
// stream may have (WHATWG HTML 9.2.5).
func (m Message) Validate() error {
	if fault := m.fault(); fault != nil {
		return fault
	}
	return nil
}

// fault is Validate with its own error type, through a pointer so that the hot
// path copies nothing.
func (m *Message) fault() *FieldError {
	if m.failure != nil {
		return m.failure
	}
	if !isPlainName(m.Event) {
		if fault := nameFault("event", m.Event, false); fault != nil {
			return fault
		}
	}
	if !isPlainName(m.ID) {
		if fault := nameFault("id", m.ID, true); fault != nil {
			return fault
		}
	}
	if m.stateKey != "" {
		if len(m.stateKey) > maxStateKey {
			return &FieldError{Field: "state key", Reason: fmt.Sprintf("is longer than %d bytes", maxStateKey), Offset: -1}
		}
		if fault := nameFault("state key", m.stateKey, true); fault != nil {
			return fault
		}
	}
	if m.Retry < 0 {
		return &FieldError{Field: "retry", Reason: fmt.Sprintf("is negative (%v)", m.Retry), Offset: -1}
	}
	if !utf8.ValidString(m.Data) {
		return encodingFault("data", m.Data)
	}
	return nil
}

// isPlainName reports whether s is printable ASCII, which nearly every event
// name and id is, and which needs no closer look.
func isPlainName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// nameFault checks a field that has to fit on one line.
func nameFault(field, s string, nulBreaks bool) *FieldError {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		return &FieldError{Field: field, Reason: "contains a line break", Offset: i}
	}
	if nulBreaks {
		if i := strings.IndexByte(s, 0); i >= 0 {
			return &FieldError{Field: field, Reason: "contains a NUL", Offset: i}
		}
	}
	if !utf8.ValidString(s) {
		return encodingFault(field, s)
	}
	return nil
}

// encodingFault finds the first byte of s, which is not UTF-8, that is at fault.
func encodingFault(field, s string) *FieldError {
	for i, c := range s {
		if c != utf8.RuneError {
			continue
		}
		// U+FFFD itself is a fine character of three bytes.
		if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
			return &FieldError{Field: field, Reason: "is not valid UTF-8", Offset: i}
		}
	}
	return nil
}
