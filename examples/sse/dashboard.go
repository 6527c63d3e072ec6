package main

import (
	"context"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// figures are the whole state of the dashboard. Each message carries all of them,
// so a client that missed some has missed nothing: these need no ids.
type figures struct {
	Streams    int    `json:"streams"`    // open now
	Events     int64  `json:"events"`     // sent, by streams that have ended
	Requests   int64  `json:"requests"`   // answered or being answered
	Goroutines uint64 `json:"goroutines"` // of the whole program
	Heap       uint64 `json:"heap"`       // live objects, in bytes
	Uptime     int64  `json:"uptime"`     // in seconds
}

// dashboard shows the source most generators are: an sse.Func, which is given a
// context and waits as long as it likes, for a ticker here, or a query. It runs on
// the request's goroutine. The figures are the program's own.
type dashboard struct {
	pace             time.Duration
	streams          *sse.Server
	started          time.Time
	requests, events atomic.Int64
}

func (d *dashboard) stream(*redstart.Request) redstart.Response {
	return redstart.SSEResponse(sse.Func(func(ctx context.Context, send sse.Send) error {
		ticker := time.NewTicker(d.pace)
		defer ticker.Stop()
		for {
			if err := send(sse.JSON(d.read()).WithEvent("figures")); err != nil {
				return err
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}))
}

// count is the middleware that counts. A handler returns before its stream
// begins, so the events are known only when the last byte is written.
func (d *dashboard) count(next redstart.Handler) redstart.Handler {
	return func(req *redstart.Request) redstart.Response {
		d.requests.Add(1)
		return next(req).WithDone(func(o redstart.Outcome) { d.events.Add(o.Events) })
	}
}

func (d *dashboard) read() figures {
	samples := []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/memory/classes/heap/objects:bytes"},
	}
	metrics.Read(samples)
	return figures{
		Streams:    d.streams.Open(),
		Events:     d.events.Load(),
		Requests:   d.requests.Load(),
		Goroutines: samples[0].Value.Uint64(),
		Heap:       samples[1].Value.Uint64(),
		Uptime:     int64(time.Since(d.started) / time.Second),
	}
}
