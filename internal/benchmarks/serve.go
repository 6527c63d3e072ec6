//go:build linux

package main

import (
	"flag"
	"fmt"
	"math"
	"net"
	"net/rpc"
	"os"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// counterFile is the descriptor of the shared counter in the children.
const counterFile = 3

// serve is a child: the server under test.
func serve(name, addr string) error {
	conn := takeStdio()
	server, err := servers.New(name)
	if err != nil {
		return err
	}
	counter, err := load.MapCounter(counterFile)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp4", addr)
	if err != nil {
		return err
	}
	calls := rpc.NewServer()
	if err := calls.RegisterName("Server", &Control{server, listener.Addr().String(), counter}); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }() // ends with the process
	left := make(chan struct{})
	go func() { calls.ServeConn(conn); close(left) }()
	select {
	case err := <-failed:
		return fmt.Errorf("%s stopped serving: %w", name, err)
	case <-left:
		return nil
	}
}

// generateLoad is a child: the load client.
func generateLoad() error {
	conn := takeStdio()
	debug.SetGCPercent(400) // memory is not what is measured here
	counter, err := load.MapCounter(counterFile)
	if err != nil {
		return err
	}
	return load.Serve(conn, counter)
}

// takeStdio returns the way to the parent. What a framework prints goes to stderr,
// instead of between the replies.
func takeStdio() pipes {
	conn := pipes{os.Stdin, os.Stdout}
	os.Stdout = os.Stderr
	return conn
}

// Control is what the parent can ask of a server, besides what clients can.
type Control struct {
	server  servers.Server
	addr    string
	counter *atomic.Int64
}

// Address returns where the server listens. Its argument is not used.
func (c *Control) Address(_ int, addr *string) error {
	*addr = c.addr
	return nil
}

// Free collects garbage and returns memory to the system. Its arguments are not used.
func (c *Control) Free(_ int, _ *int) error {
	debug.FreeOSMemory()
	return nil
}

// CPU tells the CPU time that the server has had. Its first argument is not used.
func (c *Control) CPU(_ int, spent *time.Duration) (err error) {
	*spent, err = load.CPU()
	return err
}

// Exchange is one request for Measure.
type Exchange struct{ Method, Target, Body string }

// Cost is what one request costs within the process.
type Cost struct{ Seconds, Allocations float64 }

// Measure has a request answered in this process, over and over. Of several short
// series the fastest counts: what makes the others slower is not the server.
func (c *Control) Measure(x Exchange, cost *Cost) error {
	send := c.server.Exchange(x.Method, x.Target, x.Body)
	if status := send(); status != 200 {
		return fmt.Errorf("%s %s: status %d", x.Method, x.Target, status)
	}
	if flag.Lookup("test.benchtime") == nil {
		testing.Init()
	}
	if err := flag.Set("test.benchtime", "30ms"); err != nil {
		return err
	}
	cost.Seconds = math.Inf(1)
	for range 6 {
		result := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
		cost.Seconds = min(cost.Seconds, result.T.Seconds()/float64(result.N))
		cost.Allocations = float64(result.AllocsPerOp())
	}
	return nil
}
