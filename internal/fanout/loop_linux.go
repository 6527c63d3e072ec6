package fanout

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// New returns the transport that costs least on this system.
func New() Transport { return &Engine{} }

// Engine is a set of loops. It starts them with the first connection and stops
// them with the last. Its zero value is ready. It is safe for concurrent use.
type Engine struct {
	mu    sync.Mutex
	loops []*loop
	next  int
	open  atomic.Int64
	done  sync.WaitGroup
}

// part is the share of a group that one loop holds. The loop's mutex guards it.
type part struct {
	loop    *loop
	conns   []*Conn
	size    atomic.Int32 // len(conns), for those who hold another lock
	dirty   bool
	removed bool // a connection left since the last turn began
}

// Conn is a parked connection. Everything in it is guarded by its loop's mutex.
type Conn struct {
	feed     Feed
	config   *Config
	ended    func(End)
	expired  error
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

// Park takes over a connection that net/http has let go of. The caller must not
// use it any more. What the feed has already is written at once.
func (e *Engine) Park(conn net.Conn, p Parking) (Parked, error) {
	fd, err := duplicate(conn)
	if err != nil {
		return nil, err
	}
	c := &Conn{feed: p.Feed, config: p.Config, ended: p.Ended, expired: p.Expired, fd: int32(fd), said: now()}
	if !p.Expires.IsZero() {
		c.expires = now() + int64(time.Until(p.Expires))
	}
	l, err := e.loop()
	if err == nil {
		if err = l.add(c, p.Group); err != nil {
			e.release(l)
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	// The duplicate keeps the connection open; Go's own descriptor, its buffers and
	// its place in the runtime's poller are released.
	_ = conn.Close()
	return c, nil
}

// Open returns the number of parked connections.
func (e *Engine) Open() int { return int(e.open.Load()) }

// Wait waits for the loops to end.
func (e *Engine) Wait() { e.done.Wait() }

// duplicate gives the connection's socket a descriptor of our own. The flag that
// makes it non-blocking belongs to the socket and stays set.
func duplicate(conn net.Conn) (fd int, err error) {
	var sc syscall.Conn
	switch conn := conn.(type) {
	case *net.TCPConn:
		sc = conn
	case *net.UnixConn:
		sc = conn
	default:
		// One that wraps these may lend its descriptor, but what it does when it is
		// written to and closed would be bypassed.
		return 0, fmt.Errorf("fanout: a %T has no descriptor of its own", conn)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var dupErr error
	err = raw.Control(func(original uintptr) {
		fd, dupErr = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
	})
	return fd, errors.Join(err, dupErr)
}

// loop chooses the loop for one more connection, and keeps it alive for it.
func (e *Engine) loop() (*loop, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.next++
	if e.next %= runtime.GOMAXPROCS(0); e.next >= len(e.loops) {
		l, err := newLoop(e)
		if err != nil {
			return nil, err
		}
		e.loops = append(e.loops, l)
		e.next = len(e.loops) - 1
	}
	l := e.loops[e.next]
	l.users++
	e.open.Add(1)
	return l, nil
}

// release gives up one connection's hold on its loop.
func (e *Engine) release(l *loop) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open.Add(-1)
	if l.users--; l.users > 0 {
		return
	}
	for i := range e.loops {
		if e.loops[i] == l {
			e.loops = append(e.loops[:i], e.loops[i+1:]...)
			break
		}
	}
	close(l.stop)
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

// join adds a connection to its group. The connection's loop is locked.
func (g *Group) join(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.members {
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

// Close has the loop end the connection.
func (c *Conn) Close(cause error) {
	l := c.loop
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.fd >= 0 {
		l.doomed = append(l.doomed, doomed{c, cause})
		l.rouse()
	}
}

// doomed is a connection that is to be closed.
type doomed struct {
	conn  *Conn
	cause error
}

func (l *loop) closeDoomed() {
	l.mu.Lock()
	all := l.doomed
	l.doomed = nil
	l.mu.Unlock()
	for some := range slices.Chunk(all, stretch) {
		l.mu.Lock()
		for _, d := range some {
			if d.conn.fd >= 0 { // else it went by itself, or was doomed twice
				l.closeLocked(d.conn, d.cause)
			}
		}
		l.mu.Unlock()
	}
}

// departure is a connection that was closed, and whose end is to be told.
type departure struct {
	ended func(End)
	end   End
}

// departLocked has the end of a connection told: without the lock, and by a
// goroutine of its own, since whoever hears of it may take his time.
func (l *loop) departLocked(d departure) {
	l.gone = append(l.gone, d)
	if !l.telling {
		l.telling = true
		l.engine.done.Go(l.tell)
	}
}

// tell tells of ends until there are none left.
func (l *loop) tell() {
	for {
		l.mu.Lock()
		gone := l.gone
		l.gone = nil
		l.telling = len(gone) > 0
		l.mu.Unlock()
		if len(gone) == 0 {
			return
		}
		for _, d := range gone {
			if d.ended != nil {
				d.ended(d.end)
			}
			l.engine.release(l)
		}
	}
}

func (l *loop) closeLocked(c *Conn, cause error) {
	if cause != ErrGone && c.config.Farewell != nil && len(c.rest) == 0 {
		// One attempt: a client whose buffer is full sees an end without a farewell,
		// in the middle of a chunk or before it, and comes back for the rest.
		if words := c.config.Farewell(cause); len(words) > 0 {
			if n, _ := write(int(c.fd), words); n > 0 {
				c.bytes += int64(n)
			}
		}
	}
	_ = unix.Close(int(c.fd)) // takes it off the epoll set as well
	c.fd = -1
	l.freeSlot(c)
	delete(l.blocked, c)
	last := len(c.part.conns) - 1
	moved := c.part.conns[last]
	c.part.conns[c.index] = moved
	moved.index = c.index
	c.part.conns[last] = nil
	c.part.conns = c.part.conns[:last]
	c.part.size.Add(-1)
	c.part.removed = true
	l.departLocked(departure{c.ended, End{Cause: cause, Messages: c.messages, Bytes: c.bytes}})
	c.rest, c.feed = nil, nil
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

// stretch is how many connections are written to before others may have the lock.
const stretch = 32

// deliver writes one batch to each connection of a part that is not blocked. If
// there may be more, the part gets another turn after all else that is to be done:
// however fast a group is published to, the others, the newcomers and the clock
// have theirs.
func (l *loop) deliver(p *part) {
	again := false
	for i, n := 0, stretch; n == stretch; {
		l.mu.Lock()
		if i == 0 {
			p.removed = false
		}
		for n = 0; n < stretch && i < len(p.conns); n++ {
			c := p.conns[i]
			if c.blocked == 0 && l.flushLocked(c) {
				again = true
			}
			if i < len(p.conns) && p.conns[i] == c { // else another took its place
				i++
			}
		}
		if n < stretch && (again || p.removed) && len(p.conns) > 0 {
			l.markLocked(p)
		}
		l.mu.Unlock()
	}
}

// deliverTo writes one batch to each of these connections, and queues those again
// that may have more.
func (l *loop) deliverTo(conns []*Conn) {
	for some := range slices.Chunk(conns, stretch) {
		l.mu.Lock()
		for _, c := range some {
			if c.fd >= 0 && c.blocked == 0 && l.flushLocked(c) {
				l.queueLocked(c)
			}
		}
		l.mu.Unlock()
	}
}

// flushLocked writes one batch, and says whether there may be more.
func (l *loop) flushLocked(c *Conn) (more bool) {
	if len(c.rest) == 0 {
		batch, messages, err := c.feed.Next()
		if err != nil {
			l.closeLocked(c, err)
			return false
		}
		if len(batch) == 0 {
			return false
		}
		c.rest, c.pending = batch, int32(messages)
	}
	for len(c.rest) > 0 {
		n, err := write(int(c.fd), c.rest)
		if n > 0 {
			c.rest = c.rest[n:]
			c.bytes += int64(n)
			c.said = now()
			continue
		}
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			if c.blocked == 0 {
				c.blocked = now()
				l.blocked[c] = struct{}{}
			}
			return false
		default:
			l.closeLocked(c, ErrGone)
			return false
		}
	}
	c.rest = nil
	c.messages += int64(c.pending)
	if c.blocked != 0 {
		c.blocked = 0
		delete(l.blocked, c)
	}
	return true
}

// write is a system call without the scheduler's ceremony: the descriptor does
// not block.
func write(fd int, p []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
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

// listen hears what the clients do: leave, send what nobody reads, or take bytes
// again.
func (l *loop) listen() {
	for {
		n := 0
		err := l.raw.Read(func(fd uintptr) bool {
			var err error
			for n, err = unix.EpollWait(int(fd), l.events, 0); err == unix.EINTR; {
				n, err = unix.EpollWait(int(fd), l.events, 0)
			}
			return n > 0 || err != nil
		})
		if err != nil || n < 0 {
			return // the set was closed
		}
		l.handle(l.events[:n])
	}
}

func (l *loop) handle(events []unix.EpollEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, event := range events {
		c := l.slots[event.Fd]
		if c == nil || l.ages[event.Fd] != event.Pad {
			continue // an event for a connection that was closed meanwhile
		}
		if event.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 || !l.discardLocked(c, event.Events) {
			l.closeLocked(c, ErrGone)
			continue
		}
		if event.Events&unix.EPOLLOUT != 0 && c.blocked != 0 && l.flushLocked(c) {
			l.queueLocked(c)
		}
	}
}

// discardLocked reads what a client sent, to which nobody listens, and says whether
// the connection can stay.
func (l *loop) discardLocked(c *Conn, events uint32) bool {
	if events&unix.EPOLLIN == 0 {
		return true
	}
	for {
		n, err := unix.Read(int(c.fd), l.buf)
		switch {
		case n > 0:
			if c.garbage += int32(n); c.garbage > maxGarbage {
				return false
			}
		case err == unix.EAGAIN:
			return true
		case err != unix.EINTR:
			return false
		}
	}
}

var started = time.Now()

// now is the monotonic clock in nanoseconds.
func now() int64 { return int64(time.Since(started)) + 1 }
