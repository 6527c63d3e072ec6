//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
	"github.com/redstart-go/redstart/internal/benchmarks/report"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

const inFlight = 16

// fanout measures how fast messages reach many subscribers.
func fanout(subscribers, rounds int) scenario {
	return scenario{
		name: "fanout", topics: servers.Hub, rounds: rounds,
		tables: []report.Table{fanoutTable(fmt.Sprintf("Fan-out to %s subscribers", report.Count(float64(subscribers))), "")},
		run: func(p *pair) (report.Sample, error) {
			return p.fanOut(load.Subscribers{Count: subscribers})
		},
	}
}

func fanoutTable(title, note string) report.Table {
	return report.Table{
		Title: title,
		Note: fmt.Sprintf("Messages of 100 bytes, at most %d of them under way: the publisher waits for the client's count. "+
			"The client's CPU time shows that it was not what limited them, unless it is close to 100 %%.%s", inFlight, note),
		Columns: []report.Column{
			{Key: "rate", Head: "deliveries/s", Format: report.Count, Better: report.Higher},
			{Key: "cpu", Head: "server's CPU each", Format: report.Seconds, Better: report.Lower},
			{Key: "lost", Head: "lost", Format: report.Percent},
			{Key: "longest", Head: "publisher's longest call", Format: report.Seconds},
			{Key: "client", Head: "client's CPU", Format: report.Percent},
		},
	}
}

// fanOut publishes to the subscribers for a while.
func (p *pair) fanOut(s load.Subscribers) (report.Sample, error) {
	if err := p.subscribe(s); err != nil {
		return nil, err
	}
	before, err := p.progress()
	if err != nil {
		return nil, err
	}
	published, err := p.publish(Publishing{
		For: time.Duration(max(1, s.Count/2000)) * time.Second, Size: 100, Subscribers: s.Count, InFlight: inFlight,
	})
	if err != nil {
		return nil, err
	}
	after, err := p.progress()
	if err != nil {
		return nil, err
	}
	sample := published.sample(s.Count)
	sample["client"] = (after.CPU - before.CPU).Seconds() / published.Elapsed.Seconds()
	return sample, nil
}
