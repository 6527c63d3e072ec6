// Package load is the client's side: many connections on one event loop, so that it
// is not the client that is measured.
package load

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// NewCounter makes the memory in which the client counts deliveries and by which
// the publisher in the server keeps pace. It is handed to both as an open file.
func NewCounter() (*os.File, error) {
	fd, err := unix.MemfdCreate("deliveries", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make the counter: %w", err)
	}
	file := os.NewFile(uintptr(fd), "deliveries")
	if err := file.Truncate(int64(os.Getpagesize())); err != nil {
		return nil, fmt.Errorf("make the counter: %w", err)
	}
	return file, nil
}

// MapCounter returns the counter behind an open file. It stays mapped for the life
// of the process.
func MapCounter(fd uintptr) (*atomic.Int64, error) {
	memory, err := unix.Mmap(int(fd), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the counter: %w", err)
	}
	return (*atomic.Int64)(unsafe.Pointer(&memory[0])), nil
}
