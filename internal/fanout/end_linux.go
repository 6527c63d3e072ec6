package fanout

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

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

// Status says how it is with the connection.
func (c *Conn) Status() Status {
	l := c.loop
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{Messages: c.messages, Bytes: c.bytes}
	if c.blocked != 0 {
		s.Blocked = time.Duration(now() - c.blocked)
	}
	if c.fd >= 0 {
		s.Behind = c.feed.Behind()
		if peer, err := unix.Getpeername(int(c.fd)); err == nil {
			s.Remote = addressOf(peer)
		}
	}
	return s
}

// addressOf gives a socket's address as net does.
func addressOf(sa unix.Sockaddr) string {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port)).String()
	case *unix.SockaddrUnix:
		return sa.Name
	}
	return ""
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
