//go:build unix

package processes

import (
	"os"
	"os/signal"
	"syscall"
)

// ignoreHangup keeps SIGHUP from ending a member: it means the supervisor, even
// where the whole group of processes gets it. A program's own wish to hear of the
// signal is left alone.
func ignoreHangup() (stop func()) {
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, syscall.SIGHUP)
	return func() { signal.Stop(ignored) }
}

// pipe opens an inherited pipe so that reading from it can be interrupted.
func pipe(fd int, name string) *os.File {
	_ = syscall.SetNonblock(fd, true) // this end is the member's alone
	return os.NewFile(uintptr(fd), name)
}

func closeFD(fd int) { _ = syscall.Close(fd) }
