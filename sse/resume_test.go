package sse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// returning is a client that remembers where it was. It keeps the rules of an
// EventSource, and checks that it misses nothing without being told.
type returning struct {
	topics   []string
	id       string
	position uint64 // everything up to it was seen, or reported as missed
	gaps     map[string]int
}

func (r *returning) take(t *testing.T, m Message, published []modelRecord) {
	t.Helper()
	cursor, err := ParseCursor(m.ID)
	require.NoError(t, err)
	r.id = m.ID
	switch m.Event {
	case "sse.hello":
	case "sse.gap":
		var gap struct{ Reason string }
		require.NoError(t, m.DecodeJSON(&gap))
		r.gaps[gap.Reason]++
	default:
		require.Equal(t, m.Data, strconv.FormatUint(cursor.seq, 10))
		require.Greater(t, cursor.seq, r.position, "no duplicate, no reordering")
		require.Equal(t, cursor.seq, r.due(published), "no loss without a gap")
	}
	r.position = cursor.seq
}

// due is the first message behind the reader's position, or 0.
func (r *returning) due(published []modelRecord) uint64 {
	// The sequence is dense, so that a position is an index.
	for _, p := range published[r.position:] {
		if slices.Contains(r.topics, p.topic) {
			return p.seq
		}
	}
	return 0
}

func TestResumeIsExactWhateverHappens(t *testing.T) {
	gaps := 0
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 11))
		h := NewHub(Retain(5+random.IntN(100), int64(random.IntN(2)*20_000), 0), RetainPerTopic(random.IntN(2)*30, 0), OnLag(LagPolicy(random.IntN(2))))
		var published []modelRecord
		var clients []*returning
		subs := map[*returning]*subscriber{}
		for i := range 6 {
			topics := []string{"t0", "t1", "t2", "t3"}
			random.Shuffle(4, func(i, j int) { topics[i], topics[j] = topics[j], topics[i] })
			clients = append(clients, &returning{topics: topics[:1+i%3], gaps: map[string]int{}})
		}
		catchUp := func(c *returning, cut bool) {
			sub := subs[c]
			if sub == nil {
				s := h.Subscribe(c.topics...)
				if c.id == "" {
					c.position = s.from.seq
				}
				var err error
				sub, err = s.attach(start{lastEventID: c.id}, false)
				require.NoError(t, err)
				subs[c] = sub
			}
			frames, n := sub.fill(nil)
			if n == 0 && sub.lagging {
				cut = true
			}
			if cut && len(frames) > 0 { // the connection breaks anywhere
				frames = frames[:random.IntN(len(frames))]
			}
			for m, err := range Read(strings.NewReader(string(frames))) {
				require.NoError(t, err)
				c.take(t, m, published)
			}
			if cut {
				sub.detach()
				delete(subs, c)
			}
		}
		for range 800 {
			switch c := clients[random.IntN(len(clients))]; random.IntN(10) {
			case 0:
				catchUp(c, true)
			case 1, 2:
				catchUp(c, false)
			default:
				topic := fmt.Sprint("t", random.IntN(5))
				data := strconv.FormatUint(h.Cursor().seq+1, 10)
				ack, err := h.Publish(t.Context(), topic, Text(data))
				require.NoError(t, err)
				published = append(published, modelRecord{topic, record{seq: ack.Cursor.seq}})
			}
		}
		for _, c := range clients {
			for range 3 {
				catchUp(c, false)
			}
			require.Zero(t, c.due(published), "in the end each has everything")
			require.NotContains(t, c.gaps, "invalid")
			require.NotContains(t, c.gaps, "epoch")
			require.NotContains(t, c.gaps, "future")
			gaps += c.gaps["evicted"]
			subs[c].detach()
		}
		require.NoError(t, h.Close())
	}
	assert.Greater(t, gaps, 50, "the test is not vacuous")
}

func TestChurnOverHTTPLosesNothing(t *testing.T) {
	const total = 3000
	h := NewHub()
	server := new(Server)
	site := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Handle(w, r, NewStream(h.Subscribe("a", "b").FromStart()))
	}))
	var clients sync.WaitGroup
	for c := range 10 {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(uint64(c), 3))
			id, next := "", 0
			for next < total {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				req, _ := http.NewRequestWithContext(ctx, http.MethodGet, site.url, nil)
				if id != "" {
					req.Header.Set("Last-Event-ID", id)
				}
				resp, err := site.client.Do(req)
				if !assert.NoError(t, err) {
					cancel()
					return
				}
				until := next + 1 + random.IntN(600)
				for m, err := range Read(resp.Body) {
					if !assert.NoError(t, err) || !assert.NotEqual(t, "sse.gap", m.Event) {
						cancel()
						return
					}
					id = m.ID
					if m.Event == "sse.hello" {
						continue
					}
					if !assert.Equal(t, strconv.Itoa(next), m.Data) {
						cancel()
						return
					}
					if next++; next >= min(until, total) {
						break
					}
				}
				cancel()
				_ = resp.Body.Close()
			}
		})
	}
	for i := range total {
		publish(t, h, []string{"a", "b"}[i%2], strconv.Itoa(i))
	}
	clients.Wait()
	require.NoError(t, h.Close())
	require.NoError(t, server.Drain(t.Context()))
	assert.Zero(t, h.Subscribers())
}
