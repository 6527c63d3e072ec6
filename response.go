package redstart

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/redstart-go/redstart/internal/files"
	"github.com/redstart-go/redstart/internal/headers"
	"github.com/redstart-go/redstart/internal/jsonx"
	"github.com/redstart-go/redstart/internal/requestid"
	"github.com/redstart-go/redstart/internal/transfer"
	"github.com/redstart-go/redstart/sse"
)

// SSEMessage is one Server-Sent Event.
type SSEMessage = sse.Message

// Response is a reply as a value. A constructor makes one, its methods refine it
// and return the refined copy; the dispatcher writes it when the outermost
// middleware has returned it. The zero Response is an empty reply with status 200.
//
// Copies are independent of each other: refining one never changes another. A
// Response may be kept and returned many times, except for one that streams.
type Response struct {
	status  uint16
	kind    bodyKind
	content contentKind
	flags   uint8
	header  *headers.Changes
	done    *doneFunc
	text    string // the body of kindPlain
	body    any    // the body of the other kinds
	err     error
}

type bodyKind uint8

const (
	kindPlain   bodyKind = iota
	kindJSON             // body is the value to encode
	kindEvents           // body is a *sse.Stream
	kindStream           // body is a *transfer.Source
	kindFile             // body is a fileBody
	kindHandler          // body is a http.Handler
)

type contentKind uint8

const (
	contentNone contentKind = iota
	contentText
	contentHTML
	contentJSON
	contentBytes
	contentProblem
)

// contentTypes are header values made once. net/http does not change them.
var contentTypes = [...][]string{
	contentText:    {"text/plain; charset=utf-8"},
	contentHTML:    {"text/html; charset=utf-8"},
	contentJSON:    {"application/json"},
	contentBytes:   {"application/octet-stream"},
	contentProblem: {"application/problem+json"},
}

const (
	flagSettled  uint8 = 1 << iota // the error was turned into a reply
	flagRedirect                   // the status depends on the method
	flagConst                      // conditional requests are answered by its ETag
)

// Text replies with plain text in UTF-8.
func Text(text string) Response { return Response{content: contentText, text: text} }

// HTML replies with a page. The text is sent as it is: escape what came from
// outside.
func HTML(page string) Response { return Response{content: contentHTML, text: page} }

// JSON replies with v, encoded when the reply is written and before its header:
// a v that cannot be encoded is an error with status 500. A nil slice is [].
func JSON(v any) Response { return Response{content: contentJSON, kind: kindJSON, body: v} }

// Bytes replies with binary data, as application/octet-stream unless another
// Content-Type is set. The bytes must not be changed any more.
func Bytes(data []byte) Response {
	return Response{content: contentBytes, text: unsafe.String(unsafe.SliceData(data), len(data))}
}

// Status replies with a status and no body.
func Status(code int) Response { return Response{}.WithStatus(code) }

// NoContent replies with status 204 and no body.
func NoContent() Response { return Response{status: http.StatusNoContent} }

// Fail replies with an error: see [HTTPError] for the status and the text. The
// error is turned into its reply as soon as the handler or the middleware that
// returns it has done so; [Response.Err] keeps it.
func Fail(err error) Response {
	if err == nil {
		err = Error(http.StatusInternalServerError, "").WithCause(errNilFail)
	}
	return Response{err: err}
}

var errNilFail = fmt.Errorf("redstart: Fail was called with a nil error")

// Redirect sends the client to a URL, with status 303 after a POST, PUT, PATCH or
// DELETE and 302 otherwise, unless WithStatus chooses another. The target is the
// program's: for one that came with the request use [RedirectLocal].
func Redirect(target string) Response {
	u, err := url.Parse(target)
	if err != nil {
		return Fail(fmt.Errorf("redstart: Redirect: %w", err))
	}
	return Response{flags: flagRedirect}.With("Location", u.String())
}

// RedirectLocal is [Redirect] for a target that came from outside, such as the
// page to return to after a login. Anything but a path on this host is an error
// with status 400.
func RedirectLocal(target string) Response {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.ContainsAny(target, "\\\r\n\t") {
		return Fail(Errorf(http.StatusBadRequest, "redirect target %q is not a path on this site", target))
	}
	return Redirect(target)
}

