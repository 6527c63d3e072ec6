// Package memnet is a network in memory: a listener whose connections are pipes.
//
// It exists for tests in a testing/synctest bubble, where real sockets do not
// count as waiting and so hold the fake clock still. A [net/http.Server] serves
// on a [Listener] as on any other, and a [net/http.Transport] reaches it by
// [Listener.DialContext].
//
// The connections have no buffer: a write waits until the other side reads. A
// peer that does not read is therefore noticed at once, and after exactly the
// write deadline.
package memnet

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Listener is both the network and the only address on it. Make one with
// [Listen]. It is safe for concurrent use.
type Listener struct {
	incoming chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

// Listen opens a network of its own.
func Listen() *Listener {
	return &Listener{incoming: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept waits for the next dial. After Close its error is [net.ErrClosed].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.incoming:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// DialContext connects to whoever accepts, whatever network and address say. It
// fails with the cause of ctx, or once the listener is closed.
func (l *Listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	var err error
	select {
	case l.incoming <- far:
		return near, nil
	case <-l.closed:
		err = fmt.Errorf("memnet: connection refused: %w", net.ErrClosed)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	_ = near.Close()
	_ = far.Close()
	return nil, err
}

// Close refuses further dials. Connections that were accepted stay open. Closing
// twice does nothing.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is a placeholder: there is nothing to dial by it.
func (l *Listener) Addr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "mem" }
func (address) String() string  { return "mem" }
