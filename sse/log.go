package sse

import (
	"slices"
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

// recordOverhead is what a record is counted for besides its frame, in bytes: its
// places in the queue of its topic and of the hub, which may be half empty.
const recordOverhead = 128

func (r *record) size() int64 { return int64(len(r.frame)+len(r.key)) + recordOverhead }

// topicLog is what the hub retains of one topic, in the order of the sequence
// numbers, and who listens to it.
type topicLog struct {
	name    string
	records fifo[record]
	evicted uint64 // the highest sequence number that was evicted
	bytes   int64
	subs    []*subscriber
	// audiences are those whose subscribers are parked.
	audiences []*audience
	dirty     bool // waiting for the hub's waker
}

// after returns the retained records beyond seq.
func (t *topicLog) after(seq uint64) []record {
	// Most subscribers are at the end or just before it.
	records := t.records.all()
	n := len(records)
	if n == 0 || records[n-1].seq <= seq {
		return nil
	}
	if n == 1 || records[n-2].seq <= seq {
		return records[n-1:]
	}
	return records[sort.Search(n, func(i int) bool { return records[i].seq > seq }):]
}

// holds says whether the record is still retained, given that it once was.
func (t *topicLog) holds(seq uint64) bool {
	records := t.records.all()
	return len(records) > 0 && records[0].seq <= seq
}

// add and remove keep the subscribers. A subscriber knows its place in each of
// its topics, so that neither costs more when there are many.
func (t *topicLog) add(sub *subscriber) {
	sub.topics = append(sub.topics, listening{t, len(t.subs)})
	t.subs = append(t.subs, sub)
}

func (t *topicLog) remove(place int) {
	end := len(t.subs) - 1
	if place != end {
		moved := t.subs[end]
		t.subs[place] = moved
		for i := range moved.topics {
			if moved.topics[i].topicLog == t {
				moved.topics[i].place = place
			}
		}
	}
	t.subs[end] = nil
	t.subs = t.subs[:end]
}

// dismiss forgets an audience that has no members any more.
func (t *topicLog) dismiss(a *audience) {
	t.audiences = slices.DeleteFunc(t.audiences, func(other *audience) bool { return other == a })
}

// heard says whether anybody listens.
func (t *topicLog) heard() bool { return len(t.subs) > 0 || len(t.audiences) > 0 }

// listening is a subscriber's place among those of a topic.
type listening struct {
	*topicLog
	place int
}

// arrival is an entry of the hub's queue over all topics, oldest first. The
// record it stands for may have gone by its topic's own bounds.
type arrival struct {
	topic *topicLog
	seq   uint64
}

func (a arrival) stands() bool { return a.topic.holds(a.seq) }

// bounds limit what is retained. A zero bound is none.
type bounds struct {
	records int
	bytes   int64
	age     time.Duration
}

func (b bounds) exceeded(records int, bytes int64) bool {
	return b.records > 0 && records > b.records || b.bytes > 0 && bytes > b.bytes
}

// appendLocked retains the record, at the cost of the oldest ones beyond the
// topic's and the hub's bounds. The record itself fits within them. The cost is a
// constant for each record, on average.
func (h *Hub) appendLocked(t *topicLog, r record) {
	t.records.push(r)
	t.bytes += r.size()
	h.arrivals.push(arrival{t, r.seq})
	h.records++
	h.bytes += r.size()
	if r.key != "" {
		h.keys[r.key] = r.seq
	}
	for h.perTopic.exceeded(t.records.len(), t.bytes) {
		h.forgetLocked(t)
	}
	h.evictLocked(r.at)
	// A record that outlives others behind it, of a topic with a bound of its
	// own, must not make their entries pile up.
	if h.arrivals.len() > 2*h.records+fifoSlack {
		h.arrivals.filter(arrival.stands)
	}
}

// evictLocked drops the oldest records until the hub's bounds hold.
func (h *Hub) evictLocked(now int64) {
	for h.arrivals.len() > 0 {
		if oldest := h.arrivals.all()[0]; oldest.stands() {
			at := oldest.topic.records.all()[0].at
			tooOld := h.total.age > 0 && now-at > int64(h.total.age)
			if !tooOld && !h.total.exceeded(h.records, h.bytes) {
				return
			}
			h.forgetLocked(oldest.topic)
		}
		h.arrivals.pop()
	}
}

// forgetLocked evicts the oldest record of a topic.
func (h *Hub) forgetLocked(t *topicLog) {
	r := t.records.pop()
	t.evicted = r.seq
	t.bytes -= r.size()
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
	if t.records.len() == 0 && !t.heard() && h.topics[t.name] == t {
		h.forgotten = max(h.forgotten, t.evicted)
		delete(h.topics, t.name)
	}
}
