package jetstream

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/redstart-go/redstart/sse"
)

// The headers that carry a message's fields. Their values are percent-encoded.
const (
	headerEvent    = "Redstart-Event"
	headerRetry    = "Redstart-Retry"
	headerStateKey = "Redstart-State-Key"
)

// headerCall names, in a message with an idempotency key, the call of Publish that made
// it. By it that call knows its own message, when it has tried more than once.
const headerCall = "Redstart-Call"

// ownID begins the Nats-Msg-Id of a message without an idempotency key. No key is
// encoded into anything that begins so.
const ownID = "%~"

// encode makes the NATS message. Every one has an id, be it the idempotency key or one
// of the broker's own: so it can be sent again when the answer got lost, and is still
// stored once.
func (b *Broker) encode(topic string, m sse.Message) *nats.Msg {
	subject := make([]byte, 0, len(b.settings.prefix)+1+len(topic)+8)
	subject = append(append(subject, b.settings.prefix...), '.')
	msg := &nats.Msg{Subject: string(appendTopic(subject, topic)), Header: make(nats.Header, 2), Data: []byte(m.Data)}
	set := func(name, value string) {
		if value != "" {
			msg.Header[name] = []string{escapeHeader(value)}
		}
	}
	set(js.MsgIDHeader, m.ID)
	set(headerEvent, m.Event)
	set(headerStateKey, m.StateKey())
	if m.Retry != 0 {
		set(headerRetry, m.Retry.String())
	}
	call := b.idPrefix + strconv.FormatUint(b.ids.Add(1), 36)
	if m.ID == "" {
		msg.Header[js.MsgIDHeader] = []string{ownID + call}
	} else {
		msg.Header[headerCall] = []string{call}
	}
	return msg
}

// decode takes a message from the stream back to what was published. It takes what
// other programs publish as it comes: whether that is a valid message is for the
// reader to say.
func (b *Broker) decode(subject string, header nats.Header, data []byte) (topic string, m sse.Message) {
	topic = unescape(strings.TrimPrefix(subject, b.settings.prefix+"."))
	m.Data = string(data)
	if len(header) == 0 {
		return topic, m
	}
	m.Event = unescape(header.Get(headerEvent))
	if id := header.Get(js.MsgIDHeader); !strings.HasPrefix(id, ownID) {
		m.ID = unescape(id)
	}
	if retry := header.Get(headerRetry); retry != "" {
		if d, err := time.ParseDuration(unescape(retry)); err == nil {
			m.Retry = d
		}
	}
	return topic, m.WithStateKey(unescape(header.Get(headerStateKey)))
}
