package redstart

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redstart-go/redstart/internal/bind"
	"github.com/redstart-go/redstart/internal/callsite"
	"github.com/redstart-go/redstart/internal/form"
	"github.com/redstart-go/redstart/internal/routing"
	"github.com/redstart-go/redstart/internal/upload"
	"github.com/redstart-go/redstart/sse"
)

// Registrar is what typed handlers are registered on: an [*App] or a [*Group].
type Registrar interface{ registrar() *group }

func (g *group) registrar() *group { return g }

// Caller is the first parameter of a typed handler: a [context.Context], or the
// [*Request] where that is needed.
type Caller interface{ Value(key any) any }

// None is the input of a typed handler that takes none, and the output of one that
// replies with status 204 and no body.
type None struct{}

// Raw, embedded in an input, gives a typed handler the request as well.
type Raw struct{ *Request }

// Get registers a typed handler for GET, and for HEAD like [App.Get]. The input is
// filled from the request by the tags of its fields:
//
//	type Search struct {
//		District int      `path:"district"`
//		Kinds    []string `query:"kind" validate:"dive,oneof=arson riddle"`
//		Limit    int      `query:"limit" default:"20" validate:"max=100"`
//		Badge    *string  `header:"X-Badge"`
//		Mask     string   `cookie:"mask"`
//	}
//	type Report struct { // for Post
//		Kind  string           `form:"kind" validate:"required"`
//		Photo *redstart.Upload `form:"photo"`
//	}
//
// Fields without one of the tags path, query, header, cookie and form are the JSON body;
// embedded structs are taken apart. An input that is no struct is the body as a whole. A
// body is a form or JSON: with both tags form and json on each of its fields, "-" for
// one that the other kind alone has, an input takes either, by the Content-Type.
//
// A parameter may be a string, a bool, a number, a time (RFC 3339 or a date; of a form
// also what datetime-local sends, as UTC), a duration, an [encoding.TextUnmarshaler], a
// pointer to one of these, which is nil when it is absent, or a list: of repeated values,
// of a header's elements, or with the option comma, as in query:"tags,comma", of one text
// with commas. What is no list can be given once, a header's lines count as one, and
// texts are UTF-8. A file is an [*Upload], several are an []*Upload. [Raw] gives the
// request.
//
// The tag validate has the rules of go-playground/validator. What is absent is not
// checked, unless it is required; what is given as 0, false or "" is there. In a form
// a blank field is absent, as for HTML's own required. Then the method Validate() error
// or Validate(context.Context) error is asked, where the input or a value in it has
// one. A type of texts with a method Enum() []string takes the values that it lists, which
// documents tell, too. All faults are reported at once, as [Violations]; of JSON that cannot be read
// that is the first.
//
// The output becomes JSON, with status 200, that of [WithSuccess], or that of its
// method StatusCode() int; a method Header() http.Header adds to the reply's. A nil
// pointer and [None] are status 204; a [Response] and an [EventStream] are what they
// are. An error is replied to as by [Fail].
//
// For functions without an input or an output there are [NoInput], [NoOutput] and
// [Action]. An input with a tag that is wrong or names no parameter of the pattern, or
// with a type that no text can become, panics here, and so does an output that cannot
// become JSON.
func Get[C Caller, In, Out any](at Registrar, pattern string, fn func(C, *In) (Out, error), opts ...RouteOption) {
	handle(at, http.MethodGet, pattern, fn, opts)
}

// Post registers a typed handler for POST: see [Get].
func Post[C Caller, In, Out any](at Registrar, pattern string, fn func(C, *In) (Out, error), opts ...RouteOption) {
	handle(at, http.MethodPost, pattern, fn, opts)
}

// Put registers a typed handler for PUT: see [Get].
func Put[C Caller, In, Out any](at Registrar, pattern string, fn func(C, *In) (Out, error), opts ...RouteOption) {
	handle(at, http.MethodPut, pattern, fn, opts)
}

// Patch registers a typed handler for PATCH: see [Get].
func Patch[C Caller, In, Out any](at Registrar, pattern string, fn func(C, *In) (Out, error), opts ...RouteOption) {
	handle(at, http.MethodPatch, pattern, fn, opts)
}

