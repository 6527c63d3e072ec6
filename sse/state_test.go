package sse

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func publishState(t *testing.T, h *Hub, topic, key, data string) string {
	t.Helper()
	ack, err := h.Publish(t.Context(), topic, Text(data).WithStateKey(key))
	require.NoError(t, err)
	return ack.Cursor.String()
}

func TestALaterStateReplacesTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		start := publishState(t, h, "positions", "batmobile", "dock 1")
		publishState(t, h, "positions", "batwing", "roof")
		publish(t, h, "positions", "a change")
		publishState(t, h, "positions", "batmobile", "dock 2")
		publishState(t, h, "other", "batmobile", "elsewhere")
		publishState(t, h, "positions", "batmobile", "dock 3")

		assert.Equal(t, []string{"sse.hello", "roof", "a change", "dock 3"}, names(visit(t, h.Subscribe("positions").FromStart())))
		back := visit(t, h.Subscribe("positions"), "Last-Event-ID", start)
		assert.Equal(t, []string{"roof", "a change", "dock 3"}, names(back), "no gap: what was replaced is not missed")
		both := visit(t, h.Subscribe("positions", "other").FromStart())
		assert.Equal(t, []string{"sse.hello", "roof", "a change", "elsewhere", "dock 3"}, names(both))
		assert.Equal(t, 4, h.Stats().Records)
	})
}

func TestWhoKeepsPaceGetsEveryState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		sub, err := h.Subscribe("positions").attach(start{silent: true}, false)
		require.NoError(t, err)
		defer sub.detach()
		for i := range 5 {
			publishState(t, h, "positions", "batmobile", fmt.Sprint(i))
			frames, n := sub.fill(nil)
			require.Equal(t, 1, n)
			require.Equal(t, fmt.Sprint(i), frameMessage(frames).Data)
		}
	})
}

func TestAStateIsNotPublishedAgainForAnOldKey(t *testing.T) {
	h := NewHub()
	first, err := h.Publish(t.Context(), "positions", Text("dock 1").WithID("a").WithStateKey("batmobile"))
	require.NoError(t, err)
	publishState(t, h, "positions", "batmobile", "dock 2")
	again, err := h.Publish(t.Context(), "positions", Text("dock 1").WithID("a").WithStateKey("batmobile"))
	require.NoError(t, err)
	assert.Equal(t, Ack{Cursor: first.Cursor, Duplicate: true}, again, "it would put the older state above the newer")
}

func TestReplacedStatesCostNothing(t *testing.T) {
	h := NewHub(Retain(1000, 1<<20, 0), RetainPerTopic(100, 0))
	for i := range 50_000 {
		_, err := h.Publish(t.Context(), "positions", Text("x").WithStateKey(fmt.Sprint(i%7)).WithID(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	topic := h.topics["positions"]
	assert.Equal(t, 7, topic.live)
	assert.Equal(t, 7, h.records)
	assert.LessOrEqual(t, topic.records.len(), 4*fifoSlack)
	assert.LessOrEqual(t, h.arrivals.len(), 4*fifoSlack)
	assert.LessOrEqual(t, len(h.keys), 4*fifoSlack)
	assert.Zero(t, topic.evicted, "nothing that anybody needs is gone")
	var bytes int64
	for _, r := range topic.records.all() {
		if r.frame != nil {
			bytes += r.size()
		}
	}
	assert.Equal(t, bytes, topic.bytes)
	assert.Equal(t, bytes, h.bytes)
}

// The log with states and changes, of several topics and within bounds, against what a
// client needs: the latest of each state and every change, or else a gap.
func TestStatesAndChangesAgainstAModel(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 5))
		h := NewHub(Retain(30, 0, 0), RetainPerTopic(random.IntN(3)*8, 0))
		type model struct {
			seq  uint64
			key  string
			data string
		}
		published := map[string][]model{}
		for i := range 400 {
			topic := fmt.Sprint("t", random.IntN(3))
			m := Text(fmt.Sprint(i))
			if key := random.IntN(6); key < 4 {
				m = m.WithStateKey(fmt.Sprint("k", key))
			}
			ack, err := h.Publish(t.Context(), topic, m)
			require.NoError(t, err)
			published[topic] = append(published[topic], model{ack.Cursor.seq, m.StateKey(), m.Data})

			after := uint64(random.IntN(int(ack.Cursor.seq) + 1))
			sub, err := h.Subscribe(topic).From(Cursor{h.epoch, after}).attach(start{silent: true}, false)
			require.NoError(t, err)
			frames, _ := sub.fill(nil)
			sub.detach()
			var got []string
			for m, err := range Read(strings.NewReader(string(frames))) {
				require.NoError(t, err)
				got = append(got, m.Data)
			}
			latest := map[string]uint64{}
			for _, p := range published[topic] {
				latest[p.key] = p.seq
			}
			want := []string{}
			for _, p := range published[topic] {
				if p.seq > after && (p.key == "" || latest[p.key] == p.seq) {
					want = append(want, p.data)
				}
			}
			if len(got) > 0 && strings.Contains(got[0], "evicted") {
				continue // told so
			}
			require.Equal(t, want, append([]string{}, got...))
		}
	}
}

func TestAStateKeyIsChecked(t *testing.T) {
	for name, key := range map[string]string{
		"line break": "a\nb", "NUL": "a\x00", "not UTF-8": "\xff", "too long": strings.Repeat("k", 256),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewHub().Publish(t.Context(), "x", Text("x").WithStateKey(key))
			assert.ErrorContains(t, err, "sse: message state key")
		})
	}
}
