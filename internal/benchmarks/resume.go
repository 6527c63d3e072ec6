//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
	"github.com/redstart-go/redstart/internal/benchmarks/report"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// resume measures the moment after a server or a network has come back: all clients
// at once, each with the id of what it saw last.
func resume(subscribers, rounds int) scenario {
	const behind = 100
	return scenario{
		name: "resume", topics: servers.Hub, rounds: rounds,
		tables: []report.Table{{
			Title: "All clients come back at once",
			Note: fmt.Sprintf("%s clients connect at once with a Last-Event-ID that is %d events behind: the time until each has all of them, "+
				"and the whole server's resident memory then.", report.Count(float64(subscribers)), behind),
			Columns: []report.Column{
				{Key: "time", Head: "time", Format: report.Seconds, Better: report.Lower},
				{Key: "cpu", Head: "server's CPU", Format: report.Seconds, Better: report.Lower},
				{Key: "memory", Head: "server's memory", Format: report.Megabytes, Better: report.Lower},
			},
		}},
		run: func(p *pair) (report.Sample, error) {
			// One subscriber is there all the time, and shows that the events were published.
			if err := p.subscribe(load.Subscribers{Count: 1}); err != nil {
				return nil, err
			}
			published, err := p.publish(Publishing{Count: behind + 1, Size: 100, Subscribers: 1, InFlight: inFlight})
			if err != nil {
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
			var after load.Progress
			err = p.client.call("Client.Subscribe", load.Subscribers{
				Addr: p.addr, Path: "/events", LastEventID: published.FirstID, Count: subscribers, Timeout: 30 * time.Second,
			}, &after)
			if err != nil {
				return nil, err
			}
			want := before.Events + behind*int64(subscribers)
			if err := p.client.call("Client.Await", load.Await{Events: want, Timeout: 20 * time.Second}, &after); err != nil {
				return nil, err
			}
			if after.Events != want || after.Fewest != behind {
				return nil, fmt.Errorf("%d events instead of %d, and %d instead of %d on one connection",
					after.Events-before.Events, want-before.Events, after.Fewest, behind)
			}
			busy, err := p.spent()
			if err != nil {
				return nil, err
			}
			memory, err := p.server.memory()
			if err != nil {
				return nil, err
			}
			return report.Sample{
				"time": after.Elapsed.Seconds(), "cpu": (busy - idle).Seconds(), "memory": float64(memory),
			}, nil
		},
	}
}
