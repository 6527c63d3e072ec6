package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Requests is one request that is to be sent over and over, on each of the
// connections as soon as the reply to the one before is there.
type Requests struct {
	Addr                 string
	Method, Target, Body string
	Conns                int
	For                  time.Duration
}

// Rate is how many replies came, all with status 200 and a body.
type Rate struct {
	Replies int64
	Elapsed time.Duration
}

// exchange is one connection that sends requests.
type exchange struct {
	fd    int
	reply []byte // as far as it is there
	ready bool   // connected
}

// Requests measures how many requests a server answers.
func (c *Client) Requests(r Requests, rate *Rate) error {
	target, err := resolve(r.Addr)
	if err != nil {
		return err
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	defer unix.Close(epoll)
	conns := map[int32]*exchange{}
	defer func() {
		for _, x := range conns {
			_ = unix.Close(x.fd)
		}
	}()
	for range r.Conns {
		fd, err := dial(target, false)
		if err != nil {
			return err
		}
		conns[int32(fd)] = &exchange{fd: fd}
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLOUT, Fd: int32(fd)})
		if err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
	}
	request := r.bytes()
	ready, buf := make([]unix.EpollEvent, r.Conns), make([]byte, 64<<10)
	begin := time.Now()
	for rate.Elapsed = 0; rate.Elapsed < r.For; rate.Elapsed = time.Since(begin) {
		n, err := unix.EpollWait(epoll, ready, 100)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, event := range ready[:max(n, 0)] {
			replies, err := conns[event.Fd].serve(epoll, request, buf)
			if err != nil {
				return fmt.Errorf("%s %s: %w", r.Method, r.Target, err)
			}
			rate.Replies += replies
		}
	}
	if rate.Replies == 0 {
		return fmt.Errorf("%s %s: no reply in %v", r.Method, r.Target, r.For)
	}
	return nil
}

func (r Requests) bytes() []byte {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Target, r.Addr)
	if r.Body != "" {
		head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(r.Body))
	}
	return []byte(head + "\r\n" + r.Body)
}

// serve reads what is there and sends the next request behind a complete reply.
func (x *exchange) serve(epoll int, request, buf []byte) (replies int64, err error) {
	if !x.ready {
		x.ready = true
		event := &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(x.fd)}
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_MOD, x.fd, event); err != nil {
			return 0, fmt.Errorf("epoll: %w", err)
		}
		return 0, x.send(request)
	}
	n, err := unix.Read(x.fd, buf)
	if err == unix.EAGAIN || err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, errors.New("the server closed the connection")
	}
	reply := buf[:n]
	if len(x.reply) > 0 {
		x.reply = append(x.reply, reply...)
		reply = x.reply
	}
	complete, err := whole(reply)
	if err != nil {
		return 0, err
	}
	if !complete {
		if len(x.reply) == 0 {
			x.reply = append(x.reply, reply...)
		}
		return 0, nil
	}
	x.reply = x.reply[:0]
	return 1, x.send(request)
}

// send writes the request in one go: nothing else is in the socket's buffer.
func (x *exchange) send(request []byte) error {
	n, err := unix.Write(x.fd, request)
	if err == nil && n < len(request) {
		err = errors.New("the request did not fit in the socket's buffer")
	}
	return err
}

var (
	statusOK = []byte("HTTP/1.1 200 ")
	blank    = []byte("\r\n\r\n")
	lengths  = []byte("\r\nContent-Length: ") // as both net/http and fasthttp spell it
)

// whole says whether a reply is complete.
func whole(reply []byte) (bool, error) {
	head, body, complete := bytes.Cut(reply, blank)
	if !complete {
		return false, nil
	}
	if !bytes.HasPrefix(head, statusOK) {
		return false, fmt.Errorf("unexpected reply: %.200s", head)
	}
	_, value, found := bytes.Cut(head, lengths)
	if !found {
		return false, fmt.Errorf("a reply without Content-Length: %.500s", head)
	}
	value, _, _ = bytes.Cut(value, []byte("\r\n"))
	length, err := strconv.Atoi(string(value))
	if err != nil || length == 0 || len(body) > length {
		return false, fmt.Errorf("a reply with a Content-Length of %q and %d bytes behind it", value, len(body))
	}
	return len(body) == length, nil
}
