//go:build unix

package supervisor

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// hangups tells of SIGHUP. It asks for a rolling restart, but when it comes because
// the terminal went away in which the program was started: then it is the end, as for
// other programs, unless the program was started with nohup.
func hangups() (reload, hungUp <-chan struct{}, stop func()) {
	attached := !signal.Ignored(syscall.SIGHUP) && hasTerminal()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	again, end, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			select {
			case <-signals:
			case <-done:
				return
			}
			if attached && !hasTerminal() {
				close(end)
				return
			}
			select {
			case again <- struct{}{}:
			case <-done:
				return
			}
		}
	})
	return again, end, func() {
		signal.Stop(signals)
		close(done)
		watcher.Wait()
	}
}

// hasTerminal says whether the process has a controlling terminal.
func hasTerminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}
