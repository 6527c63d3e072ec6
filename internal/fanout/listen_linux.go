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
		if cause := l.hearLocked(c, event.Events); cause != nil {
			l.closeLocked(c, cause)
			continue
		}
		if c.fd < 0 {
			continue
		}
		if event.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			l.closeLocked(c, ErrGone)
			continue
		}
		if event.Events&unix.EPOLLOUT != 0 && c.blocked != 0 && l.flushLocked(c) {
			l.queueLocked(c)
		}
	}
}

// hearLocked reads what a client sent, and says why the connection cannot stay, if so.
func (l *loop) hearLocked(c *Conn, events uint32) error {
	if events&unix.EPOLLIN == 0 {
		return nil
	}
	for {
		n, err := unix.Read(int(c.fd), l.buf)
		switch {
		case n > 0 && c.dialogue != nil:
			answer, err := c.dialogue.heard(l.buf[:n])
			if err != nil {
				l.answerLastLocked(c, answer)
				return err
			}
			l.answerLocked(c, answer)
			if c.fd < 0 {
				return nil // the client was gone before its answer
			}
		case n > 0:
			if c.garbage += int32(n); c.garbage > maxGarbage {
				return ErrGone
			}
		case err == unix.EAGAIN:
			return nil
		case err != unix.EINTR:
			return ErrGone
		}
	}
}

// dialogue is what a connection has besides whose client is listened to.
type dialogue struct {
	heard   func(p []byte) ([]byte, error)
	answers []byte // to be written between two batches
}

// answerLocked writes an answer, or has it written behind what is under way.
func (l *loop) answerLocked(c *Conn, answer []byte) {
	d := c.dialogue
	if len(answer) == 0 || len(d.answers)+len(answer) > maxAnswers {
		return
	}
	d.answers = append(d.answers, answer...)
	if c.blocked == 0 {
		l.flushLocked(c)
	}
}

// answerLastLocked writes the answer that is the last one, after what is under way, if
// the client can take all that now.
func (l *loop) answerLastLocked(c *Conn, answer []byte) {
	for _, part := range [][]byte{c.rest, c.dialogue.answers, answer} {
		for len(part) > 0 {
			n, err := write(int(c.fd), part)
			if n <= 0 && err != unix.EINTR {
				return
			}
			n = max(n, 0)
			part = part[n:]
			c.bytes += int64(n)
		}
	}
	c.rest, c.dialogue.answers = nil, nil
}
