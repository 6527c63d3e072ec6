//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// writeMachine writes where and how the figures came about.
func writeMachine(out io.Writer, o options) error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	cpus, err := ownCPUs()
	if err != nil {
		return err
	}
	placing := "server and client share them"
	if o.pin && len(cpus) >= 2 {
		placing = "the server on one and the client on another"
	}
	versions := "net/http"
	if build, ok := debug.ReadBuildInfo(); ok {
		wanted := servers.Modules(o.taking())
		for _, module := range build.Deps {
			if slices.Contains(wanted, module.Path) {
				versions += ", " + module.Path + " " + module.Version
			}
		}
	}
	_, err = fmt.Fprintf(out, `%d CPUs (%s), %s, Linux %s, %s. Against %s.

    %s

Medians of interleaved rounds. “× raw” says how many times better than raw a server is, and “× gorilla” than gorilla, with
WebSockets: above 1 is better, whatever the figure. Compare these ratios and not the figures, which are another machine's
tomorrow.

`, len(cpus), placing, runtime.Version(), strings.TrimRight(string(name.Release[:]), "\x00"), runtime.GOARCH, versions,
		o.command)
	return err
}