// SSEResponse streams Server-Sent Events from a generator, a channel, a producer
// of package sse, or a subscription to a hub: see [sse.Source]. The stream begins
// when the outermost middleware has returned the response; one that never begins
// is discarded.
func SSEResponse[S sse.Source](source S, opts ...sse.Option) Response {
	return Response{kind: kindEvents, body: sse.NewStream(source, opts...)}
}

// StreamSource is the set of things a [Stream] can be made from: iterators over
// chunks, which are flushed one by one, and a function that writes.
type StreamSource interface {
	~func(yield func([]byte) bool) | ~func(yield func([]byte, error) bool) |
		~func(yield func(string) bool) | ~func(yield func(string, error) bool) |
		~func(w io.Writer) error
}

// Stream replies with a body of any size that is produced while it is sent, in
// constant memory: chunk by chunk, or with a known length when the header
// Content-Length is set. The header goes out with the first byte, so a source that
// fails before it is answered by an ordinary error reply; one that fails later
// ends the body uncleanly. When the client has left, or takes nothing for the
// stall timeout, yield returns false and a write fails.
func Stream[S StreamSource](contentType string, source S) Response {
	return Response{kind: kindStream, body: transfer.NewSource(source)}.With("Content-Type", contentType)
}

// Files is a folder that replies are made from: on disk, or in an [fs.FS] such as
// an embed.FS. No name reaches outside of it, neither by ".." nor by a symbolic
// link, so names may come from requests. It is safe for concurrent use.
type Files struct{ root *files.Root }

// OpenFiles opens a folder on disk.
func OpenFiles(dir string) (*Files, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, fmt.Errorf("redstart: %w", err)
	}
	return &Files{root}, nil
}

// FilesFS makes a Files of a file system.
func FilesFS(fsys fs.FS) *Files { return &Files{files.FS(fsys)} }

// Close closes a folder on disk.
func (f *Files) Close() error { return f.root.Close() }

// File replies with a file, with support for ranges and conditional requests. One
// that is missing is an error with status 404.
func (f *Files) File(name string) Response { return f.reply(name, files.Options{}) }

// Attachment is File that the client saves under the given name, by default the
// file's own.
func (f *Files) Attachment(name, saveAs string) Response {
	return f.reply(name, files.Options{DownloadName: cmp.Or(saveAs, path.Base(name))})
}

func (f *Files) reply(name string, o files.Options) Response {
	return Response{kind: kindFile, body: fileBody(func(w http.ResponseWriter, r *http.Request) error {
		return f.root.ServeFile(w, r, name, o)
	})}
}

// File replies with a file on disk whose path the program chose. For a name that
// came with the request, use [Files.File].
func File(name string) Response { return fileOnDisk(name, files.Options{}) }

// Attachment is [File] that the client saves under the given name, by default the
// file's own.
func Attachment(name, saveAs string) Response {
	return fileOnDisk(name, files.Options{DownloadName: cmp.Or(saveAs, filepath.Base(name))})
}

func fileOnDisk(name string, o files.Options) Response {
	return Response{kind: kindFile, body: fileBody(func(w http.ResponseWriter, r *http.Request) error {
		root, err := files.Dir(filepath.Dir(name))
		if err != nil {
			return err
		}
		defer func() { _ = root.Close() }()
		return root.ServeFile(w, r, filepath.Base(name), o)
	})}
}

// fileBody writes a file, or returns an error before anything is written.
type fileBody func(http.ResponseWriter, *http.Request) error

// StaticOptions refine [App.Static].
type StaticOptions struct {
	// Listing shows folders without an index.html as a page of links.
	Listing bool
	// Fallback is the file that answers a browser's navigation to a name that is
	// neither a file nor a route: the page of a single-page application.
	Fallback string
	// Hashed says whether a file's name changes with its content, so that it may
	// be cached for a year; the default recognises names like app.3f2a9c1b.js.
	// Other files are revalidated before each use.
	Hashed func(name string) bool
	// Dotfiles serves names that begin with a dot as well. They are refused
	// otherwise, but for those below .well-known.
	Dotfiles bool
}

