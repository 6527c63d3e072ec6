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
	hub      *Hub
	topics   []string
	from     Cursor
	implicit bool // from is when Subscribe was called, or zero for the moment it is served
	keep     func(topic string, m Message) bool
	snapshot Func
	member   string
	err      error
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
	s.implicit = true
	if h.oneOfMany {
		s.err = ErrOneOfMany
	}
	if len(topics) == 0 {
		s.err = errors.Join(s.err, &TopicError{"", "is missing: subscribe to at least one"})
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
	s.from, s.implicit = c, false
	return s
}

// FromStart lets such a client begin with the oldest messages that are retained, by
// the hub or its broker.
func (s *Subscription) FromStart() *Subscription { return s.From(Cursor{}) }

// Topics returns the names of the topics, sorted.
func (s *Subscription) Topics() []string { return slices.Clone(s.topics) }

// Hub returns the hub that is subscribed to.
func (s *Subscription) Hub() *Hub { return s.hub }

// Filter leaves out the messages for which keep returns false. It is called for each
// message of each such subscriber, on goroutines that serve others too, so it has to be
// quick, safe for concurrent use, and without a call of [Server.Streams], which waits
// for these goroutines; what it panics with ends the stream as a failure. The message's
// ID is its position. A client that got nothing for long is told its position by another
// "sse.hello", so that it can resume from there.
//
// It returns the subscription. Subscribers with a filter do not share what is written
// to them, so there is a price: use topics where there are few kinds of subscribers.
func (s *Subscription) Filter(keep func(topic string, m Message) bool) *Subscription {
	s.keep = keep
	return s
}

// Snapshot sets a function that sends the state which the messages change. It runs for
// a client without a position (which From does give), and after a gap in place of what
// is retained. The client gets
//
//	sse.gap        only when it has missed messages; without an id
//	...            what f sends, without ids
//	sse.snapshot   with the position at the moment before f was called
//
// and then all messages behind that position, so that the state is complete as long as
// f reads no older one; a change may arrive twice, with the state and as a message. A
// client that is cut before "sse.snapshot" gets another one when it returns. f runs on
// the request's goroutine; its error fails the stream. It returns the subscription.
//
// Whoever falls behind what is retained is disconnected, whatever [OnLag] says, and is
// sent a snapshot when it comes back.
func (s *Subscription) Snapshot(f Func) *Subscription {
	s.snapshot = f
	return s
}

// Messages subscribes within the program: it yields what is published from the
// subscription's position on, waiting in between, until ctx ends or the hub is
// closed; then it yields the cause as its error, or [ErrLagging] if the loop has
// fallen behind. Positions are in the messages' ids. A gap and a snapshot are
// messages, as they are for clients. Each use is a subscription of its own.
func (s *Subscription) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		err := s.follow(ctx, func(m Message) error {
			if !yield(m, nil) {
				return errStopped
			}
			return nil
		})
		if err != errStopped {
			yield(Message{}, err)
		}
	}
}

// follow is Messages with a function that may refuse to take more.
func (s *Subscription) follow(ctx context.Context, yield func(Message) error) error {
	sub, err := s.settle(ctx, yield)
	if err != nil {
		return err
	}
	defer sub.detach()
	var buf []byte
	return sub.follow(ctx, func() (int, error) {
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
			if err := yield(m); err != nil {
				return 0, err
			}
		}
		buf = trimmed(frames)
		return n, nil
	})
}

// settle prepares and attaches a subscriber within the program, again if its position
// was evicted in between.
func (s *Subscription) settle(ctx context.Context, yield func(Message) error) (*subscriber, error) {
	begin := start{}
	for {
		var err error
		begin, err = s.prepare(ctx, begin.lastEventID, func(m Message, at Cursor) error {
			return yield(m.WithID(at.String()))
		})
		if err != nil {
			return nil, err
		}
		begin.silent = true
		sub, err := s.attach(begin, false)
		if err != nil || !sub.lagging {
			return sub, err
		}
		sub.detach()
	}
}

// errStopped says that the loop over Messages was left.
var errStopped = errors.New("sse: the loop was left")

