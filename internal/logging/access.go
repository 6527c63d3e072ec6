package logging

import (
	"time"

	"github.com/rs/zerolog"
)

// Access is the line of a request in the access log. What is zero is left out, but for
// the status, the size, the time and the address.
type Access struct {
	Method, Path, Route string // the route is left out where it is the path
	IP, ID              string
	Status              int
	Bytes, Events       int64
	Took                time.Duration
	Reason              string
	Stream              bool  // of events
	Err                 error // that is the program's fault
	Stack               []byte
}

// Write completes the event and writes it.
func (a *Access) Write(event *zerolog.Event) {
	event.Str("method", a.Method).Str("path", a.Path).Int("status", a.Status).
		Int64("bytes", a.Bytes).Dur("took_ms", a.Took).Str("ip", a.IP)
	if a.ID != "" {
		event.Str("request_id", a.ID)
	}
	if a.Route != "" && a.Route != a.Path {
		event.Str("route", a.Route)
	}
	if a.Reason != "" {
		event.Str("reason", a.Reason)
	}
	message := "request"
	if a.Stream && a.Status < 400 {
		message = "stream"
		event.Int64("events", a.Events)
	}
	if a.Err != nil {
		event.Err(a.Err)
	}
	if a.Stack != nil {
		event.Bytes("stack", a.Stack)
	}
	event.Msg(message)
}
