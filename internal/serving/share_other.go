//go:build !linux

package serving

import (
	"errors"
	"net"
	"syscall"
)

// sharePort refuses: the other systems that know SO_REUSEPORT give all connections to
// one of the sockets.
func sharePort(net.Listener) error { return errors.ErrUnsupported }

func setSharedPort(_, _ string, _ syscall.RawConn) error { return errors.ErrUnsupported }
