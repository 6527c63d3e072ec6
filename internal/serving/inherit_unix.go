//go:build unix

package serving

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// keepFromChildren has a descriptor closed in the programs that this one starts.
func keepFromChildren(fd int) { syscall.CloseOnExec(fd) }

// listenerOf makes a listener of a descriptor, which stays open.
func listenerOf(fd int) (net.Listener, error) {
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	switch {
	case errors.Is(err, syscall.EBADF):
		return nil, fmt.Errorf("nothing is open there: %w", err)
	case err != nil:
		return nil, fmt.Errorf("it is no socket: %w", err)
	case kind != syscall.SOCK_STREAM:
		return nil, errors.New("it is no stream socket: want ListenStream= in the socket unit")
	}
	if listening, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN); err == nil && listening == 0 {
		return nil, errors.New("it does not listen: a socket unit needs Accept=no")
	}
	syscall.ForkLock.RLock()
	duplicate, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(duplicate)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(duplicate), "socket")
	l, err := net.FileListener(f) // which works on a duplicate again
	return l, errors.Join(err, f.Close())
}
