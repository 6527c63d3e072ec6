package sse

import (
	"context"
	"slices"
	"sync"
	"time"
)

// MemoryBroker is a [Broker] in the memory of one process: for hubs that are to share
// one log within a program, and for tests of what would run on several machines. Its
// epoch ends with it.
type MemoryBroker struct {
	limit int
	epoch string

	mu      sync.Mutex
	entries fifo[Entry]
	last    uint64
	keys    map[string]uint64
	grown   chan struct{} // closed and replaced when there is more, or the broker closes
	closed  bool
}

// NewMemoryBroker makes a broker that keeps the latest messages, at most limit;
// zero stands for [DefaultRetainedRecords].
func NewMemoryBroker(limit int) *MemoryBroker {
	if limit <= 0 {
		limit = DefaultRetainedRecords
	}
	return &MemoryBroker{limit: limit, epoch: newEpoch(), keys: map[string]uint64{}, grown: make(chan struct{})}
}

// Publish implements [Broker]. Keys are remembered as long as their messages.
func (b *MemoryBroker) Publish(ctx context.Context, topic string, m Message) (Ack, error) {
	if err := context.Cause(ctx); err != nil {
		return Ack{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return Ack{}, ErrBrokerClosed
	}
	if m.ID != "" {
		if seq, ok := b.keys[m.ID]; ok {
			return Ack{Cursor: Cursor{b.epoch, seq}, Duplicate: true}, nil
		}
		b.keys[m.ID] = b.last + 1
	}
	b.last++
	position := Cursor{b.epoch, b.last}
	b.entries.push(Entry{Cursor: position, Topic: topic, Time: time.Now(), Message: m})
	if b.entries.len() > b.limit {
		if key := b.entries.pop().Message.ID; key != "" {
			delete(b.keys, key)
		}
	}
	b.wakeLocked()
	return Ack{Cursor: position}, nil
}

func (b *MemoryBroker) wakeLocked() {
	close(b.grown)
	b.grown = make(chan struct{})
}

// Tail implements [Broker].
func (b *MemoryBroker) Tail(ctx context.Context, after uint64, deliver func(Entry)) error {
	for {
		entries, grown, err := b.behind(after, 256)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			deliver(e)
			after = e.Cursor.seq
		}
		if len(entries) > 0 {
			continue
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Read implements [Broker].
func (b *MemoryBroker) Read(ctx context.Context, after uint64, limit int) ([]Entry, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	entries, _, err := b.behind(after, limit)
	return entries, err
}

// behind returns what is kept behind a position, and a channel that is closed when
// there may be more.
func (b *MemoryBroker) behind(after uint64, limit int) ([]Entry, <-chan struct{}, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, nil, ErrBrokerClosed
	}
	all := b.entries.all()
	// Sequence numbers have no holes here.
	skip := len(all)
	if after < b.last {
		skip = max(len(all)-int(min(b.last-after, uint64(len(all)))), 0)
	}
	all = all[skip:]
	return slices.Clone(all[:min(limit, len(all))]), b.grown, nil
}

// State implements [Broker].
func (b *MemoryBroker) State(ctx context.Context) (BrokerState, error) {
	if err := context.Cause(ctx); err != nil {
		return BrokerState{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return BrokerState{}, ErrBrokerClosed
	}
	return BrokerState{Epoch: b.epoch, First: b.last + 1 - uint64(b.entries.len()), Last: b.last}, nil
}

// Close implements [Broker].
func (b *MemoryBroker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		b.wakeLocked()
	}
	return nil
}
