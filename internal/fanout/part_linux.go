package fanout

import (
	"sync/atomic"
)

// part is the share of a group that one loop holds. The loop's mutex guards it.
type part struct {
	loop    *loop
	conns   []*Conn
	size    atomic.Int32 // len(conns), for those who hold another lock
	dirty   bool
	removed bool // a connection left since the last turn began
}

// join adds a connection to its group. The connection's loop is locked.
func (g *Group) join(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.shares {
		if p, ok := m.(*part); ok && p.loop == c.loop {
			c.part = p
		}
	}
	if c.part == nil {
		c.part = &part{loop: c.loop}
		c.part.size.Store(1)
		g.joinLocked(c.part)
	} else {
		c.part.size.Add(1)
	}
	c.index = int32(len(c.part.conns))
	c.part.conns = append(c.part.conns, c)
}

func (p *part) wake() {
	p.loop.mu.Lock()
	defer p.loop.mu.Unlock()
	if len(p.conns) > 0 {
		p.loop.markLocked(p)
	}
}

func (p *part) empty() bool { return p.size.Load() == 0 }
