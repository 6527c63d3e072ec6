//go:build unix

package settings

import (
	"os/exec"
	"syscall"
)

// detach keeps Ctrl-C in the terminal, which is for the program, from a browser that the
// command may start.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
