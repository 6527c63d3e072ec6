package fanout

import (
	"golang.org/x/sys/unix"
)

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