// run streams to one client.
func (s *Subscription) run(ctx context.Context, w *writer) error {
	sub, err := s.attach(w.begin, false)
	if err != nil {
		return err
	}
	defer sub.detach()
	return sub.follow(ctx, func() (int, error) {
		var at int64
		n, err := w.sendFrames(func(dst []byte) (_ []byte, n int) {
			dst, n, at = sub.fillFrom(dst)
			return dst, n
		})
		if at > 0 && err == nil {
			s.hub.stats.latency.since(at)
		}
		return n, err
	})
}

func (s *Subscription) discard() {}

// subscriber is a subscription that is being served: a position, and a way to be
// woken when there may be something behind it.
type subscriber struct {
	hub    *Hub
	topics []listening
	place
	lagging bool
	strict  bool   // never told of a gap under way: it is disconnected
	opening []byte // what the client is told before anything else
	sieve   *sieve // of one with a filter
	failed  error
	absent  func()        // of one that is present by name
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
func (s *Subscription) attach(begin start, parked bool) (*subscriber, error) {
	if s.err != nil {
		return nil, s.err
	}
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrHubClosed
	}
	sub := &subscriber{hub: h, strict: s.snapshot != nil, place: place{life: h.life}}
	if s.keep != nil {
		sub.sieve = &sieve{keep: s.keep}
	}
	h.evictLocked(time.Now().UnixNano())
	if parked {
		sub.join(s.topics, begin.framing)
	} else {
		sub.woken = make(chan struct{}, 1)
		for _, name := range s.topics {
			h.topicLocked(name).add(sub)
		}
	}
	sub.seat(s.fromLocked(), begin)
	if s.member != "" {
		sub.absent = h.joinAll(s.topics, s.member)
	}
	if h.subs++; h.subs == 1 {
		stop := make(chan struct{})
		h.stopWaker = stop
		h.waker.Go(func() { h.runWaker(stop) })
	}
	return sub, nil
}

// seat sets the position and prepares what the client is told of it. The hub is
// locked.
func (sub *subscriber) seat(from Cursor, begin start) {
	h := sub.hub
	seq, reason := h.locateLocked(from, begin.lastEventID, sub.floor())
	if reason == future && begin.confirmed {
		position, _ := ParseCursor(begin.lastEventID)
		seq, reason = position.seq, ""
	}
	sub.seq = seq
	switch resumes := begin.lastEventID != ""; {
	case reason != "" && begin.prepared && sub.strict, reason == evicted && h.broker != nil && !begin.lost:
		sub.lagging = true // it was there a moment ago: the client comes back for it
	case reason != "":
		if !resumes {
			begin.lastEventID = from.String()
		}
		sub.gap(reason, begin.lastEventID)
	case begin.silent, begin.prepared && !begin.greet:
	case resumes && !begin.greet:
		h.stats.resumed.Add(1)
	default:
		sub.announce(Message{Event: "sse.hello"})
	}
	if sub.sieve != nil {
		sub.sieve.told = seq
	}
}

// Reasons for a gap.
const (
	evicted  = "evicted"
	future   = "future"
	invalid  = "invalid"
	replaced = "epoch"
)

// locateLocked finds the position of a client that names one, or else the one that is
// given, and says why it cannot be continued exactly, if so.
func (h *Hub) locateLocked(from Cursor, lastEventID string, floor uint64) (seq uint64, reason string) {
	position := from
	if lastEventID != "" {
		var err error
		if position, err = ParseCursor(lastEventID); err != nil {
			return h.seq, invalid
		}
	}
	switch {
	case position.IsZero(): // from the start, such as it is
		return floor, ""
	case position.epoch != h.epoch:
		return floor, replaced
	case position.seq > h.seq:
		return h.seq, future
	case position.seq < floor:
		return floor, evicted
	}
	return position.seq, ""
}

// floor is the lowest position from which all topics can be continued exactly.
func (sub *subscriber) floor() (floor uint64) {
	for _, t := range sub.topics {
		floor = max(floor, t.evicted)
	}
	return floor
}

func (sub *subscriber) gap(reason, from string) {
	sub.hub.stats.gap(reason)
	sub.announce(gapMessage(reason, from))
}