// Delete registers a typed handler for DELETE: see [Get].
func Delete[C Caller, In, Out any](at Registrar, pattern string, fn func(C, *In) (Out, error), opts ...RouteOption) {
	handle(at, http.MethodDelete, pattern, fn, opts)
}

// NoInput makes a typed handler of a function that takes no input.
func NoInput[C Caller, Out any](fn func(C) (Out, error)) func(C, *None) (Out, error) {
	if fn == nil {
		return nil // for the registration to refuse
	}
	return func(c C, _ *None) (Out, error) { return fn(c) }
}

// NoOutput makes a typed handler of a function that returns nothing but an error. Its
// reply has status 204 and no body.
func NoOutput[C Caller, In any](fn func(C, *In) error) func(C, *In) (None, error) {
	if fn == nil {
		return nil
	}
	return func(c C, in *In) (None, error) { return None{}, fn(c, in) }
}

// Action makes a typed handler of a function that neither takes an input nor returns
// an output.
func Action[C Caller](fn func(C) error) func(C, *None) (None, error) {
	if fn == nil {
		return nil
	}
	return func(c C, _ *None) (None, error) { return None{}, fn(c) }
}

// WithSuccess sets the status of a typed handler's reply, instead of 200, or 204 where
// there is no output. An output that has a status of its own, such as a Response or one
// with a method StatusCode() int, goes without it.
func WithSuccess(status int) RouteOption {
	if status < 200 || status > 299 {
		misuse(fmt.Sprintf("WithSuccess(%d)", status), "want a status of success, from 200 to 299")
	}
	return func(r *route) { r.success = uint16(status) }
}

// handle registers a typed handler: all that depends on its types is decided here.
func handle[C Caller, In, Out any](at Registrar, method, pattern string, fn func(C, *In) (Out, error), opts []RouteOption) {
	fail := func(format string, args ...any) { misuse(fmt.Sprintf("%s %q", method, pattern), format, args...) }
	if v := reflect.ValueOf(at); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		fail("the app or group is nil")
	}
	for i, opt := range opts {
		if opt == nil {
			fail("%s is nil: leave it out", nth("option", i, len(opts)))
		}
	}
	g := at.registrar()
	if fn == nil {
		fail("the handler is nil")
	}
	var call func(*Request, *In) (Out, error)
	switch f := any(fn).(type) {
	case func(context.Context, *In) (Out, error):
		call = func(req *Request, in *In) (Out, error) { return f((*lazyContext)(req), in) }
	case func(*Request, *In) (Out, error):
		call = f
	default:
		fail("the first parameter of the handler is a %s: want a context.Context or a *redstart.Request", reflect.TypeFor[C]())
	}
	full := strings.TrimSuffix(g.fullPrefix()+pattern, "/")
	parsed, err := routing.Parse(cmp.Or(full, "/"))
	if err != nil {
		fail("%v", err)
	}
	input, err := bind.Compile(reflect.TypeFor[In](), bindConfig(method, parsed.Params(), strings.HasSuffix(full, "?")))
	if err != nil {
		fail("%v", err)
	}
	output, reply, err := replier[Out]()
	if err != nil {
		fail("%v", err)
	}
	empty := reflect.TypeFor[In]() == reflect.TypeFor[None]()
	h := func(req *Request) Response {
		in := new(In)
		if !empty {
			if err := fill(input, reflect.ValueOf(in).Elem(), req); err != nil {
				return Fail(err)
			}
		}
		out, err := call(req, in)
		if err != nil {
			return Fail(resolve(input, req, err))
		}
		return reply(req, out)
	}
	g.add(method, pattern, h, append(slices.Clone(opts), func(r *route) {
		if r.success != 0 && output.Status == 0 {
			fail("WithSuccess has no effect on a handler whose output has a status of its own")
		}
		if output.Type != nil && (r.success == http.StatusNoContent || r.success == http.StatusResetContent) {
			fail("a reply with status %d has no body: make the handler by NoOutput", r.success)
		}
		if len(r.doc.Produces) > 0 && !output.Opaque {
			fail("Describe: Produces is for handlers that return a Response, and this one replies with JSON")
		}
		if form, _ := input.HasForm(); len(r.doc.Consumes) > 0 && (form || input.Body != nil) {
			fail("Describe: Consumes is for bodies that a handler reads by itself, and the input takes this one")
		}
		output.Status = cmp.Or(int(r.success), output.Status)
		r.operation = &bind.Operation{Input: input, Output: output}
		r.function = callsite.Name(fn)
	}))
}

