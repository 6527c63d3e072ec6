package websocket

import (
	"context"
	"encoding/binary"
)

// pings are those that somebody waits for.
type pings struct {
	last    uint64
	waiting map[uint64]chan struct{}
}

// answerLocked wakes those who wait for this pong, and for earlier ones: a peer may
// answer only the latest of several pings (RFC 6455 section 5.5.3).
func (p *pings) answerLocked(payload []byte) {
	if len(payload) != 8 {
		return
	}
	id := binary.BigEndian.Uint64(payload)
	for n, answered := range p.waiting {
		if n <= id && id <= p.last {
			close(answered)
			delete(p.waiting, n)
		}
	}
}

// releaseLocked wakes all, since no answer will come.
func (p *pings) releaseLocked() {
	for n, answered := range p.waiting {
		close(answered)
		delete(p.waiting, n)
	}
}

// Ping asks the peer for a sign of life and waits for it, until ctx ends or the
// connection does; its error is the cause. The heartbeat does the like by itself.
//
// The answer is seen when somebody reads, or when nothing but the answer comes in:
// with messages waiting that nobody reads, Ping waits too.
func (c *Conn) Ping(ctx context.Context) error {
	answered := make(chan struct{})
	c.mu.Lock()
	if end := c.end.Load(); end != nil {
		c.mu.Unlock()
		return end
	}
	p := &c.pings
	if p.waiting == nil {
		p.waiting = map[uint64]chan struct{}{}
	}
	p.last++
	id := p.last
	p.waiting[id] = answered
	c.mu.Unlock()

	c.sendPing(binary.BigEndian.AppendUint64(nil, id))
	c.attend()
	select {
	case <-answered:
		if end := c.end.Load(); end != nil {
			return end
		}
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		delete(p.waiting, id)
		c.mu.Unlock()
		return context.Cause(ctx)
	}
}
