// Package processes is the child's side of an app that runs as several processes:
// who it is, the sockets it was given, and the way its supervisor speaks to it.
//
// The first process supervises, see package supervisor below, and does not serve.
// It opens one listening socket for each of its children, which are the program
// started again, and hands all of them to every child:
//
//	descriptor 3   the child reports on this pipe: it is ready, it is leaving
//	descriptor 4   the supervisor commands on this one: drain, force, adopt, release
//	from 5 on      the sockets, one for each slot, or one that all share
//
// A child accepts on the socket of its own slot. Sockets outlive the process that
// accepts on them: connections wait in the queue for the next one, or for a sibling
// that was told to adopt the socket meanwhile. So neither a crash nor a rolling
// restart refuses or resets a connection that nobody has accepted yet.
//
// The end of the pipe 4 is the end of the supervisor. The child drains then as if
// it had been told to.
//
// The package imports nothing but the standard library, so that any other can ask
// it for the process's [Slot].
package processes

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Variable is the environment variable by which a process learns that it is one of
// several. Its form may change: ask [Slot].
const Variable = "REDSTART_PROCESS"

// Where the descriptors are.
const (
	reportFD    = 3
	commandFD   = 4
	firstSocket = 5
)

// What a child reports.
const (
	Ready   = 'r' // it accepts
	Leaving = 'l' // it drains, and accepts no more
)

// What a supervisor commands. Adopt and Release are followed by the slot, a byte.
const (
	Drain   = 'd'
	Force   = 'f' // end at once
	Adopt   = 'a' // accept on the socket of another slot as well
	Release = 'x' // and no more
)

// Max bounds the processes of an app: a slot is a byte on the pipe.
const Max = 255

// Place is what a process is told of itself.
type Place struct {
	Slot, Of int    // 1 to Of
	Sockets  int    // Of, or 1 that all share
	Pipe     uint64 // the inode of descriptor 4
	Addr     string // as the program gave it to Start
}

// String is the value of the variable.
func (p Place) String() string {
	return fmt.Sprintf("%d/%d %d %d %s", p.Slot, p.Of, p.Sockets, p.Pipe, p.Addr)
}

// parse reads what String writes.
func parse(text string) (p Place, err error) {
	fields := strings.SplitN(text, " ", 4)
	if len(fields) != 4 {
		return p, fmt.Errorf("%s=%q is malformed", Variable, text)
	}
	slot, of, _ := strings.Cut(fields[0], "/")
	for _, number := range []struct {
		text string
		to   *int
	}{{slot, &p.Slot}, {of, &p.Of}, {fields[1], &p.Sockets}} {
		if *number.to, err = strconv.Atoi(number.text); err != nil {
			return Place{}, fmt.Errorf("%s=%q is malformed: %w", Variable, text, err)
		}
	}
	if p.Pipe, err = strconv.ParseUint(fields[2], 10, 64); err != nil {
		return Place{}, fmt.Errorf("%s=%q is malformed: %w", Variable, text, err)
	}
	if p.Slot < 1 || p.Slot > p.Of || p.Of > Max || p.Sockets != 1 && p.Sockets != p.Of {
		return Place{}, fmt.Errorf("%s=%q is malformed: a number is out of range", Variable, text)
	}
	p.Addr = fields[3]
	return p, nil
}

// own is this process's place, read when the program starts: before it can start
// others, which must inherit nothing. Zero where it is nobody's child.
var own = find(os.Getenv(Variable))

// Slot tells which process of an app this is: from 1 to of. A program that is alone,
// or supervises, is no child; its slot and of are 0.
func Slot() (slot, of int, child bool) { return own.Slot, own.Of, own.Slot > 0 }

// Served tells a child what its supervisor serves: the address, as it was given to
// App.Start, and by how many processes. They stay as they are while it runs, whatever a
// newer program, or newer settings, would choose.
func Served() (addr string, by int, child bool) { return own.Addr, own.Of, own.Slot > 0 }
