//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/redstart-go/redstart/internal/benchmarks/load"
	"github.com/redstart-go/redstart/internal/benchmarks/report"
	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// warm is how many subscribers there are before the memory is first read, so that the
// pages of the program itself and what it makes but once are not taken for theirs.
const warm = 100

// idle measures what a subscriber costs to whom nothing is sent.
func idle(subscribers, rounds int) scenario {
	return scenario{
		name: "idle", topics: servers.Hub, rounds: rounds,
		tables: []report.Table{idleTable("Idle subscribers", "subscriber", subscribers)},
		run: func(p *pair) (report.Sample, error) {
			return p.memoryOfEach(subscribers, func(n int) error { return p.subscribe(load.Subscribers{Count: n}) })
		},
	}
}

func idleTable(title, one string, count int) report.Table {
	return report.Table{
		Title: title,
		Note: fmt.Sprintf("Resident memory of the server for each %s, of %s, without the kernel's buffers: "+
			"as found, and after a garbage collection whose yield is returned to the system. What the program needs for the "+
			"first %d is not counted.", one, report.Count(float64(count)), warm),
		Columns: []report.Column{
			{Key: "found", Head: "as found", Format: report.Kilobytes, Better: report.Lower},
			{Key: "freed", Head: "collected", Format: report.Kilobytes, Better: report.Lower},
		},
	}
}

// memoryOfEach measures what each of that many clients costs the server.
func (p *pair) memoryOfEach(count int, connect func(n int) error) (report.Sample, error) {
	if err := connect(warm); err != nil {
		return nil, err
	}
	before, err := p.freed()
	if err != nil {
		return nil, err
	}
	if err := connect(count); err != nil {
		return nil, err
	}
	// Nobody is told when a server has done what it does behind a request.
	time.Sleep(300 * time.Millisecond)
	found, err := p.server.memory()
	if err != nil {
		return nil, err
	}
	freed, err := p.freed()
	if err != nil {
		return nil, err
	}
	each := func(memory int64) float64 { return float64(memory-before) / float64(count) }
	return report.Sample{"found": each(found), "freed": each(freed)}, nil
}

// freed is the server's memory without garbage.
func (p *pair) freed() (int64, error) {
	if err := p.server.call("Server.Free", 0, new(int)); err != nil {
		return 0, err
	}
	return p.server.memory()
}
