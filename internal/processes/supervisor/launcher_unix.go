//go:build unix

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redstart-go/redstart/internal/processes"
	"github.com/redstart-go/redstart/internal/serving"
)

// launcher starts the program, and holds the sockets for it.
type launcher struct {
	path string
	addr string
	url  string
	of   int
	fds  []int  // of the sockets; not registered for events, since nobody accepts here
	unix string // the path of a socket, to be removed at the end
}

func newLauncher(ctx context.Context, c *Config) (l *launcher, err error) {
	l = &launcher{addr: c.Addr, of: c.Processes}
	if l.path, err = program(); err != nil {
		return nil, err
	}
	listeners, err := serving.ListenSeveral(ctx, c.Addr, c.SocketMode, c.Processes)
	if err != nil {
		return nil, err
	}
	l.url = serving.URL(listeners[0].Addr(), c.Secure)
	for _, listener := range listeners {
		// The file of a socket that the program was started with is not ours to remove.
		if u, ok := listener.(*net.UnixListener); ok && strings.HasPrefix(c.Addr, "unix:") {
			u.SetUnlinkOnClose(false)
			l.unix = u.Addr().String()
		}
		fd, e := descriptor(listener)
		if e == nil {
			l.fds = append(l.fds, fd)
		}
		err = errors.Join(err, e, listener.Close())
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("redstart: listen on %s: %w", c.Addr, err)
	}
	return l, nil
}

// program returns the path of the running program, as it was called: through a
// symbolic link, say, that a new release will let point elsewhere.
func program() (string, error) {
	exact, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("redstart: the program that is to run several times: %w", err)
	}
	called := os.Args[0]
	if !strings.ContainsRune(called, filepath.Separator) {
		if called, err = exec.LookPath(called); err != nil {
			return exact, nil
		}
	}
	if called, err = filepath.Abs(called); err != nil {
		return exact, nil
	}
	one, err := os.Stat(exact)
	if err != nil {
		return exact, nil
	}
	if other, err := os.Stat(called); err != nil || !os.SameFile(one, other) {
		return exact, nil
	}
	return called, nil
}

// descriptor returns one of its own for the listener's socket.
func descriptor(l net.Listener) (fd int, err error) {
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Control(func(original uintptr) { fd, err = processes.Duplicate(int(original)) })
	return fd, errors.Join(failed, err)
}

func (l *launcher) sockets() int { return len(l.fds) }

// close gives the sockets up, for good when all processes did so.
func (l *launcher) close() {
	if len(l.fds) > 0 && l.unix != "" {
		_ = os.Remove(l.unix)
	}
	for _, fd := range l.fds {
		_ = syscall.Close(fd)
	}
	l.fds = nil
}

// start starts a process for a slot, which tells what becomes of it.
func (l *launcher) start(slot int, events chan<- event) (process, error) {
	reports, report, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	commands, command, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, reports.Close(), report.Close())
	}
	given := []*os.File{report, commands}
	defer func() {
		for _, f := range given {
			_ = f.Close()
		}
	}()
	place := processes.Place{Slot: slot, Of: l.of, Sockets: len(l.fds), Addr: l.addr}
	inode, err := processes.Inode(int(commands.Fd())) // the child's end may well be a blocking one
	place.Pipe = inode
	for _, fd := range l.fds {
		duplicate, e := processes.Duplicate(fd)
		if e != nil {
			err = errors.Join(err, e)
			break
		}
		// A File of a descriptor in non-blocking mode does not change the mode, which
		// is that of the processes that accept on the socket just now.
		given = append(given, os.NewFile(uintptr(duplicate), "socket"))
	}
	cmd := &exec.Cmd{
		Path: l.path, Args: os.Args, Env: environment(place),
		Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: given,
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, reports.Close(), command.Close())
	}
	c := &child{cmd: cmd, commands: command}
	go c.watch(reports, events)
	return c, nil
}

// environment is the program's own, with its place.
func environment(p processes.Place) []string {
	inherited := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, processes.Variable+"=") })
	return append(inherited, processes.Variable+"="+p.String())
}

// child is a process of the system.
type child struct {
	cmd      *exec.Cmd
	commands *os.File
}

// watch tells the process's events, until its end. The crew waits for that.
func (c *child) watch(reports *os.File, events chan<- event) {
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for b := make([]byte, 1); ; {
			if _, err := reports.Read(b); err != nil {
				return
			}
			events <- event{from: c, report: b[0]}
		}
	}()
	err := c.cmd.Wait()
	// What it reported is in the pipe. The pipe ends with the process, unless somebody
	// else got hold of it.
	_ = reports.SetReadDeadline(time.Now().Add(time.Second))
	<-heard
	_ = reports.Close()
	_ = c.commands.Close()
	events <- event{from: c, ended: true, err: err}
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) command(what ...byte) {
	// It fails when the process has ended, which will be heard of, and does not wait
	// for one that does not read.
	_ = c.commands.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.commands.Write(what)
}

func (c *child) terminate() { _ = c.cmd.Process.Signal(syscall.SIGTERM) }
func (c *child) kill()      { _ = c.cmd.Process.Kill() }
