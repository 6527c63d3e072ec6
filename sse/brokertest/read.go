package brokertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

var reading = []promise{
	{"returns at most limit entries behind the position, in order", func(t *testing.T, s Subject) {
		all := publishSome(t, s.Broker, 10)
		for _, b := range s.brokers(t) {
			assert.Equal(t, all, cursors(read(t, b, 0, 100)))
			assert.Equal(t, all, cursors(read(t, b, 0, 10)))
			assert.Equal(t, all[:3], cursors(read(t, b, 0, 3)))
			for i, c := range all {
				want := all[i+1 : min(i+3, len(all))]
				assert.Equal(t, len(want), len(read(t, b, c.Sequence(), 2)), "behind %v", c)
				if len(want) > 0 {
					assert.Equal(t, want, cursors(read(t, b, c.Sequence(), 2)), "behind %v", c)
				}
			}
		}
	}},
	{"returns many", func(t *testing.T, s Subject) {
		const n = 1500
		c := startCrowd(t, []sse.Broker{s.Broker}, 10, n/10)
		c.publishers.Wait()
		require.Empty(t, c.failures)
		for _, limit := range []int{256, 1000, n, 4096} {
			var all []sse.Entry
			for after := uint64(0); ; after = all[len(all)-1].Cursor.Sequence() {
				some := read(t, s.Broker, after, limit)
				if len(some) == 0 {
					break
				}
				require.LessOrEqual(t, len(some), limit)
				all = append(all, some...)
			}
			require.Len(t, all, n, "limit %d", limit)
			requireOrder(t, all)
		}
	}},
	{"returns none when there are none, and does not wait for new ones", func(t *testing.T, s Subject) {
		assert.Empty(t, read(t, s.Broker, 0, 10), "the log is empty")
		last := publishSome(t, s.Broker, 3)[2].Sequence()
		assert.Empty(t, read(t, s.Broker, last, 10))
		assert.Empty(t, read(t, s.Broker, last+1, 10), "a position in the future")
		assert.Empty(t, read(t, s.Broker, last+1000, 10), "a position in the far future")
	}},
	{"returns what Publish has acknowledged, to others too", func(t *testing.T, s Subject) {
		brokers := s.brokers(t)
		for i := range 20 {
			c := publish(t, s.Broker, "crimes", sse.Text("x"))
			entries := read(t, brokers[i%len(brokers)], c.Sequence()-1, 1)
			require.Equal(t, []sse.Cursor{c}, cursors(entries))
		}
	}},
	{"goes on with the first that is kept", func(t *testing.T, s Subject) {
		if s.Trim == nil {
			t.Skip("the log cannot be trimmed: the subject has no Trim")
		}
		all := publishSome(t, s.Broker, 10)
		s.Trim(t, all[4].Sequence())
		assert.Equal(t, all[4:], cursors(read(t, s.Broker, 0, 100)))
		assert.Equal(t, all[4:6], cursors(read(t, s.Broker, all[1].Sequence(), 2)))
		assert.Equal(t, all[8:], cursors(read(t, s.Broker, all[7].Sequence(), 2)))
		s.Trim(t, all[9].Sequence()+1)
		assert.Empty(t, read(t, s.Broker, 0, 100))
	}},
	{"fails with the cause of a context that has ended", func(t *testing.T, s Subject) {
		publishSome(t, s.Broker, 1)
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errEnough)
		_, err := s.Broker.Read(ctx, 0, 10)
		assert.ErrorIs(t, err, errEnough)
	}},
	{"works behind a failure of the connection", func(t *testing.T, s Subject) {
		if s.Interrupt == nil {
			t.Skip("the connection cannot be broken: the subject has no Interrupt")
		}
		all := publishSome(t, s.Broker, 5)
		s.Interrupt(t)
		entries, err := s.Broker.Read(patient(t), 0, 10)
		for ctx := patient(t); err != nil && ctx.Err() == nil; {
			entries, err = s.Broker.Read(ctx, 0, 10)
		}
		require.NoError(t, err)
		assert.Equal(t, all, cursors(entries))
	}},
}
