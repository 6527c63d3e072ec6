package redstart

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart/internal/clientip"
	"github.com/redstart-go/redstart/internal/departure"
	"github.com/redstart-go/redstart/internal/excerpt"
	"github.com/redstart-go/redstart/internal/jsonx"
	"github.com/redstart-go/redstart/internal/late"
	"github.com/redstart-go/redstart/internal/negotiate"
	"github.com/redstart-go/redstart/internal/requestid"
	"github.com/redstart-go/redstart/internal/routing"
	"github.com/redstart-go/redstart/internal/upload"
	"github.com/redstart-go/redstart/sse"
)

// Request is one request as a handler sees it. Each has its own: it is never
// reused, and the strings it returns may be kept for ever.
//
// Its methods may be called from any goroutine, but for those that read the body
// (Body, Text, JSON, Form, Parts and what is made of them), which are for one goroutine at a time.
type Request struct {
	http  *http.Request
	w     http.ResponseWriter // the dispatcher's; handlers have no way to it
	app   *App
	route *route
	match routing.Match[*route]
	id    requestid.ID
	begin time.Duration // since the app was made
	limit int64         // of the body, in bytes
	// response is what is being written: here it needs no allocation of its own.
	response Response

	ctx atomic.Pointer[requestContext]
	// extra is what most requests do without.
	extra atomic.Pointer[requestState]
	known atomic.Pointer[caller]
}

// requestState is the part of a Request that is made when it is first asked for.
type requestState struct {
	tracked []discarder // streams and conversations that a handler or middleware returned
	lookup  lookup
	upload  *upload.Reader               // the body's, nil when there is none
	origin  *Request                     // what this is a copy of, see Within
	skip    atomic.Pointer[atomic.Int32] // see SkipAccessLog; by itself, since it may outlast the request

	mu     sync.Mutex // guards what follows
	log    *zerolog.Logger
	query  url.Values
	client *clientip.Client
	values map[any]any

	body     []byte
	bodyErr  error
	bodyRead bool

	form     *Form
	formErr  error
	formRead bool
	formKept bool // the form is of the request that this is a copy of
}

func (req *Request) state() *requestState {
	if s := req.extra.Load(); s != nil {
		return s
	}
	req.extra.CompareAndSwap(nil, new(requestState))
	return req.extra.Load()
}

type requestContext struct {
	context.Context
	cancel context.CancelCauseFunc
	stop   func() bool // no longer watches for the client's leaving
	caller *caller
	// lasting is that of a conversation, which goes on without the request.
	lasting bool
}

// Value makes what is known of the caller reachable from every context derived from a
// request's.
func (c *requestContext) Value(key any) any {
	if key == (callerKey{}) {
		return c.caller
	}
	return c.Context.Value(key)
}

type callerKey struct{}

// caller is what is known of whoever asks. It is not part of the Request, which a
// context that is kept for long, as by a conversation, shall not keep.
type caller struct {
	identity atomic.Pointer[Identity]
	session  atomic.Pointer[Session]
	group    *group // whose values are provided
}

// scope is the group whose values are provided to the request.
func (req *Request) scope() *group {
	if req.route != nil {
		return req.route.group
	}
	return &req.app.group
}

func (req *Request) caller() *caller {
	if c := req.known.Load(); c != nil {
		return c
	}
	req.known.CompareAndSwap(nil, &caller{group: req.scope()})
	return req.known.Load()
}

// Identity says who a request is from. Whoever has one must not change it: it may be
// shared by requests.
type Identity struct {
	Subject string   // tells it from all others, such as a user's id
	Name    string   // for people
	Scheme  string   // by which it was proved, such as "Bearer"; set by the middleware
	Scopes  []string // what it may do
	// Claims are what else is known, in terms of JSON: the claims of a token, or what
	// the application puts here.
	Claims map[string]any
	// User is the application's own record, if it wants to have it at hand.
	User any
}

// Has says whether the identity has all these scopes. Nobody, which is nil, has none.
func (i *Identity) Has(scopes ...string) bool {
	if i == nil {
		return false
	}
	for _, scope := range scopes {
		if !slices.Contains(i.Scopes, scope) {
			return false
		}
	}
	return true
}