func bindConfig(method string, params []string, optional bool) bind.Config {
	return bind.Config{
		Method: method, Params: params, Optional: optional, Violations: violationsOf,
		File: reflect.TypeFor[*Upload](), Raw: reflect.TypeFor[Raw](), Request: reflect.TypeFor[*Request](),
	}
}

// Bind fills the struct that v points to from the request, as an input of a typed
// handler is filled: see [Get]. What is wrong with the request is an error of type
// [Violations]. A v that is no pointer, or has a wrong tag, panics.
func (req *Request) Bind(v any) error {
	value := reflect.ValueOf(v)
	if value.Kind() != reflect.Pointer || value.IsNil() {
		panic(fmt.Sprintf("redstart: Bind: want a pointer, got a %T", v))
	}
	value = value.Elem()
	input, ok := inputs.Load(value.Type())
	if !ok {
		config := bindConfig("", nil, false)
		config.AnyParams = true
		compiled, err := bind.Compile(value.Type(), config)
		if err != nil {
			panic(fmt.Sprintf("redstart: Bind: %v", err))
		}
		input, _ = inputs.LoadOrStore(value.Type(), compiled)
	}
	return fill(input.(*bind.Input), value, req)
}

// inputs remembers what Bind has compiled: a pure function of a type.
var inputs sync.Map // reflect.Type -> *bind.Input

func fill(input *bind.Input, v reflect.Value, req *Request) error {
	faults, err := input.Fill(v, (*bindSource)(req))
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return violations(faults)
	}
	return nil
}

// lazyContext is the context of a request, made when it is first asked: most handlers
// only pass it on.
type lazyContext Request

func (c *lazyContext) Deadline() (time.Time, bool) { return (*Request)(c).context().Deadline() }
func (c *lazyContext) Done() <-chan struct{}       { return (*Request)(c).context().Done() }
func (c *lazyContext) Err() error                  { return (*Request)(c).context().Err() }
func (c *lazyContext) Value(key any) any {
	if key == (callerKey{}) {
		return (*Request)(c).caller() // without a context
	}
	return (*Request)(c).context().Value(key)
}

// bindSource is the request as package bind asks it.
type bindSource Request

func (s *bindSource) Context() context.Context          { return (*lazyContext)(s) }
func (s *bindSource) Path(name string) string           { return s.match.Param(name) }
func (s *bindSource) Header() http.Header               { return s.http.Header }
func (s *bindSource) Cookie(name string) (string, bool) { return (*Request)(s).Cookie(name) }

func (s *bindSource) Query() (url.Values, error) {
	if s.http.URL.RawQuery == "" {
		return nil, nil
	}
	return (*Request)(s).strictQuery()
}

func (s *bindSource) IsForm() (bool, error) {
	is, err := form.Announced(s.http.Header.Get("Content-Type"))
	return is, clientFault(err)
}

func (s *bindSource) Form() (url.Values, error) {
	f, err := (*Request)(s).Form()
	if err != nil {
		return nil, err
	}
	return f.Values, nil
}

func (s *bindSource) Files(field string, dst reflect.Value) int {
	files, _ := (*Request)(s).Files(field) // the form was read before
	if !dst.IsValid() {
		return len(files)
	}
	switch into := dst.Addr().Interface().(type) {
	case **Upload:
		if len(files) > 0 {
			*into = files[0]
		}
	case *[]*Upload:
		*into = files
	}
	return len(files)
}

