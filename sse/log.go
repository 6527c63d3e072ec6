package sse

import (
	"slices"
	"sort"
	"time"
)

// record is one published message, encoded once for all subscribers.
type record struct {
	seq   uint64
	at    int64  // unix nanoseconds
	key   string // of idempotency
	state string // the state key
	frame []byte // nil once a later state has replaced it
}

// recordOverhead is what a record is counted for besides its frame, in bytes: its
// places in the queue of its topic and of the hub, which may be half empty.
const recordOverhead = 160

func (r *record) size() int64 {
	return int64(len(r.frame)+len(r.key)+2*len(r.state)) + recordOverhead
}

// topicLog is what the hub retains of one topic, in the order of the sequence
// numbers, and who listens to it.
type topicLog struct {
	name    string
	records fifo[record]
	states  map[string]uint64 // the latest message of each state key
	live    int               // records that were not replaced
	evicted uint64            // the highest sequence number that was evicted
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

// find returns the record, or nil when it is no longer retained.
func (t *topicLog) find(seq uint64) *record {
	records := t.records.all()
	i := 0
	if len(records) == 0 || records[0].seq > seq {
		return nil
	} else if records[0].seq < seq { // not the oldest, which is what is mostly asked for
		i = sort.Search(len(records), func(i int) bool { return records[i].seq >= seq })
	}
	if i == len(records) || records[i].seq != seq || records[i].frame == nil {
		return nil
	}
	return &records[i]
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

func (a arrival) stands() bool { return a.topic.find(a.seq) != nil }

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
// constant for each record, on average, but for the logarithm it takes to find the
// state that one replaces.
func (h *Hub) appendLocked(t *topicLog, r record, now int64) {
	if r.state != "" {
		h.replaceLocked(t, &r)
	}
	t.records.push(r)
	t.live++
	t.bytes += r.size()
	h.arrivals.push(arrival{t, r.seq})
	h.records++
	h.bytes += r.size()
	if r.key != "" {
		h.keys[r.key] = r.seq
	}
	for h.perTopic.exceeded(t.live, t.bytes) {
		h.forgetLocked(t)
	}
	h.evictLocked(now)
	// A record that outlives others behind it, of a topic with a bound of its
	// own, must not make their entries pile up.
	if h.arrivals.len() > 2*h.records+fifoSlack {
		h.arrivals.filter(arrival.stands)
	}
}

// replaceLocked empties the record of the state before, which nobody needs any more.
// Its place stays for a while, since the records are in order.
func (h *Hub) replaceLocked(t *topicLog, r *record) {
	if before := t.find(t.states[r.state]); before != nil {
		h.releaseLocked(t, before)
		before.frame, before.state = nil, ""
		if t.records.len() > 2*t.live+fifoSlack {
			t.records.filter(func(r record) bool {
				if r.frame == nil {
					h.forgetKeyLocked(r.key)
				}
				return r.frame != nil
			})
		}
	}
	if t.states == nil {
		t.states = map[string]uint64{}
	}
	t.states[r.state] = r.seq
}

// releaseLocked takes a record out of the accounts.
func (h *Hub) releaseLocked(t *topicLog, r *record) {
	t.live--
	t.bytes -= r.size()
	h.records--
	h.bytes -= r.size()
}

func (h *Hub) forgetKeyLocked(key string) {
	if key != "" {
		delete(h.keys, key)
	}
}

// evictLocked drops the oldest records until the hub's bounds hold.
func (h *Hub) evictLocked(now int64) {
	for h.arrivals.len() > 0 {
		oldest := h.arrivals.all()[0]
		if r := oldest.topic.find(oldest.seq); r != nil {
			tooOld := h.total.age > 0 && now-r.at > int64(h.total.age)
			if !tooOld && !h.total.exceeded(h.records, h.bytes) {
				return
			}
			h.forgetLocked(oldest.topic)
		}
		h.arrivals.pop()
	}
}

// forgetLocked evicts the oldest record of a topic, and the places of replaced ones
// before it.
func (h *Hub) forgetLocked(t *topicLog) {
	for {
		r := t.records.pop()
		h.forgetKeyLocked(r.key)
		if r.frame == nil {
			continue
		}
		h.releaseLocked(t, &r)
		t.evicted = r.seq
		if r.state != "" {
			delete(t.states, r.state)
		}
		break
	}
	h.pruneLocked(t)
}

// pruneLocked drops a topic of which nothing is left.
func (h *Hub) pruneLocked(t *topicLog) {
	if t.live == 0 && !t.heard() && h.topics[t.name] == t {
		delete(h.topics, t.name)
		if t.evicted > h.forgotten {
			h.remembered.keep(t.name, t.evicted, &h.forgotten)
		}
	}
}

// evictedLocked is the highest sequence number that was evicted from a topic that the
// hub does not hold at the moment, or a higher one.
func (h *Hub) evictedLocked(topic string) uint64 {
	if mark, ok := h.remembered.marks[topic]; ok {
		return mark
	}
	return h.forgotten
}

// maxRemembered is how many topics of which nothing is left are remembered one by one.
const maxRemembered = 4096

// memory is what is known of topics of which nothing is left: what was evicted from
// them last, since a client may come back with a position before that.
type memory struct {
	marks map[string]uint64
	order fifo[lastEviction]
}

type lastEviction struct {
	topic string
	seq   uint64
}

// keep remembers a topic. The oldest are known in common only, by the highest of their
// marks.
func (m *memory) keep(topic string, seq uint64, common *uint64) {
	if m.marks == nil {
		m.marks = map[string]uint64{}
	}
	if m.marks[topic] == seq {
		return // it was looked at meanwhile, and nothing was published
	}
	m.marks[topic] = seq
	m.order.push(lastEviction{topic, seq})
	for m.order.len() > maxRemembered {
		if oldest := m.order.pop(); m.marks[oldest.topic] == oldest.seq {
			delete(m.marks, oldest.topic)
			*common = max(*common, oldest.seq)
		}
	}
}
