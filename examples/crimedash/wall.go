package main

import (
	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// wallCrimes is how many crimes a wall begins with.
const wallCrimes = 12

// wall is for a screen that nobody touches: crimes and what the allies say, on one
// stream of events.
type wall struct {
	desk   *desk
	allies *allies
}

// wallState is what a wall begins with, and the position to listen from. "" is the start
// of the log.
type wallState struct {
	Crimes []store.Crime `json:"crimes"`
	Lines  []spoken      `json:"lines"`
	Cursor string        `json:"cursor"`
}

func (w *wall) state(req *redstart.Request) redstart.Response {
	// Positions first, as in every list. There are two, up to which the crimes and the
	// lines go; a wall listens from the earlier one and drops what comes twice.
	lines, at := w.allies.past.lines()
	position, err := w.desk.position(req.Context())
	if err != nil {
		return redstart.Fail(err)
	}
	crimes, err := w.desk.store.List(req.Context(), store.Filter{Limit: wallCrimes})
	if err != nil {
		return redstart.Fail(err)
	}
	filed, err := sse.ParseCursor(position)
	if err == nil && filed.Epoch() == at.Epoch() && filed.Sequence() < at.Sequence() {
		at = filed
	}
	return redstart.JSON(wallState{Crimes: crimes, Lines: lines, Cursor: at.String()})
}

// live streams both. The same event has the same position here, on /live, and in the
// allies' WebSockets.
func (w *wall) live(req *redstart.Request) redstart.Response {
	events := w.desk.hub.Subscribe(append(roomTopics(), topic)...).FromStart()
	return w.desk.node.introduce(req, redstart.SSEResponse(events, sse.Retry(retryAfter), sse.VisibleHeartbeat(pingAfter, "ping")))
}