func (s *bindSource) Body() ([]byte, error) {
	if err := upload.CheckJSON(s.http.Header); err != nil {
		return nil, clientFault(err)
	}
	return (*Request)(s).Body()
}

func (s *bindSource) Raw(dst reflect.Value) {
	switch into := dst.Addr().Interface().(type) {
	case *Raw:
		into.Request = (*Request)(s)
	case **Request:
		*into = (*Request)(s)
	}
}

// replier decides how an output becomes a response, by its type.
func replier[Out any]() (o bind.Output, reply func(*Request, Out) Response, err error) {
	t := reflect.TypeFor[Out]()
	switch zero := any(new(Out)).(type) {
	case *Response:
		return bind.Output{Opaque: true}, func(_ *Request, out Out) Response { return *any(&out).(*Response) }, nil
	case **Response:
		return o, nil, errors.New("the output is a pointer to a Response: return the Response itself")
	case *None:
		return bind.Output{Status: http.StatusNoContent}, func(req *Request, _ Out) Response {
			return Response{status: cmp.Or(req.route.success, http.StatusNoContent)}
		}, nil
	case eventStream:
		return bind.Output{Type: zero.element(), Stream: true}, func(_ *Request, out Out) Response {
			return any(&out).(eventStream).response()
		}, bind.CheckOutput(zero.element())
	}
	output, refined := bind.OutputOf(t)
	return output, func(req *Request, out Out) Response {
		resp := jsonReply(out)
		if resp.kind != kindJSON {
			return resp
		}
		resp.status = req.route.success
		if refined {
			resp = refine(resp, out)
		}
		return resp
	}, bind.CheckOutput(t)
}

// jsonReply is JSON for an output, which is an object rather than null when it is a
// nil map, and status 204 when it is nil otherwise. An output of any type may be a
// Response after all.
func jsonReply(out any) Response {
	if resp, ok := out.(Response); ok {
		return resp
	}
	switch v := reflect.ValueOf(out); {
	case !v.IsValid(), v.Kind() == reflect.Pointer && v.IsNil():
		return NoContent()
	case v.Kind() == reflect.Map && v.IsNil():
		return JSON(struct{}{})
	}
	return JSON(out)
}

// refine asks an output for its status and headers.
func refine[Out any](resp Response, out Out) Response {
	var asked any = &out
	if reflect.TypeFor[Out]().Kind() == reflect.Pointer {
		asked = out
	}
	if coder, ok := asked.(bind.StatusCoder); ok {
		resp = resp.WithStatus(coder.StatusCode())
	}
	if h, ok := asked.(bind.Headerer); ok {
		for name, values := range h.Header() {
			for _, value := range values {
				resp = resp.WithAdded(name, value)
			}
		}
	}
	return resp
}

// EventSource is what the events of type T can come from: see [sse.Source] for when
// to take which.
type EventSource[T any] interface {
	~func(yield func(T) bool) | ~func(yield func(T, error) bool) |
		~func(ctx context.Context, send func(T) error) error |
		~chan T | ~<-chan T | *sse.Subscription
}

// EventStream is the output of a typed handler that streams Server-Sent Events. Make
// one with [Events]. T is what their data is, as JSON.
type EventStream[T any] struct {
	source any
	opts   []sse.Option
	event  func(T) string
	id     func(T) string
}

type eventStream interface {
	response() Response
	element() reflect.Type
}

// Events streams values of type T:
//
//	return redstart.Events[Crime](store.Since(ctx, 0)).WithEvent("crime_alert"), nil
//
// A subscription to a hub is sent as it was published; T then only tells documents
// what it carries.
func Events[T any, S EventSource[T]](source S, opts ...sse.Option) EventStream[T] {
	return EventStream[T]{source: source, opts: opts}
}

// WithEvent returns a copy whose events have this name.
func (s EventStream[T]) WithEvent(name string) EventStream[T] {
	return s.WithEventOf(func(T) string { return name })
}

// WithEventOf returns a copy whose events are named by f; "" is no name.
func (s EventStream[T]) WithEventOf(f func(T) string) EventStream[T] {
	s.event = f
	return s
}

