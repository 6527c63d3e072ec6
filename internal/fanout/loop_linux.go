package fanout

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Conn is a parked connection. Everything in it is guarded by its loop's mutex.
type Conn struct {
	feed     Feed
	config   *Config
	ended    func(End)
	expired  error
	dialogue *dialogue // of a connection whose client is listened to
	loop     *loop
	part     *part
	rest     []byte // of a batch that the client has not taken yet
	messages int64
	bytes    int64
	expires  int64 // in ns, 0 for never
	said     int64 // when it was last written to, in ns
	blocked  int64 // since when the rest waits, in ns, 0 when it does not
	pending  int32 // messages in rest
	garbage  int32
	fd       int32
	slot     int32
	index    int32 // in part.conns
	queued   bool  // in loop.ready
}

// loop writes to its connections from one goroutine and hears of them from another.
type loop struct {
	engine *Engine
	users  int      // guarded by the engine's mutex
	epoll  *os.File // keeps epfd open, and lets the runtime's poller watch it
	epfd   int
	raw    syscall.RawConn
	stop   chan struct{}
	wake   chan struct{}

	mu      sync.Mutex
	slots   []*Conn
	ages    []int32 // how often each slot was used: events for an earlier use are stale
	free    []int32
	dirty   []*part
	ready   []*Conn // to be written to by themselves: new, or able to take more
	doomed  []doomed
	gone    []departure
	telling bool // a goroutine tells of those who are gone
	blocked map[*Conn]struct{}
	tick    time.Duration
	phase   int
	buf     []byte // for what clients send
	events  []unix.EpollEvent
}

func newLoop(e *Engine) (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fanout: %w", err)
	}
	// A non-blocking descriptor lets the runtime's poller watch the epoll set, so
	// that waiting for it blocks a goroutine and not a thread.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("fanout: %w", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("fanout: %w", err)
	}
	l := &loop{
		engine: e, epoll: file, epfd: fd, raw: raw, stop: make(chan struct{}), wake: make(chan struct{}, 1),
		blocked: map[*Conn]struct{}{}, tick: time.Second, // as in run
		buf: make([]byte, 4<<10), events: make([]unix.EpollEvent, 128),
	}
	e.done.Go(l.listen)
	e.done.Go(l.run)
	return l, nil
}

// phases is how many ticks it takes to look at every connection once.
const phases = 4

// add begins to serve a connection.
func (l *loop) add(c *Conn, g *Group) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.loop = l
	if n := len(l.free); n > 0 {
		c.slot = l.free[n-1]
		l.free = l.free[:n-1]
		l.slots[c.slot] = c
	} else {
		c.slot = int32(len(l.slots))
		l.slots = append(l.slots, c)
		l.ages = append(l.ages, 0)
	}
	// Edge-triggered: told once that the client sent something, left, or takes
	// bytes again after it took none.
	event := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff,
		Fd:     c.slot, Pad: l.ages[c.slot],
	}
	if err := unix.EpollCtl(l.epfd, unix.EPOLL_CTL_ADD, int(c.fd), &event); err != nil {
		l.freeSlot(c)
		return fmt.Errorf("fanout: %w", err)
	}
	g.join(c)
	age := time.Duration(0)
	if c.expires > 0 {
		age = time.Duration(c.expires - c.said)
	}
	for _, d := range []time.Duration{c.config.Heartbeat / 16, c.config.WriteTimeout / 8, age / 64} {
		if d > 0 && d < l.tick {
			l.tick = max(d, time.Millisecond)
			l.rouse()
		}
	}
	// Written by the loop, like all that follows: here it would delay the caller.
	l.queueLocked(c)
	return nil
}

// rouse makes the writing goroutine look at what there is to do.
func (l *loop) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *loop) markLocked(p *part) {
	if !p.dirty {
		p.dirty = true
		l.dirty = append(l.dirty, p)
		l.rouse()
	}
}

// queueLocked has a single connection written to.
func (l *loop) queueLocked(c *Conn) {
	if !c.queued {
		c.queued = true
		l.ready = append(l.ready, c)
		l.rouse()
	}
}

func (l *loop) freeSlot(c *Conn) {
	l.slots[c.slot] = nil
	l.ages[c.slot]++
	l.free = append(l.free, c.slot)
}

// run writes: after each wake-up what is new, and on each tick what is due.
func (l *loop) run() {
	tick := time.Second
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var parts []*part
	var ready []*Conn
	for {
		select {
		case <-l.stop:
			_ = l.epoll.Close() // ends listen
			return
		case <-ticker.C:
			l.lookAfter()
		case <-l.wake:
		}
		l.mu.Lock()
		if l.tick != tick {
			tick = l.tick
			ticker.Reset(tick)
		}
		parts = append(parts[:0], l.dirty...)
		clear(l.dirty)
		l.dirty = l.dirty[:0]
		for _, p := range parts {
			p.dirty = false
		}
		ready, l.ready = l.ready, ready[:0]
		for _, c := range ready {
			c.queued = false
		}
		l.mu.Unlock()
		l.deliverTo(ready)
		clear(ready)
		for _, p := range parts {
			l.deliver(p)
		}
		clear(parts)
		l.closeDoomed()
	}
}

// lookAfter does what is due with the passing of time: a share of the connections
// is looked at for silence and age, and all that are blocked for patience.
func (l *loop) lookAfter() {
	l.mu.Lock()
	at := now()
	for c := range l.blocked {
		if limit := int64(c.config.WriteTimeout); limit > 0 && at-c.blocked > limit {
			l.closeLocked(c, ErrSlow)
		}
	}
	l.phase = (l.phase + 1) % phases
	round := int64(l.tick) * phases
	l.mu.Unlock()
	for i, n := l.phase, stretch; n == stretch; {
		l.mu.Lock()
		for n = 0; n < stretch && i < len(l.slots); i, n = i+phases, n+1 {
			c := l.slots[i]
			switch {
			case c == nil:
			case c.expires > 0 && at+round > c.expires:
				l.closeLocked(c, c.expired)
			case c.config.Heartbeat > 0 && c.blocked == 0 && at-c.said+round > int64(c.config.Heartbeat):
				c.rest, c.pending = c.config.Pulse, 0
				l.flushLocked(c)
			}
		}
		l.mu.Unlock()
	}
}
