package redstart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/redstart-go/redstart/internal/bind"
	"github.com/redstart-go/redstart/internal/headers"
	"github.com/redstart-go/redstart/internal/negotiate"
	"github.com/redstart-go/redstart/internal/problem"
	"github.com/redstart-go/redstart/internal/provide"
	"github.com/redstart-go/redstart/internal/transfer"
	"github.com/redstart-go/redstart/internal/upload"
	"github.com/redstart-go/redstart/sse"
)

// StatusClientClosedRequest is what the access log shows for a request whose
// client left before there was a reply. Nobody ever receives it.
const StatusClientClosedRequest = 499

// HTTPError is an error with the HTTP status and the text that the client is
// told, and maybe headers. Make one with [Error] or [Errorf]. It is immutable.
type HTTPError struct {
	status int
	detail string
	cause  error
	told   bool // whether the detail tells of the cause
	fields map[string]any
	header *headers.Changes
}

// Error makes an error that is replied with the given status. The detail is
// shown to the client. A status outside 400 to 599 becomes 500.
func Error(status int, detail string) *HTTPError {
	if status < 400 || status > 599 {
		status = http.StatusInternalServerError
	}
	return &HTTPError{status: status, detail: detail}
}

// Errorf is [Error] with a formatted detail. Errors wrapped by %w are the cause,
// for [errors.Is] and [errors.As]; mind that their text is part of the detail.
func Errorf(status int, format string, args ...any) *HTTPError {
	wrapped := fmt.Errorf(format, args...)
	e := Error(status, wrapped.Error())
	e.told = true
	if e.cause = errors.Unwrap(wrapped); e.cause == nil {
		if _, several := wrapped.(interface{ Unwrap() []error }); several {
			e.cause = wrapped
		}
	}
	return e
}

// Error returns the detail, or the status text when there is none, and the cause.
// It is for logs: clients are told the detail alone.
func (e *HTTPError) Error() string {
	text := cmp.Or(e.detail, http.StatusText(e.status), "status "+strconv.Itoa(e.status))
	if e.cause != nil && !e.told {
		text += ": " + e.cause.Error()
	}
	return text
}

// StatusCode returns the HTTP status.
func (e *HTTPError) StatusCode() int { return e.status }

// Detail returns what the client is told beyond the status, for an [App.OnError] that
// makes pages of its own.
func (e *HTTPError) Detail() string { return e.detail }

// Unwrap returns the cause.
func (e *HTTPError) Unwrap() error { return e.cause }

// WithCause returns a copy with a cause that is logged and not shown.
func (e *HTTPError) WithCause(cause error) *HTTPError {
	c := *e
	c.cause, c.told = cause, false
	return &c
}

// WithField returns a copy with an extension member for the problem document
// (RFC 9457 section 3.2). The members that the RFC defines can be set too.
func (e *HTTPError) WithField(name string, value any) *HTTPError {
	c := *e
	c.fields = maps.Clone(e.fields)
	if c.fields == nil {
		c.fields = map[string]any{}
	}
	c.fields[name] = value
	return &c
}

// WithHeader returns a copy with a header for the reply, in place of one of that name:
//
//	redstart.Error(429, "three guesses a minute").WithHeader("Retry-After", "20")
//	redstart.Error(401, "sign the request").WithHeader("WWW-Authenticate", `Signature realm="cave"`)
//
// So an error brings its headers along from wherever it comes, as out of a typed handler.
// The reply has them also when an [App.OnError] makes it, unless that returns another
// error, and what [Response.With] sets goes before them. Several challenges are one value,
// with commas between them. A name or value that HTTP does not allow is an error with
// status 500 in place of this one, which is its cause.
func (e *HTTPError) WithHeader(name, value string) *HTTPError {
	changes, err := e.header.Set(name, value)
	if err != nil {
		return Error(http.StatusInternalServerError, "").WithCause(errors.Join(err, e))
	}
	c := *e
	c.header = changes
	return &c
}

// headerOf returns the headers that an error brings along.
func headerOf(err error) *headers.Changes {
	if e, ok := errors.AsType[*HTTPError](err); ok {
		return e.header
	}
	return nil
}

// PanicError is a panic of a handler or a middleware, as an error. Its client is
// told no more than of any unexpected error.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the error that was panicked with, if it was one.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// recovered makes a PanicError of what recover returned. A handler that panics
// with http.ErrAbortHandler asks for the connection to be cut: that goes on.
func recovered(v any) *PanicError {
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
		panic(v)
	}
	return panicError(v, debug.Stack())
}

// panicError makes a PanicError of a panic's value, unless it is one that comes
// from another goroutine, with the stack that matters.
func panicError(v any, stack []byte) *PanicError {
	if p, ok := v.(*PanicError); ok {
		return p
	}
	if err, ok := v.(error); ok {
		// It may be about another panic, of what makes something that is provided: that is
		// the place that matters.
		if first := stackOf(err); first != nil {
			stack = first
		}
	}
	return &PanicError{Value: v, Stack: stack}
}