// WithID returns a copy whose events have an id, from which a client continues: see
// [Request.LastEventID].
func (s EventStream[T]) WithID(f func(T) string) EventStream[T] {
	s.id = f
	return s
}

func (s *EventStream[T]) element() reflect.Type { return reflect.TypeFor[T]() }

func (s *EventStream[T]) response() Response {
	stream, err := bind.Stream(s.source, bind.Messages(s.event, s.id), s.opts)
	if err != nil {
		return Fail(fmt.Errorf("redstart: EventStream: %w", err))
	}
	return Response{kind: kindEvents, content: contentEvents, body: stream}
}

// FormLimits bound the forms of a route. Zero stands for the default.
type FormLimits struct {
	// Memory is how many bytes of all files together are kept in memory, 1 MiB by
	// default; what is above goes to disk. A negative number is none.
	Memory int64
	// Text is how many bytes all names and values have together, 4 MiB by default.
	Text int64
	// Parts is how many fields and files there are, 1000 by default.
	Parts int
}

// LimitForm bounds the forms of this route. The size of the whole is bounded by
// [BodyLimit].
func LimitForm(l FormLimits) RouteOption { return func(r *route) { r.form = l } }

// Form is a form as it was sent: the text fields are its Values, repeated ones in
// their order.
type Form struct {
	url.Values
	Files map[string][]*Upload // by field, in their order

	read *form.Form
}

func newForm(read *form.Form) *Form {
	f := &Form{Values: read.Values, Files: map[string][]*Upload{}, read: read}
	for field, files := range read.Files {
		for _, file := range files {
			f.Files[field] = append(f.Files[field], &Upload{file.Field, file.Name, file.Size, file.ContentType, file.Content})
		}
	}
	return f
}

// Upload is a file of a form. It can be read until the reply is complete, any number
// of times and at the same time; a stream of a hub's subscriber that goes on without
// its request does so without the files. What Field, Name and ContentType say is the
// client's word.
type Upload struct {
	Field string
	// Name is the last element of the name that the client gave, without control
	// characters and at most 200 bytes long. It is "" for one that leaves nothing.
	Name string
	Size int64
	// ContentType is what the client claims the file to be: see DetectType.
	ContentType string

	content form.Content
}

// Open returns a reader of its own, from the beginning. Closing it is not needed.
func (f *Upload) Open() (multipart.File, error) { return f.content.Open() }

// DetectType guesses the media type from the first 512 bytes, as browsers do (WHATWG
// MIME Sniffing): "image/png", or "application/octet-stream" for what it does not know.
func (f *Upload) DetectType() (string, error) { return f.content.DetectType() }

// SaveTo copies the file into a folder, which must exist, under its Name or as
// "file", and returns the path. A file that is there already is never replaced: the
// new one then gets a number, as in "photo-2.jpg". Neither the name nor a symbolic
// link leads out of the folder. After an error nothing is left there.
func (f *Upload) SaveTo(dir string) (path string, err error) { return f.content.SaveTo(dir, f.Name) }

// SaveAs copies the file to a new one within root. A name that is taken is an error
// that is [io/fs.ErrExist]; one that leads out of root is an error too. After an
// error nothing new is left there.
func (f *Upload) SaveAs(root *os.Root, name string) error { return f.content.SaveAs(root, name) }

// Part is one field or file of a form that [Request.Parts] reads. Its strings are
// the client's word.
type Part struct {
	Field       string // the field's name
	IsFile      bool
	Name        string // the file's, cleaned as that of an [Upload]
	ContentType string
	Header      textproto.MIMEHeader

	body *form.Part
}

// Read reads the part's content from the request's body, with the errors of
// [Request.Parts].
func (p *Part) Read(b []byte) (int, error) {
	n, err := p.body.Read(b)
	return n, clientFault(err)
}

// SaveTo is [Upload.SaveTo] for what has not been read of the part.
func (p *Part) SaveTo(dir string) (path string, err error) { return form.SaveTo(dir, p.Name, p) }

// SaveAs is [Upload.SaveAs] for what has not been read of the part.
func (p *Part) SaveAs(root *os.Root, name string) error { return form.SaveAs(root, name, p) }

