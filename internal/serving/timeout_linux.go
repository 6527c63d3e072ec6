package serving

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// userTimeout is how long sent data may stay unacknowledged before the kernel
// gives a connection up, in milliseconds: twice the heartbeat of event streams, so
// that a client which vanished without a word is noticed by the second one.
const userTimeout = 30_000

// setUserTimeout is inherited by the connections that the listener accepts. Where
// the kernel does not know it, as in some sandboxes, serving works without.
func setUserTimeout(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout)
	})
}
