package serving

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// Listen opens the address that a user gave: "host:port", ":port",
// "unix:/path/to/socket", or one that the program was started with, "systemd:",
// "systemd:name" or "fd:3". Its errors say what to do. A socket file left behind by a
// program that has ended is replaced; one in use is not. The mode is that of a Unix
// socket's file, 0 for what the umask leaves.
func Listen(ctx context.Context, addr string, mode fs.FileMode) (net.Listener, error) {
	if err := checkMode(addr, mode); err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return listenUnix(ctx, path, mode)
	}
	if inherited(addr) {
		return inherit(addr)
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fmt.Errorf("redstart: address %q: want host:port, :port, unix:/path, systemd: or fd:3: %w", addr, err)
	}
	config := net.ListenConfig{Control: setUserTimeout}
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, explain(addr, err)
	}
	return l, nil
}

func listenUnix(ctx context.Context, path string, mode fs.FileMode) (net.Listener, error) {
	addr := "unix:" + path
	if path == "" {
		return nil, fmt.Errorf("redstart: address %q: want unix:/path/to/socket", addr)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&fs.ModeSocket == 0 {
			return nil, fmt.Errorf("redstart: listen on %s: there is something else than a socket: remove it or choose another path", addr)
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err == nil {
			_ = conn.Close()
			return nil, explain(addr, syscall.EADDRINUSE)
		}
		// Only a refusal says that nobody serves it. Another error may mean that its
		// program is busy, or is somebody else's.
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("redstart: listen on %s: whether another program serves there cannot be told: %w", addr, err)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("redstart: listen on %s: replacing a socket that nobody serves: %w", addr, err)
		}
	}
	config := net.ListenConfig{}
	if mode != 0 {
		config.Control = setMode(uint32(mode))
	}
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, explain(addr, err)
	}
	if mode != 0 {
		if err := os.Chmod(path, mode); err != nil { // what the umask took off
			return nil, errors.Join(fmt.Errorf("redstart: listen on %s: %w", addr, err), l.Close())
		}
	}
	return l, nil
}

func explain(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("redstart: listen on %s: another program serves there already: stop it or choose another address: %w", addr, err)
	case errors.Is(err, syscall.EACCES):
		hint := "ports below 1024 need a privilege"
		if strings.HasPrefix(addr, "unix:") {
			hint = "its folder has to be writable"
		}
		return fmt.Errorf("redstart: listen on %s: not allowed for this user: %s: %w", addr, hint, err)
	case errors.Is(err, syscall.EINVAL) && strings.HasPrefix(addr, "unix:"):
		// 103 on macOS and the BSDs, 107 on Linux.
		return fmt.Errorf("redstart: listen on %s: the path has %d bytes, and the system allows about 100: choose a shorter one", addr, len(addr)-len("unix:"))
	case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(addr, "unix:"):
		return fmt.Errorf("redstart: listen on %s: its folder does not exist: make it first: %w", addr, err)
	}
	return fmt.Errorf("redstart: listen on %s: %w", addr, err)
}

// URL returns a listener's address as a browser wants it. All addresses are shown as
// localhost.
func URL(at net.Addr, secure bool) string {
	addr, ok := at.(*net.TCPAddr)
	if !ok {
		return at.Network() + ":" + at.String()
	}
	scheme, host := "http", addr.IP.String()
	if secure {
		scheme = "https"
	}
	if addr.IP.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, fmt.Sprint(addr.Port))
}
