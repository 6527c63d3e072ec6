package redstart

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/redstart-go/redstart/internal/late"
	"github.com/redstart-go/redstart/internal/upload"
)

// Within calls h on a goroutine of its own and waits the time d for its response.
// It is for middleware that bounds the time to produce a response. When there is
// none in time, h is given up: its context ends with cause, the body cannot be read
// any more, and the response that it may still return is let go of, streams
// included, and its panic logged. An app that stops waits for it. The error is then
// cause, wrapped together with [context.Canceled] if the client had left by itself.
//
// h works on a copy of req, so that one given up cannot disturb the reply. What it
// did to the copy by Set, SetContext, SetID, LimitBody and reading the body is seen
// on req once Within has returned its response. That response may be a stream:
// nothing bounds its time. A panic of h goes on in the caller, as a [PanicError]
// with the stack of h.
func (req *Request) Within(d time.Duration, cause error, h Handler) (Response, error) {
	inner := req.fork()
	answer, ok := late.Call(&req.app.late, d, func() Response { return h(inner) }, inner.tooLate)
	switch {
	case !ok:
		if err := req.http.Context().Err(); err != nil { // asked now: an upload that is cut off ends it too
			cause = fmt.Errorf("%w; the client had left: %w", cause, err)
		}
		inner.context().cancel(cause)
		req.giveUpBody()
		return Response{}, cause
	case answer.Panic == http.ErrAbortHandler: //nolint:errorlint // net/http compares it the same way
		panic(http.ErrAbortHandler)
	case answer.Panic != nil:
		panic(panicError(answer.Panic, answer.Stack))
	}
	req.join(inner)
	return answer.Value, nil
}

// fork makes a copy for a handler that may have to be given up: nothing in it that
// may change is shared. It has no ResponseWriter.
func (req *Request) fork() *Request {
	ctx, cancel := context.WithCancelCause(req.Context())
	r := req.http.WithContext(ctx)
	r.Header = r.Header.Clone()
	u := *r.URL
	r.URL = &u
	inner := &Request{http: r, app: req.app, route: req.route, match: req.match, begin: req.begin, limit: req.limit}
	inner.id.Text, inner.id.Header = req.id.Text, req.id.Header
	inner.ctx.Store(&requestContext{ctx, cancel})
	s, t := req.state(), inner.state()
	t.lookup, t.upload, t.origin = s.lookup, s.upload, req
	t.body, t.bodyErr, t.bodyRead = s.body, s.bodyErr, s.bodyRead
	if t.bodyRead && t.bodyErr == nil {
		r.Body = io.NopCloser(bytes.NewReader(t.body))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.client, t.values = s.client, maps.Clone(s.values)
	if s.log != nil {
		logger := s.log.With().Logger()
		t.log = &logger
	}
	return inner
}

// join takes over what became of a copy whose handler has returned.
func (req *Request) join(inner *Request) {
	s, t := req.state(), inner.state()
	s.tracked = append(s.tracked, t.tracked...)
	s.body, s.bodyErr, s.bodyRead = t.body, t.bodyErr, t.bodyRead
	to, from := req.http, inner.http
	to.Body, to.Form, to.PostForm, to.MultipartForm = from.Body, from.Form, from.PostForm, from.MultipartForm
	req.limit = inner.limit
	if req.id.Text != inner.id.Text {
		req.id.Text, req.id.Header = inner.id.Text, inner.id.Header
	}
	req.SetContext(inner.Context())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values, s.log, s.client = t.values, t.log, t.client
}

// giveUpBody leaves the body to nobody.
func (req *Request) giveUpBody() {
	if s := req.state(); s.upload != nil && !s.bodyRead {
		s.upload.Stop()
		s.bodyRead, s.bodyErr = true, upload.ErrOver
		req.http.Body = http.NoBody
	}
}

// refuseBody tells an HTTP/1 client whose body was given up that the connection
// ends here. Otherwise net/http would wait for the rest of it before it replies.
func (req *Request) refuseBody() {
	if s := req.extra.Load(); s != nil && s.upload != nil && req.http.ProtoMajor == 1 && s.upload.GivenUp() {
		req.w.Header().Set("Connection", "close")
	}
}

// tooLate lets go of what the handler of a copy that was given up has returned.
func (req *Request) tooLate(answer late.Answer[Response]) {
	defer func() {
		// Only in an app that does not recover, where nobody else is there to do it.
		if v := recover(); v != nil {
			req.Log().Error().Err(panicError(v, debug.Stack())).Msg("letting go of a late response panicked")
		}
	}()
	resp := answer.Value
	if resp.kind == kindEvents {
		req.track(resp)
	}
	req.release()
	err := resp.err
	if answer.Panic != nil && answer.Panic != http.ErrAbortHandler { //nolint:errorlint // as above
		err = panicError(answer.Panic, answer.Stack)
	}
	took := time.Since(req.app.born) - req.begin
	if stack := stackOf(err); stack != nil {
		req.Log().Error().Err(err).Bytes("stack", stack).Dur("took_ms", took).Msg("a handler panicked after it was given up")
		return
	}
	req.Log().Debug().Err(err).Dur("took_ms", took).Msg("a handler returned after it was given up")
}
