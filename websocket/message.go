package websocket

import (
	"fmt"
	"unsafe"

	"github.com/redstart-go/redstart/internal/jsonx"
)

// Kind says what a message is made of (RFC 6455 section 5.6).
type Kind uint8

// The kinds of messages. The zero Kind is none of them.
const (
	Text   Kind = 1 // UTF-8 text
	Binary Kind = 2 // any bytes
)

// String gives the kind's name.
func (k Kind) String() string {
	switch k {
	case Text:
		return "text"
	case Binary:
		return "binary"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Message is one whole message, whatever number of frames it came in. One that was
// received by [Conn.Read] or [Conn.Messages] belongs to whoever received it: nothing
// writes to its data any more.
type Message struct {
	Kind Kind
	Data []byte
}

// TextMessage makes a text message.
func TextMessage(text string) Message { return Message{Text, stringBytes(text)} }

// BinaryMessage makes a binary message. The data must not change until it was sent.
func BinaryMessage(data []byte) Message { return Message{Binary, data} }

// JSONMessage makes a text message that holds v as JSON, as encoding/json has it; but a
// nil slice is [] and a nil map {}, wherever they are.
func JSONMessage(v any) (Message, error) {
	data, err := jsonx.Marshal(v)
	if err != nil {
		return Message{}, fmt.Errorf("websocket: encoding a message: %w", err)
	}
	return Message{Text, data}, nil
}

// Text returns the data as a string.
func (m Message) Text() string { return string(m.Data) }

// JSON decodes the data into v, a non-nil pointer. Numbers that go into an any keep
// all their digits, as [encoding/json.Number]. The error says what was wrong and where, and is a
// [CloseError]: a conversation that returns it closes with code 1003 for a message
// that is not text, and with 1007 for one that is not the JSON it should be. One
// that goes on instead has lost nothing but the message.
func (m Message) JSON(v any) error {
	if m.Kind != Text {
		return &CloseError{Code: UnsupportedData, Reason: "JSON wants a text message, not a " + m.Kind.String() + " one"}
	}
	if err := jsonx.Unmarshal(m.Data, v, false); err != nil {
		return &CloseError{Code: InvalidPayload, Reason: clip("no such JSON: " + err.Error()), cause: err}
	}
	return nil
}

// check refuses what cannot be sent.
func (m Message) check() error {
	if m.Kind != Text && m.Kind != Binary {
		return fmt.Errorf("websocket: a message is Text or Binary, not %v", m.Kind)
	}
	return nil
}

// stringBytes lends the bytes of a string to be read, never to be written.
func stringBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
