//go:build !unix

package processes

import "errors"

// find says that the process is nobody's child: sockets cannot be handed down here.
func find(string) Place { return Place{} }

// Inode is for systems that can hand a pipe down.
func Inode(int) (uint64, error) { return 0, errors.ErrUnsupported }

// Duplicate is for systems that can hand a socket down.
func Duplicate(int) (int, error) { return 0, errors.ErrUnsupported }