// Claim decodes a claim into the value that a pointer points to, by the rules of JSON.
// It says whether there is one that fits; otherwise the value stays as it was.
func (i *Identity) Claim(name string, into any) bool {
	if i == nil {
		return false
	}
	claim, ok := i.Claims[name]
	return ok && convert(claim, into) == nil
}

// Decode decodes all claims into a struct, by the rules of JSON.
func (i *Identity) Decode(into any) error {
	if i == nil {
		return errNobody
	}
	if err := convert(i.Claims, into); err != nil {
		return fmt.Errorf("redstart: the claims do not fit: %w", err)
	}
	return nil
}

var errNobody = errors.New("redstart: there is no identity")

func convert(value, into any) error {
	data, err := jsonx.Marshal(value)
	if err != nil {
		return err
	}
	// Into a new one first, since decoding that fails may have changed a part.
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic(fmt.Sprintf("redstart: want a pointer for a claim, got a %T", into))
	}
	fresh := reflect.New(target.Type().Elem())
	if err := jsonx.Unmarshal(data, fresh.Interface(), false); err != nil {
		return err
	}
	target.Elem().Set(fresh.Elem())
	return nil
}

// Identity returns who the request is from, as middleware has found, or nil.
func (req *Request) Identity() *Identity {
	if c := req.known.Load(); c != nil {
		return c.identity.Load()
	}
	return nil
}

// SetIdentity says who the request is from, for middleware, before it calls next; nil is
// nobody. It is known to contexts of the request that were made before, too.
func (req *Request) SetIdentity(i *Identity) { req.caller().identity.Store(i) }

// IdentityFrom returns who a request is from, or nil. It takes the [*Request], or a context
// that is the request's or derived from it: in typed handlers, in conversations, in
// [sse.Authorize].
func IdentityFrom(from Caller) *Identity {
	if c, _ := from.Value(callerKey{}).(*caller); c != nil {
		return c.identity.Load()
	}
	return nil
}

// Session is what is remembered between the requests of one browser: see
// middleware.Session, which says how, and for how long. What a handler changes until it
// returns its response is kept, whatever that response is, a stream and an error
// included. It is safe for concurrent use; of two requests that change one session at
// the same time, the one that is answered later wins.
type Session interface {
	// ID tells the session from others. It is fit for logs: nobody can use it to get in.
	ID() string
	// Get decodes a value, as it was given to Set, into what a pointer points to. It
	// says whether there is one that fits; otherwise nothing changes.
	Get(key string, into any) bool
	// Text is Get for a string, "" if there is none.
	Text(key string) string
	// Take is Get, and removes the value.
	Take(key string, into any) bool
	// Keys lists what is there, sorted.
	Keys() []string
	// Set keeps a value as JSON. One that cannot be encoded is an error with status 500
	// in place of the reply.
	Set(key string, value any)
	// Delete removes values.
	Delete(keys ...string)
	// Flash leaves a message for the next page that shows them.
	Flash(kind, text string)
	// Flashes returns the messages that were left, and removes them.
	Flashes() []Flash
	// Renew gives the session another id and keeps its values. Do that when somebody
	// gets more rights, so that an id that was slipped to them is worth nothing.
	Renew()
	// Clear removes everything: the browser forgets the session.
	Clear()
}

// Flash is a message for the next page.
type Flash struct {
	Kind string `json:"kind,omitempty"` // such as "error"
	Text string `json:"text"`
}

// Session returns the session. Where middleware keeps none it has nothing, and what
// would change it panics.
func (req *Request) Session() Session { return SessionFrom(req) }

// SetSession gives the request its session, for middleware, before it calls next.
func (req *Request) SetSession(s Session) { req.caller().session.Store(&s) }

// SessionFrom is [Request.Session] for a context, as [IdentityFrom] is for the identity.
func SessionFrom(from Caller) Session {
	if c, _ := from.Value(callerKey{}).(*caller); c != nil {
		if s := c.session.Load(); s != nil {
			return *s
		}
	}
	return noSession{}
}

// noSession stands for the session that there is not.
type noSession struct{}

const noSessionText = "redstart: there is no session here: put middleware.Session around the route"

