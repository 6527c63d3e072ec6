package middleware

import (
	"errors"
	"net/http"
	"runtime/debug"

	"github.com/redstart-go/redstart"
)

// RecoverOptions refine [Recover].
type RecoverOptions struct {
	// Reply makes the reply to a panic, with status 500 where it says 200. The
	// default is the reply to any unexpected error: what OnError makes of it, or a
	// problem document that tells the client nothing. Since a reply made here no
	// longer carries the error, the panic is then logged, with its stack, by this
	// middleware. A Reply that panics is logged too and replaced by the default.
	Reply func(*redstart.Request, *redstart.PanicError) redstart.Response
	// OnPanic is told of each panic, with the stack of where it happened, before
	// there is a reply: for a service that collects errors. It must not wait long.
	// If it panics itself, that is logged.
	OnPanic func(*redstart.Request, *redstart.PanicError)
}

// Recover answers panics of the handler and of the middleware inside. An App does
// so by itself, unless it was made with WithoutRecover: use this in such an app, or
// for another reply or a hook. In either case the panic is logged with its stack,
// by the app in the line of the request, or by Recover.
//
// http.ErrAbortHandler, which asks for the connection to be cut, goes on. A panic
// while a stream, a file or a mounted handler is served happens when all middleware
// has returned: it does not pass here, but ends the reply and is logged by the app.
func Recover(options ...RecoverOptions) redstart.Middleware {
	o := given("Recover", options)
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) (resp redstart.Response) {
			defer func() {
				if v := recover(); v != nil {
					resp = o.answer(req, panicOf(v), redstart.Response{})
				}
			}()
			resp = next(req)
			// The app has settled the panics of handlers before they get here.
			if p, ok := errors.AsType[*redstart.PanicError](resp.Err()); ok {
				return o.answer(req, p, resp)
			}
			return resp
		}
	}
}

// panicOf makes an error of a panic's value, which may be one from a goroutine
// that was waited for.
func panicOf(v any) *redstart.PanicError {
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
		panic(v)
	}
	if p, ok := v.(*redstart.PanicError); ok {
		return p
	}
	return &redstart.PanicError{Value: v, Stack: debug.Stack()}
}

// answer chooses the reply; settled is the one that the app has made, if any.
func (o RecoverOptions) answer(req *redstart.Request, p *redstart.PanicError, settled redstart.Response) redstart.Response {
	if o.OnPanic != nil {
		try(req, "OnPanic of Recover", func() { o.OnPanic(req, p) })
	}
	if o.Reply != nil {
		var reply redstart.Response
		if try(req, "Reply of Recover", func() { reply = o.Reply(req, p) }) {
			req.Log().Error().Err(p).Bytes("stack", p.Stack).Msg("a handler panicked")
			settled.Discard()
			if reply.StatusCode() == http.StatusOK {
				reply = reply.WithStatus(http.StatusInternalServerError)
			}
			return reply
		}
	}
	if settled.Err() != nil {
		return settled
	}
	return redstart.Fail(p)
}

// try calls f and logs its panic. It says whether there was none.
func try(req *redstart.Request, what string, f func()) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			p := panicOf(v)
			req.Log().Error().Err(p).Bytes("stack", p.Stack).Msg(what + " panicked")
		}
	}()
	f()
	return true
}