// gapMessage is what a client is told that has missed something.
func gapMessage(reason, from string) Message {
	if len(from) > maxCursorLength {
		from = from[:maxCursorLength]
	}
	return JSON(struct {
		Reason string `json:"reason"`
		From   string `json:"from"`
	}{reason, strings.ToValidUTF8(from, "\uFFFD")}).WithEvent("sse.gap")
}

// announce puts m, with the current position as its id, before all else.
func (sub *subscriber) announce(m Message) {
	position := Cursor{sub.hub.epoch, sub.seq}
	sub.opening = appendFrame(sub.opening, &m, position.append(nil))
}

func (sub *subscriber) detach() {
	h := sub.hub
	if sub.absent != nil {
		sub.absent()
	}
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
		case sub.failed != nil:
			return sub.failed
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
// bytes, and moves the position. It returns the number of messages.
func (sub *subscriber) fill(dst []byte) ([]byte, int) {
	dst, n, _ := sub.fillFrom(dst)
	return dst, n
}

// fillFrom is fill that also says when the first of the messages came, in unix
// nanoseconds, 0 when there was none.
func (sub *subscriber) fillFrom(dst []byte) (_ []byte, n int, at int64) {
	if sub.sieve != nil {
		return sub.sift(dst)
	}
	h := sub.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	dst, n, ok := sub.beginLocked(dst)
	if !ok {
		return dst, 0, 0
	}
	limit := len(dst) + fillLimit
	for t, r := range sub.behindLocked {
		if at == 0 {
			at = r.at
		}
		dst = sub.put(dst, t.name, r.frame)
		n++
		if len(dst) >= limit {
			break
		}
	}
	h.stats.deliver(n)
	return dst, n, at
}

// beginLocked appends what the client is to be told before the messages, and says
// whether it can have these.
func (sub *subscriber) beginLocked(dst []byte) (_ []byte, n int, ok bool) {
	h := sub.hub
	if sub.lagging || sub.failed != nil {
		return dst, 0, false
	}
	if sub.life != h.life {
		if sub.strict {
			sub.lagging = true
			return dst, 0, false
		}
		from := Cursor{h.epochs[sub.life], sub.seq}.String()
		sub.place = place{sub.floor(), h.life}
		sub.gap(replaced, from)
	} else if floor := sub.floor(); sub.seq < floor {
		if h.onLag == LagDisconnect || sub.strict {
			h.stats.lagged.Add(1)
			sub.lagging = true
			return dst, 0, false
		}
		from := Cursor{h.epoch, sub.seq}.String()
		sub.seq = floor
		sub.gap(evicted, from)
	}
	if len(sub.opening) > 0 {
		dst = sub.putOpening(dst)
		sub.opening = nil
		n++
	}
	return dst, n, true
}

// behindLocked yields what is behind the position, in the order of publishing, and
// moves the position along.
func (sub *subscriber) behindLocked(yield func(t *topicLog, r *record) bool) {
	if len(sub.topics) > 1 {
		sub.mergeLocked(yield)
		return
	}
	t := sub.topics[0].topicLog
	records := t.after(sub.seq)
	for i := range records {
		r := &records[i]
		sub.seq = r.seq
		if r.frame != nil && !yield(t, r) {
			return
		}
	}
}

// mergeLocked is behindLocked for several topics.
func (sub *subscriber) mergeLocked(yield func(t *topicLog, r *record) bool) {
	type head struct {
		*topicLog
		behind []record
	}
	heads := make([]head, 0, len(sub.topics))
	for _, t := range sub.topics {
		if behind := t.after(sub.seq); len(behind) > 0 {
			heads = append(heads, head{t.topicLog, behind})
		}
	}
	for len(heads) > 0 {
		first := 0
		for i := range heads {
			if heads[i].behind[0].seq < heads[first].behind[0].seq {
				first = i
			}
		}
		h := &heads[first]
		r := &h.behind[0]
		sub.seq = r.seq
		if r.frame != nil && !yield(h.topicLog, r) {
			return
		}
		if h.behind = h.behind[1:]; len(h.behind) == 0 {
			heads = slices.Delete(heads, first, first+1)
		}
	}
}
