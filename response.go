package redstart

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"github.com/redstart-go/redstart/internal/excerpt"
	"github.com/redstart-go/redstart/internal/files"
	"github.com/redstart-go/redstart/internal/headers"
	"github.com/redstart-go/redstart/internal/jsonx"
	"github.com/redstart-go/redstart/internal/requestid"
	"github.com/redstart-go/redstart/internal/templates"
	"github.com/redstart-go/redstart/internal/transfer"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
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
	kindPage             // body is a *page
	kindEvents           // body is a *sse.Stream
	kindSocket           // body is a *websocket.Conversation
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
	contentEvents
)

// contentTypes are header values made once. net/http does not change them.
var contentTypes = [...][]string{
	contentText:    {"text/plain; charset=utf-8"},
	contentHTML:    {"text/html; charset=utf-8"},
	contentJSON:    {"application/json"},
	contentBytes:   {"application/octet-stream"},
	contentProblem: {"application/problem+json"},
	contentEvents:  {"text/event-stream"},
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
// a v that cannot be encoded is an error with status 500. It is encoded as encoding/json
// does it, but that a nil slice is [] and a nil map {}, wherever they are: to tell that
// there is none, leave the field out by omitzero, or make it a pointer.
func JSON(v any) Response { return Response{content: contentJSON, kind: kindJSON, body: v} }

// Renderer makes the pages of [Render]. [Templates] is one; others put another template
// language behind the same reply. Render may be called by many goroutines at a time.
type Renderer interface {
	// Load is called once, by [New], with the functions that templates of the app can
	// use: "url" is [App.URL]. Its error is returned from Start, Run or Serve.
	Load(funcs map[string]any) error
	// Render writes the template of that name. What it writes is sent only if it
	// returns no error.
	Render(w io.Writer, req *Request, name string, data any) error
}

// Render replies with a page that is made by a template, see [WithTemplates]. It is made
// when the reply is written and before its header: a template that fails, or does not
// exist, is an error with status 500 and never half a page.
func Render(name string, data any) Response {
	return Response{content: contentHTML, kind: kindPage, body: &page{name: name, data: data}}
}

// page is a template with its data.
type page struct {
	name string
	data any
	req  *Request // once a handler has returned it
}

func (p *page) render(w io.Writer, req *Request) error {
	if req == nil {
		return errors.New("redstart: Render: the page is of no request yet")
	}
	if req.app.config.renderer == nil {
		return fmt.Errorf("redstart: Render(%q): the app has no templates: give New the option WithTemplates", p.name)
	}
	if err := req.app.config.renderer.Render(w, req, p.name, p.data); err != nil {
		return fmt.Errorf("redstart: Render(%q): %w", p.name, err)
	}
	return nil
}

// TemplateOptions refine [Templates].
type TemplateOptions struct {
	// Dir is the folder of the file system in which the templates are; "" is all of it.
	Dir string
	// Extensions are those of templates: .html, .gohtml and .tmpl by default. Other
	// files are left alone.
	Extensions []string
	// Shared are the folders whose templates every page can call: "layouts" and
	// "partials" by default.
	Shared []string
	// Funcs are functions for the templates. They go before "url".
	Funcs map[string]any
	// Data chooses what a template is given as its dot, of the request and of what the
	// handler gave to Render. It is the place for what every layout wants: who is logged
	// in, the path. By default it is the handler's data as it is. The request is nil
	// where a program calls Render of the Renderer itself.
	Data func(req *Request, data any) any
	// Left and Right are the delimiters; "" stands for {{ and }}.
	Left, Right string
	// Reload looks for changed files before each page, for use while they are written.
	// An embed.FS does not change: use [os.DirFS] or [os.Root.FS].
	Reload bool
}

// Templates makes a Renderer of the html/template files in a file system. Each file is a
// template by its path; below Dir, which for an embed.FS is the folder that was embedded.
// A page calls its layout, {{template "layouts/base.html" .}}, and defines the blocks that
// are in it; pages do not see each other's. A single block is rendered by
// "page.html#block". All files are parsed and escaped at the start, where an error names
// the file and the line.
func Templates(fsys fs.FS, opts ...TemplateOptions) Renderer {
	var o TemplateOptions
	for _, o = range opts { // there is one, or none
	}
	set := templates.New(fsys, templates.Options{
		Dir: o.Dir, Extensions: o.Extensions, Shared: o.Shared, Funcs: o.Funcs, Left: o.Left, Right: o.Right, Reload: o.Reload,
	})
	return &renderer{set, o.Data}
}

type renderer struct {
	*templates.Set
	data func(*Request, any) any
}

func (r *renderer) Render(w io.Writer, req *Request, name string, data any) error {
	if r.data != nil {
		data = r.data(req, data)
	}
	return r.Set.Render(w, name, data)
}

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

// Redirect sends the client to a URL, with status 303 after any method but GET and
// HEAD and 302 otherwise, unless WithStatus chooses another. The target is the
// program's: for one that came with the request use [RedirectLocal].
func Redirect(target string) Response {
	u, err := url.Parse(target)
	if err == nil && target == "" {
		err = errEmptyTarget
	}
	if err != nil {
		return Fail(fmt.Errorf("redstart: Redirect: %w", err))
	}
	return Response{flags: flagRedirect}.With("Location", headers.Location(u))
}

var errEmptyTarget = errors.New("the target is empty")

// RedirectLocal is [Redirect] for a target that came from outside, such as the
// page to return to after a login. Anything but a path on this host is an error
// with status 400.
func RedirectLocal(target string) Response {
	if !headers.Local(target) {
		return Fail(Errorf(http.StatusBadRequest, "redirect target %q is not a path on this site", excerpt.Of(target, 200)))
	}
	return Redirect(target)
}

// SSEResponse streams Server-Sent Events from a generator, a channel, a producer
// of package sse, or a subscription to a hub: see [sse.Source]. The stream begins
// when the outermost middleware has returned the response; one that never begins
// is discarded.
func SSEResponse[S sse.Source](source S, opts ...sse.Option) Response {
	return Response{kind: kindEvents, content: contentEvents, body: sse.NewStream(source, opts...)}
}

// SocketSource is the set of things a [Socket] can be made from: a function that talks
// to one client, and a conversation of package websocket, such as a feed.
type SocketSource interface {
	~func(*websocket.Conn) error | *websocket.Conversation
}

// Socket upgrades the connection to a WebSocket. The function runs on a goroutine of its
// own after the handshake, when the handler, the middleware and the goroutine of the
// request are through. The Request stays valid for it, with its parameters, its
// identity and what is provided; its context ends with the conversation, whose end
// decides the close code: see [websocket.NewConversation].
//
// A client that does not ask for a WebSocket is answered with 426, and one that may not
// have it with 400 or 403. A page must be of the same host, unless
// [websocket.Origins] lists it. Everything before that is an ordinary request: a handler
// or middleware that returns another response has refused the upgrade.
func Socket[S SocketSource](source S, opts ...websocket.Option) Response {
	var conversation *websocket.Conversation
	switch s := any(source).(type) {
	case *websocket.Conversation:
		conversation = s
	case func(*websocket.Conn) error:
		conversation = websocket.NewConversation(s)
	default: // a type of the caller's own
		f := reflect.ValueOf(source).Convert(reflect.TypeFor[func(*websocket.Conn) error]())
		conversation = websocket.NewConversation(f.Interface().(func(*websocket.Conn) error))
	}
	if conversation == nil {
		return Fail(errors.New("redstart: Socket was given a nil conversation"))
	}
	return Response{kind: kindSocket, body: conversation.With(opts...)}
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
//
// An empty content type is application/octet-stream. While 2 GiB are sent the heap grows
// by less than 2 MiB, and so it does for a [File] of that size (BenchmarkDownload).
func Stream[S StreamSource](contentType string, source S) Response {
	return Response{kind: kindStream, body: transfer.NewSource(source)}.With("Content-Type", cmp.Or(contentType, contentTypes[contentBytes][0]))
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

// FilesFS makes a Files of a file system. What go:embed took from a folder is in a folder
// of that name: see [fs.Sub].
func FilesFS(fsys fs.FS) *Files {
	if fsys == nil {
		misuse("FilesFS", "the file system is nil: give one such as an embed.FS, or call OpenFiles for a folder on disk")
	}
	return &Files{files.FS(fsys)}
}

// Close closes a folder on disk. Later requests for its files fail.
func (f *Files) Close() error { return f.root.Close() }

// File replies with a file, with support for ranges and conditional requests. One
// that is missing is an error with status 404, a condition that it does not meet one with
// 412, and a range that it does not have one with 416.
func (f *Files) File(name string) Response { return f.reply(name, files.Options{}) }

// Attachment is File that the client saves under the given name, by default the
// file's own.
func (f *Files) Attachment(name, saveAs string) Response {
	return f.reply(name, files.Options{DownloadName: cmp.Or(saveAs, path.Base(name))})
}

func (f *Files) reply(name string, o files.Options) Response {
	if f == nil || f.root == nil {
		return Fail(errors.New("redstart: the Files are of no folder: make them by OpenFiles or FilesFS"))
	}
	return Response{kind: kindFile, body: fileBody(func(w http.ResponseWriter, r *http.Request, status int) error {
		o.Status = status
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
	return Response{kind: kindFile, body: fileBody(func(w http.ResponseWriter, r *http.Request, status int) error {
		o.Status = status
		return files.ServePath(w, r, name, o)
	})}
}

// fileBody writes a file, or returns an error before anything is written.
type fileBody func(w http.ResponseWriter, r *http.Request, status int) error

// WithStatus sets the status. A code outside 200 to 599 is an error with status
// 500. On a mounted handler's reply and on a static file it stands in for 200: a
// status they choose themselves, such as 304 or 404, stays.
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

// Without removes a header, including one that would be set by default, by
// [DefaultHeader], the framework or net/http. With no Content-Type the client has
// to guess. The Content-Length of a body that is at hand, and the Content-Type of an
// event stream, are always sent.
func (r Response) Without(name string) Response { return r.change(r.header.Remove(name)) }

// WithDefault sets a header unless the reply has it: by then, by middleware further
// in, or by the file or the mounted handler that writes it.
func (r Response) WithDefault(name, value string) Response {
	return r.change(r.header.Default(name, value))
}

// WithVary says that the reply depends on these request headers, as far as it does
// not say so yet.
func (r Response) WithVary(names ...string) Response {
	for _, name := range names {
		r = r.change(r.header.Member("Vary", name))
	}
	return r
}

// WithHeadersOf makes the changes to headers that were made to the template, after
// those of its own. For middleware that sets the same headers on each reply: the
// template is made once.
func (r Response) WithHeadersOf(template Response) Response {
	if template.err != nil {
		return r.broken(template.err)
	}
	r.header = r.header.Then(template.header)
	return r
}

// BodyEncoding is what a body passes through while it is written, such as a
// compression. Encode appends the form of a whole body to dst; if constant is true the
// same bytes will come again, and the result is neither written to nor kept. Writer
// makes a writer for a body that is produced while it is sent: its Flush sends all that
// was written, its Close completes the body. An encoding is used by one reply.
type BodyEncoding = transfer.Encoding

// WithEncoding has choose decide, when the header is complete and about to be sent, how
// the body is encoded: by the status, the header, which it adapts, and the body's size,
// -1 when that is not known. It returns nil to leave the reply alone, and must not wait.
//
// So the body stays a value until then, a stream stays one, each chunk of it is sent at
// once, and middleware further out sees the body as it was, and may replace it. Of
// several choose functions the first stays. Event streams are never encoded.
func (r Response) WithEncoding(choose func(h http.Header, status int, size int64) BodyEncoding) Response {
	if _, has := r.body.(*encodedBody); has || choose == nil {
		return r
	}
	switch r.kind {
	case kindPlain, kindJSON, kindPage, kindStream, kindFile, kindHandler:
		r.body = &encodedBody{r.body, choose}
	}
	return r
}

// encodedBody stands in the place of a body that is to be encoded.
type encodedBody struct {
	of     any
	choose transfer.Choose
}

// unencoded returns the body, and what chooses its encoding, if there is to be one.
func (r *Response) unencoded() (any, transfer.Choose) {
	if e, ok := r.body.(*encodedBody); ok {
		return e.of, e.choose
	}
	return r.body, nil
}

// WithFilename has the client save the body under this name, whatever is in it (RFC
// 6266): for a page, an export that is streamed, or bytes, as [Attachment] is for a file.
// A slash in it becomes "_", and characters that could mislead are left out.
func (r Response) WithFilename(name string) Response {
	return r.With("Content-Disposition", files.ContentDisposition("attachment", name))
}

// WithCookie adds a cookie. An invalid one is an error with status 500, and so is one
// that browsers ignore, such as SameSite=None without Secure or one of more than 4096
// bytes.
func (r Response) WithCookie(c *http.Cookie) Response {
	text, err := headers.Cookie(c)
	if err != nil {
		return r.broken(err)
	}
	return r.WithAdded("Set-Cookie", text)
}

// ClearCookie tells the client to forget a cookie, which must be named with the
// path and domain it was set with. One that was Partitioned is forgotten by a WithCookie
// with the same attributes and a negative MaxAge.
func (r Response) ClearCookie(name, path, domain string) Response {
	return r.WithCookie(headers.Forget(name, path, domain))
}

// WithDone adds a function that is called once the last byte was written, or the
// connection broke. When a middleware replaces the response it is not called. For a
// subscriber to a hub it may be called long after the request, on a goroutine that
// others are told of their end by: it should not wait, and what it refers to is kept
// until then.
func (r Response) WithDone(f func(Outcome)) Response {
	if f == nil {
		return r.broken(errors.New("redstart: WithDone was called with a nil function"))
	}
	r.done = &doneFunc{f, r.done}
	return r
}

// StatusCode returns the status that will be sent. Of a reply that streams it may turn
// out otherwise, since a file, for one, is looked for when the reply is written: what was
// sent is in the [Outcome] that [Response.WithDone] tells.
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
	maps.DeleteFunc(h, func(_ string, values []string) bool { return values == nil })
	return h.Clone() // the values are shared with other responses
}

// Err returns the error inside, also after it was turned into its reply.
func (r Response) Err() error { return r.err }

// Streams says whether the reply is one whose body is produced while it is sent,
// by a generator, a file or a mounted handler.
func (r Response) Streams() bool { return r.kind > kindPage }

// Bytes returns the body, for middleware that looks at it or replaces it. JSON is
// encoded for the purpose, and a page rendered. A reply that streams has none: ok is false, as it is
// when the encoding fails.
func (r Response) Bytes() (body []byte, ok bool) {
	switch r.kind {
	case kindPlain:
		return []byte(r.text), true
	case kindJSON, kindPage:
		var buf transfer.PooledBuffer // which is not of the pool
		err := r.appendTo(&buf, nil)
		return buf.Bytes, err == nil
	}
	return nil, false
}

// appendTo writes the body of a reply that is encoded, or rendered.
func (r *Response) appendTo(buf *transfer.PooledBuffer, req *Request) (err error) {
	value, _ := r.unencoded()
	if p, ok := value.(*page); ok && r.kind == kindPage {
		return p.render(buf, cmp.Or(req, p.req))
	}
	encoded, err := jsonx.Append(buf.Bytes[:0], value)
	if err != nil {
		return fmt.Errorf("redstart: encoding the reply: %w", err)
	}
	buf.Bytes = encoded
	return nil
}

// of makes a page one of the request's, so that middleware can have its bytes.
func (r Response) of(req *Request) Response {
	value, choose := r.unencoded()
	p := *value.(*page)
	p.req, r.body = req, &p
	return r.WithEncoding(choose)
}

// WithBody replaces the body and keeps all else, for middleware. A Content-Type
// that the response had stays, but for a stream's, which is discarded; without one
// it is application/octet-stream. The ETag of a [App.Const] reply, which is of the
// body it had, is dropped.
func (r Response) WithBody(body []byte) Response {
	if r.content == contentEvents {
		r.content = contentBytes
	}
	if r.flags&flagConst != 0 {
		r = r.Without("ETag")
		r.flags &^= flagConst
	}
	_, choose := r.unencoded()
	r.kind, r.body = kindPlain, nil
	r.text = string(body)
	return r.WithEncoding(choose)
}

// Discard lets go of a response that will not be returned, for a middleware that
// keeps one back or throws one away: an event stream's source is released and told
// so. It may be called more than once, and does nothing for other responses. The
// framework does it for streams that other middleware replaces.
func (r Response) Discard() {
	if late, ok := r.body.(discarder); ok {
		late.Discard()
	}
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

func (r Response) change(changes *headers.Changes, err error) Response {
	if err != nil {
		return r.broken(err)
	}
	r.header = changes
	return r
}

// fileFault is what a client is told of a file that it does not get.
func (req *Request) fileFault(err error) error {
	if refusal, ok := errors.AsType[*files.Refusal](err); ok {
		e := Error(refusal.Status, refusal.Error())
		if refusal.Range != "" {
			e = e.WithHeader("Content-Range", refusal.Range)
		}
		return e
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Error(http.StatusNotFound, noRouteText(req, http.StatusNotFound)).WithCause(err)
	}
	return err
}

// setHeader puts the response's headers on h.
func (r *Response) setHeader(h http.Header, req *Request) {
	if r.content != contentNone {
		h["Content-Type"] = contentTypes[r.content]
	}
	req.setID(h)
	r.header.Apply(h)
}

// defaults sets the headers that every reply of the app has.
func (req *Request) defaults(h http.Header) { req.app.config.headers.Apply(h, req.http.URL.Path) }

func (req *Request) setID(h http.Header) {
	if req.id.Text != "" {
		h[requestid.Header] = req.id.Header[:]
	}
}

// reply writes the response and says what became of it, and whether the body has
// to end uncleanly. From here on nobody else uses the ResponseWriter.
func (req *Request) reply(resp *Response) (outcome Outcome, abort bool) {
	switch resp.kind {
	case kindJSON, kindPage:
		return req.replyEncoded(resp)
	case kindEvents:
		return req.replyEvents(resp)
	case kindSocket:
		return req.replySocket(resp), false
	case kindStream, kindFile, kindHandler:
		return req.replyTransfer(resp)
	}
	return req.replyPlain(resp, resp.text, nil), false
}

// holdWriteTimeout keeps the server's write timeout, which counts from the request's
// header on, from ending an HTTP/2 request whose handler takes its time: once such a
// timeout has passed, the stream is lost.
func (req *Request) holdWriteTimeout() {
	if req.http.ProtoMajor == 2 && req.app.config.timeouts.Write > 0 {
		_ = http.NewResponseController(req.w).SetWriteDeadline(time.Time{})
	}
}

// renewWriteTimeout gives a plain reply its time. On HTTP/1 that is needed only if
// the handler has used up some of it.
func (req *Request) renewWriteTimeout() {
	write := req.app.config.timeouts.Write
	if write > 0 && (req.http.ProtoMajor == 2 || time.Since(req.app.born)-req.begin > write/4) {
		_ = http.NewResponseController(req.w).SetWriteDeadline(time.Now().Add(write))
	}
}

// replyPlain writes a body that is at hand: text, unless there are data, which
// need not stay unchanged after the write.
func (req *Request) replyPlain(resp *Response, text string, data []byte) Outcome {
	req.renewWriteTimeout()
	h := req.w.Header()
	resp.setHeader(h, req)
	if _, has := h["Content-Type"]; !has && len(text)+len(data) > 0 {
		h["Content-Type"] = contentTypes[contentBytes] // or net/http would guess
	}
	req.defaults(h)

	plain := transfer.Plain{
		Status: resp.StatusCode(), Text: text, Data: data, Constant: resp.flags&flagConst != 0, Guard: (*encodingGuard)(req),
	}
	_, plain.Choose = resp.unencoded()
	status, n, err := plain.Write(req.w, req.http)
	outcome := Outcome{Status: status, Bytes: n}
	if err != nil {
		outcome.Reason = string(brokenBy(err))
	}
	return outcome
}

// encodingGuard is a request as the encoding of a body sees it.
type encodingGuard Request

func (g *encodingGuard) Protect(f func() error) error { return (*Request)(g).protect(f) }

func (g *encodingGuard) Failed(err error) {
	(*Request)(g).Log().Error().Err(err).Msg("a body could not be encoded")
}

// replyEncoded encodes or renders into a pooled buffer before the header is sent.
func (req *Request) replyEncoded(resp *Response) (outcome Outcome, abort bool) {
	buf := transfer.Buffer()
	defer buf.Free()
	if err := req.protect(func() error { return resp.appendTo(buf, req) }); err != nil {
		return req.replyFailure(resp, err)
	}
	return req.replyPlain(resp, "", buf.Bytes), false
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
	// Defaults do not replace these, as they are what a stream needs.
	if _, has := h["Cache-Control"]; !has {
		h["Cache-Control"] = cacheEvents
	}
	if _, has := h["X-Accel-Buffering"]; !has {
		h["X-Accel-Buffering"] = unbuffered
	}
	resp.setHeader(h, req)
	req.defaults(h)
	ctx := req.context()
	req.accountLater(resp, stream)
	var report sse.Report
	panicked := req.protect(func() error {
		report = req.app.streams.ServeContext(ctx, ctx.cancel, req.w, req.http, stream)
		return nil
	})
	if panicked != nil { // not the source's, which is in the report, but of an OnEnd function
		return Outcome{Status: cmp.Or(int(resp.status), http.StatusOK), Reason: string(sse.Panicked), Err: panicked}, true
	}
	if report.Parked {
		return Outcome{Reason: reasonParked}, false
	}
	outcome = streamOutcome(report)
	switch {
	case report.Committed || report.Abort:
		return outcome, report.Abort
	case report.Reason == sse.ClientGone || report.Err == nil:
		outcome.Status = StatusClientClosedRequest
		return outcome, false
	}
	restore(h, before)
	return req.replyFailure(resp, report.Err)
}

var (
	cacheEvents = []string{"no-cache, no-transform"}
	unbuffered  = []string{"no"}
)

func streamOutcome(report sse.Report) Outcome {
	outcome := Outcome{
		Status: report.Status, Bytes: report.Bytes, Events: report.Events,
		Reason: string(report.Reason), Err: report.Err,
	}
	switch {
	case errors.Is(report.Err, http.ErrAbortHandler):
		outcome.Reason, outcome.Err = reasonAborted, nil // asked for, as in net/http
	case report.Reason == sse.SlowClient:
		outcome.Err = nil // no fault of the program's
	}
	return outcome
}

// accountLater has the account finished at the true end of a stream that goes on
// without the request. Of the request it keeps copies: a substring would keep all.
func (req *Request) accountLater(resp *Response, stream *sse.Stream) {
	if c := &req.app.config; c.withoutAccessLog && resp.done == nil {
		return
	}
	a := req.lastingAccount(resp)
	stream.With(sse.OnEnd(func(report sse.Report) {
		if report.Parked {
			a.finish(streamOutcome(report), nil)
		}
	}))
}

// lastingAccount is one that keeps nothing of the request.
func (req *Request) lastingAccount(resp *Response) account {
	a := req.account(resp)
	a.ip = req.app.config.trust.Resolve(req.http).Address()
	a.id, a.method, a.path = strings.Clone(a.id), strings.Clone(a.method), strings.Clone(a.path)
	if a.asked != nil {
		a.asked, a.skip = nil, req.state().skipping()
	}
	return a
}

// replySocket performs the handshake and starts the conversation.
func (req *Request) replySocket(resp *Response) Outcome {
	conversation := resp.body.(*websocket.Conversation)
	h := req.w.Header()
	before := maps.Clone(h)
	resp.setHeader(h, req)
	req.defaults(h)
	ctx := req.context()
	if c := &req.app.config; !c.withoutAccessLog || resp.done != nil {
		a := req.lastingAccount(resp)
		conversation.With(websocket.OnEnd(func(report websocket.Report) {
			if report.Detached {
				a.finish(socketOutcome(report), nil)
			}
		}))
	}
	r := *req.http
	r.Host = req.Host() // which the browser has seen, if a proxy is trusted to know it
	report := req.app.sockets.ServeContext(ctx, ctx.cancel, req.w, &r, conversation)
	if report.Detached {
		// It goes on without the request, which must not end its context.
		ctx.stop()
		ctx.lasting = true
		return Outcome{Reason: reasonParked}
	}
	restore(h, before)
	failed := *resp
	if refusal, ok := errors.AsType[*websocket.HandshakeError](report.Err); ok {
		for name, values := range refusal.Header {
			for _, value := range values {
				failed = failed.With(name, value)
			}
		}
	}
	outcome, _ := req.replyFailure(&failed, report.Err)
	return outcome
}

func socketOutcome(report websocket.Report) Outcome {
	outcome := Outcome{
		Status: report.Status, Bytes: report.BytesOut, Events: report.MessagesIn + report.MessagesOut,
		Reason: string(report.Reason), Err: report.Err,
	}
	if report.Reason != websocket.Failed && report.Reason != websocket.Panicked {
		outcome.Err = nil // no fault of the program's
	}
	if panicked, ok := errors.AsType[*websocket.PanicError](outcome.Err); ok {
		outcome.Err = panicError(panicked.Value, panicked.Stack)
	}
	return outcome
}

// replyTransfer writes a body that is produced while it is sent.
func (req *Request) replyTransfer(resp *Response) (outcome Outcome, abort bool) {
	h := req.w.Header()
	before := maps.Clone(h)
	r := req.http
	if req.ctx.Load() != nil || req.known.Load() != nil { // a mounted handler may ask who it is
		r = r.WithContext(req.context())
	}
	w := transfer.NewWriter(req.w, req.app.config.timeouts.Stall)
	w.Bodiless = r.Method == http.MethodHead
	var content any
	content, w.Choose = resp.unencoded()
	var err error
	switch body := content.(type) {
	case *transfer.Source:
		resp.setHeader(h, req)
		w.BeforeHeader = req.defaults
		err = req.protect(func() error { return body.Serve(w, r, resp.StatusCode()) })
	case fileBody:
		req.setID(h)
		resp.header.Begin(h)
		w.BeforeHeader = func(h http.Header) { resp.header.End(h); req.defaults(h) }
		w.Success = int(resp.status)
		err = req.protect(func() error { return body(w, r, resp.StatusCode()) })
	case http.Handler:
		req.setID(h)
		// The response is what the handler writes, as middleware has refined it:
		// hence the handler's headers first.
		w.BeforeHeader = func(h http.Header) { resp.header.Apply(h); req.defaults(h) }
		w.Success = int(resp.status)
		err = req.protect(func() error { body.ServeHTTP(w, r); return w.Begin() })
	}
	if err == nil {
		err = w.EndEncoding()
	}
	w.Finish(r.Context())
	if w.Unflushed != "" {
		req.Log().Warn().Str("path", req.Path()).Str("writer", w.Unflushed).
			Msg("chunks are held back: a ResponseWriter made by middleware has neither Flush nor Unwrap")
	}
	if err != nil && w.Status == 0 {
		if resp.kind == kindFile {
			err = req.fileFault(err)
		}
		restore(h, before)
		return req.replyFailure(resp, err)
	}
	outcome = Outcome{Status: w.Status, Bytes: w.Bytes, Reason: string(sse.Completed)}
	switch w.End(err, req.http.Context()) {
	case transfer.Aborted:
		outcome.Reason = reasonAborted
	case transfer.Cut:
		outcome.Reason = string(brokenBy(w.Err))
	case transfer.Broken:
		outcome.Reason, outcome.Err = string(sse.Failed), cmp.Or(err, w.Err)
		if _, panicked := errors.AsType[*PanicError](err); panicked {
			outcome.Reason = string(sse.Panicked)
		}
	}
	return outcome, err != nil || w.Err != nil
}
