package sse

import (
	"sort"
	"time"
)

// record is one published message, encoded once for all subscribers.
type record struct {
	seq   uint64
	at    int64 // unix nanoseconds
	key   string
	frame []byte
}

// recordOverhead is what a record is counted for besides its frame, in bytes.
const recordOverhead = 64

func (r *record) size() int64 { return int64(len(r.frame)+len(r.key)) + recordOverhead }

// topicLog is what the hub retains of one topic: records in the order of their
// sequence numbers, in a slice whose front is consumed by eviction.
type topicLog struct {
	name    string
	records []record
	evicted uint64 // the highest sequence number that was evicted
	bytes   int64
	subs    map[*subscriber]struct{}
	dirty   bool // waiting for the hub's waker
}

// after returns the retained records beyond seq.
func (t *topicLog) after(seq uint64) []record {
	// Most subscribers are at the end or just before it.
	n := len(t.records)
	if n == 0 || t.records[n-1].seq <= seq {
		return nil
	}
	if n == 1 || t.records[n-2].seq <= seq {
		return t.records[n-1:]
	}
	return t.records[sort.Search(n, func(i int) bool { return t.records[i].seq > seq }):]
}

// pop evicts the oldest record.
func (t *topicLog) pop() record {
	oldest := t.records[0]
	t.records[0] = record{}
	t.records = t.records[1:]
	t.evicted = oldest.seq
	t.bytes -= oldest.size()
	return oldest
}

// arrival is an entry of the hub's queue over all topics, oldest first.
type arrival struct {
	topic *topicLog
	seq   uint64
}

// bounds limit what is retained. A zero bound is none.
type bounds struct {
	records int
	bytes   int64
	age     time.Duration
}

func (b bounds) exceeded(records int, bytes int64) bool {
	return b.records > 0 && records > b.records || b.bytes > 0 && bytes > b.bytes
}

// evictLocked drops the oldest records until the topic's and the hub's bounds
// hold. Its cost is a constant for each record ever published.
func (h *Hub) evictLocked(t *topicLog, now int64) {
	for len(t.records) > 0 && h.perTopic.exceeded(len(t.records), t.bytes) {
		h.forgetLocked(t)
	}
	for len(h.arrivals) > 0 {
		oldest := h.arrivals[0]
		if gone := len(oldest.topic.records) == 0 || oldest.topic.records[0].seq > oldest.seq; !gone {
			tooOld := h.total.age > 0 && now-oldest.topic.records[0].at > int64(h.total.age)
			if !tooOld && !h.total.exceeded(h.records, h.bytes) {
				return
			}
			h.forgetLocked(oldest.topic)
		}
		h.arrivals[0] = arrival{}
		h.arrivals = h.arrivals[1:]
	}
}

func (h *Hub) forgetLocked(t *topicLog) {
	r := t.pop()
	h.records--
	h.bytes -= r.size()
	if r.key != "" {
		delete(h.keys, r.key)
	}
	h.pruneLocked(t)
}

// pruneLocked drops a topic of which nothing is left. What it knew of evictions
// is kept for all such topics together, on the safe side.
func (h *Hub) pruneLocked(t *topicLog) {
	if len(t.records) == 0 && len(t.subs) == 0 && h.topics[t.name] == t {
		h.forgotten = max(h.forgotten, t.evicted)
		delete(h.topics, t.name)
	}
}
