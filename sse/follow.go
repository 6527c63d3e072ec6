package sse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// How a hub reads its broker.
const (
	readPage     = 1024                  // entries that are read at a time
	catchUpPage  = 256                   // and for a subscriber that was away for long
	catchUps     = 8                     // subscribers that are read for at the same time
	minFollowGap = 50 * time.Millisecond // between two attempts to find the broker again
	maxFollowGap = 5 * time.Second
	steadyFollow = 10 * time.Second // what lasted as long was no failed attempt
	askTimeout   = 2 * time.Second
)

// follower copies what a broker keeps, and whatever comes to it, into the log of its
// hub.
type follower struct {
	hub     *Hub
	cancel  context.CancelCauseFunc
	done    sync.WaitGroup
	inStep  chan struct{} // closed when all that was kept at the start has been read
	known   atomic.Uint64 // the highest sequence number that was heard of
	asking  chan struct{} // a token for who asks the broker for its state
	reading chan struct{} // tokens for who reads for a single subscriber
	trouble atomic.Pointer[error]
}

func newFollower(h *Hub) *follower {
	return &follower{
		hub: h, inStep: make(chan struct{}),
		asking: make(chan struct{}, 1), reading: make(chan struct{}, catchUps),
	}
}

func (f *follower) start() {
	ctx, cancel := context.WithCancelCause(context.Background())
	f.cancel = cancel
	f.done.Go(func() { f.run(ctx) })
}

func (f *follower) stop() {
	f.cancel(ErrHubClosed)
	f.done.Wait()
}

// run follows the broker until the hub is closed.
func (f *follower) run(ctx context.Context) {
	gap := minFollowGap
	for {
		begin := time.Now()
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		f.trouble.Store(&err)
		f.tell(err)
		if time.Since(begin) > steadyFollow {
			gap = minFollowGap
		}
		select {
		case <-time.After(gap/2 + rand.N(gap)):
		case <-ctx.Done():
			return
		}
		gap = min(2*gap, maxFollowGap)
	}
}

// follow reads what is kept, and then the tail until that breaks.
func (f *follower) follow(ctx context.Context) error {
	state, err := f.hub.broker.State(ctx)
	if err != nil {
		return fmt.Errorf("sse: asking the broker for its state: %w", err)
	}
	if _, err := NewCursor(state.Epoch, state.Last); err != nil {
		return fmt.Errorf("sse: the broker's state: %w", err)
	}
	after := f.adopt(state)
	for !f.hub.inStep() {
		entries, err := f.hub.broker.Read(ctx, after, readPage)
		if err != nil {
			return fmt.Errorf("sse: reading from the broker: %w", err)
		}
		for _, e := range entries {
			f.store(e, e.Time)
			after = e.Cursor.seq
		}
		if len(entries) == 0 {
			close(f.inStep)
		}
	}
	f.trouble.Store(nil)
	err = f.hub.broker.Tail(ctx, f.hub.Cursor().seq, func(e Entry) { f.store(e, time.Now()) })
	return fmt.Errorf("sse: following the broker: %w", cmp.Or(err, errTailEnded))
}

var errTailEnded = errors.New("it ended without a reason")

func (f *follower) tell(err error) {
	if f.hub.onBrokerError != nil {
		f.hub.onBrokerError(err)
		return
	}
	log.Print(err)
}

// adopt brings the hub's log in line with what the broker keeps, and returns the
// sequence number behind which to read.
func (f *follower) adopt(state BrokerState) uint64 {
	h := f.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	begin := max(state.First, 1) - 1
	if n := uint64(max(h.total.records, 0)); n > 0 && state.Last > n {
		begin = max(begin, state.Last-n)
	}
	f.known.Store(max(f.known.Load(), state.Last))
	switch {
	case h.epoch == "":
		h.epoch = state.Epoch
		h.skipLocked(begin)
	case h.epoch != state.Epoch, state.Last < h.seq:
		// A log that has lost its end is as good as another: the numbers it lacks will
		// be given to other messages.
		h.restartLocked(Cursor{state.Epoch, begin})
		f.known.Store(state.Last)
	case begin > h.seq:
		h.skipLocked(begin)
	}
	return h.seq
}