// Form reads a form, urlencoded or multipart, once; later calls return the same.
// Files that do not fit into memory go to disk, see [LimitForm], and are deleted when
// the reply is complete. A request without a body has an empty form.
//
// Its errors name the field or the part: status 415 for another Content-Type or a
// Content-Encoding, 400 for a form that is malformed, incomplete or not in UTF-8,
// 413 for one over its limits, and those of [Request.Body]. A multipart body is
// gone when it has been read as a form; one that Body had read before is taken
// from there.
func (req *Request) Form() (*Form, error) {
	s := req.state()
	if !s.formRead {
		s.formRead = true
		s.form, s.formErr = req.readForm()
	}
	return s.form, s.formErr
}

func (req *Request) readForm() (*Form, error) {
	if b := req.http.Body; (b == nil || b == http.NoBody) && !req.state().bodyRead {
		return newForm(&form.Form{Values: url.Values{}}), nil
	}
	body, boundary, err := req.formBody()
	if err != nil {
		return nil, err
	}
	read, err := form.Read(body, boundary, req.formLimits())
	if err != nil {
		return nil, clientFault(err)
	}
	return newForm(read), nil
}

// formBody returns the body of a form, and the boundary of one that is multipart.
func (req *Request) formBody() (body io.Reader, boundary string, err error) {
	err = upload.CheckPlain(req.http.Header)
	if err == nil {
		boundary, err = form.Boundary(req.Header("Content-Type"))
	}
	if err != nil {
		return nil, "", clientFault(err)
	}
	s := req.state()
	if s.bodyRead || boundary == "" {
		data, err := req.load(req.formLimits().Text)
		return bytes.NewReader(data), boundary, err
	}
	s.bodyRead, s.bodyErr = true, errFormRead
	return upload.Explained(req.http.Body, req.bodyError), boundary, req.announced()
}

var errFormRead = errors.New("redstart: the body was read as a multipart form, and is gone")

func (req *Request) formLimits() form.Limits {
	if req.route == nil {
		return form.Limits{}.WithDefaults()
	}
	return form.Limits(req.route.form).WithDefaults()
}

// File returns the first file of a form's field. That there is none, or a text instead,
// is an error with status 400; the others are those of [Request.Form].
func (req *Request) File(field string) (*Upload, error) {
	f, err := req.Form()
	switch {
	case err != nil:
		return nil, err
	case len(f.Files[field]) > 0:
		return f.Files[field][0], nil
	case f.Get(field) != "":
		return nil, Errorf(http.StatusBadRequest, "form field %q: expected a file, got a text: files need a form with enctype=%q", field, "multipart/form-data")
	}
	return nil, Errorf(http.StatusBadRequest, "missing file %q", field)
}

// Files returns all files of a form's field in their order, with the errors of
// [Request.Form].
func (req *Request) Files(field string) ([]*Upload, error) {
	f, err := req.Form()
	if err != nil {
		return nil, err
	}
	return f.Files[field], nil
}

// Parts reads a multipart form part by part and keeps nothing of it, for uploads of
// any size in constant memory: while 2 GiB arrive the heap grows by less than 1 MiB
// (BenchmarkUpload, 1.9 s on two cores). A part is read before the next
// one is asked for, and what is left of it skipped. The errors are those of
// [Request.Form], the last thing that is yielded. The route needs a [BodyLimit] of
// its own for what is larger than the application's.
func (req *Request) Parts() iter.Seq2[*Part, error] {
	return func(yield func(*Part, error) bool) {
		body, boundary, err := req.formBody()
		if err == nil && boundary == "" {
			err = Error(http.StatusUnsupportedMediaType, "expected multipart/form-data")
		}
		if err != nil {
			yield(nil, err)
			return
		}
		parts := form.NewParts(body, boundary, req.formLimits())
		for {
			part, err := parts.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, clientFault(err))
				return
			}
			if !yield(&Part{part.Field, part.File, part.Name, part.ContentType, part.Header, part}, nil) {
				return
			}
		}
	}
}
