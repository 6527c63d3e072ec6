// Package fanout holds connections that only wait to be written to: subscribers of
// a broadcast. A connection that is parked here costs neither a goroutine nor a
// buffer. A few loops write to all of them what is behind each one's position in
// a log.
//
// The bytes are the caller's, in the form they have on the wire. On Linux a loop
// owns an epoll set (see loop_linux.go); elsewhere each connection has one small
// goroutine (see lean.go), with the same behaviour.
package fanout

import (
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// Feed is one connection's position in a log. Its methods are called by one
// goroutine at a time.
type Feed interface {
	// Next returns what the connection is to be sent next and moves the position
	// behind it. No bytes mean that there is nothing more for now. The bytes may be
	// shared by many connections and must never change. An error ends the
	// connection.
	Next() (batch []byte, messages int, err error)
	// Behind says how far the position is from the end of the log.
	Behind() int64
}

// Config is what many connections have in common. It must not change.
type Config struct {
	// Heartbeat is the longest silence before Pulse is written; 0 is never. It is
	// kept to within a quarter, on the short side.
	Heartbeat time.Duration
	Pulse     []byte
	// WriteTimeout is how long a client may take to accept a batch; 0 is for ever.
	WriteTimeout time.Duration
	// Farewell returns the last bytes for a connection that ends for this cause.
	Farewell func(cause error) []byte
}

// End is what became of a connection.
type End struct {
	Cause    error // why it was closed: ErrGone, ErrSlow, the feed's error, or Close's
	Messages int64
	Bytes    int64
}

// The causes for which the package itself closes connections.
var (
	ErrGone = errors.New("fanout: the client has gone")
	ErrSlow = errors.New("fanout: the client is too slow")
)

// Parking describes a connection that is handed over.
type Parking struct {
	Config *Config
	Group  *Group
	Feed   Feed
	// Expires is when the connection is closed with Expired, or up to a sixteenth of
	// the time until then earlier; the zero time is never.
	Expires time.Time
	Expired error
	// Heard, if not nil, is given what the client sends, and returns what to answer;
	// otherwise it is thrown away. An error ends the connection, after the answer. It
	// is called by one goroutine at a time, holds up others, and must not keep p.
	Heard func(p []byte) (answer []byte, err error)
	// Ended is called once, when the connection is closed, on a goroutine that
	// holds no lock. While it runs, connections are written to; others may have to
	// wait to be told of their end.
	Ended func(End)
}

// maxGarbage is how many bytes a client may send, to which nobody listens, before
// it is taken for one that means harm.
const maxGarbage = 64 << 10

// maxAnswers is how much may wait for a client that asks and does not listen, in bytes.
const maxAnswers = 4 << 10

// Transport parks connections.
type Transport interface {
	// Park takes over a connection that net/http has let go of; the caller must not
	// use it any more. After an error the connection is still the caller's.
	Park(conn net.Conn, p Parking) (Parked, error)
	// Open returns the number of connections that are parked.
	Open() int
	// Wait returns when the goroutines of the transport have ended, which they do
	// with the last connection. Nothing may be parked meanwhile.
	Wait()
}

// Parked is a parked connection.
type Parked interface {
	// Close has the connection ended for the given cause, with the farewell if the
	// client can take it. It does not wait for the end, and does nothing when the
	// connection has ended before.
	Close(cause error)
	// Status says how it is with the connection.
	Status() Status
}

// Status is how it is with a parked connection.
type Status struct {
	Remote   string        // the client's address, "" when it is not known any more
	Messages int64         // written whole
	Bytes    int64         // written
	Behind   int64         // what the feed says
	Blocked  time.Duration // for how long the client has taken nothing, though there is more
}

// Group is a set of connections that are woken together. Its zero value is ready.
// It is safe for concurrent use.
type Group struct {
	mu     sync.Mutex
	shares []share
	seats  []*Seat
	spare  []*Seat // for Wake to copy the seats to
}

// share is the connections of one loop.
type share interface {
	wake()
	empty() bool
}

// Waker is a member of a group that is no loop's.
type Waker interface {
	// Wake has it look for what is new. It must not wait for anything.
	Wake()
}

// Seat is a Waker's place in a group.
type Seat struct {
	waker Waker
	index int
}

// Add makes w a member.
func (g *Group) Add(w Waker) *Seat {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &Seat{w, len(g.seats)}
	g.seats = append(g.seats, s)
	return s
}

// Remove takes a member out. It may be woken once more by a wake-up that is under way.
func (g *Group) Remove(s *Seat) {
	g.mu.Lock()
	defer g.mu.Unlock()
	last := len(g.seats) - 1
	g.seats[s.index] = g.seats[last]
	g.seats[s.index].index = s.index
	g.seats[last] = nil
	g.seats = g.seats[:last]
}

// Wake has the connections of the group look for what is new. It waits for none of
// them.
func (g *Group) Wake() {
	g.mu.Lock()
	shares := g.shares
	seats := append(g.spare[:0], g.seats...)
	g.spare = nil
	g.mu.Unlock()
	for _, s := range shares {
		s.wake()
	}
	for _, s := range seats {
		s.waker.Wake()
	}
	clear(seats)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.spare == nil && cap(seats) <= 4*len(g.seats) {
		g.spare = seats[:0]
	}
}

// joinLocked adds a loop's share. The list is copied, since Wake reads it unlocked, and
// shares of which nothing is left are dropped on the occasion.
func (g *Group) joinLocked(s share) {
	shares := slices.DeleteFunc(slices.Clone(g.shares), share.empty)
	g.shares = append(shares, s)
}

var started = time.Now()

// now is the monotonic clock in nanoseconds.
func now() int64 { return int64(time.Since(started)) + 1 }
