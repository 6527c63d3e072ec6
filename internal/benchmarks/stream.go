//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
	"github.com/redstart-go/redstart/internal/benchmarks/report"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// stream measures one stream to one client, as fast as it goes.
func stream(events, rounds int) scenario {
	return scenario{
		name: "stream", topics: servers.Stream, rounds: rounds,
		tables: []report.Table{{
			Title: "One fast stream",
			Note: fmt.Sprintf("%s events of %d bytes to one client; none of the servers may hold one back for the next.",
				report.Count(float64(events)), len(servers.StreamData)),
			Columns: []report.Column{
				{Key: "rate", Head: "events/s", Format: report.Count, Better: report.Higher},
				{Key: "cpu", Head: "server's CPU each", Format: report.Seconds, Better: report.Lower},
			},
		}},
		run: func(p *pair) (report.Sample, error) {
			idle, err := p.spent()
			if err != nil {
				return nil, err
			}
			var progress load.Progress
			err = p.client.call("Client.Subscribe", load.Subscribers{
				Addr: p.addr, Path: fmt.Sprintf("/stream?n=%d", events), Count: 1, Timeout: 10 * time.Second,
			}, &progress)
			if err != nil {
				return nil, err
			}
			err = p.client.call("Client.Await", load.Await{Events: int64(events), Timeout: 30 * time.Second}, &progress)
			if err != nil {
				return nil, err
			}
			if progress.Events != int64(events) {
				return nil, fmt.Errorf("%d events instead of %d", progress.Events, events)
			}
			busy, err := p.spent()
			if err != nil {
				return nil, err
			}
			return report.Sample{
				"rate": float64(events) / progress.Elapsed.Seconds(), "cpu": (busy - idle).Seconds() / float64(events),
			}, nil
		},
	}
}
