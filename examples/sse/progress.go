package main

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// progress is how far the job has come.
type progress struct {
	Percent int    `json:"percent"`
	Step    string `json:"step"`
}

// step is what the laboratory does up to a percentage.
type step struct {
	until int
	name  string
}

var steps = []step{
	{15, "Dusting the vault door"},
	{40, "Lifting 38 prints"},
	{75, "Comparing with the Arkham register"},
	{99, "Writing the report"},
	{100, "Done: the prints are the Penguin's"},
}

// job shows work that should not wait for the network: sse.Go runs it on a
// goroutine of its own, which the framework starts, cancels when the client
// leaves, and waits for.
type job struct{ pace time.Duration }

func (j job) stream(req *redstart.Request) redstart.Response {
	first := after(req.LastEventID())
	if first > 100 {
		// An EventSource takes the end of a stream for an accident and comes back.
		// The page closes its own when the job is done; status 204 stops one that
		// does not.
		return redstart.NoContent()
	}
	return redstart.SSEResponse(sse.Go(func(ctx context.Context, send sse.Send) error {
		return j.run(ctx, first, send)
	}))
}

// run does the job from one percentage on. The ids are percentages, so a client
// that was cut off continues where it was.
func (j job) run(ctx context.Context, first int, send sse.Send) error {
	for percent := first; percent < 100; percent++ {
		if err := send(sse.JSON(progress{percent, stepAt(percent)}).WithEvent("progress").WithID(strconv.Itoa(percent))); err != nil {
			return err
		}
		if !pause(ctx, j.pace) {
			return context.Cause(ctx)
		}
	}
	// An event of its own tells the page that this is the end.
	return send(sse.JSON(progress{100, stepAt(100)}).WithEvent("done").WithID("100"))
}

func stepAt(percent int) string {
	i := slices.IndexFunc(steps, func(s step) bool { return percent <= s.until })
	return steps[i].name
}
