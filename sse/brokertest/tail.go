package brokertest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

var tailing = []promise{
	{"delivers what is stored, in order, and goes on with what is stored later", func(t *testing.T, s Subject) {
		before := publishSome(t, s.Broker, 10)
		l := listen(t, s.Broker, 0)
		assert.Equal(t, before, cursors(l.take(t, 10)))
		later := publishSome(t, s.Broker, 10)
		assert.Equal(t, later, cursors(l.take(t, 10)))
	}},
	{"delivers each message without waiting for the next", func(t *testing.T, s Subject) {
		l := listen(t, s.Broker, 0)
		for range 20 {
			require.Equal(t, publish(t, s.Broker, "crimes", sse.Text("x")), l.next(t).Cursor)
		}
	}},
	{"delivers what another broker on the log stores", func(t *testing.T, s Subject) {
		other := s.another(t)
		l, m := listen(t, s.Broker, 0), listen(t, other, 0)
		for i := range 10 {
			c := publish(t, []sse.Broker{s.Broker, other}[i%2], "crimes", sse.Text("x"))
			require.Equal(t, c, l.next(t).Cursor)
			require.Equal(t, c, m.next(t).Cursor)
		}
	}},
	{"begins behind the position, wherever that is", func(t *testing.T, s Subject) {
		all := publishSome(t, s.Broker, 6)
		for i, c := range all {
			l := listen(t, s.Broker, c.Sequence())
			// What follows the last of them shows that nothing came before it.
			want := append(all[i+1:len(all):len(all)], publish(t, s.Broker, "more", sse.Text("x")))
			require.Equal(t, want, cursors(l.take(t, len(want))), "behind %v", c)
			all = append(all, want[len(want)-1])
		}
	}},
	{"delivers nothing that is not behind the position, even if that is in the future", func(t *testing.T, s Subject) {
		publishSome(t, s.Broker, 2)
		after := state(t, s.Broker).Last + 2
		l := listen(t, s.Broker, after)
		c := publish(t, s.Broker, "crimes", sse.Text("x"))
		m := listen(t, s.Broker, after) // from the beginning there is one that it may not have
		for c.Sequence() <= after {
			c = publish(t, s.Broker, "crimes", sse.Text("x"))
		}
		assert.Equal(t, c, l.next(t).Cursor)
		assert.Equal(t, c, m.next(t).Cursor)
	}},
	{"misses and repeats nothing while many publish", func(t *testing.T, s Subject) {
		brokers := s.brokers(t)
		pace := listen(t, s.Broker, 0)
		var listeners []*listener
		c := startCrowd(t, brokers, 6, 150)
		// Those that come later begin in the past, among what is being stored.
		for i := range 4 {
			pace.next(t)
			listeners = append(listeners, listen(t, brokers[i%len(brokers)], 0))
		}
		c.requireAll(t, listeners...)
	}},
	{"delivers one at a time", func(t *testing.T, s Subject) {
		l := listen(t, s.Broker, 0)
		c := startCrowd(t, s.brokers(t), 6, 100)
		c.requireAll(t, l)
		assert.False(t, l.overlap.Load(), "deliver was called while it was running")
	}},
	{"is not disturbed by another that begins or ends", func(t *testing.T, s Subject) {
		l := listen(t, s.Broker, 0)
		c := startCrowd(t, []sse.Broker{s.Broker}, 2, 200)
		for range 5 {
			passing := listen(t, s.Broker, 0)
			passing.next(t)
			passing.stop(errEnough)
			require.ErrorIs(t, passing.wait(t), errEnough)
		}
		c.requireAll(t, l)
	}},
	{"ends with the cause of its context", func(t *testing.T, s Subject) {
		idle, busy := listen(t, s.Broker, 0), listen(t, s.Broker, 0)
		publishSome(t, s.Broker, 1)
		idle.next(t)
		idle.stop(errEnough)
		assert.ErrorIs(t, idle.wait(t), errEnough)
		c := startCrowd(t, []sse.Broker{s.Broker}, 2, 50)
		busy.next(t)
		busy.stop(errEnough)
		assert.ErrorIs(t, busy.wait(t), errEnough)
		c.publishers.Wait()

		early := listen(t, s.Broker, 0)
		early.stop(errEnough)
		assert.ErrorIs(t, early.wait(t), errEnough)
	}},
	{"goes on with the first that is kept", func(t *testing.T, s Subject) {
		if s.Trim == nil {
			t.Skip("the log cannot be trimmed: the subject has no Trim")
		}
		all := publishSome(t, s.Broker, 10)
		s.Trim(t, all[6].Sequence())
		for _, after := range []uint64{0, all[0].Sequence(), all[5].Sequence()} {
			require.Equal(t, all[6:], cursors(listen(t, s.Broker, after).take(t, 4)), "behind %d", after)
		}
		require.Equal(t, all[9], listen(t, s.Broker, all[8].Sequence()).next(t).Cursor)
	}},
	{"outlasts failures of the connection, without a loss or a repetition", func(t *testing.T, s Subject) {
		if s.Interrupt == nil {
			t.Skip("the connection cannot be broken: the subject has no Interrupt")
		}
		l := listen(t, s.Broker, 0)
		for round := range 3 {
			before := publish(t, s.Broker, "before", sse.Text(fmt.Sprint(round)))
			require.Equal(t, before, l.next(t).Cursor)
			s.Interrupt(t)
			c := &crowd{stored: map[sse.Cursor]string{}}
			after := fmt.Sprint("after ", round)
			require.True(t, c.publish(patient(t), s.Broker, "after", sse.Text(after).WithID(after)), "%v", c.failures)
			e := l.next(t)
			require.Equal(t, after, e.Message.Data)
			require.Contains(t, c.stored, e.Cursor)
		}
	}},
	{"delivers the entries of a log that replaces its own from the start, or returns", func(t *testing.T, s Subject) {
		if s.Replace == nil {
			t.Skip("the log cannot be replaced: the subject has no Replace")
		}
		old := state(t, s.Broker).Epoch
		l := listen(t, s.Broker, 0)
		l.takeUntil(t, publishSome(t, s.Broker, 5)[4])
		s.Replace(t)
		now := state(t, s.Broker)
		require.NotEqual(t, old, now.Epoch)
		first := publish(t, s.Broker, "new", sse.Text("first of the new"))
		require.Equal(t, now.Epoch, first.Epoch())
		select {
		case e := <-l.entries:
			require.Equal(t, first, e.Cursor, "the entries of the new log begin with its first")
		case <-l.ended:
			require.Error(t, l.err)
			require.Equal(t, first, listen(t, s.Broker, 0).next(t).Cursor)
		case <-patient(t).Done():
			require.FailNow(t, "Tail neither delivers nor returns")
		}
	}},
}
