//go:build linux

package main

import (
	"time"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
	"github.com/redstart-go/redstart/internal/benchmarks/report"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// requests measures plain requests: over the network, and within the process.
func requests(rounds int) scenario {
	kinds := []struct {
		name     string
		exchange Exchange
	}{
		{"plain text", Exchange{Method: "GET", Target: "/plaintext"}},
		{"parameter, JSON", Exchange{Method: "GET", Target: "/users/4711"}},
		{"POST of 1 KB", Exchange{Method: "POST", Target: "/orders", Body: servers.OrderJSON()}},
	}
	network := report.Table{
		Title: "Requests over the network",
		Note: "64 connections that are kept open. Most of the time goes into system calls, which are the same for all that " +
			"stand on net/http; differences below a third are noise.",
	}
	cpu := report.Table{
		Title: "The server's CPU time for a request over the network",
		Note:  "From the same runs, and less sensitive to what else the machine does.",
	}
	within := report.Table{
		Title: "Requests within the process",
		Note:  "The handler alone, with a ResponseWriter that keeps nothing; the fastest of six short series.",
	}
	for _, k := range kinds {
		network.Columns = append(network.Columns,
			report.Column{Key: k.name + " rate", Head: k.name + ", requests/s", Format: report.Count, Better: report.Higher})
		cpu.Columns = append(cpu.Columns,
			report.Column{Key: k.name + " cpu", Head: k.name, Format: report.Seconds, Better: report.Lower})
		within.Columns = append(within.Columns,
			report.Column{Key: k.name + " time", Head: k.name + ", ns", Format: nanoseconds, Better: report.Lower},
			report.Column{Key: k.name + " allocs", Head: "allocs", Format: report.Count})
	}
	return scenario{
		name: "http", topics: servers.HTTP, rounds: rounds,
		tables: []report.Table{network, cpu, within},
		run: func(p *pair) (report.Sample, error) {
			sample := report.Sample{}
			for _, k := range kinds {
				idle, err := p.spent()
				if err != nil {
					return nil, err
				}
				var rate load.Rate
				err = p.client.call("Client.Requests", load.Requests{
					Addr: p.addr, Method: k.exchange.Method, Target: k.exchange.Target, Body: k.exchange.Body,
					Conns: 64, For: 400 * time.Millisecond,
				}, &rate)
				if err != nil {
					return nil, err
				}
				busy, err := p.spent()
				if err != nil {
					return nil, err
				}
				sample[k.name+" cpu"] = (busy - idle).Seconds() / float64(rate.Replies)
				sample[k.name+" rate"] = float64(rate.Replies) / rate.Elapsed.Seconds()
				var cost Cost
				if err := p.server.call("Server.Measure", k.exchange, &cost); err != nil {
					return nil, err
				}
				sample[k.name+" time"], sample[k.name+" allocs"] = cost.Seconds, cost.Allocations
			}
			return sample, nil
		},
	}
}

func nanoseconds(seconds float64) string { return report.Count(seconds * 1e9) }
