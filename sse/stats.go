package sse

import (
	"sync/atomic"
	"time"
)

// counters are what a hub counts.
type counters struct {
	published, duplicates, delivered, resumed, lagged, snapshots atomic.Int64
	gaps                                                         [4]atomic.Int64
	latency                                                      histogram
}

// LatencyBuckets are the upper bounds of the buckets of [HubStats.Latency]; a last
// bucket holds what took longer.
var LatencyBuckets = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 5 * time.Second,
}

// histogram counts durations.
type histogram struct {
	buckets [len(LatencyBuckets) + 1]atomic.Int64
	sum     atomic.Int64
}

// since counts the time since a moment in unix nanoseconds.
func (h *histogram) since(at int64) {
	took := max(time.Now().UnixNano()-at, 0)
	i := 0
	for i < len(LatencyBuckets) && took > int64(LatencyBuckets[i]) {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(took)
}

// Latency is how long messages took from the hub's log to their subscribers.
type Latency struct {
	// Counts has a count for each of [LatencyBuckets], and one for what took longer.
	// They are not cumulative.
	Counts []int64
	Sum    time.Duration
}

// Quantile returns a bound below which the share q of the samples was, 0 when there
// are none: the upper end of a bucket, or the last bound for what took longer.
func (l Latency) Quantile(q float64) time.Duration {
	var total int64
	for _, n := range l.Counts {
		total += n
	}
	seen := int64(0)
	for i, n := range l.Counts {
		if seen += n; n > 0 && float64(seen) >= q*float64(total) {
			return LatencyBuckets[min(i, len(LatencyBuckets)-1)]
		}
	}
	return 0
}

// gapReasons are the reasons in the order of counters.gaps.
var gapReasons = [...]string{evicted, replaced, future, invalid}

func (c *counters) deliver(n int) {
	if n > 0 {
		c.delivered.Add(int64(n))
	}
}

func (c *counters) gap(reason string) {
	for i, r := range gapReasons {
		if r == reason {
			c.gaps[i].Add(1)
		}
	}
}

// HubStats is what a [Hub] has counted since it was made, and what it holds now.
type HubStats struct {
	// Published counts the messages that Publish stored, and Duplicates those it did
	// not store again.
	Published, Duplicates int64
	// Delivered counts the messages handed to subscribers, one for each of them.
	Delivered int64
	// Resumed counts the subscribers that came with a position and missed nothing.
	// Gaps counts, by reason, how often one was told that it has; Lagged, how often
	// one was disconnected for falling behind; Snapshots, how often one was sent.
	Resumed, Lagged, Snapshots int64
	Gaps                       map[string]int64

	// Latency is sampled once for each batch that goes to parked subscribers, when the
	// last of them is handed it, and once for each write to another.
	Latency Latency

	// Subscribers are those that are served now, in all and by transport.
	Subscribers, Parked, Lean, Portable int
	// Topics, Records and Bytes are what the hub retains, and Oldest is the time of
	// the oldest record, zero if there is none.
	Topics, Records int
	Bytes           int64
	Oldest          time.Time
	// Cursor is the position of the last message; BrokerLag, by how many messages the
	// hub is known to be behind its broker.
	Cursor    Cursor
	BrokerLag uint64
	// BrokerError is the text of [Hub.BrokerError].
	BrokerError string
}

// Stats returns what the hub has counted. It is cheap enough to be asked every second.
func (h *Hub) Stats() HubStats {
	s := HubStats{
		Published: h.stats.published.Load(), Duplicates: h.stats.duplicates.Load(),
		Delivered: h.stats.delivered.Load(), Resumed: h.stats.resumed.Load(),
		Lagged: h.stats.lagged.Load(), Snapshots: h.stats.snapshots.Load(),
		Gaps:   map[string]int64{},
		Parked: h.loops.Open(), Lean: h.lean.Open(),
		Cursor: h.Cursor(),
	}
	for i := range h.stats.latency.buckets {
		s.Latency.Counts = append(s.Latency.Counts, h.stats.latency.buckets[i].Load())
	}
	s.Latency.Sum = time.Duration(h.stats.latency.sum.Load())
	for i, reason := range gapReasons {
		s.Gaps[reason] = h.stats.gaps[i].Load()
	}
	if err := h.BrokerError(); err != nil {
		s.BrokerError = err.Error()
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	s.Subscribers, s.Topics, s.Records, s.Bytes = h.subs, len(h.topics), h.records, h.bytes
	s.Portable = max(s.Subscribers-s.Parked-s.Lean, 0)
	for _, a := range h.arrivals.all() {
		if r := a.topic.find(a.seq); r != nil {
			s.Oldest = time.Unix(0, r.at)
			break
		}
	}
	if h.follower != nil {
		s.BrokerLag = h.follower.known.Load() - min(h.seq, h.follower.known.Load())
	}
	return s
}
