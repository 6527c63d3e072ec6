package serving

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
)

// ListenSeveral is [Listen] for n processes. Where the system spreads connections
// over sockets that are bound to the same port, it returns n listeners, and otherwise
// one, for all of them to accept on.
//
// Only sockets that ask for it share a port, and the first one asks after it has got
// the port for itself. So a port that another program serves is an error, though that
// program be of the same kind. A socket that the program was started with is shared by
// all: only that one stays open for the next program.
func ListenSeveral(ctx context.Context, addr string, mode fs.FileMode, n int) ([]net.Listener, error) {
	first, err := Listen(ctx, addr, mode)
	if err != nil {
		return nil, err
	}
	listeners := []net.Listener{first}
	if strings.HasPrefix(addr, "unix:") || inherited(addr) || sharePort(first) != nil {
		return listeners, nil
	}
	for range n - 1 {
		config := net.ListenConfig{Control: setSharedPort}
		l, err := config.Listen(ctx, "tcp", first.Addr().String())
		if err != nil {
			// Some sandboxes do not let a port be shared afterwards.
			for _, l := range listeners[1:] {
				_ = l.Close()
			}
			return listeners[:1], nil
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// ListenShared is [Listen] for a port that every process of an app opens for itself. It
// is an error where the system does not spread connections over them.
func ListenShared(ctx context.Context, addr string) (net.Listener, error) {
	config := net.ListenConfig{Control: setSharedPort}
	l, err := config.Listen(ctx, "tcp", addr)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, fmt.Errorf("redstart: listen on %s: several processes cannot share it on this system", addr)
	}
	if err != nil {
		return nil, explain(addr, err)
	}
	return l, nil
}
