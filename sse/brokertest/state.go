package brokertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

var states = []promise{
	{"has an epoch that a cursor may have, the same for all brokers on the log", func(t *testing.T, s Subject) {
		epoch := state(t, s.Broker).Epoch
		_, err := sse.NewCursor(epoch, 1)
		require.NoError(t, err)
		for _, b := range s.brokers(t) {
			assert.Equal(t, epoch, state(t, b).Epoch)
			assert.Equal(t, epoch, publish(t, b, "crimes", sse.Text("x")).Epoch())
		}
		for _, e := range read(t, s.Broker, 0, 10) {
			assert.Equal(t, epoch, e.Cursor.Epoch())
		}
		assert.Equal(t, epoch, listen(t, s.Broker, 0).next(t).Cursor.Epoch())
		assert.Equal(t, epoch, state(t, s.Broker).Epoch)
	}},
	{"of a log that never held anything has Last 0 and First 1", func(t *testing.T, s Subject) {
		got := state(t, s.Broker)
		assert.EqualValues(t, 0, got.Last)
		assert.EqualValues(t, 1, got.First)
	}},
	{"has the lowest and the highest sequence number that is kept", func(t *testing.T, s Subject) {
		all := publishSome(t, s.Broker, 7)
		for _, b := range s.brokers(t) {
			got := state(t, b)
			assert.Equal(t, all[0].Sequence(), got.First)
			assert.Equal(t, all[6].Sequence(), got.Last)
		}
	}},
	{"of a log that was trimmed has a higher First", func(t *testing.T, s Subject) {
		if s.Trim == nil {
			t.Skip("the log cannot be trimmed: the subject has no Trim")
		}
		all := publishSome(t, s.Broker, 7)
		before := state(t, s.Broker)
		s.Trim(t, all[3].Sequence())
		assert.Equal(t, sse.BrokerState{Epoch: before.Epoch, First: all[3].Sequence(), Last: all[6].Sequence()}, state(t, s.Broker))
	}},
	{"of a log that keeps nothing any more has First behind Last, which stays", func(t *testing.T, s Subject) {
		if s.Trim == nil {
			t.Skip("the log cannot be trimmed: the subject has no Trim")
		}
		last := publishSome(t, s.Broker, 7)[6].Sequence()
		before := state(t, s.Broker)
		s.Trim(t, last+1)
		assert.Equal(t, sse.BrokerState{Epoch: before.Epoch, First: last + 1, Last: last}, state(t, s.Broker))
		assert.Greater(t, publish(t, s.Broker, "crimes", sse.Text("x")).Sequence(), last)
	}},
	{"of a log that replaces another has another epoch", func(t *testing.T, s Subject) {
		if s.Replace == nil {
			t.Skip("the log cannot be replaced: the subject has no Replace")
		}
		publishSome(t, s.Broker, 3)
		before := state(t, s.Broker)
		s.Replace(t)
		now := state(t, s.Broker)
		assert.NotEqual(t, before.Epoch, now.Epoch)
		assert.EqualValues(t, 0, now.Last)
		assert.Equal(t, now.Epoch, publish(t, s.Broker, "crimes", sse.Text("x")).Epoch())
	}},
	{"stays what it is through a failure of the connection", func(t *testing.T, s Subject) {
		if s.Interrupt == nil {
			t.Skip("the connection cannot be broken: the subject has no Interrupt")
		}
		publishSome(t, s.Broker, 3)
		before := state(t, s.Broker)
		s.Interrupt(t)
		now, err := s.Broker.State(patient(t))
		for ctx := patient(t); err != nil && ctx.Err() == nil; {
			now, err = s.Broker.State(ctx)
		}
		require.NoError(t, err)
		assert.Equal(t, before, now)
	}},
	{"fails with the cause of a context that has ended", func(t *testing.T, s Subject) {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errEnough)
		_, err := s.Broker.State(ctx)
		assert.ErrorIs(t, err, errEnough)
	}},
}
