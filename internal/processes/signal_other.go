//go:build !unix

package processes

import "os"

func ignoreHangup() (stop func()) { return func() {} }

func pipe(fd int, name string) *os.File { return os.NewFile(uintptr(fd), name) }

func closeFD(int) {}
