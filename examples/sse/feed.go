package main

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// report is one line of the police radio.
type report struct {
	Number   int       `json:"number"`
	Kind     string    `json:"kind"`
	Place    string    `json:"place"`
	Severity string    `json:"severity"` // "low", "medium" or "high"
	At       time.Time `json:"at"`
}

var (
	kinds      = []string{"Robbery", "Burglary", "Riddle found", "Fear gas", "Car theft", "Arson", "Break-out"}
	places     = []string{"Park Row", "The Narrows", "Old Gotham", "Diamond District", "Robinson Park", "Amusement Mile", "Burnley", "Tricorner", "Otisburg"}
	severities = []string{"low", "medium", "low", "high", "medium"}
)

// errLine is how the radio fails. Its text is told to the client, since it is an
// error made for that; of any other the client learns only that there was one.
var errLine = redstart.Error(http.StatusServiceUnavailable, "the police radio dropped the line")

// feed shows a source that can fail: an iter.Seq2, which yields a message or an
// error. The radio drops the line every now and then. The stream ends with an
// event named "error" and a body that breaks off, the browser comes back with the
// id of the last report it saw, and the feed goes on right behind it: count the
// numbers, none is missing.
type feed struct {
	pace      time.Duration
	lineHolds int // reports, before the line drops
}

func (f feed) stream(req *redstart.Request) redstart.Response {
	return redstart.SSEResponse(
		f.reports(req.Context(), after(req.LastEventID())),
		sse.Retry(2*time.Second), // how long the browser waits before it comes back
	)
}

func (f feed) reports(ctx context.Context, first int) iter.Seq2[redstart.SSEMessage, error] {
	return func(yield func(redstart.SSEMessage, error) bool) {
		for i := first; ; i++ {
			if i > first && i%f.lineHolds == 0 {
				yield(redstart.SSEMessage{}, errLine)
				return
			}
			m := sse.JSON(reportNumber(i)).WithEvent("report").WithID(strconv.Itoa(i))
			if !yield(m, nil) || !pause(ctx, f.pace) {
				return
			}
		}
	}
}

// reportNumber makes up the i-th report. The lists' lengths have no common
// divisor, so it takes a while until one returns.
func reportNumber(i int) report {
	return report{
		Number:   i,
		Kind:     kinds[i%len(kinds)],
		Place:    places[i%len(places)],
		Severity: severities[i%len(severities)],
		At:       time.Now(),
	}
}
