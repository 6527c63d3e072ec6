package brokertest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// listener is a Tail under observation.
type listener struct {
	entries chan sse.Entry
	stop    context.CancelCauseFunc
	ended   chan struct{}
	err     error // why it ended; valid once ended is closed

	inside  atomic.Int32
	overlap atomic.Bool
}

// listen tails the broker until the test ends.
func listen(t *testing.T, b sse.Broker, after uint64) *listener {
	ctx, stop := context.WithCancelCause(context.Background())
	// Deliver may not wait, so there is room for more than any test publishes.
	l := &listener{entries: make(chan sse.Entry, 1<<16), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		l.err = b.Tail(ctx, after, func(e sse.Entry) {
			if l.inside.Add(1) > 1 {
				l.overlap.Store(true)
			}
			select {
			case <-l.ended:
				panic("brokertest: Tail delivers after it has returned")
			case l.entries <- e:
			}
			l.inside.Add(-1)
		})
	}()
	t.Cleanup(func() {
		stop(nil)
		l.wait(t)
	})
	return l
}

// next returns the next entry that is delivered.
func (l *listener) next(t *testing.T) sse.Entry {
	t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case e := <-l.entries:
		return e
	default:
	}
	select {
	case e := <-l.entries:
		return e
	case <-l.ended:
		require.FailNow(t, "Tail ended early", "it returned: %v", l.err)
	case <-timer.C:
		require.FailNow(t, "Tail delivered nothing", "within %v", Patience)
	}
	return sse.Entry{}
}

func (l *listener) take(t *testing.T, n int) []sse.Entry {
	t.Helper()
	var entries []sse.Entry
	for range n {
		entries = append(entries, l.next(t))
	}
	return entries
}

// takeUntil returns the entries up to a position.
func (l *listener) takeUntil(t *testing.T, last sse.Cursor) []sse.Entry {
	t.Helper()
	var entries []sse.Entry
	for {
		e := l.next(t)
		entries = append(entries, e)
		if e.Cursor == last {
			return entries
		}
		require.Less(t, e.Cursor.Sequence(), last.Sequence(), "position %v was left out", last)
	}
}

// wait returns why the Tail has ended.
func (l *listener) wait(t *testing.T) error {
	t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case <-l.ended:
	case <-timer.C:
		require.FailNow(t, "Tail did not return", "within %v", Patience)
	}
	return l.err
}

// requireOrder checks that sequence numbers grow, in one epoch.
func requireOrder(t *testing.T, entries []sse.Entry) {
	t.Helper()
	for i := 1; i < len(entries); i++ {
		before, e := entries[i-1].Cursor, entries[i].Cursor
		require.Equal(t, before.Epoch(), e.Epoch(), "entry %d is of another epoch than the one before", i)
		require.Greater(t, e.Sequence(), before.Sequence(), "entry %d does not come behind the one before", i)
	}
}
