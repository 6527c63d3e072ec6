package websocket

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/gobwas/ws"

	"github.com/redstart-go/redstart/internal/jsonx"
	"github.com/redstart-go/redstart/sse"
)

// Envelope is a message of a hub as it reaches a WebSocket client, in JSON:
//
//	{"topic":"cave","event":"chat","id":"k3v9.42","data":{"text":"..."}}
//
// The id is the position that the same message has for a client that is sent events:
// the one to come back with. Data that is a JSON object or array is put in as it is;
// any other data is a string. The topic is left out for the hub's own messages
// ("sse.hello", "sse.gap", "sse.snapshot"), and the event for a message without a name.
type Envelope struct {
	Topic string          `json:"topic,omitempty"`
	Event string          `json:"event,omitempty"`
	ID    string          `json:"id,omitempty"`
	Data  json.RawMessage `json:"data"`
}

// Text returns data that is a string.
func (e Envelope) Text() string {
	var text string
	if jsonx.Unmarshal(e.Data, &text, false) != nil {
		return string(e.Data)
	}
	return text
}

// framings are the envelopes as whole frames: plain, and for those who agreed on
// compression. Feeds of the same framing share their bytes.
var framings = [...]sse.Framing{
	{Name: "websocket", Append: func(dst []byte, topic string, m sse.Message) []byte {
		return appendMessage(dst, topic, m, false)
	}},
	{Name: "websocket, deflate", Append: func(dst []byte, topic string, m sse.Message) []byte {
		return appendMessage(dst, topic, m, true)
	}},
}

// framing chooses the framing for what was agreed on. A smaller window than the usual
// one cannot read what was compressed for others, and is sent plain messages.
func framing(deflateBits uint8) *sse.Framing {
	if deflateBits == maxWindowBits {
		return &framings[1]
	}
	return &framings[0]
}

// appendMessage appends a frame with the envelope of a message.
func appendMessage(dst []byte, topic string, m sse.Message, deflate bool) []byte {
	buf := getBuffer()
	defer putBuffer(buf)
	buf.b = appendEnvelope(buf.b, topic, m)
	if deflate && len(buf.b) >= compressThreshold {
		d := getDeflater(maxWindowBits)
		defer putDeflater(d, maxWindowBits)
		_, _ = d.w.Write(buf.b)
		if packed := d.finish(); len(packed) < len(buf.b) {
			return appendFrame(dst, ws.OpText, true, true, packed, false)
		}
	}
	return appendFrame(dst, ws.OpText, true, false, buf.b, false)
}

func appendEnvelope(dst []byte, topic string, m sse.Message) []byte {
	dst = append(dst, '{')
	for _, field := range [...]struct{ name, value string }{{"topic", topic}, {"event", m.Event}, {"id", m.ID}} {
		if field.value != "" {
			dst = append(append(append(dst, '"'), field.name...), `":`...)
			dst = appendString(dst, field.value)
			dst = append(dst, ',')
		}
	}
	dst = append(dst, `"data":`...)
	if structured(m.Data) {
		dst = append(dst, m.Data...)
	} else {
		dst = appendString(dst, m.Data)
	}
	return append(dst, '}')
}

// appendString appends a string in JSON.
func appendString(dst []byte, s string) []byte {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r >= 0x7f }) < 0 {
		return append(append(append(dst, '"'), s...), '"')
	}
	dst, err := jsonx.Append(slices.Grow(dst, len(s)+2), s)
	if err != nil { // the messages of a hub are valid UTF-8, which always has a JSON form
		return append(dst, `""`...)
	}
	return dst
}

// structured says whether data is a JSON object or array.
func structured(data string) bool {
	text := strings.TrimLeft(data, " \t\r\n")
	return text != "" && (text[0] == '{' || text[0] == '[') && json.Valid(stringBytes(data))
}
