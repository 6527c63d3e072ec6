//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
)

// pair is a server and its load client, both fresh: no run can spoil the next.
type pair struct {
	server, client *child
	counter        *os.File
	addr           string
	readers        int // subscribers that read
}

// startPair starts both. On two CPUs or more, and if they are to be pinned, each has
// one for itself.
func startPair(ctx context.Context, name string, pin bool) (*pair, error) {
	serverCPU, clientCPU := -1, -1
	if cpus, err := ownCPUs(); err != nil {
		return nil, err
	} else if pin && len(cpus) >= 2 {
		serverCPU, clientCPU = cpus[0], cpus[1]
	}
	p := &pair{}
	var err error
	if p.counter, err = load.NewCounter(); err != nil {
		return nil, err
	}
	if p.server, err = start(ctx, p.counter, serverCPU, "serve", name, "127.0.0.1:0"); err != nil {
		p.stop()
		return nil, err
	}
	if p.client, err = start(ctx, p.counter, clientCPU, "load"); err != nil {
		p.stop()
		return nil, err
	}
	if err = p.server.call("Server.Address", 0, &p.addr); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *pair) stop() {
	for _, c := range []*child{p.client, p.server} {
		if c != nil {
			c.stop()
		}
	}
	_ = p.counter.Close()
}

func ownCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// connect connects clients and returns when each has been answered.
func (p *pair) connect(s load.Subscribers) error {
	s.Addr, s.Timeout = p.addr, 30*time.Second
	return p.client.call("Client.Subscribe", s, new(load.Progress))
}

// subscribe connects subscribers, to /events by default, and returns when each of them
// gets what is published; some servers answer before they subscribe the client.
func (p *pair) subscribe(s load.Subscribers) error {
	if s.Path == "" {
		s.Path = "/events"
	}
	if err := p.connect(s); err != nil {
		return err
	}
	p.readers += s.Count - s.Stalled
	for range 5 {
		published, err := p.publish(Publishing{Count: 1, Size: 20, Subscribers: p.readers, InFlight: 1})
		if err != nil {
			return err
		}
		if published.Delivered == int64(p.readers) {
			return nil
		}
	}
	return fmt.Errorf("not all of %d subscribers got a message", p.readers)
}

func (p *pair) publish(job Publishing) (Published, error) {
	var result Published
	err := p.server.call("Server.Publish", job, &result)
	return result, err
}

// spent is the CPU time that the server has had.
func (p *pair) spent() (time.Duration, error) {
	var cpu time.Duration
	err := p.server.call("Server.CPU", 0, &cpu)
	return cpu, err
}

func (p *pair) progress() (load.Progress, error) {
	var progress load.Progress
	err := p.client.call("Client.Progress", 0, &progress)
	return progress, err
}