func (o StaticOptions) configure(s *files.Static) {
	s.Listing, s.Fallback, s.Hashed, s.Dotfiles = o.Listing, o.Fallback, o.Hashed, o.Dotfiles
}

// WithStatus sets the status. A code outside 200 to 599 is an error with status 500.
func (r Response) WithStatus(code int) Response {
	if code < 200 || code > 599 {
		return r.broken(fmt.Errorf("redstart: WithStatus(%d): not the status of a reply", code))
	}
	r.status = uint16(code)
	return r
}

// With sets a header, replacing what it was. A name or value that HTTP does not
// allow, such as one with a line break, is an error with status 500.
func (r Response) With(name, value string) Response { return r.change(r.header.Set(name, value)) }

// WithAdded adds a value to a header, for those that may repeat, such as Vary.
func (r Response) WithAdded(name, value string) Response { return r.change(r.header.Add(name, value)) }

// Without removes a header, including one the framework would set by default.
func (r Response) Without(name string) Response { return r.change(r.header.Remove(name)) }

// WithCookie adds a cookie. An invalid one is an error with status 500.
func (r Response) WithCookie(c *http.Cookie) Response {
	if err := c.Valid(); err != nil {
		return r.broken(fmt.Errorf("redstart: cookie %q: %w", c.Name, err))
	}
	return r.WithAdded("Set-Cookie", c.String())
}

// ClearCookie tells the client to forget a cookie, which must be named with the
// path and domain it was set with.
func (r Response) ClearCookie(name, path, domain string) Response {
	return r.WithCookie(&http.Cookie{Name: name, Path: path, Domain: domain, MaxAge: -1, Expires: time.Unix(1, 0)})
}

// WithDone adds a function that is called once the last byte was written, or the
// connection broke. When a middleware replaces the response it is not called.
func (r Response) WithDone(f func(Outcome)) Response {
	r.done = &doneFunc{f, r.done}
	return r
}

// StatusCode returns the status that will be sent.
func (r Response) StatusCode() int {
	switch {
	case r.status != 0:
		return int(r.status)
	case r.err != nil:
		return StatusOf(r.err)
	case r.flags&flagRedirect != 0:
		return http.StatusFound
	}
	return http.StatusOK
}

// Header returns the headers as set so far, Content-Type included. It is a copy.
func (r Response) Header() http.Header {
	h := http.Header{}
	if r.content != contentNone {
		h["Content-Type"] = contentTypes[r.content]
	}
	r.header.Apply(h)
	return h
}

// Err returns the error inside, also after it was turned into its reply.
func (r Response) Err() error { return r.err }

// Streams says whether the reply is one whose body is produced while it is sent,
// by a generator, a file or a mounted handler.
func (r Response) Streams() bool { return r.kind > kindJSON }

// Bytes returns the body, for middleware that looks at it or replaces it. JSON is
// encoded for the purpose. A reply that streams has none: ok is false, as it is
// when the encoding fails.
func (r Response) Bytes() (body []byte, ok bool) {
	switch r.kind {
	case kindPlain:
		return []byte(r.text), true
	case kindJSON:
		body, err := jsonx.Marshal(r.body)
		return body, err == nil
	}
	return nil, false
}

// WithBody replaces the body and keeps all else, for middleware. A Content-Type
// that the response had stays. A stream that is replaced is discarded.
func (r Response) WithBody(body []byte) Response {
	r.kind, r.body = kindPlain, nil
	r.text = string(body)
	r.flags &^= flagConst
	return r
}

// broken makes a response fail because the program built it wrong.
func (r Response) broken(err error) Response {
	if r.err == nil || r.flags&flagSettled != 0 {
		r.err = err
		r.flags &^= flagSettled
		r.status = 0
	}
	return r
}

