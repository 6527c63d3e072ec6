package jetstream

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// Other programs publish to the stream's subjects as they would anywhere.
func TestMessagesOfOtherPrograms(t *testing.T) {
	srv := startNATS(t)
	b := open(t, srv.ClientURL())
	entries, _ := follow(t, b, 0)
	nc, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	defer nc.Close()

	for name, c := range map[string]struct {
		msg   nats.Msg
		topic string
		want  sse.Message
	}{
		"nothing but data": {
			nats.Msg{Subject: "redstart.crimes", Data: []byte(`{"a":1}`)},
			"crimes", sse.Text(`{"a":1}`),
		},
		"headers without escapes": {
			nats.Msg{Subject: "redstart.crimes.gotham", Data: []byte("x"), Header: nats.Header{
				"Redstart-Event": {"crime alert"}, "Redstart-Retry": {"3s"}, "Redstart-State-Key": {"罪"}, "Nats-Msg-Id": {"an id"},
			}},
			"crimes.gotham", sse.Text("x").WithEvent("crime alert").WithRetry(3 * time.Second).WithStateKey("罪").WithID("an id"),
		},
		"headers that are none of ours": {
			nats.Msg{Subject: "redstart.a%2", Data: []byte("x"), Header: nats.Header{
				"Status": {"408"}, "Description": {"Request Timeout"}, "Nats-Sequence": {"7"}, "Nats-Subject": {"elsewhere"}, "Redstart-Retry": {"soon"},
			}},
			"a%2", sse.Text("x"),
		},
		"a message that no stream can send": {
			nats.Msg{Subject: "redstart.crimes", Data: []byte("\xff"), Header: nats.Header{"Redstart-Event": {"a%0Ab"}}},
			"crimes", sse.Text("\xff").WithEvent("a\nb"),
		},
		"a request, whose sender gets the acknowledgement": {
			nats.Msg{Subject: "redstart.crimes", Reply: nc.NewInbox()},
			"crimes", sse.Message{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, nc.PublishMsg(&c.msg))
			e := next(t, entries)
			assert.Equal(t, c.topic, e.Topic)
			assert.Equal(t, c.want, e.Message)
			read, err := b.Read(patient(t), e.Cursor.Sequence()-1, 10)
			require.NoError(t, err)
			require.Len(t, read, 1)
			assert.True(t, e.Time.Equal(read[0].Time))
			read[0].Time = e.Time
			assert.Equal(t, e, read[0])
		})
	}
}

// What a node publishes is what other programs get.
func TestMessagesForOtherPrograms(t *testing.T) {
	srv := startNATS(t)
	b := open(t, srv.ClientURL())
	nc, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	defer nc.Close()
	sub, err := nc.SubscribeSync("redstart.crimes.*")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())

	m := sse.Text(`{"a":1}`).WithEvent("crime_alert").WithID("order 7").WithRetry(time.Second).WithStateKey("k")
	_, err = b.Publish(patient(t), "crimes.gotham", m)
	require.NoError(t, err)
	msg, err := sub.NextMsgWithContext(patient(t))
	require.NoError(t, err)
	assert.Equal(t, "redstart.crimes.gotham", msg.Subject)
	assert.Equal(t, `{"a":1}`, string(msg.Data))
	msg.Header.Del(headerCall) // it is random, and for nobody else
	assert.Equal(t, nats.Header{
		"Redstart-Event": {"crime_alert"}, "Redstart-Retry": {"1s"}, "Redstart-State-Key": {"k"}, "Nats-Msg-Id": {"order%207"},
	}, msg.Header)
}
