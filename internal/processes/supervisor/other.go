//go:build !unix

package supervisor

import (
	"context"
	"errors"
)

// launcher is for systems on which a socket can be handed down.
type launcher struct{ url string }

var errUnsupported = errors.New("redstart: several processes need a Unix system, on which they can share a socket: leave WithProcesses out here")

func newLauncher(context.Context, *Config) (*launcher, error) { return nil, errUnsupported }
func (*launcher) start(int, chan<- event) (process, error)    { return nil, errUnsupported }
func (*launcher) sockets() int                                { return 0 }
func (*launcher) close()                                      {}
func hangups() (reload, hungUp <-chan struct{}, stop func())  { return nil, nil, func() {} }
