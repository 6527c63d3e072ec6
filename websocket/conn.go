package websocket

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is one WebSocket connection, after its handshake. A [Conversation] is given
// one by the server, and [Dial] makes one.
//
// All methods are safe for concurrent use, but only one goroutine may read at a time.
// What several goroutines send goes out message by message, in the order of the calls.
type Conn struct {
	nc      net.Conn
	set     *settings
	request *http.Request
	ctx     context.Context
	cancel  context.CancelCauseFunc
	clock   *wheel // nil for a client without a heartbeat
	born    time.Time

	id          string
	subprotocol string
	client      bool
	deflateBits uint8 // the window for compressing, 0 when not negotiated

	in   input
	pace pace

	mu  sync.Mutex
	out output // under mu
	// end says why the connection is over, or about to be. It is set once, by stop.
	end        atomic.Pointer[CloseError]
	closeGrace *time.Timer // under mu
	finishing  bool        // under mu, like finished
	finished   bool
	pulse      pulse
	pings      pings // under mu

	rooms  *pump   // of the server, nil for a client
	joined []*Room // under mu
	left   bool    // under mu: no more rooms
}

func newConn(nc net.Conn, set *settings, clock *wheel) *Conn {
	c := &Conn{nc: nc, set: set, clock: clock, born: time.Now()}
	c.in.own = make([]byte, idleBuffer)
	c.in.buf = c.in.own
	c.pace.reset(set)
	return c
}

// ID returns the connection's random name, which nobody can guess. See [Server.Conn].
func (c *Conn) ID() string { return c.id }

// Subprotocol returns what was agreed on in the handshake, or "".
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Compressed says whether messages may be compressed, as agreed on in the handshake.
func (c *Conn) Compressed() bool { return c.deflateBits != 0 }

// Request returns the request of the handshake, without a body. It stays valid; its
// context is that of the connection. It must not be changed. A client's has the
// header that was sent.
func (c *Conn) Request() *http.Request { return c.request }

// RemoteAddr returns the address at the other end of the TCP connection, which may
// be a proxy's.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Context returns a context that ends with the connection, and has the values of the
// request's. Its cause is a [*CloseError]. The peer's going is noticed while somebody
// reads, and within some seconds when nobody does and no message is waiting.
func (c *Conn) Context() context.Context { return c.ctx }

// stop records why the connection is over; what comes first counts. Whoever reads is
// woken. It says whether this was the first.
func (c *Conn) stop(end *CloseError) bool {
	if !c.end.CompareAndSwap(nil, end) {
		return false
	}
	c.interrupt()
	c.mu.Lock()
	if c.out.room != nil {
		c.out.room.Broadcast()
	}
	c.pings.releaseLocked()
	c.mu.Unlock()
	c.cancel(end)
	return true
}

// lose is stop for a connection that can no longer be used.
func (c *Conn) lose(end *CloseError) {
	c.mu.Lock()
	c.failLocked(end)
	c.mu.Unlock()
	c.stop(end)
	_ = c.nc.Close()
	c.rest()
}

// rest takes the connection from the wheel.
func (c *Conn) rest() {
	if c.clock != nil {
		c.clock.remove(c)
	}
}

// now is the time since some moment in the past, as the wheel last saw it: asking the
// clock for each message would be a cost, and nothing here needs to be exact.
func (c *Conn) now() time.Duration {
	if c.clock == nil {
		return time.Since(c.born)
	}
	return c.clock.now()
}
