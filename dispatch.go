package redstart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redstart-go/redstart/internal/headers"
	"github.com/redstart-go/redstart/internal/jsonx"
	"github.com/redstart-go/redstart/internal/requestid"
	"github.com/redstart-go/redstart/internal/transfer"
	"github.com/redstart-go/redstart/sse"
)

// dispatcher is the app compiled: it takes a request through the middleware and
// the handler, and then, alone with the connection, writes what they returned.
type dispatcher struct {
	app    *App
	routes *routes
}

func (d *dispatcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := d.app
	req := &Request{http: r, w: w, app: a, begin: time.Since(a.born), limit: a.config.bodyLimit}
	if !a.config.withoutRequestID {
		req.id.Assign(a.ids, r.Header)
	}
	chain := d.routes.find(req)
	if req.route != nil {
		req.limit = req.route.bodyLimit
	}
	req.openBody()
	var resp Response
	outcome, abort := Outcome{Reason: reasonAborted}, false
	defer func() {
		// Also when a panic goes through here, so that whoever waits for the end
		// of the request hears of it in any case.
		req.finish(&resp, outcome)
		req.release()
	}()
	resp = chain(req)
	req.refuseBody()
	outcome, abort = req.reply(&resp)
	if abort && r.Context().Value(http.ServerContextKey) != nil {
		// Only a server can cut the connection; without one, as in a test with a
		// recorder, the panic would reach the caller.
		panic(http.ErrAbortHandler)
	}
}

// release ends what belongs to the request: its context, and streams that were
// returned by a handler and never served.
func (req *Request) release() {
	if c := req.ctx.Load(); c != nil {
		defer c.cancel(errReplied)
	}
	if s := req.extra.Load(); s != nil {
		req.closeBody(s)
		for _, stream := range s.tracked {
			if err := req.protect(func() error { stream.Discard(); return nil }); err != nil {
				req.Log().Error().Err(err).Bytes("stack", stackOf(err)).Msg("a function of a stream's OnEnd panicked")
			}
		}
	}
}

var errReplied = errors.New("redstart: the request has been replied to")

// track remembers a stream, to discard it should it never be served.
func (req *Request) track(resp Response) {
	stream, ok := resp.body.(*sse.Stream)
	if !ok {
		return
	}
	if s := req.state(); !slices.Contains(s.tracked, stream) {
		s.tracked = append(s.tracked, stream)
	}
}

// reasonAborted is the reason of a request that ended in a panic which goes on:
// http.ErrAbortHandler, or any when the app does not recover.
const reasonAborted = "aborted"

// finish tells whoever asked of the outcome, and writes the access log.
func (req *Request) finish(resp *Response, outcome Outcome) {
	c := &req.app.config
	bad := outcome.failed()
	if c.withoutAccessLog && !bad && resp.done == nil {
		return
	}
	outcome.Err = cmp.Or(outcome.Err, resp.err)
	outcome.Duration = time.Since(req.app.born) - req.begin
	for d := resp.done; d != nil; d = d.next {
		req.callDone(d.f, outcome)
	}
	if skip := req.skipsLog(); skip == skipAll || (c.withoutAccessLog || skip == skipSuccesses) && !bad {
		return
	}
	event := c.logger.Info()
	if bad {
		event = c.logger.Error()
	}
	if event == nil {
		return
	}
	event.Str("method", req.http.Method).Str("path", req.http.URL.Path).Int("status", outcome.Status).
		Int64("bytes", outcome.Bytes).Dur("took_ms", outcome.Duration).Str("ip", c.trust.Resolve(req.http).Address())
	if req.id.Text != "" {
		event.Str("request_id", req.id.Text)
	}
	if req.route != nil && req.route.pattern != req.http.URL.Path {
		event.Str("route", req.route.pattern)
	}
	if outcome.Reason != "" {
		event.Str("reason", outcome.Reason)
	}
	message := "request"
	if resp.kind == kindEvents && outcome.Status < 400 {
		message = "stream"
		event.Int64("events", outcome.Events)
	}
	if bad && outcome.Err != nil {
		event.Err(outcome.Err)
		if stack := stackOf(outcome.Err); stack != nil {
			event.Bytes("stack", stack)
		}
	}
	event.Msg(message)
}

