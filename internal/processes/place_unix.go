//go:build unix

package processes

import "syscall"

// find returns the place that a variable describes, if it is this process's. A
// program that a child starts inherits the variable and not the pipe, so the pipe
// has to be the very one.
func find(variable string) Place {
	if variable == "" {
		return Place{}
	}
	p, err := parse(variable)
	if err != nil {
		return Place{}
	}
	if inode, err := Inode(commandFD); err != nil || inode != p.Pipe {
		return Place{}
	}
	for fd := range firstSocket + p.Sockets {
		if fd >= reportFD {
			syscall.CloseOnExec(fd)
		}
	}
	return p
}

// Inode returns the number of an open pipe.
func Inode(fd int) (uint64, error) {
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil {
		return 0, err
	}
	return uint64(stat.Ino), nil
}

// Duplicate returns another descriptor for the same open file, which no program
// inherits by itself.
func Duplicate(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	duplicate, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(duplicate)
	}
	return duplicate, err
}
