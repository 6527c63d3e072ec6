package sse

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"
)

// Subscription is a wish to be streamed what is published to some topics of a
// [Hub]. Make one with [Hub.Subscribe] and hand it to [NewStream]. It holds
// nothing until it is served.
type Subscription struct {
	hub    *Hub
	topics []string
	from   Cursor
	err    error
}

// Subscribe makes a subscription to the topics. It begins behind the event that
// the client names in Last-Event-ID, and otherwise at the moment of this call.
//
// A client without a position is first sent one, as the id of an event named
// "sse.hello", so that it can resume even when it is cut before the first
// message. A client whose position cannot be continued exactly is sent an event
// named "sse.gap", whose data is a JSON object with the reason: "evicted" when
// messages behind it are no longer retained, "epoch" when it comes from another
// life of the hub, "future" or "invalid" when no event ever had that id, and with
// the position it came from. All that is retained and may be new to the client
// follows the gap; after an id that never was, that is what is published from
// then on.
//
// Topic names are at most 255 bytes of UTF-8 without control characters; a bad
// name is an error with status 400 when the stream is served.
func (h *Hub) Subscribe(topics ...string) *Subscription {
	s := &Subscription{hub: h, topics: slices.Compact(slices.Sorted(slices.Values(topics))), from: h.Cursor()}
	if len(topics) == 0 {
		s.err = &TopicError{"", "is missing: subscribe to at least one"}
	}
	for _, topic := range topics {
		s.err = errors.Join(s.err, checkTopic(topic))
	}
	return s
}

// From sets where a client begins that names no position itself: behind c, which
// comes from [Hub.Cursor], from an [Ack], or from [ParseCursor]. It returns the
// subscription.
func (s *Subscription) From(c Cursor) *Subscription {
	s.from = c
	return s
}

// FromStart lets such a client begin with the oldest messages that are retained.
func (s *Subscription) FromStart() *Subscription { return s.From(Cursor{}) }

// Messages subscribes within the program: it yields what is published from the
// subscription's position on, waiting in between, until ctx ends or the hub is
// closed; then it yields the cause as its error, or [ErrLagging] if the loop has
// fallen behind. Positions are in the messages' ids. A gap is a message, as it is
// for clients. Each use is a subscription of its own.
func (s *Subscription) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		sub, err := s.attach("", false, false)
		if err != nil {
			yield(Message{}, err)
			return
		}
		defer sub.detach()
		var buf []byte
		err = sub.follow(ctx, func() (int, error) {
			if ctx.Err() != nil {
				return 0, context.Cause(ctx)
			}
			frames, n := sub.fill(buf[:0])
			reader := NewReader(bytes.NewReader(frames))
			reader.MaxEventBytes = len(frames) + 1 // they are the hub's own
			for range n {
				m, err := reader.Next()
				if err != nil {
					return 0, err
				}
				if !yield(m, nil) {
					return 0, errStopped
				}
			}
			buf = trimmed(frames)
			return n, nil
		})
		if err != errStopped {
			yield(Message{}, err)
		}
	}
}

// errStopped says that the loop over Messages was left.
var errStopped = errors.New("sse: the loop was left")

// run streams to one client.
func (s *Subscription) run(ctx context.Context, w *writer) error {
	sub, err := s.attach(w.resumeFrom, true, false)
	if err != nil {
		return err
	}
	defer sub.detach()
	return sub.follow(ctx, func() (int, error) { return w.sendFrames(sub.fill) })
}

func (s *Subscription) discard() {}

// subscriber is a subscription that is being served: a position, and a way to be
// woken when there may be something behind it.
type subscriber struct {
	hub     *Hub
	topics  []listening
	seq     uint64
	opening []byte // what the client is told before anything else
	lagging bool
	woken   chan struct{} // nil for one that is parked
	// audience is whom a parked subscriber is woken with; retry goes out with its
	// first message.
	audience *audience
	retry    time.Duration
}

// fillLimit is about how many bytes one fill appends.
const fillLimit = 64 << 10

// attach finds the position and begins to listen, in one step. A client without a
// position is greeted with the one it got; a reader within the program needs no
// greeting. A parked subscriber is woken with its audience instead of by itself.
func (s *Subscription) attach(lastEventID string, greet, parked bool) (*subscriber, error) {
	if s.err != nil {
		return nil, s.err
	}
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrHubClosed
	}
	sub := &subscriber{hub: h}
	h.evictLocked(time.Now().UnixNano())
	if parked {
		sub.join(s.topics)
	} else {
		sub.woken = make(chan struct{}, 1)
		for _, name := range s.topics {
			h.topicLocked(name).add(sub)
		}
	}
	if told := sub.place(s.from, lastEventID); !told && greet && lastEventID == "" {
		sub.announce(Message{Event: "sse.hello"})
	}
	if h.subs++; h.subs == 1 {
		stop := make(chan struct{})
		h.stopWaker = stop
		h.waker.Go(func() { h.runWaker(stop) })
	}
	return sub, nil
}