func (noSession) ID() string            { return "" }
func (noSession) Get(string, any) bool  { return false }
func (noSession) Text(string) string    { return "" }
func (noSession) Take(string, any) bool { return false }
func (noSession) Keys() []string        { return nil }
func (noSession) Set(string, any)       { panic(noSessionText) }
func (noSession) Delete(...string)      {}
func (noSession) Flash(string, string)  { panic(noSessionText) }
func (noSession) Flashes() []Flash      { return nil }
func (noSession) Renew()                { panic(noSessionText) }
func (noSession) Clear()                {}

// forkedSession is a session that a handler which may be given up works on a copy of.
type forkedSession interface {
	Fork() Session
	Join(fork Session)
}

// fork makes a copy for a handler that may have to be given up.
func (c *caller) fork() *caller {
	inner := &caller{group: c.group}
	inner.identity.Store(c.identity.Load())
	if s := c.session.Load(); s != nil {
		copied := *s
		if f, ok := copied.(forkedSession); ok {
			copied = f.Fork()
		}
		inner.session.Store(&copied)
	}
	return inner
}

// join takes over what became of a copy.
func (c *caller) join(inner *caller) {
	c.identity.Store(inner.identity.Load())
	mine, theirs := c.session.Load(), inner.session.Load()
	if mine != nil && theirs != nil {
		if f, ok := (*mine).(forkedSession); ok {
			f.Join(*theirs)
			return
		}
	}
	c.session.Store(theirs)
}

// HTTP returns the underlying request, for what has no method here and for
// libraries. Reading its Body bypasses Body, Text, JSON and Form.
func (req *Request) HTTP() *http.Request { return req.http }

// Method returns the method, such as "GET".
func (req *Request) Method() string { return req.http.Method }

// Path returns the decoded path.
func (req *Request) Path() string { return req.http.URL.Path }

// Pattern returns the route's pattern as it was registered, and "" when no route
// matched. It is known before the first middleware runs.
func (req *Request) Pattern() string {
	if req.route == nil {
		return ""
	}
	return req.route.pattern
}

// Param returns the decoded value of a path parameter, or "" when the route has
// none of that name or an optional one is absent.
func (req *Request) Param(name string) string { return req.match.Param(name) }

// ParamInt returns a path parameter as an integer. Its error has status 400 and
// names the parameter.
func (req *Request) ParamInt(name string) (int, error) {
	text := req.Param(name)
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, Errorf(http.StatusBadRequest, "path parameter %q: expected %s, got %q", name, within("an integer", err), excerpt.Of(text, 100))
	}
	return n, nil
}

// within adds to what was expected that the number was one, but too large.
func within(want string, err error) string {
	if errors.Is(err, strconv.ErrRange) {
		return want + " of 64 bits"
	}
	return want
}

func (req *Request) queryValues() url.Values {
	s := req.state()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.query == nil {
		s.query = req.http.URL.Query()
	}
	return s.query
}

// strictQuery is queryValues for which a query string that is malformed is an error.
func (req *Request) strictQuery() (url.Values, error) {
	values, err := url.ParseQuery(req.http.URL.RawQuery)
	if err != nil {
		return nil, Errorf(http.StatusBadRequest, "malformed query string: %v", err)
	}
	return values, nil
}

// Query returns the first value of a query parameter, decoded, or "".
func (req *Request) Query(name string) string {
	if req.http.URL.RawQuery == "" {
		return ""
	}
	return req.queryValues().Get(name)
}

// QueryAll returns all values of a query parameter in their order.
func (req *Request) QueryAll(name string) []string { return req.queryValues()[name] }

// QueryInt returns a query parameter as an integer, or the default when it is
// absent or empty. Its error, for one that is given twice as well, has status 400 and
// names the parameter.
func (req *Request) QueryInt(name string, fallback int) (int, error) {
	return queryAs(req, name, fallback, "an integer", strconv.Atoi)
}

// QueryFloat is [Request.QueryInt] for a number that may have a fraction.
func (req *Request) QueryFloat(name string, fallback float64) (float64, error) {
	return queryAs(req, name, fallback, "a number", func(s string) (float64, error) {
		f, err := strconv.ParseFloat(s, 64)
		if err == nil && (f != f || f-f != 0) {
			err = strconv.ErrSyntax // NaN and Inf are no numbers to a client
		}
		return f, err
	})
}

