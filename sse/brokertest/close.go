package brokertest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

var closing = []promise{
	{"ends calls that are under way with an error", func(t *testing.T, s Subject) {
		idle, caughtUp := listen(t, s.Broker, 1<<40), listen(t, s.Broker, 0)
		publishSome(t, s.Broker, 1)
		caughtUp.next(t)
		require.NoError(t, s.Broker.Close())
		assert.ErrorIs(t, idle.wait(t), sse.ErrBrokerClosed)
		assert.ErrorIs(t, caughtUp.wait(t), sse.ErrBrokerClosed)
	}},
	{"makes later calls fail with ErrBrokerClosed", func(t *testing.T, s Subject) {
		publishSome(t, s.Broker, 1)
		require.NoError(t, s.Broker.Close())
		_, err := s.Broker.Publish(patient(t), "crimes", sse.Text("x"))
		assert.ErrorIs(t, err, sse.ErrBrokerClosed)
		_, err = s.Broker.Read(patient(t), 0, 10)
		assert.ErrorIs(t, err, sse.ErrBrokerClosed)
		_, err = s.Broker.State(patient(t))
		assert.ErrorIs(t, err, sse.ErrBrokerClosed)
		assert.ErrorIs(t, s.Broker.Tail(patient(t), 0, func(sse.Entry) {}), sse.ErrBrokerClosed)
	}},
	{"does nothing the second time", func(t *testing.T, s Subject) {
		require.NoError(t, s.Broker.Close())
		require.NoError(t, s.Broker.Close())
	}},
	{"leaves other brokers on the log alone", func(t *testing.T, s Subject) {
		other := s.another(t)
		l := listen(t, other, 0)
		first := publish(t, s.Broker, "crimes", sse.Text("x"))
		require.Equal(t, first, l.next(t).Cursor)
		require.NoError(t, s.Broker.Close())
		require.Equal(t, publish(t, other, "crimes", sse.Text("y")), l.next(t).Cursor)
		assert.Len(t, read(t, other, 0, 10), 2)
	}},
}
