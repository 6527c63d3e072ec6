package load

import (
	"bytes"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// loop owns all subscribers. Everything but what is atomic belongs to the goroutine
// that runs it; others hand it tasks.
type loop struct {
	epoll   int
	wake    int // an eventfd: there is a task
	tasks   chan func()
	buf     []byte
	conns   []*conn // by descriptor
	counter *atomic.Int64

	target  *unix.SockaddrInet4
	request []byte
	todo    int  // subscribers that are not under way yet
	stalled int  // of these, how many will not read
	sockets bool // they are WebSockets
	pending int  // connected or connecting, without a reply yet

	opened, failed atomic.Int64
	closed         int64
	begin, last    time.Time // of Subscribe, and of the last event
	failure        string    // why a connection has ended
	talk           *talking  // nil: the subscribers only listen
}

type phase uint8

const (
	connecting phase = iota
	waiting          // for the reply's header
	streaming
	stalling
)

type conn struct {
	fd     int
	phase  phase
	stalls bool
	head   []byte  // the header as far as it is there
	frames *frames // of a WebSocket
	events int64
}

// atOnce bounds the connections that are being made at the same time; it stays below
// the usual length of a listener's queue.
const atOnce = 512

func newLoop(counter *atomic.Int64) (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	l := &loop{
		epoll: epoll, wake: wake, tasks: make(chan func(), 16), buf: make([]byte, 256<<10), counter: counter,
	}
	return l, l.watch(unix.EPOLL_CTL_ADD, wake, unix.EPOLLIN)
}

func (l *loop) watch(op, fd int, events uint32) error {
	return unix.EpollCtl(l.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

// do has the loop run f and waits for it.
func (l *loop) do(f func()) {
	done := make(chan struct{})
	l.tasks <- func() { f(); close(done) }
	_, _ = unix.Write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-done
}

// run serves the loop for the life of the process.
func (l *loop) run() error {
	ready := make([]unix.EpollEvent, 1024)
	for {
		n, err := unix.EpollWait(l.epoll, ready, -1)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("epoll: %w", err)
		}
		var seen int64
		for _, event := range ready[:max(n, 0)] {
			if fd := int(event.Fd); fd == l.wake {
				l.work()
			} else if fd < len(l.conns) && l.conns[fd] != nil {
				seen += l.serve(l.conns[fd], event.Events)
			}
		}
		if seen > 0 {
			l.last = time.Now()
			l.counter.Add(seen)
		}
	}
}

func (l *loop) work() {
	var count [8]byte
	_, _ = unix.Read(l.wake, count[:])
	for {
		select {
		case task := <-l.tasks:
			task()
		default:
			return
		}
	}
}

// serve does what can be done for one connection and returns the events that came.
func (l *loop) serve(c *conn, events uint32) int64 {
	if c.phase == connecting {
		if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			code, _ := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
			l.drop(c, unix.Errno(code).Error())
			return 0
		}
		c.phase = waiting
		if _, err := unix.Write(c.fd, l.request); err != nil {
			l.drop(c, err.Error())
		} else if err := l.watch(unix.EPOLL_CTL_MOD, c.fd, unix.EPOLLIN); err != nil {
			l.drop(c, err.Error())
		}
		return 0
	}
	n, err := unix.Read(c.fd, l.buf)
	if err == unix.EAGAIN || err == unix.EINTR {
		return 0
	}
	if err != nil || n <= 0 {
		l.drop(c, "the server closed the connection")
		return 0
	}
	body := l.buf[:n]
	if c.phase == waiting {
		if body = l.header(c, body); body == nil {
			return 0
		}
	}
	var seen int64
	if c.frames == nil {
		seen = int64(bytes.Count(body, []byte{servers.Mark}))
	} else if seen, err = l.converse(c, body); err != nil {
		l.drop(c, err.Error())
	}
	c.events += seen
	return seen
}

// header takes the reply's header and returns what came behind it, or nil as long as
// there is nothing to count.
func (l *loop) header(c *conn, data []byte) (rest []byte) {
	c.head = append(c.head, data...)
	head, rest, complete := bytes.Cut(c.head, []byte("\r\n\r\n"))
	if !complete {
		return nil
	}
	c.head = nil
	if begun := c.frames == nil && bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) || c.frames != nil && upgraded(head); !begun {
		l.drop(c, "unexpected reply: "+string(head))
		return nil
	}
	c.phase = streaming
	l.pending--
	if c.stalls {
		c.phase, rest = stalling, nil
		_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
	}
	l.opened.Add(1)
	l.fill()
	return rest
}

func (l *loop) drop(c *conn, why string) {
	l.conns[c.fd] = nil
	_ = unix.Close(c.fd)
	l.failure = why
	if c.phase == connecting || c.phase == waiting {
		l.pending--
		l.failed.Add(1)
		l.fill()
		return
	}
	l.closed++
}

// fill begins connections until enough are under way.
func (l *loop) fill() {
	for l.todo > 0 && l.pending < atOnce {
		l.todo--
		c := &conn{stalls: l.stalled > 0}
		if c.stalls {
			l.stalled--
		}
		if l.sockets {
			c.frames = &frames{}
		}
		fd, err := dial(l.target, c.stalls)
		if err == nil {
			err = l.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLOUT)
		}
		if err != nil {
			l.failed.Add(1)
			l.failure = err.Error()
			continue
		}
		c.fd = fd
		for fd >= len(l.conns) {
			l.conns = append(l.conns, nil)
		}
		l.conns[fd] = c
		l.pending++
	}
}

// dial begins a connection. A small one has little room for what is not read: on the
// loopback's large segments the kernel would otherwise take megabytes in.
func dial(target *unix.SockaddrInet4, small bool) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	set := func(level, option, value int) {
		if err == nil {
			err = unix.SetsockoptInt(fd, level, option, value)
		}
	}
	set(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if small {
		set(unix.SOL_SOCKET, unix.SO_RCVBUF, 4096)
		set(unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1460)
	}
	if err == nil {
		// The end is a reset: no port is held for minutes afterwards.
		err = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	if err == nil {
		if err = unix.Connect(fd, target); err == unix.EINPROGRESS {
			err = nil
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return 0, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

func resolve(addr string) (*unix.SockaddrInet4, error) {
	tcp, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, err
	}
	target := &unix.SockaddrInet4{Port: tcp.Port}
	copy(target.Addr[:], tcp.IP.To4())
	return target, nil
}