// QueryBool is [Request.QueryInt] for true and false, also written 1 and 0.
func (req *Request) QueryBool(name string, fallback bool) (bool, error) {
	return queryAs(req, name, fallback, "true or false", strconv.ParseBool)
}

// QueryDuration is [Request.QueryInt] for a duration such as "1m30s".
func (req *Request) QueryDuration(name string, fallback time.Duration) (time.Duration, error) {
	return queryAs(req, name, fallback, `a duration such as "1m30s"`, time.ParseDuration)
}

func queryAs[T any](req *Request, name string, fallback T, want string, parse func(string) (T, error)) (T, error) {
	if _, err := req.strictQuery(); err != nil {
		return fallback, err
	}
	if n := len(req.QueryAll(name)); n > 1 {
		return fallback, Errorf(http.StatusBadRequest, "query parameter %q: expected one value, got %d", name, n)
	}
	text := req.Query(name)
	if text == "" {
		return fallback, nil
	}
	value, err := parse(text)
	if err != nil {
		return fallback, Errorf(http.StatusBadRequest, "query parameter %q: expected %s, got %q", name, within(want, err), excerpt.Of(text, 100))
	}
	return value, nil
}

// Header returns the first value of a request header, or "".
func (req *Request) Header(name string) string { return req.http.Header.Get(name) }

// Accepts returns the media type among the offers that the client prefers (RFC
// 9110 section 12.5.1), the earlier offer where it has no preference, and "" when
// it accepts none of them. A reply that depends on it should say so by
// WithAdded("Vary", "Accept").
func (req *Request) Accepts(offers ...string) string {
	return negotiate.Type(strings.Join(req.http.Header["Accept"], ","), offers...)
}

// Cookie returns the value of a cookie, and whether it was sent.
func (req *Request) Cookie(name string) (value string, ok bool) {
	c, err := req.http.Cookie(name)
	if err != nil {
		return "", false
	}
	return c.Value, true
}

func (req *Request) resolveClient() *clientip.Client {
	s := req.state()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		c := req.app.config.trust.Resolve(req.http)
		s.client = &c
	}
	return s.client
}

// IP returns the client's address: the peer's, unless [TrustProxies] lets a proxy
// speak for others. It is "" for a peer without an address, as on a unix socket.
func (req *Request) IP() string { return req.resolveClient().Address() }

// Host returns the host that the client asked for, with its port if it named one.
func (req *Request) Host() string { return req.resolveClient().Host }

// Scheme returns "https" or "http", as the client used it.
func (req *Request) Scheme() string { return req.resolveClient().Scheme }

// ID returns the request's id: the client's X-Request-ID when it is fit for logs,
// and one of our own otherwise. It is "" when request ids are turned off.
func (req *Request) ID() string {
	// An id of our own lies within the Request, which whoever keeps the id shall
	// not keep as well.
	return strings.Clone(req.id.Text)
}

// SetID replaces the request's id, for middleware, before it calls next: in the
// header X-Request-ID of the reply, in logs and in problem documents. An id that
// is not fit for logs (1 to 128 letters, digits and any of ._~:/+=-) is an error
// and changes nothing.
func (req *Request) SetID(id string) error {
	if !requestid.Fit(id) {
		return fmt.Errorf("redstart: SetID: %q is not fit for logs: want 1 to 128 letters, digits and any of ._~:/+=-", id)
	}
	req.id.Text, req.id.Header[0] = id, id
	s := req.state()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil // it names the old id
	return nil
}

// LastEventID returns the id from which a client of Server-Sent Events wants to
// continue: the header Last-Event-ID, or the query parameter lastEventID. It is
// the client's text: check it.
func (req *Request) LastEventID() string { return sse.LastEventID(req.http) }

// Context returns a context that ends when the client leaves, when the reply is
// complete, or when a stream ends; [context.Cause] then tells which, with
// [sse.ErrClientGone] for a client that left. A stream of a hub's subscriber may go
// on without its request, whose context ends then with [sse.ErrParked]: use
// [Response.WithDone] or [sse.OnEnd] to hear of such a stream's end.
func (req *Request) Context() context.Context { return req.context() }

