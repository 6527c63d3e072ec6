package brokertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

var errEnough = errors.New("brokertest: enough")

var publishing = []promise{
	{"stores each message behind all that was stored before", func(t *testing.T, s Subject) {
		brokers := s.brokers(t)
		var last sse.Cursor
		for i := range 20 {
			c := publish(t, brokers[i%len(brokers)], fmt.Sprintf("topic.%d", i%3), sse.Text("x"))
			if i > 0 {
				require.Equal(t, last.Epoch(), c.Epoch())
				require.Greater(t, c.Sequence(), last.Sequence())
			}
			last = c
		}
	}},
	{"returns the position at which readers find it", func(t *testing.T, s Subject) {
		for i := range 5 {
			data := fmt.Sprint("message ", i)
			c := publish(t, s.Broker, "crimes", sse.Text(data))
			for _, b := range s.brokers(t) {
				entries := read(t, b, c.Sequence()-1, 1)
				require.Len(t, entries, 1)
				require.Equal(t, c, entries[0].Cursor)
				require.Equal(t, data, entries[0].Message.Data)
			}
		}
	}},
	{"stores one message with a key, in whatever topic, and returns its position for others", func(t *testing.T, s Subject) {
		brokers := s.brokers(t)
		first := publish(t, s.Broker, "crimes", sse.Text("first").WithID("key"))
		publish(t, s.Broker, "crimes", sse.Text("second").WithID("another key"))
		for i, topic := range []string{"crimes", "arrests", "crimes"} {
			ack, err := brokers[i%len(brokers)].Publish(patient(t), topic, sse.Text("again").WithID("key"))
			require.NoError(t, err)
			assert.Equal(t, sse.Ack{Cursor: first, Duplicate: true}, ack)
		}
		entries := read(t, s.Broker, 0, 10)
		require.Len(t, entries, 2)
		assert.Equal(t, "first", entries[0].Message.Data)
		assert.Equal(t, "second", entries[1].Message.Data)
	}},
	{"tells keys apart that are alike", func(t *testing.T, s Subject) {
		keys := oddNames()
		for _, key := range keys {
			publish(t, s.Broker, "crimes", sse.Text(key).WithID(key))
		}
		for i, e := range read(t, s.Broker, 0, len(keys)) {
			assert.Equal(t, keys[i], e.Message.ID)
		}
	}},
	{"stores one message with a key when many publish it at the same time", func(t *testing.T, s Subject) {
		brokers := s.brokers(t)
		for round := range 10 {
			const n = 8
			var acks [n]sse.Ack
			var errs [n]error
			var publishers sync.WaitGroup
			ctx := patient(t)
			for i := range n {
				publishers.Go(func() {
					acks[i], errs[i] = brokers[i%len(brokers)].Publish(ctx, "crimes", sse.Text("x").WithID(fmt.Sprint("round ", round)))
				})
			}
			publishers.Wait()
			originals := 0
			for i := range n {
				require.NoError(t, errs[i])
				require.Equal(t, acks[0].Cursor, acks[i].Cursor)
				if !acks[i].Duplicate {
					originals++
				}
			}
			require.Equal(t, 1, originals, "one is no duplicate")
		}
		require.Len(t, read(t, s.Broker, 0, 100), 10)
	}},
	{"stores each message without a key", func(t *testing.T, s Subject) {
		for range 5 {
			publish(t, s.Broker, "crimes", sse.Text("the same"))
		}
		require.Len(t, read(t, s.Broker, 0, 10), 5)
	}},
	{"fails with the cause of a context that has ended, and stores nothing", func(t *testing.T, s Subject) {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errEnough)
		_, err := s.Broker.Publish(ctx, "crimes", sse.Text("x"))
		require.ErrorIs(t, err, errEnough)
		require.Empty(t, read(t, s.Broker, 0, 10))
	}},
	{"survives a failure of the connection when there is a key to try again with", func(t *testing.T, s Subject) {
		if s.Interrupt == nil {
			t.Skip("the connection cannot be broken: the subject has no Interrupt")
		}
		l := listen(t, s.Broker, 0)
		c := startCrowd(t, []sse.Broker{s.Broker}, 4, 200)
		s.Interrupt(t)
		c.requireAll(t, l)
	}},
	{"tells when a message was stored", func(t *testing.T, s Subject) {
		const skew = time.Minute // between this machine's clock and the broker's
		before := time.Now().Add(-skew)
		publishSome(t, s.Broker, 1)
		l := listen(t, s.Broker, 0)
		for _, e := range append(read(t, s.Broker, 0, 1), l.next(t)) {
			assert.WithinRange(t, e.Time, before, time.Now().Add(skew))
		}
	}},
}
