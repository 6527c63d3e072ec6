//go:build !unix

package serving

import (
	"errors"
	"net"
)

func keepFromChildren(int) {}

// listenerOf is for systems that can hand a socket down.
func listenerOf(int) (net.Listener, error) { return nil, errors.ErrUnsupported }
