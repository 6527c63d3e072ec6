package load

import (
	"fmt"
	"io"
	"net/rpc"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Client is what the parent process calls, with net/rpc.
type Client struct{ loop *loop }

// Subscribers says whom to connect.
type Subscribers struct {
	Addr, Path  string
	LastEventID string
	WebSocket   bool
	Count       int
	Stalled     int // of these, how many never read
	Timeout     time.Duration
}

// Await is how many events to wait for, since the process began and over all
// subscribers that read.
type Await struct {
	Events  int64
	Timeout time.Duration
}

// Progress is what has become of the subscribers.
type Progress struct {
	Open, Closed int64
	Events       int64         // over all subscribers that read
	Fewest       int64         // of one subscriber that reads
	Elapsed      time.Duration // from the first connection to the last event
	CPU          time.Duration // of this process, ever
}

// Serve answers calls on the connection until it is closed.
func Serve(conn io.ReadWriteCloser, counter *atomic.Int64) error {
	loop, err := newLoop(counter)
	if err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.Register(&Client{loop}); err != nil {
		return err
	}
	broken := make(chan error, 1)
	go func() { broken <- loop.run() }() // ends with the process
	served := make(chan struct{})
	go func() { server.ServeConn(conn); close(served) }()
	select {
	case err := <-broken:
		return err
	case <-served:
		return nil
	}
}

// Subscribe connects subscribers and returns when each has its reply's header.
func (c *Client) Subscribe(s Subscribers, p *Progress) error {
	target, err := resolve(s.Addr)
	if err != nil {
		return err
	}
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n", s.Path, s.Addr)
	if s.WebSocket {
		request += handshake
	} else {
		request += "Accept: text/event-stream\r\n"
	}
	if s.LastEventID != "" {
		request += "Last-Event-ID: " + s.LastEventID + "\r\n"
	}
	l := c.loop
	opened, failed := l.opened.Load(), l.failed.Load()
	l.do(func() {
		l.target, l.request = target, []byte(request+"\r\n")
		l.todo, l.stalled, l.sockets = s.Count, s.Stalled, s.WebSocket
		l.begin = time.Now()
		l.fill()
	})
	complete := poll(s.Timeout, func() bool {
		return l.opened.Load()-opened+l.failed.Load()-failed >= int64(s.Count)
	})
	var failure string
	l.do(func() { l.todo, failure = 0, l.failure })
	if opened, failed = l.opened.Load()-opened, l.failed.Load()-failed; failed > 0 || !complete {
		return fmt.Errorf("%d of %d subscribers connected, %d failed: %s", opened, s.Count, failed, strings.TrimSpace(failure))
	}
	return c.Progress(0, p)
}

// Await returns when that many events have come, or the time is over; the caller
// sees from the progress which of the two.
func (c *Client) Await(a Await, p *Progress) error {
	poll(a.Timeout, func() bool { return c.loop.counter.Load() >= a.Events })
	return c.Progress(0, p)
}

// Progress tells how far the subscribers are. Its argument is not used.
func (c *Client) Progress(_ int, p *Progress) error {
	c.loop.do(func() { *p = c.loop.progress() })
	var err error
	p.CPU, err = CPU()
	return err
}

// CPU is the CPU time that this process has had, the kernel's on its behalf included.
func CPU() (time.Duration, error) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("read the CPU time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

func (l *loop) progress() Progress {
	p := Progress{Closed: l.closed, Events: l.counter.Load(), Fewest: -1, Elapsed: l.last.Sub(l.begin)}
	for _, conn := range l.conns {
		if conn == nil {
			continue
		}
		if conn.phase == streaming || conn.phase == stalling {
			p.Open++
		}
		if conn.phase == streaming && (p.Fewest < 0 || conn.events < p.Fewest) {
			p.Fewest = conn.events
		}
	}
	return p
}

// poll waits until done says so, and returns false if it does not in time.
func poll(timeout time.Duration, done func() bool) bool {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(timeout); !done(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
