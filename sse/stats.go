package sse

import (
	"sync/atomic"
	"time"
)

// counters are what a hub counts.
type counters struct {
	published, duplicates, delivered, resumed, lagged, snapshots atomic.Int64
	gaps                                                         [4]atomic.Int64
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
