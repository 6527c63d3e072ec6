//go:build unix

package websocket

import (
	"net"
	"sync"
	"syscall"
)

// attempt is one write that does not wait. It is lent, since the function that
// RawConn.Write calls would be allocated each time otherwise.
type attempt struct {
	p    []byte
	n    int
	err  error
	call func(fd uintptr) bool
}

var attempts = sync.Pool{New: func() any {
	a := new(attempt)
	a.call = a.write
	return a
}}

// write tries once, and never asks to be called again.
func (a *attempt) write(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), a.p)
		switch err {
		case nil:
			a.n = n
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
		default:
			a.err = err
		}
		return true
	}
}

// tryWrite writes what the kernel takes without waiting. Of a connection that is not
// the kernel's own, such as one with TLS, it takes nothing.
func tryWrite(nc net.Conn, p []byte) (int, error) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return 0, nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, err
	}
	a := attempts.Get().(*attempt)
	a.p, a.n, a.err = p, 0, nil
	err = raw.Write(a.call)
	n := a.n
	if err == nil {
		err = a.err
	}
	a.p = nil
	attempts.Put(a)
	return n, err
}
