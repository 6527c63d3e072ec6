package fanout

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

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
	if len(c.rest) == 0 && c.dialogue != nil && len(c.dialogue.answers) > 0 {
		c.rest, c.pending = c.dialogue.answers, 0
		c.dialogue.answers = nil
	}
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
