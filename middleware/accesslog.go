package middleware

import (
	"net/http"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart"
)

// AccessLogOptions refine [AccessLog].
type AccessLogOptions struct {
	// Logger writes the lines. The default is the request's own, which has the
	// request's id; another one is given the id as the field request_id.
	Logger *zerolog.Logger
	// Skip chooses requests that are not logged, such as those of a health check.
	// A reply of theirs with a status of 500 and above is: by the application.
	Skip func(*redstart.Request) bool
	// Fields adds to a line. It is called when the reply has ended.
	Fields func(*zerolog.Event, *redstart.Request, redstart.Outcome)
	// Level chooses the level of a line. The default is error for a status of 500
	// and above and for a reply that broke off by the program's fault, info else.
	Level func(redstart.Outcome) zerolog.Level
}

// AccessLog writes a line for each request when its last byte was written, for a
// stream at its true end, in place of the line that the application writes. So it
// may be used for one group while the others keep the application's line, and
// with WithoutAccessLog for a group that alone has lines: no request has two.
//
// The line has the fields method, path, status, bytes, took_ms and ip, and where
// there is something to say route, reason, events, error and stack. A response that
// middleware further out replaces has no line here: use it outermost. Such a reply,
// and a panic in an app made WithoutRecover, is logged by the application.
func AccessLog(options ...AccessLogOptions) redstart.Middleware {
	o := given("AccessLog", options)
	if o.Level == nil {
		o.Level = levelOf
	}
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			if o.Skip != nil && o.Skip(req) {
				req.SkipAccessLog(false)
				return next(req)
			}
			resp := next(req)
			return resp.WithDone(func(outcome redstart.Outcome) {
				if outcome.Err == nil {
					outcome.Err = resp.Err()
				}
				o.write(req, outcome)
				req.SkipAccessLog(true)
			})
		}
	}
}

// levelOf is the default level.
func levelOf(o redstart.Outcome) zerolog.Level {
	if o.Status >= http.StatusInternalServerError || o.Err != nil && o.Status < http.StatusBadRequest {
		return zerolog.ErrorLevel
	}
	return zerolog.InfoLevel
}

func (o AccessLogOptions) write(req *redstart.Request, outcome redstart.Outcome) {
	logger, own := o.Logger, o.Logger == nil
	if own {
		logger = req.Log()
	}
	event := logger.WithLevel(o.Level(outcome))
	if !event.Enabled() {
		return
	}
	event.Str("method", req.Method()).Str("path", req.Path()).Int("status", outcome.Status).
		Int64("bytes", outcome.Bytes).Dur("took_ms", outcome.Duration).Str("ip", req.IP())
	if id := req.ID(); id != "" && !own {
		event.Str("request_id", id)
	}
	if pattern := req.Pattern(); pattern != "" && pattern != req.Path() {
		event.Str("route", pattern)
	}
	if outcome.Reason != "" {
		event.Str("reason", outcome.Reason)
	}
	if outcome.Events > 0 {
		event.Int64("events", outcome.Events)
	}
	if outcome.Err != nil && levelOf(outcome) == zerolog.ErrorLevel {
		event.Err(outcome.Err)
		if stack := stackOf(outcome.Err); stack != nil {
			event.Bytes("stack", stack)
		}
	}
	if o.Fields != nil {
		o.Fields(event, req, outcome)
	}
	event.Msg("request")
}