// statusCoder is any error that chooses its status.
type statusCoder interface {
	error
	StatusCode() int
}

// StatusOf returns the status that an error is replied with: its own when it, or
// an error it wraps, has a method StatusCode() int; 413 for a body over its
// limit; 500 otherwise.
func StatusOf(err error) int {
	if coder, ok := errors.AsType[statusCoder](err); ok {
		if status := coder.StatusCode(); status >= 400 && status <= 599 {
			return status
		}
		return http.StatusInternalServerError
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || errors.Is(err, upload.ErrTooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusInternalServerError
}

// clientFault makes an error for clients of what the packages that read bodies have
// found.
func clientFault(err error) error {
	fault, ok := errors.AsType[*upload.Fault](err)
	if !ok {
		return err
	}
	e := Error(fault.Status, fault.Detail)
	if fault.Err != nil {
		e = e.WithCause(fault.Err)
	}
	return e
}

// Violation is one thing that is wrong with what a client sent.
type Violation struct {
	// In is where: "path", "query", "header", "cookie", "form" or "body".
	In string `json:"in,omitempty"`
	// Name is that of a parameter or a form's field.
	Name string `json:"name,omitempty"`
	// Pointer is the place in a JSON body, as in "#/items/2/price" (RFC 6901 section 6).
	Pointer string `json:"pointer,omitempty"`
	// Rule is what was broken, such as "required", "type" or "min=1".
	Rule string `json:"rule,omitempty"`
	// Detail says what is wrong, without the name.
	Detail string `json:"detail"`
	// Value is what was given, if it is a text, a number or a bool.
	Value any `json:"value,omitempty"`

	malformed bool
}

// String names the place and says what is wrong.
func (v Violation) String() string { return v.bound().String() }

func (v Violation) bound() bind.Violation {
	return bind.Violation{
		In: bind.Location(v.In), Name: v.Name, Pointer: v.Pointer, Rule: v.Rule, Detail: v.Detail, Value: v.Value, Malformed: v.malformed,
	}
}

// Violations are all that is wrong with what a client sent. The reply's problem
// document lists them under "errors". An [App.OnError] handler that shows a form again
// finds them by [errors.As].
type Violations []Violation

// Invalid makes one violation, for a Validate method or a handler. The field is named
// as the client names it: a parameter, or the way to a value in the JSON body from
// where the method is asked, as in "items/2/price"; "" is the whole. Several are
// returned by append or [errors.Join].
func Invalid(field, format string, args ...any) Violations {
	return Violations{{Name: field, Rule: "valid", Detail: fmt.Sprintf(format, args...)}}
}

// Error lists the violations, the first few if there are many.
func (v Violations) Error() string {
	const limit = 8
	var texts []string
	for i, one := range v {
		if i == limit {
			texts = append(texts, fmt.Sprintf("and %d more", len(v)-limit))
			break
		}
		texts = append(texts, one.String())
	}
	return strings.Join(texts, "; ")
}

// StatusCode is 422, and 400 if something could not even be read, or a parameter is
// missing.
func (v Violations) StatusCode() int {
	if slices.ContainsFunc(v, func(one Violation) bool { return one.malformed }) {
		return http.StatusBadRequest
	}
	return http.StatusUnprocessableEntity
}

func violations(found []bind.Violation) Violations {
	list := make(Violations, len(found))
	for i, v := range found {
		list[i] = Violation{string(v.In), v.Name, v.Pointer, v.Rule, v.Detail, v.Value, v.Malformed}
	}
	return list
}

// violationsOf collects the violations in an error, which may join several.
func violationsOf(err error) (found []bind.Violation, ok bool) {
	switch e := err.(type) { //nolint:errorlint // it goes through the tree itself
	case nil:
		return nil, false
	case Violations:
		for _, v := range e {
			found = append(found, v.bound())
		}
		return found, true
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			more, some := violationsOf(inner)
			found, ok = append(found, more...), ok || some
		}
		return found, ok
	}
	return violationsOf(errors.Unwrap(err))
}

// resolve completes the violations that a handler returns: it names fields, and the
// input knows where these are.
func resolve(input *bind.Input, req *Request, err error) error {
	if found, ok := violationsOf(err); ok {
		return violations(input.Resolve(found, (*bindSource)(req)))
	}
	return err
}

// settle turns a failed response into the reply the client gets, once. Headers
// and a status that were set on the failed response are kept.
func (req *Request) settle(resp Response, onError func(*Request, error) Response) Response {
	if resp.err == nil || resp.flags&flagSettled != 0 {
		return resp
	}
	err := resp.err
	told := err // what the reply is about
	var reply Response
	switch {
	case req.gone(err):
		reply = Status(StatusClientClosedRequest)
	case onError != nil:
		reply, told = req.customError(onError, err)
	default:
		reply = problemReply(req, err)
	}
	switch {
	case reply.status != 0:
	case reply.flags&flagRedirect != 0:
		reply.status = redirectStatus(req.Method())
	default:
		reply.status = uint16(StatusOf(err))
	}
	if resp.status != 0 {
		reply.status = resp.status
	}
	reply.header = reply.header.After(resp.header.After(headerOf(told)))
	reply.done = reply.done.after(resp.done)
	reply.err = err
	reply.flags |= flagSettled
	return reply
}

// gone says whether an error is only the echo of the client's leaving.
func (req *Request) gone(err error) bool {
	return req.http.Context().Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, sse.ErrClientGone))
}

