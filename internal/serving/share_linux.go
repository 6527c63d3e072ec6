package serving

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// sharePort lets other sockets be bound to the listener's port from now on.
func sharePort(l net.Listener) error {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	return reusePort(raw)
}

// setSharedPort makes a socket one that shares its port.
func setSharedPort(network, address string, c syscall.RawConn) error {
	return errors.Join(setUserTimeout(network, address, c), reusePort(c))
}

func reusePort(c syscall.RawConn) (err error) {
	failed := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(failed, err)
}