// Outcome is what became of a reply, for logs and metrics.
type Outcome struct {
	Status   int
	Bytes    int64         // of the body, before any transfer encoding
	Events   int64         // messages of an event stream
	Duration time.Duration // from the request's arrival to the last byte
	// Reason is "" for a plain reply that was written in full. Otherwise it says
	// how it ended, as [sse.Reason] does for streams.
	Reason string
	Err    error
}

// doneFunc is a list of functions, last added first.
type doneFunc struct {
	f    func(Outcome)
	next *doneFunc
}

// after appends another list.
func (d *doneFunc) after(other *doneFunc) *doneFunc {
	if d == nil {
		return other
	}
	return &doneFunc{d.f, d.next.after(other)}
}

func (r Response) change(changes *headers.Changes, err error) Response {
	if err != nil {
		return r.broken(err)
	}
	r.header = changes
	return r
}

// writeHeader puts the response's headers, and the application's where the
// response lacks them, on w.
func (r *Response) writeHeader(w http.ResponseWriter, req *Request) {
	h := w.Header()
	if r.content != contentNone {
		h["Content-Type"] = contentTypes[r.content]
	}
	if req.id.Text != "" {
		h[requestid.Header] = req.id.Header[:]
	}
	r.header.Apply(h)
	req.app.defaultHeaders(h, req)
}

// writePlain writes a body that is at hand.
func (r *Response) writePlain(w http.ResponseWriter, req *Request, body string) (int, error) {
	r.writeHeader(w, req)
	status := r.StatusCode()
	if r.flags&flagConst != 0 && notModified(req, w.Header().Get("Etag")) {
		status = http.StatusNotModified
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		h := w.Header()
		delete(h, "Content-Length")
		if status == http.StatusNoContent {
			delete(h, "Content-Type")
		}
		w.WriteHeader(status)
		return status, nil
	}
	w.Header()["Content-Length"] = headers.ContentLength(len(body))
	if status != http.StatusOK || len(body) == 0 || req.http.Method == http.MethodHead {
		w.WriteHeader(status)
	}
	if len(body) == 0 || req.http.Method == http.MethodHead {
		return status, nil
	}
	_, err := io.WriteString(w, body)
	return status, err
}

// reply writes the response and says what became of it, and whether the body has
// to end uncleanly. From here on nobody else uses the ResponseWriter.
func (req *Request) reply(resp Response) (outcome Outcome, abort bool) {
	switch resp.kind {
	case kindJSON:
		return req.replyJSON(&resp)
	case kindEvents:
		return req.replyEvents(&resp)
	case kindStream, kindFile, kindHandler:
		return req.replyTransfer(&resp)
	}
	return req.replyPlain(&resp, resp.text)
}

func (req *Request) replyPlain(resp *Response, body string) (outcome Outcome, abort bool) {
	status, err := resp.writePlain(req.w, req, body)
	outcome = Outcome{Status: status}
	if err != nil {
		outcome.Reason = string(sse.ClientGone)
	} else if status != http.StatusNotModified && status != http.StatusNoContent && req.http.Method != http.MethodHead {
		outcome.Bytes = int64(len(body))
	}
	return outcome, false
}

// jsonBuffers hold encoded bodies until they are written.
var jsonBuffers = sync.Pool{New: func() any { return new([]byte) }}

// replyJSON encodes into a pooled buffer before the header is sent.
func (req *Request) replyJSON(resp *Response) (outcome Outcome, abort bool) {
	buf := jsonBuffers.Get().(*[]byte)
	defer jsonBuffers.Put(buf)
	encoded, err := jsonx.Append((*buf)[:0], resp.body)
	if err != nil {
		return req.replyFailure(resp, fmt.Errorf("redstart: encoding the reply: %w", err))
	}
	if cap(encoded) <= 64<<10 { // larger ones would stay for good
		*buf = encoded
	}
	return req.replyPlain(resp, unsafe.String(unsafe.SliceData(encoded), len(encoded)))
}

// describingBody are the headers that are about a body which is not sent after all.
var describingBody = []string{
	"Content-Type", "Content-Length", "Content-Encoding", "Content-Disposition", "Content-Range",
	"Etag", "Last-Modified", "Cache-Control", "Accept-Ranges", "X-Accel-Buffering",
}