// failed says whether the outcome is the program's fault, and so an error in the
// log. A client that left, was too slow or asked for the wrong thing is not.
func (o *Outcome) failed() bool {
	return o.Status >= 500 || o.Reason == string(sse.Failed) || o.Reason == string(sse.Panicked)
}

func (req *Request) callDone(f func(Outcome), outcome Outcome) {
	defer func() {
		if v := recover(); v != nil {
			err := panicError(v, debug.Stack())
			req.Log().Error().Err(err).Bytes("stack", err.Stack).Msg("a WithDone function panicked")
		}
	}()
	f(outcome)
}

// defaultHeader is a header that every reply gets if it lacks it.
type defaultHeader struct {
	name   string
	value  []string
	except []string
}

func (a *App) defaultHeaders(h http.Header, req *Request) {
	for _, d := range a.config.headers {
		if _, has := h[d.name]; !has && !slices.ContainsFunc(d.except, req.below) {
			h[d.name] = d.value[:1:1]
		}
	}
}

// below says whether the request's path is the prefix, or below it.
func (req *Request) below(prefix string) bool {
	rest, ok := strings.CutPrefix(req.http.URL.Path, strings.TrimSuffix(prefix, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

// setHeader puts the response's headers on h.
func (r *Response) setHeader(h http.Header, req *Request) {
	if r.content != contentNone {
		h["Content-Type"] = contentTypes[r.content]
	}
	req.setID(h)
	r.header.Apply(h)
}

func (req *Request) setID(h http.Header) {
	if req.id.Text != "" {
		h[requestid.Header] = req.id.Header[:]
	}
}

// reply writes the response and says what became of it, and whether the body has
// to end uncleanly. From here on nobody else uses the ResponseWriter.
func (req *Request) reply(resp *Response) (outcome Outcome, abort bool) {
	switch resp.kind {
	case kindJSON:
		return req.replyJSON(resp)
	case kindEvents:
		return req.replyEvents(resp)
	case kindStream, kindFile, kindHandler:
		return req.replyTransfer(resp)
	}
	return req.replyPlain(resp, resp.text, nil), false
}

// replyPlain writes a body that is at hand: text, unless there are data, which
// need not stay unchanged after the write.
func (req *Request) replyPlain(resp *Response, text string, data []byte) Outcome {
	h := req.w.Header()
	resp.setHeader(h, req)
	size := max(len(text), len(data))
	if _, has := h["Content-Type"]; !has && size > 0 {
		h["Content-Type"] = contentTypes[contentBytes] // or net/http would guess
	}
	req.app.defaultHeaders(h, req)

	status := resp.StatusCode()
	if resp.flags&flagConst != 0 && status == http.StatusOK && notModified(req, h.Get("Etag")) {
		status = http.StatusNotModified
	}
	outcome := Outcome{Status: status}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		delete(h, "Content-Length")
		if status == http.StatusNoContent {
			delete(h, "Content-Type")
		}
		req.w.WriteHeader(status)
		return outcome
	}
	h["Content-Length"] = headers.ContentLength(size)
	bodiless := size == 0 || req.http.Method == http.MethodHead
	if status != http.StatusOK || bodiless {
		req.w.WriteHeader(status)
	}
	if bodiless {
		return outcome
	}
	var n int
	var err error
	if data != nil {
		n, err = req.w.Write(data)
	} else {
		n, err = io.WriteString(req.w, text)
	}
	outcome.Bytes = int64(n)
	if err != nil {
		outcome.Reason = string(brokenBy(err))
	}
	return outcome
}

// brokenBy says what a failed write means.
func brokenBy(err error) sse.Reason {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return sse.SlowClient
	}
	return sse.ClientGone
}

// jsonBuffers hold encoded bodies until they are written.
var jsonBuffers = sync.Pool{New: func() any { return new([]byte) }}

// replyJSON encodes into a pooled buffer before the header is sent.
func (req *Request) replyJSON(resp *Response) (outcome Outcome, abort bool) {
	buf := jsonBuffers.Get().(*[]byte)
	defer jsonBuffers.Put(buf)
	var encoded []byte
	err := req.protect(func() (err error) { encoded, err = jsonx.Append((*buf)[:0], resp.body); return err })
	if err != nil {
		if _, panicked := errors.AsType[*PanicError](err); !panicked {
			err = fmt.Errorf("redstart: encoding the reply: %w", err)
		}
		return req.replyFailure(resp, err)
	}
	if cap(encoded) <= 64<<10 { // larger ones would stay for good
		*buf = encoded
	}
	return req.replyPlain(resp, "", encoded), false
}

// describingBody are the headers that are about a body which is not sent after all.
var describingBody = []string{
	"Content-Type", "Content-Length", "Content-Encoding", "Content-Disposition", "Content-Range",
	"Etag", "Last-Modified", "Cache-Control", "Accept-Ranges", "X-Accel-Buffering",
}

// replyFailure answers for a response that could not be written, with the headers
// the response had.
func (req *Request) replyFailure(failed *Response, err error) (outcome Outcome, abort bool) {
	if errors.Is(err, http.ErrAbortHandler) {
		return Outcome{Reason: reasonAborted}, true
	}
	header := failed.header.Except(describingBody...)
	reply := req.settle(Response{err: err, header: header, done: failed.done}, req.errorHandler())
	failed.done = reply.done
	body, ok := reply.text, reply.kind == kindPlain
	if reply.kind == kindJSON {
		encodeErr := req.protect(func() error {
			data, encodeErr := jsonx.Marshal(reply.body)
			body = string(data)
			return encodeErr
		})
		ok = encodeErr == nil
	}
	if !ok { // an error page that streams, or cannot be encoded, could fail again
		reply = problemReply(req, err)
		reply.header = reply.header.After(header)
		body = reply.text
	}
	outcome = req.replyPlain(&reply, body, nil)
	outcome.Err = err
	return outcome, false
}

func (req *Request) errorHandler() func(*Request, error) Response {
	if req.route != nil {
		return req.route.onError
	}
	return req.state().lookup.onError
}

// restore undoes what was done to a header since before was cloned from it.
func restore(h, before http.Header) {
	clear(h)
	maps.Copy(h, before)
}

func (req *Request) replyEvents(resp *Response) (outcome Outcome, abort bool) {
	stream := resp.body.(*sse.Stream)
	if resp.status != 0 {
		stream.With(sse.Status(int(resp.status)))
	}
	h := req.w.Header()
	before := maps.Clone(h)
	if _, has := h["Cache-Control"]; !has {
		h["Cache-Control"] = cacheEvents // which defaults do not replace
	}
	resp.setHeader(h, req)
	req.app.defaultHeaders(h, req)
	ctx := req.context()
	var report sse.Report
	panicked := req.protect(func() error {
		report = req.app.streams.ServeContext(ctx, ctx.cancel, req.w, req.http, stream)
		return nil
	})
	if panicked != nil { // not the source's, which is in the report, but of an OnEnd function
		return Outcome{Status: cmp.Or(int(resp.status), http.StatusOK), Reason: string(sse.Panicked), Err: panicked}, true
	}
	outcome = Outcome{
		Status: report.Status, Bytes: report.Bytes, Events: report.Events,
		Reason: string(report.Reason), Err: report.Err,
	}
	switch {
	case report.Committed:
		return outcome, report.Abort
	case report.Reason == sse.ClientGone || report.Err == nil:
		outcome.Status = StatusClientClosedRequest
		return outcome, false
	}
	restore(h, before)
	return req.replyFailure(resp, report.Err)
}

var cacheEvents = []string{"no-cache, no-transform"}

// replyTransfer writes a body that is produced while it is sent.
func (req *Request) replyTransfer(resp *Response) (outcome Outcome, abort bool) {
	h := req.w.Header()
	before := maps.Clone(h)
	r := req.http
	if c := req.ctx.Load(); c != nil {
		r = r.WithContext(c)
	}
	w := transfer.NewWriter(req.w, req.app.config.timeouts.Stall)
	var err error
	switch body := resp.body.(type) {
	case *transfer.Source:
		resp.setHeader(h, req)
		w.BeforeHeader = func(h http.Header) { req.app.defaultHeaders(h, req) }
		err = req.protect(func() error { return body.Serve(w, r, resp.StatusCode()) })
	case fileBody:
		req.setID(h)
		resp.header.Begin(h)
		w.BeforeHeader = func(h http.Header) {
			resp.header.End(h)
			req.app.defaultHeaders(h, req)
		}
		w.Success = int(resp.status)
		err = req.protect(func() error { return body(w, r, resp.StatusCode()) })
	case http.Handler:
		req.setID(h)
		// The response is what the handler writes, as middleware has refined it:
		// hence the handler's headers first.
		w.BeforeHeader = func(h http.Header) {
			resp.header.Apply(h)
			req.app.defaultHeaders(h, req)
		}
		w.Success = int(resp.status)
		err = req.protect(func() error {
			body.ServeHTTP(w, r)
			if w.Status == 0 {
				w.WriteHeader(http.StatusOK)
			}
			return nil
		})
	}
	w.Finish(r.Context())
	if w.Unflushed != "" {
		req.Log().Warn().Str("path", req.Path()).Str("writer", w.Unflushed).
			Msg("chunks are held back: a ResponseWriter made by middleware has neither Flush nor Unwrap")
	}
	if err != nil && w.Status == 0 {
		if errors.Is(err, fs.ErrNotExist) && resp.kind == kindFile {
			err = Errorf(http.StatusNotFound, "there is nothing at %q", req.Path()).WithCause(err)
		}
		restore(h, before)
		return req.replyFailure(resp, err)
	}
	outcome = Outcome{Status: w.Status, Bytes: w.Bytes, Reason: string(sse.Completed)}
	switch broken := cmp.Or(w.Err, err); {
	case errors.Is(broken, http.ErrAbortHandler):
		outcome.Reason = reasonAborted
	case w.Err != nil && (!isContextError(w.Err) || req.http.Context().Err() != nil):
		outcome.Reason = string(brokenBy(w.Err))
	case broken != nil:
		outcome.Reason, outcome.Err = string(sse.Failed), cmp.Or(err, w.Err)
		if _, panicked := errors.AsType[*PanicError](err); panicked {
			outcome.Reason = string(sse.Panicked)
		}
	}
	return outcome, err != nil || w.Err != nil
}

// isContextError says whether a body ended because its context did, which the
// program may have ended while the client was still there.
func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// protect turns a panic of f into an error, unless the app is told not to.
func (req *Request) protect(f func() error) (err error) {
	if req.app.config.withoutRecover {
		return f()
	}
	defer func() {
		if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
			err = http.ErrAbortHandler
		} else if v != nil {
			err = recovered(v)
		}
	}()
	return f()
}

// notModified compares If-None-Match weakly, as RFC 9110 section 13.1.2 wants.
func notModified(req *Request, etag string) bool {
	candidates := req.http.Header["If-None-Match"]
	if m := req.http.Method; len(candidates) == 0 || etag == "" || m != http.MethodGet && m != http.MethodHead {
		return false
	}
	etag = strings.TrimPrefix(etag, "W/")
	for _, line := range candidates {
		for candidate := range strings.SplitSeq(line, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}
