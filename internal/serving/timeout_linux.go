package serving

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// userTimeout is how long sent data may stay unacknowledged before the kernel
// gives a connection up, in milliseconds: twice the heartbeat of event streams, so
// that a client which vanished without a word is noticed by the second one.
const userTimeout = 30_000

// setUserTimeout is inherited by the connections that the listener accepts.
func setUserTimeout(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout)
	}); e != nil {
		return e
	}
	return err
}