func (req *Request) context() *requestContext {
	if c := req.ctx.Load(); c != nil {
		return c
	}
	ctx, cancel, stop := departure.Context(req.http.Context(), sse.ErrClientGone)
	both := &struct { // with one allocation
		requestContext
		caller
	}{requestContext: requestContext{Context: ctx, cancel: cancel, stop: stop}}
	c := &both.requestContext
	if c.caller = req.known.Load(); c.caller == nil {
		both.caller.group = req.scope()
		req.known.CompareAndSwap(nil, &both.caller)
		c.caller = req.known.Load()
	}
	if !req.ctx.CompareAndSwap(nil, c) {
		stop()
		cancel(nil)
		return req.ctx.Load()
	}
	return c
}

// SetContext replaces the context by one derived from it, for what runs after:
// the rest of the middleware and the handler. It is for middleware, before it
// calls next.
func (req *Request) SetContext(ctx context.Context) {
	outer := req.context()
	req.ctx.Store(&requestContext{Context: ctx, cancel: outer.cancel, stop: outer.stop, caller: outer.caller})
}

// Set keeps a value for the rest of the request, under a key of a type of the
// caller's own, as with [context.WithValue].
func (req *Request) Set(key, value any) {
	s := req.state()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = map[any]any{}
	}
	s.values[key] = value
}

// Value returns what was kept with Set, or nil.
func (req *Request) Value(key any) any {
	if key == (callerKey{}) {
		return req.caller()
	}
	s := req.extra.Load()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[key]
}

// Log returns the application's logger with the request's id.
func (req *Request) Log() *zerolog.Logger {
	s := req.state()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log == nil {
		logger := req.app.config.logger
		if req.id.Text != "" {
			logger = logger.With().Str("request_id", req.id.Text).Logger()
		}
		s.log = &logger
	}
	return s.log
}

// Body reads the whole body, once; later calls return the same bytes, which must
// not be changed. A body over the limit is an error with status 413, one of which
// nothing arrives for the timeout with 408, one that ends before its
// Content-Length or is malformed with 400.
func (req *Request) Body() ([]byte, error) {
	return req.load(0)
}

// load reads the body for Body and what is made of it, at most limit bytes unless
// that is 0.
func (req *Request) load(limit int64) ([]byte, error) {
	s := req.state()
	if s.bodyRead {
		return s.body, s.bodyErr
	}
	s.bodyRead = true
	if s.bodyErr = req.announced(); s.bodyErr != nil {
		return nil, s.bodyErr
	}
	body, err := upload.ReadAll(req.http, limit)
	if err != nil {
		s.bodyErr = req.bodyError(err)
		return nil, s.bodyErr
	}
	s.body = body
	req.http.Body = upload.Again(body) // for who asks HTTP() later
	return body, nil
}

// announced refuses a body that says of itself that it is too large.
func (req *Request) announced() error {
	if req.limit > 0 && req.http.ContentLength > req.limit {
		return clientFault(upload.TooLarge(req.limit))
	}
	return nil
}

// bodyError says what it means that reading the body has failed.
func (req *Request) bodyError(err error) error {
	err = upload.Explain(req.http, err, req.limit, req.app.config.timeouts.Body)
	if _, fault := errors.AsType[*upload.Fault](err); !fault && !errors.Is(err, upload.ErrOver) {
		return fmt.Errorf("reading the body: %w: %w", sse.ErrClientGone, err)
	}
	return clientFault(err)
}

// LimitBody bounds the body, in bytes, for middleware, before the body is read; 0
// is no bound. The limit of the route's own [BodyLimit] stays. The error, with
// status 413, is about a body whose announced length is over the limit that
// counts; one without a length is cut off while it is read.
func (req *Request) LimitBody(bytes int64) error {
	if req.route == nil || req.route.limit == nil {
		req.limit = bytes
		if s := req.state(); s.upload != nil {
			s.upload.SetLimit(bytes)
		}
	}
	return req.announced()
}

// Text returns the body as a string, with the errors of [Request.Body].
func (req *Request) Text() (string, error) {
	body, err := req.Body()
	return string(body), err
}

// JSON decodes the body into v, a pointer. Fields that v does not know are
// ignored. Its errors say where in the body they were found: status 415 for a
// Content-Type that is not JSON (none at all is taken for JSON), a charset but
// UTF-8 or a Content-Encoding, 400 for broken JSON, a value of the wrong type, an empty body or text after the value, and
// those of [Request.Body]. After an error v may be filled in part.
func (req *Request) JSON(v any) error { return req.decodeJSON(v, false) }

