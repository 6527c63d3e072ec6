package jetstream

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// crowd publishes without keys through several brokers until it is told to stop.
type crowd struct {
	publishers sync.WaitGroup
	stop       atomic.Bool
	mu         sync.Mutex
	stored     map[sse.Cursor]string
	failures   []error
	longest    time.Duration // that one Publish took
	published  chan struct{} // gets one for each message, and drops what nobody waits for
}

func startCrowd(t *testing.T, n int, brokers ...*Broker) *crowd {
	c := &crowd{stored: map[sse.Cursor]string{}, published: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	for publisher := range n {
		b := brokers[publisher%len(brokers)]
		c.publishers.Go(func() {
			for i := 0; !c.stop.Load(); i++ {
				data := fmt.Sprintf("%d/%d", publisher, i)
				start := time.Now()
				ack, err := b.Publish(ctx, fmt.Sprint("crowd.", publisher), sse.Text(data))
				c.mu.Lock()
				c.longest = max(c.longest, time.Since(start))
				if err != nil {
					c.failures = append(c.failures, err)
					c.stop.Store(true)
				} else {
					c.stored[ack.Cursor] = data
				}
				c.mu.Unlock()
				select {
				case c.published <- struct{}{}:
				default:
				}
			}
		})
	}
	t.Cleanup(func() { cancel(); c.publishers.Wait() })
	return c
}

// more waits until the crowd has published so many more messages.
func (c *crowd) more(t *testing.T, n int) {
	t.Helper()
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	for ; n > 0; n-- {
		select {
		case <-c.published:
		case <-timer.C:
			require.FailNow(t, "nothing is published any more")
		}
	}
}

// requireAll ends the crowd, and checks that what it published arrives: each once, in
// order, where it was acknowledged, and nothing else. Nothing failed on the way.
func (c *crowd) requireAll(t *testing.T, tails ...<-chan sse.Entry) {
	t.Helper()
	c.stop.Store(true)
	c.publishers.Wait()
	require.Empty(t, c.failures)
	for _, entries := range tails {
		following := map[string]int{}
		var before sse.Cursor
		for range len(c.stored) {
			e := next(t, entries)
			require.Greater(t, e.Cursor.Sequence(), before.Sequence())
			require.Equal(t, c.stored[e.Cursor], e.Message.Data, "at %v", e.Cursor)
			require.Equal(t, fmt.Sprintf("%s/%d", e.Topic[len("crowd."):], following[e.Topic]), e.Message.Data)
			following[e.Topic]++
			before = e.Cursor
		}
		assert.Empty(t, entries)
	}
	t.Logf("%d messages, each once and in order; Publish took %v at most", len(c.stored), c.longest.Round(time.Millisecond))
}
