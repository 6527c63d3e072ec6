package sse

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStreamsDescribesThoseThatAreOpen(t *testing.T) {
	overTransports(t, plainServer, func(t *testing.T, server *Server, hub *Hub, open *site, ended chan Report) {
		assert.Empty(t, server.Streams(0))
		begin := time.Now()
		c := open.path("/live").get(t)
		c.hello()
		publish(t, hub, "a", "x")
		c.next()
		other := open.get(t)
		other.hello()
		require.Eventually(t, func() bool { return server.Streams(0)[0].Events+server.Streams(0)[1].Events == 3 }, patience, time.Millisecond)
		assert.Len(t, server.Streams(1), 1)
		infos := server.Streams(0)
		if infos[0].Events == 1 {
			infos[0], infos[1] = infos[1], infos[0]
		}
		info := infos[0]
		assert.Equal(t, []string{"a", "b"}, info.Topics)
		assert.Contains(t, info.Remote, "127.0.0.1:")
		assert.WithinRange(t, info.Begin, begin, time.Now())
		assert.Positive(t, info.Bytes)
		assert.Zero(t, info.Blocked)
		if server.Transport == Portable {
			assert.Equal(t, "/live", info.Path)
			assert.EqualValues(t, -1, info.Lag)
		} else {
			assert.True(t, info.Parked)
			assert.Zero(t, info.Lag)
		}

		stats := hub.Stats()
		assert.Equal(t, 2, stats.Subscribers)
		assert.Equal(t, 2, stats.Parked+stats.Lean+stats.Portable)
		assert.Equal(t, 2, map[Transport]int{Auto: stats.Parked, Lean: stats.Lean, Portable: stats.Portable}[server.Transport])
		assert.EqualValues(t, 1, stats.Published)
		assert.EqualValues(t, 3, stats.Delivered)
		assert.Equal(t, 1, stats.Records)
		assert.WithinRange(t, stats.Oldest, begin, time.Now())
		assert.Equal(t, hub.Cursor(), stats.Cursor)

		c.cancel()
		other.cancel()
		reported(t, ended)
		reported(t, ended)
		require.Eventually(t, func() bool { return server.Stats().Open == 0 }, patience, time.Millisecond)
		total := server.Stats()
		assert.Equal(t, map[Reason]int64{ClientGone: 2}, total.Ended)
		assert.EqualValues(t, 3, total.Events)
		assert.Positive(t, total.Duration)
		assert.False(t, total.Draining)
		require.NoError(t, server.Drain(t.Context()))
		assert.True(t, server.Stats().Draining)
	})
}

func TestStatsCountResumesGapsAndLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Retain(3, 0, 0))
		first := publish(t, h, "a", "x")
		for range 5 {
			publish(t, h, "a", "x")
		}
		for _, id := range []string{first, "abc.1", "nonsense", Cursor{h.epoch, 99}.String(), h.Cursor().String()} {
			visit(t, h.Subscribe("a"), "Last-Event-ID", id)
		}
		sub, err := h.Subscribe("a").attach(start{}, false)
		require.NoError(t, err)
		defer sub.detach()
		for range 5 {
			publish(t, h, "a", "x")
		}
		sub.fill(nil)
		stats := h.Stats()
		assert.EqualValues(t, 1, stats.Resumed)
		assert.EqualValues(t, 1, stats.Lagged)
		assert.Equal(t, map[string]int64{"evicted": 1, "epoch": 1, "invalid": 1, "future": 1}, stats.Gaps)
	})
}

func TestLatencyIsFromTheLogToTheSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		before := h.Cursor().String()
		publish(t, h, "a", "x")
		time.Sleep(30 * time.Millisecond)
		visit(t, h.Subscribe("a"), "Last-Event-ID", before)
		latency := h.Stats().Latency
		require.Len(t, latency.Counts, len(LatencyBuckets)+1)
		assert.EqualValues(t, 1, latency.Counts[8])
		assert.Equal(t, 30*time.Millisecond, latency.Sum)
		assert.Equal(t, 50*time.Millisecond, latency.Quantile(0.99))
		assert.Zero(t, Latency{}.Quantile(0.5))
	})
}

func TestTheSlowestOfAnAudienceCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		var subs []*subscriber
		for range 3 {
			sub, err := h.Subscribe("a").attach(start{lastEventID: h.Cursor().String()}, true)
			require.NoError(t, err)
			subs = append(subs, sub)
		}
		publish(t, h, "a", "x")
		for _, sub := range subs {
			time.Sleep(time.Millisecond)
			_, n, err := sub.Next()
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
		assert.Equal(t, 3*time.Millisecond, h.Stats().Latency.Sum)
		for _, sub := range subs {
			sub.detach()
		}
	})
}
