//go:build linux

package main

import (
	"fmt"
	"math"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
	"github.com/redstart-go/redstart/internal/benchmarks/report"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// stall measures what a subscriber that never reads does to the others.
func stall(messages, rounds int) scenario {
	const subscribers = 300
	return scenario{
		name: "stall", topics: servers.Hub, rounds: rounds,
		tables: []report.Table{{
			Title: "One subscriber that never reads",
			Note: fmt.Sprintf("%s messages of 4 KB to %d subscribers, of whom one stays connected but reads nothing.",
				report.Count(float64(messages)), subscribers),
			Columns: []report.Column{
				{Key: "longest", Head: "publisher's longest call", Format: report.Seconds},
				{Key: "got", Head: "what the others got", Format: report.Percent},
				{Key: "rate", Head: "deliveries/s", Format: report.Count, Better: report.Higher},
				{Key: "grown", Head: "server grew by", Format: report.Megabytes},
			},
		}},
		run: func(p *pair) (report.Sample, error) {
			if err := p.subscribe(load.Subscribers{Count: subscribers, Stalled: 1}); err != nil {
				return nil, err
			}
			before, err := p.server.memory()
			if err != nil {
				return nil, err
			}
			published, err := p.publish(Publishing{
				Count: messages, Size: 4096, Subscribers: subscribers - 1, InFlight: inFlight,
			})
			if err != nil {
				return nil, err
			}
			after, err := p.server.memory()
			if err != nil {
				return nil, err
			}
			sample := published.sample(subscribers - 1)
			// All that were to be published count, not only those before a block.
			sample["got"] = float64(published.Delivered) / float64(messages*(subscribers-1))
			sample["grown"] = float64(after - before)
			return sample, nil
		},
	}
}

// sample is what a publishing to that many subscribers says.
func (p Published) sample(subscribers int) report.Sample {
	expected := float64(p.Messages) * float64(subscribers)
	if p.Blocked {
		return report.Sample{"longest": math.Inf(1), "lost": 1 - float64(p.Delivered)/expected}
	}
	return report.Sample{
		"rate":    float64(p.Delivered) / p.Elapsed.Seconds(),
		"longest": p.Longest.Seconds(),
		"lost":    1 - float64(p.Delivered)/expected,
		"cpu":     p.CPU.Seconds() / float64(p.Delivered),
	}
}
