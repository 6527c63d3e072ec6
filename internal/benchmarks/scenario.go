//go:build linux

package main

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/redstart-go/redstart/internal/benchmarks/report"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// scenario is one thing that is measured. It is run for a server after the other, and
// that round after round, so that a moment of noise hits all of them alike. Scenarios of the same name are
// chosen together.
type scenario struct {
	name   string
	topics servers.Topic // what a server has to offer
	rounds int
	tables []report.Table
	run    func(*pair) (report.Sample, error)
}

// scenarios lists all of them, in the small or in the large.
func scenarios(full bool) []scenario {
	if !full {
		return []scenario{
			idle(subscribers(2_000), 1), fanout(subscribers(1_000), 3), resume(subscribers(2_000), 3),
			stall(500, 1), stream(100_000, 3), requests(3),
			talk(100, 500*time.Millisecond, 3), idleTalk(subscribers(2_000), 1), idleRoom(subscribers(2_000), 1),
			broadcast(subscribers(1_000), 2),
		}
	}
	return []scenario{
		idle(subscribers(10_000), 3), fanout(subscribers(1_000), 5), fanout(subscribers(10_000), 3),
		resume(subscribers(5_000), 5), stall(2_000, 3), stream(300_000, 5), requests(5),
		talk(100, 2*time.Second, 5), idleTalk(subscribers(10_000), 3), idleRoom(subscribers(10_000), 3),
		broadcast(subscribers(1_000), 5), broadcast(subscribers(10_000), 3),
	}
}

// servers returns those of the servers asked for that can take part, behind the one that
// they are compared to; none if there is only that one, and nobody asked for it.
func (s scenario) servers(o options) []string {
	able := servers.Names(s.topics)
	names := slices.DeleteFunc(slices.Clone(able), func(name string) bool { return !slices.Contains(o.servers, name) })
	if len(names) > 0 && names[0] != able[0] {
		names = append([]string{able[0]}, names...)
	}
	return names
}

// subscribers is n, or what the limit on open files leaves room for. A Go program
// raises its own to the hard limit when it starts (package os), the children too.
func subscribers(n int) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return n
	}
	return max(1, min(n, int(min(limit.Max, 1<<20))-warm-100))
}
