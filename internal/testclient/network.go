package testclient

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// network is a server and the way to it.
type network struct {
	server   *http.Server
	handler  http.Handler
	incoming chan net.Conn
	closed   chan struct{}
	accept   sync.WaitGroup // the goroutine that accepts
	conns    sync.WaitGroup

	mu    sync.Mutex
	ports int
}

// near is the client's end of a connection, which knows what becomes of the other one.
type near struct {
	net.Conn
	far *far
}

// far is the server's end.
type far struct {
	net.Conn
	port   int
	served chan struct{} // gets one for each request whose handler has returned
	gone   chan struct{} // closed when the server has no more to do with it
	once   sync.Once
	taken  bool // over from the server, by the handler
}

// The addresses are of a network that is there for documentation (RFC 5737).
func (f *far) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 80} }
func (f *far) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: f.port}
}

type farKey struct{}

func newNetwork(c *Config) *network {
	n := &network{handler: c.Handler, incoming: make(chan net.Conn), closed: make(chan struct{})}
	n.server = &http.Server{
		Handler: n, ErrorLog: c.ErrorLog, Protocols: new(http.Protocols),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, farKey{}, conn)
		},
		ConnState: n.track,
	}
	n.server.Protocols.SetHTTP1(true)
	n.accept.Go(func() { _ = n.server.Serve(n) }) // it ends with close
	return n
}

// track counts the connections that the server has, and those that a handler has taken
// over for as long as it runs.
func (n *network) track(conn net.Conn, state http.ConnState) {
	f, _ := conn.(*far)
	switch state {
	case http.StateNew:
		n.conns.Add(1)
	case http.StateHijacked:
		f.taken = true
	case http.StateClosed:
		n.leave(f)
	}
}

func (n *network) leave(f *far) {
	f.once.Do(func() { close(f.gone); n.conns.Done() })
}

func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, _ := r.Context().Value(farKey{}).(*far)
	defer func() {
		select {
		case f.served <- struct{}{}:
		default: // nobody has taken the last one, nor will this one be
		}
		if f.taken {
			n.leave(f)
		}
	}()
	n.handler.ServeHTTP(w, r)
}

// dial connects, whatever network and address say.
func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.mu.Lock()
	n.ports++
	port := 1024 + n.ports
	n.mu.Unlock()
	one, other := net.Pipe()
	f := &far{Conn: other, port: port, served: make(chan struct{}, 1), gone: make(chan struct{})}
	var err error
	select {
	case n.incoming <- f:
		return &near{one, f}, nil
	case <-n.closed:
		err = fmt.Errorf("the client is closed: %w", net.ErrClosed)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	_ = one.Close()
	_ = other.Close()
	return nil, err
}

// Accept, Close and Addr make it the server's listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.incoming:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.closed:
	default:
		close(n.closed)
	}
	return nil
}

func (n *network) Addr() net.Addr { return (&far{}).LocalAddr() }

// shut closes all connections, and the channel it returns when all handlers have
// returned.
func (n *network) shut() <-chan struct{} {
	_ = n.server.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.accept.Wait()
		n.conns.Wait()
	}()
	return done
}