// JSONStrict is [Request.JSON] for which a field that v does not know is an error.
func (req *Request) JSONStrict(v any) error { return req.decodeJSON(v, true) }

func (req *Request) decodeJSON(v any, strict bool) error {
	if err := upload.CheckJSON(req.http.Header); err != nil {
		return clientFault(err)
	}
	body, err := req.Body()
	if err != nil {
		return err
	}
	err = jsonx.Unmarshal(body, v, strict)
	if text, ok := jsonx.Describe(err); ok {
		return &HTTPError{status: http.StatusBadRequest, detail: text, cause: err, told: true}
	}
	return err
}

// openBody puts the bounds around the body. They go into a copy of net/http's
// request, which has to find its own body there to see what was left unread, and
// whether a client that sent Expect: 100-continue is still waiting for leave.
func (req *Request) openBody() {
	r := req.http
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	body := upload.NewReader(req.w, r.Body, req.limit, req.app.config.timeouts.Body)
	req.state().upload = body
	req.http = r.WithContext(r.Context())
	req.http.Body = body
}

// closeBody ends what reading the body has left behind, when the reply is complete.
func (req *Request) closeBody(s *requestState) {
	if s.form != nil && !s.formKept {
		s.form.read.Remove()
	}
	if s.upload != nil {
		s.upload.Stop()
		if form := req.http.MultipartForm; form != nil {
			_ = form.RemoveAll() // temporary files: nobody is left to be told
		}
	}
}

// SkipAccessLog leaves out the framework's log line of this request, for
// middleware that writes its own, until the reply is complete: a function of
// [Response.WithDone] may call it still. Unless failures are to be left out too,
// the line of a reply with a status of 500 and above is written nevertheless.
func (req *Request) SkipAccessLog(failures bool) {
	level := skipSuccesses
	if failures {
		level = skipAll
	}
	for r := req; r != nil; r = r.state().origin {
		r.state().skipping().Store(level)
	}
}

// Draining says whether the application was told to stop, or at least to send its event
// streams away: a load balancer should send requests elsewhere.
func (req *Request) Draining() bool { return req.app.streams.Stats().Draining }

// skipsLog returns which of the framework's log lines are left out, 0 for none.
func (req *Request) skipsLog() int32 {
	if s := req.extra.Load(); s != nil {
		if skip := s.skip.Load(); skip != nil {
			return skip.Load()
		}
	}
	return 0
}

func (s *requestState) skipping() *atomic.Int32 {
	if skip := s.skip.Load(); skip != nil {
		return skip
	}
	s.skip.CompareAndSwap(nil, new(atomic.Int32))
	return s.skip.Load()
}

const (
	skipSuccesses int32 = 1 + iota
	skipAll
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
	inner.known.Store(req.caller().fork())
	inner.ctx.Store(&requestContext{Context: ctx, cancel: cancel, stop: func() bool { return true }, caller: inner.caller()})
	s, t := req.state(), inner.state()
	t.lookup, t.upload, t.origin = s.lookup, s.upload, req
	t.body, t.bodyErr, t.bodyRead = s.body, s.bodyErr, s.bodyRead
	t.form, t.formErr, t.formRead, t.formKept = s.form, s.formErr, s.formRead, s.formRead
	if t.bodyRead && t.bodyErr == nil {
		r.Body = upload.Again(t.body)
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
	s.form, s.formErr, s.formRead = t.form, t.formErr, t.formRead
	to, from := req.http, inner.http
	to.Body, to.Form, to.PostForm, to.MultipartForm = from.Body, from.Form, from.PostForm, from.MultipartForm
	req.limit = inner.limit
	if req.id.Text != inner.id.Text {
		req.id.Text, req.id.Header = inner.id.Text, inner.id.Header
	}
	req.SetContext(inner.Context())
	req.caller().join(inner.caller())
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

// refuseBody bounds the wait of net/http for what is left of a body.
func (req *Request) refuseBody() {
	if s := req.extra.Load(); s != nil && s.upload != nil && req.http.ProtoMajor == 1 {
		s.upload.Refuse(req.w.Header())
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
	if resp.kind == kindEvents || resp.kind == kindSocket {
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
