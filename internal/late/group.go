package late

import (
	"context"
	"fmt"
	"sync"
)

// Group owns goroutines: it counts those that run, and waits for them. The zero
// value is ready to use. It is safe for concurrent use.
type Group struct {
	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when none runs; made by who waits
}

// Go runs f on a goroutine.
func (g *Group) Go(f func()) {
	g.mu.Lock()
	g.running++
	g.mu.Unlock()
	go func() {
		defer g.done()
		f()
	}()
}

func (g *Group) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	if g.running == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// Wait returns when none of the goroutines runs any more, or ctx has ended; its
// error then says how many still ran, and wraps the cause.
func (g *Group) Wait(ctx context.Context) error {
	g.mu.Lock()
	running, idle := g.running, g.idle
	if running > 0 && idle == nil {
		idle = make(chan struct{})
		g.idle = idle
	}
	g.mu.Unlock()
	if running == 0 {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d handlers that were given up still run: %w", running, context.Cause(ctx))
	}
}
