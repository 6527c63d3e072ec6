package serving

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Descriptors that systemd hands over begin here (sd_listen_fds(3)).
const firstInherited = 3

// inherited says whether an address stands for a socket that the program was started
// with.
func inherited(addr string) bool {
	return strings.HasPrefix(addr, "systemd:") || strings.HasPrefix(addr, "fd:")
}

// inherit returns a listener for such a socket: "systemd:" for the one of systemd's
// socket activation, "systemd:name" for that of several with this FileDescriptorName,
// and "fd:3" for a descriptor by its number, from whoever started the program.
//
// It accepts on a duplicate. The socket itself stays open for as long as the process
// lives: systemd keeps it too, and what nobody accepts waits for the next process.
func inherit(addr string) (net.Listener, error) {
	fail := func(format string, args ...any) (net.Listener, error) {
		return nil, fmt.Errorf("redstart: address %q: "+format, append([]any{addr}, args...)...)
	}
	var fd int
	if number, ok := strings.CutPrefix(addr, "fd:"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || n < firstInherited {
			return fail("want fd: and the number of a descriptor from %d on, such as fd:3", firstInherited)
		}
		fd = n
	} else {
		n, err := activated(strings.TrimPrefix(addr, "systemd:"))
		if err != nil {
			return fail("%w", err)
		}
		fd = n
	}
	keepFromChildren(fd)
	l, err := listenerOf(fd)
	if err != nil {
		return fail("descriptor %d cannot be served: %w", fd, err)
	}
	return l, nil
}

// activated finds the descriptor that systemd hands over under a name.
func activated(name string) (fd int, err error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	if pid == "" || count == "" {
		return 0, errors.New("LISTEN_PID and LISTEN_FDS are not set: the program was not started for a socket of systemd")
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return 0, fmt.Errorf("LISTEN_PID is %q: the sockets are for another process than this, %d", pid, os.Getpid())
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 1<<16 {
		return 0, fmt.Errorf("LISTEN_FDS is %q: want a number", count)
	}
	for i := range n {
		keepFromChildren(firstInherited + i)
	}
	var names []string
	if text := os.Getenv("LISTEN_FDNAMES"); text != "" {
		names = strings.Split(text, ":")
	}
	switch {
	case n == 0:
		return 0, errors.New("LISTEN_FDS is 0: systemd has handed over no socket")
	case name == "" && n > 1:
		return 0, fmt.Errorf("systemd has handed over %d sockets: say which by systemd:name, of %q", n, names)
	case name == "":
		return firstInherited, nil
	case len(names) != n:
		return 0, fmt.Errorf("LISTEN_FDNAMES has %d names for %d sockets", len(names), n)
	}
	i := slices.Index(names, name)
	switch {
	case i < 0:
		return 0, fmt.Errorf("systemd has handed over no socket named %q, but %q", name, names)
	case slices.Contains(names[i+1:], name):
		return 0, fmt.Errorf("systemd has handed over several sockets named %q: give them FileDescriptorNames of their own", name)
	}
	return firstInherited + i, nil
}

// checkMode says what is wrong with a mode for the socket at an address.
func checkMode(addr string, mode fs.FileMode) error {
	switch {
	case mode == 0:
		return nil
	case mode&^fs.ModePerm != 0:
		return fmt.Errorf("redstart: the socket's mode %v is more than permissions, as 0o660 is", mode)
	case !strings.HasPrefix(addr, "unix:"):
		return fmt.Errorf("redstart: address %q: a socket mode is for addresses such as unix:/path", addr)
	case strings.HasPrefix(addr, "unix:@"):
		return fmt.Errorf("redstart: address %q: an abstract socket has no file and so no mode", addr)
	}
	return nil
}
