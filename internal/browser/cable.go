package browser

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// Cable is the network between a browser and a server, to be cut and mended. It
// forwards bytes between its own address and the server's.
type Cable struct {
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	target string
	cut    bool
	open   map[net.Conn]struct{}
}

// NewCable connects an address of its own to target, a "host:port". It is taken
// away when the test ends.
func NewCable(t testing.TB, target string) *Cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cable{listener: listener, target: target, open: map[net.Conn]struct{}{}}
	c.running.Go(c.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		c.Cut()
		c.running.Wait()
	})
	return c
}

// URL is where the browser goes.
func (c *Cable) URL() string { return "http://" + c.listener.Addr().String() }

// Cut resets every connection, and each new one as soon as it is made, until
// [Cable.Mend].
func (c *Cable) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for conn := range c.open {
		reset(conn)
	}
}

// Mend lets connections through again, to target.
func (c *Cable) Mend(target string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut, c.target = false, target
}

func (c *Cable) accept() {
	for {
		near, err := c.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			c.running.Go(func() { c.forward(near) })
		}
	}
}

// forward serves one connection until either side ends it.
func (c *Cable) forward(near net.Conn) {
	c.mu.Lock()
	target := c.target
	c.mu.Unlock()
	far, err := net.Dial("tcp", target)
	if err != nil || !c.plug(near, far) {
		reset(near)
		if err == nil {
			reset(far)
		}
		return
	}
	defer c.unplug(near, far)
	var copying sync.WaitGroup
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		// Half a connection is of no use to HTTP: both ends go, and with them
		// the other copy.
		_ = to.Close()
		_ = from.Close()
	}
	copying.Go(func() { pass(far, near) })
	pass(near, far)
	copying.Wait()
}

// plug puts a pair of connections within reach of [Cable.Cut], unless that has
// come first.
func (c *Cable) plug(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return false
	}
	for _, conn := range conns {
		c.open[conn] = struct{}{}
	}
	return true
}

func (c *Cable) unplug(conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range conns {
		delete(c.open, conn)
	}
}

// reset ends a connection the rude way, so that the other side sees an accident
// and not an orderly end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