// store puts an entry into the hub's log.
func (f *follower) store(e Entry, at time.Time) {
	h := f.hub
	err := e.Message.Validate()
	var r record
	switch {
	case err != nil:
	case e.Topic == presenceTopic:
		err = h.presence.hear(e.Message.Data, at, e.Cursor.seq)
	default:
		err = checkTopic(e.Topic)
	}
	if err == nil && e.Topic != presenceTopic {
		r = newRecord(e.Cursor, &e.Message, at.UnixNano())
		r.key = "" // duplicates are the broker's affair
		if err = h.tooLarge(&r); err != nil {
			err = fmt.Errorf("%w: subscribers will miss it", err)
		}
	}
	if err != nil {
		f.tell(fmt.Errorf("sse: entry %s of the broker, topic %.40q: %w", e.Cursor, e.Topic, err))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch before := e.Cursor.seq - 1; {
	case e.Cursor.epoch != h.epoch:
		h.restartLocked(Cursor{e.Cursor.epoch, before})
		f.known.Store(e.Cursor.seq)
	case e.Cursor.seq <= h.seq:
		return
	case before > h.seq:
		h.skipLocked(before)
	}
	f.known.Store(max(f.known.Load(), e.Cursor.seq))
	if errors.Is(err, ErrTooLong) {
		h.skipLocked(e.Cursor.seq)
		return
	}
	if err != nil || e.Topic == presenceTopic {
		h.seq = e.Cursor.seq // no message, so that nobody misses it
		return
	}
	h.storeLocked(e.Topic, r, time.Now().UnixNano())
}

// tooLarge refuses what the hub's bounds have no room for.
func (h *Hub) tooLarge(r *record) error {
	for _, b := range []bounds{h.perTopic, h.total} {
		if b.bytes > 0 && r.size() > b.bytes {
			return &TooLongError{Limit: int(b.bytes)}
		}
	}
	return nil
}

// skipLocked goes on behind seq, although messages up to it are missing. Whoever is
// not beyond it has a gap.
func (h *Hub) skipLocked(seq uint64) {
	h.seq = seq
	h.forgotten, h.remembered = seq, memory{}
	h.arrivals, h.records, h.bytes = fifo[arrival]{}, 0, 0
	clear(h.keys)
	for _, t := range h.topics {
		t.records, t.live, t.bytes, t.states = fifo[record]{}, 0, 0, nil
		t.evicted = seq
		h.wakeLocked(t)
		h.pruneLocked(t)
	}
}

// restartLocked goes on in another log, at the given position.
func (h *Hub) restartLocked(at Cursor) {
	h.epochs = append(h.epochs, h.epoch)
	h.life++
	h.epoch = at.epoch
	h.skipLocked(at.seq)
}

// Ready returns when the hub has read all that its broker kept at the start; from then
// on it serves its subscribers, who wait until then. It returns the cause of ctx, with
// what keeps the broker away, and [ErrHubClosed]. A hub in memory is always ready. Call
// it at the start of a program that is not to run without its broker; it may also serve
// as a check of health, with [Hub.BrokerError].
func (h *Hub) Ready(ctx context.Context) error {
	if h.isClosed() {
		return ErrHubClosed
	}
	if h.follower == nil {
		return nil
	}
	select {
	case <-h.follower.inStep:
		return nil
	case <-h.done:
		return ErrHubClosed
	case <-ctx.Done():
		err := fmt.Errorf("sse: the hub has not read its broker yet: %w", context.Cause(ctx))
		if trouble := h.BrokerError(); trouble != nil {
			err = fmt.Errorf("%w (%w)", err, trouble)
		}
		return err
	}
}

// BrokerError says why the hub does not hear from its broker at the moment; nil when
// it does, as far as it knows, and when it has none. A broker that has a method
// Healthy() error is asked.
func (h *Hub) BrokerError() error {
	if h.follower == nil {
		return nil
	}
	if err := h.follower.trouble.Load(); err != nil {
		return *err
	}
	if b, ok := h.broker.(interface{ Healthy() error }); ok {
		return b.Healthy()
	}
	return nil
}

// inStep says whether the hub has a log to serve.
func (h *Hub) inStep() bool {
	if h.follower == nil {
		return true
	}
	select {
	case <-h.follower.inStep:
		return true
	default:
		return false
	}
}

// publishOver is Publish with a broker.
func (h *Hub) publishOver(ctx context.Context, topic string, m Message) (Ack, error) {
	if h.isClosed() {
		return Ack{}, ErrHubClosed
	}
	ack, err := h.broker.Publish(ctx, topic, m)
	if err != nil {
		return Ack{}, fmt.Errorf("sse: publishing to %q: %w", topic, err)
	}
	if ack.Duplicate {
		h.stats.duplicates.Add(1)
	} else {
		h.stats.published.Add(1)
	}
	return ack, nil
}

// reached says whether the log is known to have come as far as seq in the hub's epoch,
// or may have. A client can be ahead of the node that it comes to.
func (f *follower) reached(ctx context.Context, epoch string, seq uint64) bool {
	if seq <= f.known.Load() {
		return true
	}
	// Positions come from clients, so they must not make a node ask as often as they
	// like.
	select {
	case f.asking <- struct{}{}:
		defer func() { <-f.asking }()
	case <-ctx.Done():
		return true
	}
	if seq <= f.known.Load() {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	state, err := f.hub.broker.State(ctx)
	if err != nil {
		// The client is believed: at worst it waits for a message with that number.
		return true
	}
	if state.Epoch == epoch {
		f.hub.mu.Lock() // as in adopt and store
		f.known.Store(max(f.known.Load(), state.Last))
		f.hub.mu.Unlock()
	}
	return seq <= state.Last
}

// read reads a page for a single subscriber. There are few at a time, since a node's
// clients may all return at once.
func (f *follower) read(ctx context.Context, after uint64) ([]Entry, error) {
	select {
	case f.reading <- struct{}{}:
		defer func() { <-f.reading }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	page, err := f.hub.broker.Read(ctx, after, catchUpPage)
	if err != nil {
		err = fmt.Errorf("sse: reading from the broker: %w", err)
	}
	return page, err
}
