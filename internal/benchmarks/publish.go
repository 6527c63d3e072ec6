//go:build linux

package main

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// Publishing is a series of messages that a server is to publish.
type Publishing struct {
	Count       int           // 0: until For has passed
	For         time.Duration // 0: until Count is reached
	Size        int           // bytes of each
	Subscribers int           // who read, and are counted
	InFlight    int           // messages that are published but not delivered, at most
}

// Published is what became of it.
type Published struct {
	FirstID, LastID string
	Messages        int64
	Delivered       int64         // Messages × Subscribers if nothing is lost
	Elapsed         time.Duration // to the last delivery
	Longest         time.Duration // of all calls to Publish
	CPU             time.Duration // of the server, for all of it
	Blocked         bool          // Publish did not return any more
}

const (
	patience  = 250 * time.Millisecond // without a delivery: what is under way is lost
	lastCall  = time.Second            // the same, after the last message
	neverEnds = 4 * time.Second        // a call to Publish that takes so long is given up
)

// Publish publishes. Should the server block, its publisher stays where it is for the
// rest of the process's life, and the call returns nevertheless.
func (c *Control) Publish(job Publishing, result *Published) error {
	before, err := load.CPU()
	if err != nil {
		return err
	}
	p := &publisher{job: job, control: c, base: c.counter.Load(), done: make(chan struct{})}
	go p.run()
	tick := time.NewTicker(patience)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			*result = p.result
			after, err := load.CPU()
			result.CPU = after - before
			return err
		case <-tick.C:
		}
		if since := p.callingSince.Load(); since != 0 && time.Since(time.Unix(0, since)) > neverEnds {
			*result = Published{Messages: p.messages.Load(), Delivered: c.counter.Load() - p.base, Blocked: true}
			return nil
		}
	}
}

type publisher struct {
	job     Publishing
	control *Control
	base    int64 // the counter at the beginning
	done    chan struct{}
	result  Published // complete when done is closed

	messages     atomic.Int64
	callingSince atomic.Int64 // Unix nanoseconds; 0: not in a call

	lost   int64 // deliveries that are not waited for any more
	seen   int64
	seenAt time.Time
}

func (p *publisher) run() {
	defer close(p.done)
	data := string(servers.Mark) + strings.Repeat("x", p.job.Size-1)
	begin, idle := time.Now(), time.Duration(0)
	p.seenAt = begin
	for n := int64(0); ; n++ {
		if p.job.Count > 0 && n == int64(p.job.Count) || p.job.For > 0 && time.Since(begin) >= p.job.For {
			break
		}
		for n-(p.delivered()+p.lost)/int64(p.job.Subscribers) >= int64(p.job.InFlight) {
			if waited := time.Since(p.seenAt); waited > patience {
				// A server that loses messages is not made slower by them as well.
				idle += waited
				p.lost = n*int64(p.job.Subscribers) - p.seen
				p.seenAt = time.Now()
			}
			time.Sleep(20 * time.Microsecond)
		}
		before := time.Now()
		p.callingSince.Store(before.UnixNano())
		id := p.control.server.Publish(data)
		p.callingSince.Store(0)
		p.result.Longest = max(p.result.Longest, time.Since(before))
		if n == 0 {
			p.result.FirstID = id
		}
		p.result.LastID = id
		p.messages.Add(1)
	}
	p.result.Messages = p.messages.Load()
	for p.seenAt = time.Now(); p.delivered() < p.result.Messages*int64(p.job.Subscribers); {
		if time.Since(p.seenAt) > lastCall {
			break
		}
		time.Sleep(50 * time.Microsecond)
	}
	p.result.Delivered = p.delivered()
	p.result.Elapsed = p.seenAt.Sub(begin) - idle
}

// delivered returns what has been delivered, and notes when that last changed.
func (p *publisher) delivered() int64 {
	if now := p.control.counter.Load() - p.base; now != p.seen {
		p.seen, p.seenAt = now, time.Now()
	}
	return p.seen
}
