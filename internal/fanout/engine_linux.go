package fanout

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/redstart-go/redstart/internal/reclaim"
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

	reclaimer reclaim.Reclaimer
}

// Park takes over a connection that net/http has let go of. The caller must not
// use it any more. What the feed has already is written at once.
func (e *Engine) Park(conn net.Conn, p Parking) (Parked, error) {
	fd, err := duplicate(conn)
	if err != nil {
		return nil, err
	}
	c := &Conn{feed: p.Feed, config: p.Config, ended: p.Ended, expired: p.Expired, fd: int32(fd), said: now()}
	if p.Heard != nil {
		c.dialogue = &dialogue{heard: p.Heard}
	}
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
	e.reclaimer.Noted()
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