// customError asks the application's error handler, and falls back on the
// problem document when that fails too. It also says which error the reply is about.
func (req *Request) customError(onError func(*Request, error) Response, err error) (reply Response, told error) {
	defer func() {
		if v := recover(); v != nil {
			second := recovered(v)
			req.Log().Error().Err(second).Bytes("stack", second.Stack).Msg("the error handler panicked")
			reply, told = problemReply(req, err), err
		}
	}()
	reply = onError(req, err)
	if reply.err == nil {
		req.track(reply)
		return reply, err
	}
	// It chose another error for the client, or failed over this one.
	if StatusOf(reply.err) >= 500 && !errors.Is(reply.err, err) {
		req.Log().Error().Err(reply.err).Msg("the error handler failed")
	}
	problem := problemReply(req, reply.err)
	if reply.status != 0 {
		problem.status = reply.status
	}
	problem.header, problem.done = problem.header.After(reply.header), reply.done
	return problem, reply.err
}

// problemReply is the default reply to an error: a problem document (RFC 9457),
// or plain text where the client asks for text.
func problemReply(req *Request, err error) Response {
	status := StatusOf(err)
	title := cmp.Or(http.StatusText(status), "Error")
	detail := ""
	var fields map[string]any
	if e, ok := errors.AsType[*HTTPError](err); ok {
		detail, fields = e.detail, e.fields
	} else if coder, ok := errors.AsType[statusCoder](err); ok && status < 500 {
		detail = coder.Error()
		if list, ok := coder.(Violations); ok {
			fields = map[string]any{"errors": []Violation(list)}
		}
	} else if status == http.StatusRequestEntityTooLarge {
		detail = err.Error()
	}

	if negotiate.PrefersText(req.Header("Accept")) {
		text := strconv.Itoa(status) + " " + title
		if detail != "" {
			text += "\n" + detail
		}
		if req.id.Text != "" {
			text += "\nrequest " + req.id.Text
		}
		return Text(text+"\n").WithStatus(status).WithAdded("Vary", "Accept")
	}
	document := problem.Document{Title: title, Status: status, Detail: detail, RequestID: req.id.Text, Fields: fields}
	body, encodeErr := document.Encode()
	if encodeErr != nil { // a field of the application's own
		req.Log().Error().Err(encodeErr).Msg("a problem document cannot be encoded")
		document.Fields = nil
		body, _ = document.Encode()
	}
	reply := Bytes(body).WithStatus(status).WithAdded("Vary", "Accept")
	reply.content = contentProblem
	return reply
}

// stackOf returns the stack of a panic inside err, if there was one.
func stackOf(err error) []byte {
	if p, ok := errors.AsType[*PanicError](err); ok {
		return p.Stack
	}
	if p, ok := errors.AsType[*sse.PanicError](err); ok {
		return p.Stack
	}
	if p, ok := errors.AsType[*provide.Panic](err); ok {
		return p.Stack
	}
	return nil
}

// streamError is what the client of a stream that fails midway is told: the text
// of an [HTTPError] meant for clients, and otherwise nothing about the cause.
func streamError(err error) sse.Message {
	text := "the stream failed"
	if e, ok := errors.AsType[*HTTPError](err); ok && e.detail != "" {
		text = e.detail
	}
	return sse.Text(text).WithEvent("error")
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
	req.refuseBody() // a stream has tried to read it meanwhile
	header := failed.header.Except(describingBody...)
	reply := req.settle(Response{err: err, header: header, done: failed.done}, req.errorHandler())
	failed.done = reply.done
	body, ok := reply.text, reply.kind == kindPlain
	if reply.kind == kindJSON || reply.kind == kindPage {
		buf := transfer.Buffer()
		defer buf.Free()
		ok = req.protect(func() error { return reply.appendTo(buf, req) }) == nil
		body = string(buf.Bytes)
	}
	if !ok { // an error page that streams, or cannot be encoded, could fail again
		reply = problemReply(req, err)
		reply.header = reply.header.After(header.After(headerOf(err)))
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

// brokenBy says what a failed write means.
func brokenBy(err error) sse.Reason {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return sse.SlowClient
	}
	return sse.ClientGone
}
