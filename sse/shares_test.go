package sse

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unframed is a framing whose messages are as in an event stream.
var unframed = &Framing{Name: "unframed", Append: func(dst []byte, _ string, m Message) []byte {
	dst, _ = m.AppendTo(dst)
	return dst
}}

func TestOneWithASnapshotIsNotGivenTheGapOfOthers(t *testing.T) {
	h := NewHub(Retain(2, 0, 0), OnLag(LagSkip))
	defer h.Close()
	feed := func(s *Subscription) *Feed {
		f, err := s.Feed(t.Context(), "", unframed, func([]byte) error { return nil }, func() {})
		require.NoError(t, err)
		t.Cleanup(f.Close)
		_, _, err = f.Next()
		require.NoError(t, err)
		return f
	}
	skips := feed(h.Subscribe("a"))
	strict := feed(h.Subscribe("a").Snapshot(stateOf("x")))
	for range 5 {
		publish(t, h, "a", "x")
	}
	batch, _, err := skips.Next()
	require.NoError(t, err)
	assert.Contains(t, string(batch), "sse.gap")
	_, _, err = strict.Next()
	assert.ErrorIs(t, err, ErrLagging)
}

func TestAFilteredClientIsReminded(t *testing.T) {
	none := func(string, Message) bool { return false }
	for _, test := range []struct {
		name    string
		bursts  []int
		initial int
	}{
		{"of what was there when it came", []int{0}, 8},
		{"after a burst", []int{0, 2, 8}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := NewHub(Retain(8, 0, 0))
			defer h.Close()
			for range test.initial {
				publish(t, h, "a", "x")
			}
			f, err := h.Subscribe("a").FromStart().Filter(none).Feed(t.Context(), "", unframed, nil, func() {})
			require.NoError(t, err)
			defer f.Close()
			said := ""
			for _, n := range test.bursts {
				for range n {
					publish(t, h, "a", "x")
				}
				for {
					batch, n, err := f.Next()
					require.NoError(t, err)
					if n == 0 {
						break
					}
					said = string(batch)
				}
			}
			assert.Contains(t, said, "id: "+h.Cursor().String()+"\n", "or it is told of a gap when it returns")
		})
	}
}

func TestAMessageOfManyLinesIsReadInOneGo(t *testing.T) {
	m := Text(strings.Repeat("\n", 1<<10))
	frame, err := m.AppendTo(nil)
	require.NoError(t, err)
	assert.Equal(t, m.Data, frameMessage(frame).Data)
	assert.LessOrEqual(t, testing.AllocsPerRun(10, func() { frameMessage(frame) }), 2.0)
}

// hollow is a broker that keeps nothing of what there was.
type hollow struct{ Broker }

func (hollow) State(context.Context) (BrokerState, error) {
	return BrokerState{Epoch: "e", First: 6, Last: 5}, nil
}
func (hollow) Read(context.Context, uint64, int) ([]Entry, error) { return nil, nil }

func TestTheStartOfALogOfWhichNothingIsKeptIsNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := ready(t, node(t, hollow{NewMemoryBroker(0)}))
		got := visit(t, h.Subscribe("a").FromStart())
		assert.Equal(t, []string{"sse.hello"}, names(got))
		assert.Equal(t, "e.5", got[0].ID)
	})
}

func TestTheGapBeforeASnapshotSaysWhereFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Retain(1, 0, 0))
		from := h.Cursor()
		publish(t, h, "a", "1")
		publish(t, h, "a", "2")
		got := visit(t, h.Subscribe("a").From(from).Snapshot(stateOf("x")))
		assert.Equal(t, `sse.gap {"reason":"evicted","from":"`+from.String()+`"}`, names(got)[0])
	})
}
