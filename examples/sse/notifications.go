package main

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// notice is what a notification shows.
type notice struct {
	Level string `json:"level"` // "info", "warning" or "urgent"
	Title string `json:"title"`
	Text  string `json:"text"`
}

var notices = []notice{
	{"info", "Batcomputer", "Backup of the case files is complete."},
	{"warning", "Arkham Asylum", "Cell 12 reports a power dip. Doors held."},
	{"urgent", "Bat-Signal", "The signal is lit above the GCPD roof."},
	{"info", "Wayne Tower", "Night shift has signed in: 14 of 14."},
	{"warning", "Harbour", "An unlisted container was unloaded at pier 9."},
	{"info", "Batmobile", "Tyres changed, tank full, one scratch polished out."},
	{"urgent", "Riddler", "A green envelope was left at the front desk."},
	{"info", "Oracle", "Traffic cameras on the Narrows bridge are back."},
}

// notifications shows the simplest source: an iter.Seq, which yields messages
// that are at hand. It runs on the request's goroutine.
type notifications struct{ pace time.Duration }

func (n notifications) stream(req *redstart.Request) redstart.Response {
	// The request's context ends with the stream.
	return redstart.SSEResponse(n.messages(req.Context(), after(req.LastEventID())))
}

func (n notifications) messages(ctx context.Context, first int) iter.Seq[redstart.SSEMessage] {
	return func(yield func(redstart.SSEMessage) bool) {
		for i := first; ; i++ {
			m := sse.JSON(notices[i%len(notices)]).WithEvent("notice").WithID(strconv.Itoa(i))
			if !yield(m) {
				return // the client has gone
			}
			// Go cannot interrupt a function that sleeps, so this one waits for
			// the clock and for the client's going at once.
			if !pause(ctx, n.pace) {
				return
			}
		}
	}
}
