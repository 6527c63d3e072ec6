//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
	"github.com/redstart-go/redstart/internal/benchmarks/report"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// talk measures conversations over WebSockets in which each message is answered.
func talk(conns int, length time.Duration, rounds int) scenario {
	const size = 128
	return scenario{
		name: "wsecho", topics: servers.Talk, rounds: rounds,
		tables: []report.Table{{
			Title: "WebSocket: messages sent back",
			Note: fmt.Sprintf("%d connections; each sends a text message of %d bytes as soon as the one before has come back. "+
				"Most of the time goes into the system calls, two for each message, which are the same for all. The client needs "+
				"nearly as much: where it is close to 100 %%, the server's CPU time says more than the rate.", conns, size),
			Columns: []report.Column{
				{Key: "rate", Head: "echoes/s", Format: report.Count, Better: report.Higher},
				{Key: "cpu", Head: "server's CPU each", Format: report.Seconds, Better: report.Lower},
				{Key: "client", Head: "client's CPU", Format: report.Percent},
			},
		}},
		run: func(p *pair) (report.Sample, error) {
			if err := p.connect(load.Subscribers{Path: "/talk", WebSocket: true, Count: conns}); err != nil {
				return nil, err
			}
			before, err := p.progress()
			if err != nil {
				return nil, err
			}
			idle, err := p.spent()
			if err != nil {
				return nil, err
			}
			var rate load.Rate
			if err := p.client.call("Client.Talk", load.Talk{Size: size, For: length}, &rate); err != nil {
				return nil, err
			}
			busy, err := p.spent()
			if err != nil {
				return nil, err
			}
			after, err := p.progress()
			if err != nil {
				return nil, err
			}
			return report.Sample{
				"rate":   float64(rate.Replies) / rate.Elapsed.Seconds(),
				"cpu":    (busy - idle).Seconds() / float64(rate.Replies),
				"client": (after.CPU - before.CPU).Seconds() / rate.Elapsed.Seconds(),
			}, nil
		},
	}
}

// idleTalk measures what a conversation costs in which nobody says anything.
func idleTalk(conns, rounds int) scenario {
	return scenario{
		name: "wsidle", topics: servers.Talk, rounds: rounds,
		tables: []report.Table{idleTable("WebSocket: idle conversations", "conversation", conns)},
		run: func(p *pair) (report.Sample, error) {
			return p.memoryOfEach(conns, func(n int) error {
				return p.connect(load.Subscribers{Path: "/talk", WebSocket: true, Count: n})
			})
		},
	}
}
