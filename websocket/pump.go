package websocket

import (
	"runtime"
	"sync"
)

// pump has the members of rooms written to, by a few goroutines that run only while
// there is something new: those who publish do not wait for it.
type pump struct {
	mu      sync.Mutex
	ready   []*Room
	workers int
}

// pumpShare is how many rooms a worker takes at a time.
const pumpShare = 32

// add has the room's connection written to. It does not wait.
func (p *pump) add(r *Room) {
	if r.queued.Swap(true) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = append(p.ready, r)
	if p.workers < runtime.GOMAXPROCS(0) && len(p.ready) > p.workers*pumpShare {
		p.workers++
		go p.work() // it ends when nothing is ready; each room waits for its own delivery
	}
}

func (p *pump) work() {
	var share [pumpShare]*Room
	for {
		p.mu.Lock()
		n := copy(share[:], p.ready)
		rest := copy(p.ready, p.ready[n:])
		clear(p.ready[rest:])
		p.ready = p.ready[:rest]
		if n == 0 {
			if p.workers--; cap(p.ready) > 4096 {
				p.ready = nil
			}
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		for _, r := range share[:n] {
			r.queued.Store(false)
			r.deliver()
		}
	}
}
