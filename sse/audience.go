package sse

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/redstart-go/redstart/internal/fanout"
)

// audience is the parked subscribers to one set of topics. They are woken together,
// and those at the same position are sent the very same bytes.
type audience struct {
	key     string
	framing *Framing    // nil for event streams
	topics  []listening // without places: the members are not in the topics' lists
	parked  fanout.Group
	members atomic.Int32 // changes while the hub is locked

	mu    sync.Mutex
	batch []byte // as sent last to who was at from; it never changes
	from  place
	to    place
	count int
	at    int64 // when the first of its messages came
	left  int32 // members who may want it still: behind the last it is let go of
}

// place is a position within one life of the hub's log.
type place struct {
	seq  uint64
	life uint32
}

// join makes the subscriber a member of the audience of its topics. The hub is
// locked.
func (sub *subscriber) join(topics []string, framing *Framing) {
	key := ""
	if framing != nil {
		key = framing.Name + "\n"
	}
	if sub.strict {
		key += "strict\n" // others may be told of a gap under way
	}
	for _, name := range topics {
		key += strconv.Itoa(len(name)) + ":" + name
	}
	h := sub.hub
	a := h.audiences[key]
	if a == nil {
		a = &audience{key: key, framing: framing}
		for _, name := range topics {
			t := h.topicLocked(name)
			a.topics = append(a.topics, listening{topicLog: t})
			t.audiences = append(t.audiences, a)
		}
		h.audiences[key] = a
	}
	a.members.Add(1)
	sub.audience, sub.topics = a, a.topics
}

// part takes the subscriber out of its audience. The hub is locked.
func (sub *subscriber) part() {
	h, a := sub.hub, sub.audience
	if a.members.Add(-1) > 0 {
		return
	}
	delete(h.audiences, a.key)
	for _, l := range a.topics {
		l.dismiss(a)
		h.pruneLocked(l.topicLog)
	}
}

// Next is the subscriber's side of [fanout.Feed].
func (sub *subscriber) Next() (batch []byte, messages int, err error) {
	// Asked first: all that was published before the hub was closed is behind the
	// position then.
	closed := sub.hub.isClosed()
	switch batch, messages = sub.next(); {
	case messages > 0:
		return batch, messages, nil
	case sub.failed != nil:
		return nil, 0, sub.failed
	case sub.lagging:
		return nil, 0, ErrLagging
	case closed:
		return nil, 0, ErrHubClosed
	}
	return nil, 0, nil
}

// Behind is the other side of it.
func (sub *subscriber) Behind() int64 {
	h := sub.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	if sub.life != h.life {
		return int64(h.seq)
	}
	return int64(h.seq - min(sub.seq, h.seq))
}

// chunkHead is room for the length of a chunk and its line end.
const chunkHead = 10

// next returns a chunk with what is behind the position, and moves it. Who is at
// the position of the one before gets the same chunk.
func (sub *subscriber) next() ([]byte, int) {
	if len(sub.opening) > 0 || sub.lagging || sub.retry > 0 || sub.sieve != nil {
		batch, n, at := sub.compose() // what is nobody else's
		if at > 0 {
			sub.hub.stats.latency.since(at)
		}
		return batch, n
	}
	a := sub.audience
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count > 0 && a.from == sub.place {
		sub.place = a.to
		batch, n := a.batch, a.count
		a.keepLocked(sub.hub, batch, n, a.left-1)
		sub.hub.stats.deliver(n)
		return batch, n
	}
	from := sub.place
	batch, n, at := sub.compose()
	if n > 0 {
		a.from, a.to, a.at = from, sub.place, at
		a.keepLocked(sub.hub, batch, n, a.members.Load()-1)
	}
	return batch, n
}

// compose makes a batch of what is behind the position: of an event stream, a chunk
// (RFC 9112 section 7.1).
func (sub *subscriber) compose() (_ []byte, n int, at int64) {
	if sub.framing() != nil {
		return sub.fillFrom(make([]byte, 0, 256))
	}
	buf := make([]byte, chunkHead, 256)
	if sub.retry > 0 {
		buf = appendRetry(buf, sub.retry)
	}
	buf, n, at = sub.fillFrom(buf)
	if n == 0 {
		return nil, 0, 0
	}
	sub.retry = 0
	size := strconv.AppendInt(make([]byte, 0, chunkHead), int64(len(buf)-chunkHead), 16)
	size = append(size, "\r\n"...)
	start := chunkHead - len(size)
	copy(buf[start:], size)
	return append(buf, "\r\n"...)[start:], n, at
}

// keepLocked keeps a batch for so many other members. For none it is not kept, or an
// audience of one would retain what the hub has dropped.
func (a *audience) keepLocked(h *Hub, batch []byte, count int, left int32) {
	if left <= 0 {
		if a.at > 0 {
			h.stats.latency.since(a.at)
		}

		batch, count = nil, 0
	}
	a.batch, a.count, a.left = batch, count, left
}