// place sets the position, and says whether it had to tell the client of a gap.
// The hub is locked.
func (sub *subscriber) place(from Cursor, lastEventID string) (told bool) {
	h := sub.hub
	position := from
	if lastEventID != "" {
		var err error
		if position, err = ParseCursor(lastEventID); err != nil {
			sub.seq = h.seq
			sub.gap("invalid", lastEventID)
			return true
		}
	}
	switch floor := sub.floor(); {
	case position.IsZero(): // from the start, such as it is
		sub.seq = floor
		return false
	case position.epoch != h.epoch:
		sub.seq = floor
		sub.gap("epoch", position.String())
	case position.seq > h.seq:
		sub.seq = h.seq
		sub.gap("future", position.String())
	case position.seq < floor:
		sub.seq = floor
		sub.gap("evicted", position.String())
	default:
		sub.seq = position.seq
		return false
	}
	return true
}

// floor is the lowest position from which all topics can be continued exactly.
func (sub *subscriber) floor() (floor uint64) {
	for _, t := range sub.topics {
		floor = max(floor, t.evicted)
	}
	return floor
}

func (sub *subscriber) gap(reason, from string) {
	if len(from) > maxCursorLength {
		from = from[:maxCursorLength]
	}
	from = strings.ToValidUTF8(from, "\uFFFD")
	sub.announce(JSON(struct {
		Reason string `json:"reason"`
		From   string `json:"from"`
	}{reason, from}).WithEvent("sse.gap"))
}

// announce puts m, with the current position as its id, before all else.
func (sub *subscriber) announce(m Message) {
	position := Cursor{sub.hub.epoch, sub.seq}
	sub.opening = appendFrame(sub.opening, &m, position.append(nil))
}

func (sub *subscriber) detach() {
	h := sub.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if sub.audience != nil {
		sub.part()
	} else {
		for _, t := range sub.topics {
			t.remove(t.place)
			h.pruneLocked(t.topicLog)
		}
	}
	if h.subs--; h.subs == 0 {
		close(h.stopWaker)
	}
}

// notify wakes the subscriber. It never waits.
func (sub *subscriber) notify() {
	select {
	case sub.woken <- struct{}{}:
	default:
	}
}

// follow calls deliver whenever there may be more to stream, until there is a
// reason to end. deliver returns the number of messages, 0 when there was none.
func (sub *subscriber) follow(ctx context.Context, deliver func() (int, error)) error {
	for {
		// Asked before the delivery, which then holds all that was published
		// before the hub was closed.
		closed := sub.hub.isClosed()
		n, err := deliver()
		switch {
		case err != nil:
			return err
		case n > 0:
			continue
		case sub.lagging:
			return ErrLagging
		case closed:
			return ErrHubClosed
		}
		select {
		case <-sub.woken:
		case <-sub.hub.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// fill appends what is behind the subscriber's position, up to about fillLimit
// bytes, and moves the position.
func (sub *subscriber) fill(dst []byte) ([]byte, int) {
	h := sub.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	if sub.lagging {
		return dst, 0
	}
	if floor := sub.floor(); sub.seq < floor {
		if h.onLag == LagDisconnect {
			sub.lagging = true
			return dst, 0
		}
		from := Cursor{h.epoch, sub.seq}.String()
		sub.seq = floor
		sub.gap("evicted", from)
	}
	n := 0
	if len(sub.opening) > 0 {
		dst = append(dst, sub.opening...)
		sub.opening = nil
		n++
	}
	limit := len(dst) + fillLimit
	if len(sub.topics) == 1 {
		for _, r := range sub.topics[0].after(sub.seq) {
			dst = append(dst, r.frame...)
			sub.seq = r.seq
			n++
			if len(dst) >= limit {
				break
			}
		}
		return dst, n
	}
	return sub.merge(dst, n, limit)
}

// merge is fill for several topics: their records in the order of publishing.
func (sub *subscriber) merge(dst []byte, n, limit int) ([]byte, int) {
	heads := make([][]record, 0, len(sub.topics))
	for _, t := range sub.topics {
		if behind := t.after(sub.seq); len(behind) > 0 {
			heads = append(heads, behind)
		}
	}
	for len(heads) > 0 && len(dst) < limit {
		first := 0
		for i := range heads {
			if heads[i][0].seq < heads[first][0].seq {
				first = i
			}
		}
		r := heads[first][0]
		dst = append(dst, r.frame...)
		sub.seq = r.seq
		n++
		if heads[first] = heads[first][1:]; len(heads[first]) == 0 {
			heads = slices.Delete(heads, first, first+1)
		}
	}
	return dst, n
}
