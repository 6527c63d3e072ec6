package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/redstart-go/redstart"
)

// TimeoutOptions refine [Timeout].
type TimeoutOptions struct {
	// Status is that of the reply when the time is over: 503 by default, as
	// net/http has it, or any other from 500 to 599, such as 504 for a gateway.
	Status int
	// Reply makes the reply when the time is over, with Status where it says 200.
	// The default is the reply to an error of that status, which OnError may see.
	Reply func(*redstart.Request, *TimeoutError) redstart.Response
}

// TimeoutError is the cause of the end of a context, and of the reply, when the
// time of [Timeout] is over. It is a [context.DeadlineExceeded] for [errors.Is].
type TimeoutError struct {
	After time.Duration // the time there was
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("there was no reply within %v", e.After)
}

// Is makes the error one of [context.DeadlineExceeded].
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Timeout is true, as [net.Error] has it.
func (e *TimeoutError) Timeout() bool { return true }

// Timeout bounds the time in which the handler, and the middleware inside, produce
// their response. When it is over, the reply is an error, the handler's context
// ends with a [TimeoutError] as its cause (see [context.Cause]), and its body can
// not be read any more. The handler should return soon then. What it returns is let
// go of: a stream's source is released, and a panic logged. An application that
// stops waits for it as it does for a request.
//
// The time to send the reply does not count: a stream, a file or a mounted handler
// that was returned in time goes on for as long as it likes, with a context that
// does not expire. A reply of JSON is encoded later too.
//
// The handler runs on a goroutine of its own with a copy of the Request. What it
// or middleware inside keeps by Request.Set is seen outside when it has returned in
// time, and never when it has not. A panic is the same as without Timeout.
func Timeout(d time.Duration, options ...TimeoutOptions) redstart.Middleware {
	o := given("Timeout", options)
	if d <= 0 {
		misuse(fmt.Sprintf("Timeout(%v)", d), "want a time above zero, such as 5*time.Second")
	}
	if o.Status == 0 {
		o.Status = http.StatusServiceUnavailable
	}
	if o.Status < 500 || o.Status > 599 {
		misuse("Timeout", "Status %d: want one from 500 to 599, such as 503 or 504", o.Status)
	}
	late := &TimeoutError{After: d}
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			resp, err := req.Within(d, late, next)
			switch {
			case err == nil:
				return resp
			case errors.Is(err, context.Canceled): // nobody is there for a reply
				return redstart.Fail(err)
			}
			return o.reply(req, late)
		}
	}
}

func (o TimeoutOptions) reply(req *redstart.Request, late *TimeoutError) redstart.Response {
	if o.Reply == nil {
		return redstart.Fail(redstart.Errorf(o.Status, "%w", late))
	}
	reply := o.Reply(req, late)
	if reply.StatusCode() == http.StatusOK {
		reply = reply.WithStatus(o.Status)
	}
	return reply
}
