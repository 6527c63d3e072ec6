package websocket

import (
	"io"
	"net"
	"net/http"
	"sync"
)

// serveInMemory lets a handler serve one connection that nobody else can reach, and
// returns the other end of it. What serves it ends with the connection.
func serveInMemory(handler http.Handler) net.Conn {
	near, far := net.Pipe()
	server := &http.Server{Handler: handler}
	go func() {
		// It returns at once: the listener has but one connection.
		_ = server.Serve(&single{conn: far})
	}()
	return near
}

// single is a listener for one connection.
type single struct {
	once sync.Once
	conn net.Conn
}

func (l *single) Accept() (net.Conn, error) {
	var conn net.Conn
	l.once.Do(func() { conn = l.conn })
	if conn == nil {
		return nil, io.EOF
	}
	return conn, nil
}

func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }
