// Package brokertest holds an implementation of [sse.Broker] to its contract.
//
// A test of the implementation says how to come by a broker on an empty log, and what
// can be done to it; [Run] does the rest:
//
//	func TestBroker(t *testing.T) {
//		brokertest.Run(t, func(t *testing.T) brokertest.Subject {
//			b, err := mybroker.Open(t.TempDir())
//			if err != nil {
//				t.Fatal(err)
//			}
//			return brokertest.Subject{Broker: b}
//		})
//	}
//
// Each sentence of the contract is a test of its own, named by it, so that a failure
// says which promise was broken. They run one after another, each on a log of its own,
// and use no fixed times: whatever does not come within [Patience] has failed.
package brokertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// Patience is how long a test waits for what ought to come.
const Patience = 30 * time.Second

// DefaultLargestData is the size of the largest message that is tried, in bytes.
const DefaultLargestData = 1 << 20

// Subject is a broker under test. The functions that are nil are what cannot be done
// to it; the tests that need them are skipped.
type Subject struct {
	// Broker is on a log that is empty. [Run] closes it.
	Broker sse.Broker

	// Open makes another broker on the same log, as another process would have. Run
	// closes it.
	Open func(t *testing.T) sse.Broker

	// Interrupt breaks what connects Broker with its log, in whatever way, and heals
	// it. The log outlives that. It may return while the broker is still busy with
	// recovering. It is called while others use the broker.
	Interrupt func(t *testing.T)

	// Replace loses the log, and puts an empty one in its place.
	Replace func(t *testing.T)

	// Trim makes the log forget all entries before the sequence number.
	Trim func(t *testing.T, first uint64)

	// LargestData is the size of the largest message to try; zero stands for
	// [DefaultLargestData].
	LargestData int
}

// promise is a sentence of the contract and the test of it.
type promise struct {
	sentence string
	test     func(t *testing.T, s Subject)
}

// Run tests what the function returns, which is called once for each test.
func Run(t *testing.T, subject func(t *testing.T) Subject) {
	for _, chapter := range []struct {
		name     string
		promises []promise
	}{
		{"Publish", publishing},
		{"Message", messages},
		{"Tail", tailing},
		{"Read", reading},
		{"State", states},
		{"Close", closing},
	} {
		t.Run(chapter.name, func(t *testing.T) {
			for _, p := range chapter.promises {
				t.Run(p.sentence, func(t *testing.T) {
					s := subject(t)
					require.NotNil(t, s.Broker, "the subject has no broker")
					t.Cleanup(func() { require.NoError(t, s.Broker.Close(), "closing the broker under test") })
					p.test(t, s)
				})
			}
		})
	}
}

// another opens a second broker, or skips the test.
func (s Subject) another(t *testing.T) sse.Broker {
	t.Helper()
	if s.Open == nil {
		t.Skip("the broker cannot be opened twice: the subject has no Open")
	}
	b := s.Open(t)
	t.Cleanup(func() { require.NoError(t, b.Close(), "closing the other broker") })
	return b
}

// others are all brokers that can be had on the log: one or two.
func (s Subject) brokers(t *testing.T) []sse.Broker {
	brokers := []sse.Broker{s.Broker}
	if s.Open != nil {
		brokers = append(brokers, s.another(t))
	}
	return brokers
}

// patient bounds a call.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// publish stores a message and returns its position.
func publish(t *testing.T, b sse.Broker, topic string, m sse.Message) sse.Cursor {
	t.Helper()
	ack, err := b.Publish(patient(t), topic, m)
	require.NoError(t, err, "publishing to %q", topic)
	require.False(t, ack.Duplicate, "a message that was published for the first time is no duplicate")
	require.False(t, ack.Cursor.IsZero(), "an acknowledgement has a position")
	return ack.Cursor
}

// publishSome stores n messages and returns their positions.
func publishSome(t *testing.T, b sse.Broker, n int) []sse.Cursor {
	t.Helper()
	var cursors []sse.Cursor
	for range n {
		cursors = append(cursors, publish(t, b, "some", sse.Text("one of some")))
	}
	return cursors
}

func state(t *testing.T, b sse.Broker) sse.BrokerState {
	t.Helper()
	state, err := b.State(patient(t))
	require.NoError(t, err, "asking for the state")
	return state
}

func read(t *testing.T, b sse.Broker, after uint64, limit int) []sse.Entry {
	t.Helper()
	entries, err := b.Read(patient(t), after, limit)
	require.NoError(t, err, "reading behind %d", after)
	return entries
}

func cursors(entries []sse.Entry) []sse.Cursor {
	var cursors []sse.Cursor
	for _, e := range entries {
		cursors = append(cursors, e.Cursor)
	}
	return cursors
}
