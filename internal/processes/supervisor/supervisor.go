// Package supervisor runs the program it is part of several times over, and keeps
// these processes serving: it starts again what crashed, replaces them one after the
// other when told to, and lets them drain at the end. It is the parent's side of
// package processes.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/rs/zerolog"
)

// Config is what is to be supervised.
type Config struct {
	Addr       string        // as for serving.Listen
	SocketMode fs.FileMode   // the same
	Processes  int           // 2 to processes.Max
	Drain      time.Duration // how long a process may drain, and then how long its OnStop functions may take; 0 for no bound
	Secure     bool          // for the address that is shown
	Logger     zerolog.Logger
	Started    func(url string, pids []int) // called once, when the processes serve
}

// Patience is how long a process is waited for that was told to drain: for the drain,
// for its OnStop functions, and a little for the program's own end. Zero is for ever.
func Patience(drain time.Duration) time.Duration {
	if drain <= 0 {
		return 0
	}
	return 2*drain + 5*time.Second
}

// errGivenUp is wrapped with what the last process said.
var errGivenUp = errors.New("redstart: none of the processes gets to serve")

// Run supervises until ctx ends and the processes have drained, or until force is
// closed and they were cut. It returns an error when the address cannot be listened
// on, when none of the processes gets to serve, and when one did not end in order
// after ctx had ended.
func (c *Config) Run(ctx context.Context, force <-chan struct{}) error {
	l, err := newLauncher(ctx, c)
	if err != nil {
		return err
	}
	defer l.close()
	reload, hungUp, stop := hangups()
	defer stop()
	crew := newCrew(c.Processes, c.Logger)
	crew.start = func(slot int) (process, error) { return l.start(slot, crew.events) }
	crew.abandon = l.close
	crew.adopts = l.sockets() > 1
	crew.patience = Patience(c.Drain)
	crew.started = func(pids []int) { c.Started(l.url, pids) }
	return crew.run(ctx, force, reload, hungUp)
}

// describe says how a process ended.
func describe(slot, pid int, err error) error {
	if err == nil {
		err = errors.New("exit status 0")
	}
	return fmt.Errorf("process %d (pid %d): %w", slot, pid, err)
}
