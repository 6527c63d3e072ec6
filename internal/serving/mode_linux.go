package serving

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// setMode gives a Unix socket its mode before its file exists. So nobody can connect in
// the moment before os.Chmod who shall not: Linux takes the umask off this mode.
func setMode(mode uint32) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), mode) })
		return errors.Join(failed, err)
	}
}
