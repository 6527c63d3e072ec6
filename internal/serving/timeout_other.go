//go:build !linux

package serving

import "syscall"

// setUserTimeout does nothing where there is no TCP_USER_TIMEOUT: a client that
// vanished is then found when its socket's buffer is full.
func setUserTimeout(_, _ string, _ syscall.RawConn) error { return nil }
