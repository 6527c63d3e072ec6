//go:build !unix

package settings

import "os/exec"

// detach does nothing: here a browser is not in the terminal's hands.
func detach(*exec.Cmd) {}