// replyFailure answers for a response that could not be written, with the headers
// the response had.
func (req *Request) replyFailure(failed *Response, err error) (outcome Outcome, abort bool) {
	onError := req.app.errorHandler()
	if req.route != nil {
		onError = req.route.group.errorHandler()
	}
	h := req.w.Header()
	for _, name := range describingBody {
		delete(h, name)
	}
	reply := req.settle(Response{err: err, header: failed.header.Except(describingBody...)}, onError)
	if reply.kind != kindPlain && reply.kind != kindJSON {
		reply = problemReply(req, err) // an error page that streams could fail again
	}
	body, ok := reply.Bytes()
	if !ok {
		reply = problemReply(req, err)
		body, _ = reply.Bytes()
	}
	outcome, abort = req.replyPlain(&reply, string(body))
	outcome.Err = err
	return outcome, abort
}

func (req *Request) replyEvents(resp *Response) (outcome Outcome, abort bool) {
	stream := resp.body.(*sse.Stream)
	if resp.status != 0 {
		stream.With(sse.Status(int(resp.status)))
	}
	resp.writeHeader(req.w, req)
	ctx := req.context()
	report := req.app.streams.ServeContext(ctx, ctx.cancel, req.w, req.http, stream)
	if !report.Committed {
		return req.replyFailure(resp, report.Err)
	}
	return Outcome{
		Status: report.Status, Bytes: report.Bytes, Events: report.Events,
		Reason: string(report.Reason), Err: report.Err,
	}, report.Abort
}

// replyTransfer writes a body that is produced while it is sent.
func (req *Request) replyTransfer(resp *Response) (outcome Outcome, abort bool) {
	w := transfer.NewWriter(req.w, req.app.config.timeouts.Stall)
	w.BeforeHeader = func(h http.Header) { req.app.defaultHeaders(h, req) }
	r := req.http
	if c := req.ctx.Load(); c != nil {
		r = r.WithContext(c)
	}
	var err error
	switch body := resp.body.(type) {
	case *transfer.Source:
		resp.writeHeader(req.w, req)
		err = req.protect(func() error { return body.Serve(w, r, resp.StatusCode()) })
	case fileBody:
		resp.writeHeader(req.w, req)
		err = req.protect(func() error { return body(w, r) })
	case http.Handler:
		resp.writeHeader(req.w, req)
		err = req.protect(func() error { body.ServeHTTP(w, r); return nil })
		if err == nil && w.Status == 0 {
			w.WriteHeader(http.StatusOK)
		}
	}
	w.Disarm()
	if err != nil && w.Status == 0 {
		if errors.Is(err, fs.ErrNotExist) {
			err = Errorf(http.StatusNotFound, "there is nothing at %q", req.Path()).WithCause(err)
		}
		return req.replyFailure(resp, err)
	}
	outcome = Outcome{Status: w.Status, Bytes: w.Bytes, Err: err, Reason: string(sse.Completed)}
	switch {
	case w.Err != nil && errors.Is(w.Err, os.ErrDeadlineExceeded):
		outcome.Reason, outcome.Err = string(sse.SlowClient), nil
	case w.Err != nil:
		outcome.Reason, outcome.Err = string(sse.ClientGone), nil
	case err != nil:
		outcome.Reason = string(sse.Failed)
	}
	return outcome, err != nil || w.Err != nil
}

// protect turns a panic of f into an error, unless the app is told not to.
func (req *Request) protect(f func() error) (err error) {
	if req.app.config.withoutRecover {
		return f()
	}
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v)
		}
	}()
	return f()
}

// notModified compares If-None-Match weakly, as RFC 9110 section 13.1.2 wants.
func notModified(req *Request, etag string) bool {
	if m := req.http.Method; m != http.MethodGet && m != http.MethodHead {
		return false
	}
	for candidate := range strings.SplitSeq(req.Header("If-None-Match"), ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
			return true
		}
	}
	return false
}

// etagOf makes a strong validator of a body.
func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}
