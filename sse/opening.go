package sse

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// start is what is known of where a subscriber begins before it is attached.
type start struct {
	lastEventID string
	confirmed   bool     // the position is known to exist, though perhaps not yet here
	prepared    bool     // the client was sent what leads up to it
	lost        bool     // the broker does not keep what is behind it either
	greet       bool     // nothing of that had an id, and the client named none either
	silent      bool     // there is no client to be told of anything
	framing     *Framing // of a protocol other than event streams
}

// emit passes a message on, with the position as its id unless that is zero.
type emit func(m Message, at Cursor) error

// Check says whether the subscription could be served: its topics are such, and the hub
// lets the client have them (see [Authorize]). Serving asks by itself; this is for who
// has to know before.
func (s *Subscription) Check(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	return s.allowed(ctx)
}

// allowed asks whether the client may have all the topics.
func (s *Subscription) allowed(ctx context.Context) error {
	if s.hub.authorize == nil {
		return nil
	}
	for _, topic := range s.topics {
		if err := s.hub.authorize(ctx, topic); err != nil {
			return &forbiddenError{topic, err}
		}
	}
	return nil
}

// forbiddenError says which topic the client may not have.
type forbiddenError struct {
	topic string
	err   error
}

func (e *forbiddenError) Error() string { return fmt.Sprintf("sse: topic %q: %v", e.topic, e.err) }
func (e *forbiddenError) Unwrap() error { return e.err }

// StatusCode is that of the error which Authorize's function returned.
func (e *forbiddenError) StatusCode() int {
	if coded, ok := e.err.(interface{ StatusCode() int }); ok {
		return coded.StatusCode()
	}
	return 403
}

// prepare does what a subscriber needs before it can follow the hub's log, and what
// may take long: it waits for a hub that has not read its broker yet, reads for a
// client what only the broker keeps, and sends a snapshot. It runs on the request's
// goroutine.
func (s *Subscription) prepare(ctx context.Context, lastEventID string, emit emit) (start, error) {
	begin := start{lastEventID: lastEventID}
	if s.plain() || s.err != nil {
		return begin, s.err
	}
	if err := s.hub.Ready(ctx); err != nil {
		return begin, err
	}
	position, reason := s.locate(lastEventID)
	if s.hub.broker != nil {
		var err error
		if begin, reason, err = s.consult(ctx, begin, position, reason, emit); err != nil {
			return begin, err
		}
	}
	if s.snapshot != nil && (reason != "" || s.implicit && begin.lastEventID == "") {
		return s.sendSnapshot(ctx, cmp.Or(begin.lastEventID, position.String()), reason, emit)
	}
	return begin, nil
}

// plain says that there is nothing to prepare.
func (s *Subscription) plain() bool { return s.hub.broker == nil && s.snapshot == nil }

// locate says where the client would begin, and why it has a gap, if so.
func (s *Subscription) locate(lastEventID string) (Cursor, string) {
	h := s.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	from := s.fromLocked()
	_, reason := h.locateLocked(from, lastEventID, s.floorLocked())
	if lastEventID != "" && reason != invalid {
		from, _ = ParseCursor(lastEventID)
	}
	return from, reason
}

// fromLocked is where a client begins that names no position.
func (s *Subscription) fromLocked() Cursor {
	if s.implicit && s.from.IsZero() {
		return Cursor{s.hub.epoch, s.hub.seq}
	}
	return s.from
}

// floorLocked is the lowest position from which the hub's own log can be continued
// exactly.
func (s *Subscription) floorLocked() (floor uint64) {
	for _, name := range s.topics {
		if t := s.hub.topics[name]; t != nil {
			floor = max(floor, t.evicted)
		} else {
			floor = max(floor, s.hub.evictedLocked(name))
		}
	}
	return floor
}

// consult asks the broker about a position that is not in the hub's own log.
func (s *Subscription) consult(ctx context.Context, begin start, position Cursor, reason string, emit emit) (start, string, error) {
	switch {
	case reason == future:
		if s.hub.follower.reached(ctx, position.epoch, position.seq) {
			begin.lastEventID, begin.confirmed = position.String(), true
			return begin, "", nil
		}
	case reason == evicted, position.IsZero():
		begin.greet = begin.lastEventID == ""
		at, complete, err := s.catchUp(ctx, position, func(m Message, at Cursor) error {
			begin.greet = false
			return emit(m, at)
		})
		if err != nil {
			return begin, reason, err
		}
		if at != position {
			begin.lastEventID, begin.prepared = at.String(), true
		}
		if begin.lost = !complete; complete {
			reason = ""
		}
	}
	return begin, reason, nil
}

// catchUp sends what the broker keeps behind a position, until the hub's own log can
// take over. It returns the position it has come to, and whether nothing is missing.
func (s *Subscription) catchUp(ctx context.Context, at Cursor, emit emit) (_ Cursor, complete bool, err error) {
	h := s.hub
	anywhere := at.IsZero() // then nothing before the first entry is missed
	for {
		h.mu.RLock()
		epoch, floor := h.epoch, s.floorLocked()
		h.mu.RUnlock()
		if at.IsZero() {
			at.epoch = epoch
		}
		if at.epoch != epoch {
			return at, false, nil
		}
		if at.seq >= floor {
			return at, true, nil
		}
		page, err := h.follower.read(ctx, at.seq)
		if err == nil && len(page) == 0 && anywhere {
			return Cursor{epoch, floor}, true, nil // the start is where the hub's own log begins
		}
		if err != nil || len(page) == 0 {
			return at, false, err
		}
		for _, e := range page {
			if e.Cursor.epoch != at.epoch || e.Cursor.seq != at.seq+1 && !anywhere {
				return at, false, nil
			}
			anywhere = false
			if s.wants(&e) {
				if err := emit(e.Message, e.Cursor); err != nil {
					return at, false, err
				}
			}
			at = e.Cursor
		}
	}
}

// wants says whether an entry of the broker is for this subscriber.
func (s *Subscription) wants(e *Entry) bool {
	if _, subscribed := slices.BinarySearch(s.topics, e.Topic); !subscribed || e.Message.Validate() != nil {
		return false
	}
	if s.keep == nil {
		return true
	}
	m := e.Message
	m.ID = e.Cursor.String()
	return s.keep(e.Topic, m)
}

// sendSnapshot sends the state in place of messages that are gone.
func (s *Subscription) sendSnapshot(ctx context.Context, lastEventID, reason string, emit emit) (start, error) {
	at := s.hub.Cursor() // before the state is read
	if reason != "" {
		s.hub.stats.gap(reason)
		if err := emit(gapMessage(reason, lastEventID), Cursor{}); err != nil {
			return start{}, err
		}
	}
	s.hub.stats.snapshots.Add(1)
	err := s.snapshot(ctx, func(m Message) error { return emit(m, Cursor{}) })
	if err != nil {
		return start{}, err
	}
	begin := start{lastEventID: at.String(), prepared: true}
	return begin, emit(Message{Event: "sse.snapshot"}, at)
}

// open is prepare for a client.
func (s *Subscription) open(ctx context.Context, w *writer, lastEventID string) error {
	if s.plain() {
		w.begin = start{lastEventID: lastEventID}
		return nil
	}
	heard := w.stopWith(ctx)
	defer heard()
	defer w.settle() // before the connection may be taken over
	return protect(func() (err error) {
		w.begin, err = s.prepare(ctx, lastEventID, func(m Message, at Cursor) error {
			m = m.WithID(at.String())
			return w.send(m)
		})
		return err
	})
}
