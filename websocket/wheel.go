package websocket

import (
	"sync"
	"sync/atomic"
	"time"
)

// wheel looks after the heartbeats of many connections with one goroutine, which runs
// only while there is a connection. A connection is visited when it is due, by a tick
// that may be late: thousands of timers would wake the process for each of them.
type wheel struct {
	tick    time.Duration
	born    time.Time
	elapsed atomic.Int64 // since born, as of the last tick

	mu    sync.Mutex
	slots [wheelSlots]*Conn // of doubly linked lists
	count int
	stop  chan struct{} // ends the goroutine
	done  chan struct{} // closed when it has ended
}

const wheelSlots = 64

// pulse is what the wheel keeps of a connection.
type pulse struct {
	seen atomic.Int64 // when something last came in

	// Under wheel.mu.
	next, prev *Conn
	due        int64 // in ticks
	held       bool  // by the wheel

	// The goroutine's own.
	sent  time.Duration // when the last ping went out
	waits bool          // it was not answered
	alone bool          // nobody was reading at the last visit
}

func newWheel(tick time.Duration) *wheel { return &wheel{tick: tick, born: time.Now()} }

func (w *wheel) now() time.Duration { return time.Duration(w.elapsed.Load()) }

// add takes charge of a connection, for a first visit after the time d.
func (w *wheel) add(c *Conn, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count == 0 {
		w.elapsed.Store(int64(time.Since(w.born)))
		before := w.done
		w.stop, w.done = make(chan struct{}), make(chan struct{})
		go w.run(before, w.stop, w.done)
	}
	w.count++
	c.pulse.held = true
	c.pulse.seen.Store(w.elapsed.Load())
	w.putLocked(c, d)
}

// putLocked plans the next visit, after at least one tick.
func (w *wheel) putLocked(c *Conn, d time.Duration) {
	p := &c.pulse
	p.due = (w.elapsed.Load()+int64(d))/int64(w.tick) + 1
	slot := &w.slots[p.due%wheelSlots]
	p.next, p.prev = *slot, nil
	if p.next != nil {
		p.next.pulse.prev = c
	}
	*slot = c
}

func (w *wheel) takeLocked(c *Conn) {
	p := &c.pulse
	if p.prev != nil {
		p.prev.pulse.next = p.next
	} else {
		w.slots[p.due%wheelSlots] = p.next
	}
	if p.next != nil {
		p.next.pulse.prev = p.prev
	}
	p.next, p.prev = nil, nil
}

// remove ends the visits. One that is under way may still end. With the last
// connection the goroutine ends.
func (w *wheel) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !c.pulse.held {
		return
	}
	c.pulse.held = false
	w.takeLocked(c)
	if w.count--; w.count == 0 {
		close(w.stop)
	}
}

// wait returns when the goroutine has ended, once the last connection was removed.
func (w *wheel) wait() {
	w.mu.Lock()
	done, idle := w.done, w.count == 0
	w.mu.Unlock()
	if done != nil && idle {
		<-done
	}
}

// run is the goroutine, which takes over from the one before it.
func (w *wheel) run(before, stop, done chan struct{}) {
	defer close(done)
	if before != nil {
		<-before
	}
	ticker := time.NewTicker(w.tick)
	defer ticker.Stop()
	last := w.elapsed.Load() / int64(w.tick)
	var due []*Conn
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		elapsed := int64(time.Since(w.born))
		w.elapsed.Store(elapsed)
		now := elapsed / int64(w.tick)
		due = due[:0]
		w.mu.Lock()
		// When ticks were missed, no slot needs to be looked at twice.
		for at := max(last+1, now-wheelSlots+1); at <= now; at++ {
			for c := w.slots[at%wheelSlots]; c != nil; c = c.pulse.next {
				if c.pulse.due <= now {
					due = append(due, c)
				}
			}
		}
		w.mu.Unlock()
		last = now
		for i, c := range due {
			w.visit(c)
			due[i] = nil
		}
	}
}

// visit plans the next visit too.
func (w *wheel) visit(c *Conn) {
	next := c.visit(w.now())
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.pulse.held {
		w.takeLocked(c)
		w.putLocked(c, next)
	}
}
