package brokertest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// crowd is several publishers at work, who remember what was acknowledged to them.
type crowd struct {
	publishers sync.WaitGroup
	mu         sync.Mutex
	stored     map[sse.Cursor]string // the data by its position
	failures   []error
}

// startCrowd lets each of n publish so many messages, one after the other, through the
// brokers in turn. Each message has a key and is published again, with the same key, if
// that failed, for at most Patience.
func startCrowd(t *testing.T, brokers []sse.Broker, n, each int) *crowd {
	c := &crowd{stored: map[sse.Cursor]string{}}
	ctx := patient(t)
	for publisher := range n {
		b := brokers[publisher%len(brokers)]
		c.publishers.Go(func() {
			for i := range each {
				data := fmt.Sprintf("%d/%d", publisher, i)
				if !c.publish(ctx, b, fmt.Sprintf("crowd.%d", publisher), sse.Text(data).WithID(data)) {
					return
				}
			}
		})
	}
	t.Cleanup(c.publishers.Wait)
	return c
}

// publish returns whether it succeeded.
func (c *crowd) publish(ctx context.Context, b sse.Broker, topic string, m sse.Message) bool {
	ack, err := b.Publish(ctx, topic, m)
	for err != nil && ctx.Err() == nil {
		ack, err = b.Publish(ctx, topic, m)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch other, taken := c.stored[ack.Cursor]; {
	case err != nil:
		c.failures = append(c.failures, err)
	case taken:
		c.failures = append(c.failures, fmt.Errorf("%q was acknowledged at %v, where %q is", m.Data, ack.Cursor, other))
	default:
		c.stored[ack.Cursor] = m.Data
	}
	return err == nil
}

// requireAll waits for the publishers, and checks that a listener from the start gets
// what they published, each once and where they were told it is.
func (c *crowd) requireAll(t *testing.T, listeners ...*listener) {
	t.Helper()
	c.publishers.Wait()
	require.Empty(t, c.failures)
	for i, l := range listeners {
		entries := l.take(t, len(c.stored))
		requireOrder(t, entries)
		next := map[string]int{}
		for _, e := range entries {
			data, ok := c.stored[e.Cursor]
			require.True(t, ok, "listener %d: position %v, with %q, was acknowledged to nobody", i, e.Cursor, e.Message.Data)
			require.Equal(t, data, e.Message.Data, "listener %d: another message is at position %v", i, e.Cursor)
			require.Equal(t, fmt.Sprintf("%s/%d", e.Topic[len("crowd."):], next[e.Topic]), data,
				"listener %d: the messages of a publisher are not in the order in which it published them", i)
			next[e.Topic]++
		}
	}
}
