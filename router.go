package redstart

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/redstart-go/redstart/internal/files"
	"github.com/redstart-go/redstart/internal/headers"
	"github.com/redstart-go/redstart/internal/routing"
)

// Handler answers a request with a value.
type Handler func(*Request) Response

// Middleware wraps a handler. It may answer by itself without calling next, look
// at the request before, and refine or replace the response after. It sees every
// response there is: those of the automatic replies (404, 405, OPTIONS) too, and
// streams before they begin.
//
// The Middleware itself is called when the routes are built, for each route that it
// is around, and anew after a registration. State that shall outlast this, such as a
// counter of all requests, belongs outside of it. It must not register anything.
type Middleware func(next Handler) Handler

// Before makes a middleware of a function that looks at requests. When ok is true
// its response is the reply and the handler is not called.
func Before(f func(*Request) (reply Response, ok bool)) Middleware {
	return func(next Handler) Handler {
		return func(req *Request) Response {
			if reply, ok := f(req); ok {
				return reply
			}
			return next(req)
		}
	}
}

// After makes a middleware of a function that refines or replaces responses.
func After(f func(*Request, Response) Response) Middleware {
	return func(next Handler) Handler {
		return func(req *Request) Response { return f(req, next(req)) }
	}
}

// RouteOption refines one route.
type RouteOption func(*route)

// Name gives the route a name for [App.URL]. A name that is taken panics.
func Name(name string) RouteOption { return func(r *route) { r.name = name } }

// With puts middleware around this route only, inside that of its group.
func With(mw ...Middleware) RouteOption {
	checkMiddleware(mw)
	return func(r *route) { r.middleware = append(r.middleware, mw...) }
}

// BodyLimit bounds the request's body for this route, in bytes, instead of the
// application's limit; 0 is no bound.
func BodyLimit(bytes int64) RouteOption {
	bytes = max(bytes, 0)
	return func(r *route) { r.limit = &bytes }
}

// route is one registered route. What follows the blank line is of the copy that
// is made each time the routes are built, since requests under way use the last one.
type route struct {
	method, pattern string
	parsed          routing.Pattern
	name, where     string
	handler         Handler
	group           *group
	middleware      []Middleware
	limit           *int64
	static          *files.Static
	index           int // among the registered, for routes that are no folder of files

	chain     Handler
	preflight Handler // answers OPTIONS for the route, through its middleware
	bodyLimit int64
	onError   func(*Request, error) Response
}

// RouteInfo describes a registered route.
type RouteInfo struct {
	Method  string // "*" for every method that has no route of its own
	Pattern string
	Name    string // "" when it has none
	Handler string // the handler's function
	Source  string // file:line of the registration
	Host    string // "" for every host
}

// Group is a set of routes that share a prefix, middleware and an error handler.
// Middleware and routes that are added later count as well.
type Group struct{ group }

// group has the methods that App and Group share.
type group struct {
	app        *App
	parent     *group
	host       string
	prefix     string
	middleware []Middleware
	onError    func(*Request, error) Response
}

// Get registers a handler for GET, and for HEAD unless that has its own. The
// pattern's segments are literal, a parameter ":id", an optional last parameter
// ":page?", or a last catch-all "*path". Like all registrations it panics when the
// pattern is malformed, or when the route exists already.
func (g *group) Get(pattern string, h Handler, opts ...RouteOption) {
	g.add(http.MethodGet, pattern, h, opts)
}

// Post registers a handler for POST.
func (g *group) Post(pattern string, h Handler, opts ...RouteOption) {
	g.add(http.MethodPost, pattern, h, opts)
}

// Put registers a handler for PUT.
func (g *group) Put(pattern string, h Handler, opts ...RouteOption) {
	g.add(http.MethodPut, pattern, h, opts)
}

// Patch registers a handler for PATCH.
func (g *group) Patch(pattern string, h Handler, opts ...RouteOption) {
	g.add(http.MethodPatch, pattern, h, opts)
}

// Delete registers a handler for DELETE.
func (g *group) Delete(pattern string, h Handler, opts ...RouteOption) {
	g.add(http.MethodDelete, pattern, h, opts)
}

// Head registers a handler for HEAD, instead of the one for GET.
func (g *group) Head(pattern string, h Handler, opts ...RouteOption) {
	g.add(http.MethodHead, pattern, h, opts)
}

// Options registers a handler for OPTIONS, instead of the automatic reply.
func (g *group) Options(pattern string, h Handler, opts ...RouteOption) {
	g.add(http.MethodOptions, pattern, h, opts)
}

// Trace registers a handler for TRACE.
func (g *group) Trace(pattern string, h Handler, opts ...RouteOption) {
	g.add(http.MethodTrace, pattern, h, opts)
}

// Connect registers a handler for CONNECT.
func (g *group) Connect(pattern string, h Handler, opts ...RouteOption) {
	g.add(http.MethodConnect, pattern, h, opts)
}

// Any registers a handler for every method that has no route of its own there.
func (g *group) Any(pattern string, h Handler, opts ...RouteOption) {
	g.add(routing.AnyMethod, pattern, h, opts)
}

// Handle registers a handler for a method by its name, which may be one of the
// application's own. Methods are case-sensitive.
func (g *group) Handle(method, pattern string, h Handler, opts ...RouteOption) {
	if !headers.ValidName(method) {
		panic(fmt.Sprintf("redstart: %q is not a method: want a token such as %q", method, http.MethodGet))
	}
	g.add(method, pattern, h, opts)
}

// Const registers a reply that never changes. It is encoded once, carries a strong
// ETag, unless it has one, and answers conditional requests with 304. It still
// passes middleware. A reply that fails or streams panics.
func (g *group) Const(pattern string, reply Response, opts ...RouteOption) {
	body, ok := reply.Bytes()
	if reply.err != nil || !ok {
		panic(fmt.Sprintf("redstart: Const %q: the reply must have a body that can be encoded once: %v", pattern, cmp.Or(reply.err, errUnfit)))
	}
	constant := reply.WithBody(body)
	if constant.Header().Get("ETag") == "" {
		constant = constant.With("ETag", etagOf(body))
	}
	constant.flags |= flagConst
	g.add(http.MethodGet, pattern, func(*Request) Response { return constant }, opts)
}

var errUnfit = errors.New("it streams, or is JSON that cannot be encoded")

// Mount hands every request below the prefix, which is taken off its path, to a
// net/http handler. Routes of the application win where both match. Middleware
// sees a response whose body is the handler's: headers it sets take the place of
// the handler's own.
func (g *group) Mount(prefix string, h http.Handler) {
	if h == nil {
		panic(fmt.Sprintf("redstart: Mount %q: the handler is nil", prefix))
	}
	prefix = strings.TrimSuffix(prefix, "/")
	stripped := stripSegments(strings.Count(g.fullPrefix()+prefix, "/"), h)
	reply := func(*Request) Response { return Response{kind: kindHandler, body: stripped} }
	g.add(routing.AnyMethod, prefix+"/", reply, nil)
	g.add(routing.AnyMethod, prefix+"/*rest", reply, nil)
}

// stripSegments takes the first n segments off the path, whatever they are, since
// a prefix may hold parameters.
func stripSegments(n int, h http.Handler) http.Handler {
	if n == 0 {
		return h
	}
	strip := func(path string) string {
		for range n {
			i := strings.IndexByte(path[1:], '/')
			if i < 0 {
				return "/"
			}
			path = path[1+i:]
		}
		return path
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := *r.URL
		if u.RawPath != "" {
			// An encoded slash in one of the segments must not count as their end.
			u.RawPath = strip(u.RawPath)
			u.Path, _ = url.PathUnescape(u.RawPath) // it was valid as a whole
		} else {
			u.Path = strip(u.Path)
		}
		inner := *r
		inner.URL = &u
		h.ServeHTTP(w, &inner)
	})
}

// Static serves a folder of files below the prefix for GET and HEAD. A name that
// is no file falls through to the routes; a route without parameters comes first.
// See [StaticOptions] for index pages, single-page applications and caching.
func (g *group) Static(prefix string, f *Files, opts ...StaticOptions) {
	if f == nil {
		panic(fmt.Sprintf("redstart: Static %q: the Files are nil", prefix))
	}
	full := g.fullPrefix() + strings.TrimSuffix(prefix, "/")
	if parsed, err := routing.Parse(full + "/"); err != nil {
		panic("redstart: Static: " + err.Error())
	} else if len(parsed.Params()) > 0 {
		panic(fmt.Sprintf("redstart: Static %q: a folder's prefix cannot hold parameters: use a route with Files.File", full))
	}
	static := &files.Static{Root: f.root, Index: "index.html"}
	for _, o := range opts {
		o.configure(static)
	}
	if err := static.Check(); err != nil {
		panic(fmt.Sprintf("redstart: Static %q: %v", prefix, err))
	}
	r := &route{method: http.MethodGet, pattern: full, where: callSite(), group: g, static: static, handler: serveStatic}
	g.app.addStatic(r)
}

// Group makes a group within this one. The prefix may hold parameters.
func (g *group) Group(prefix string, mw ...Middleware) *Group {
	checkMiddleware(mw)
	return &Group{group{app: g.app, parent: g, host: g.host, prefix: strings.TrimSuffix(prefix, "/"), middleware: mw}}
}

// Use puts middleware around all routes of the group, the first outermost. On the
// App it is also around the automatic replies. It counts for routes registered
// before, too.
func (g *group) Use(mw ...Middleware) {
	checkMiddleware(mw)
	g.app.change(func() { g.middleware = append(g.middleware, mw...) })
}

// OnError chooses the replies to errors and panics of the group's handlers and
// middleware, in place of the enclosing group's choice.
func (g *group) OnError(f func(*Request, error) Response) {
	g.app.change(func() { g.onError = f })
}

func (g *group) fullPrefix() string {
	if g.parent == nil {
		return g.prefix
	}
	return g.parent.fullPrefix() + g.prefix
}

// chain wraps h in the middleware of the group and of all around it.
func (g *group) chain(h Handler) Handler {
	onError := g.errorHandler()
	for _, mw := range slices.Backward(g.middleware) {
		h = g.app.guard(mw(h), onError)
	}
	if g.parent != nil {
		return g.parent.chain(h)
	}
	return h
}

func (g *group) errorHandler() func(*Request, error) Response {
	for ; g != nil; g = g.parent {
		if g.onError != nil {
			return g.onError
		}
	}
	return nil
}

func (g *group) add(method, pattern string, h Handler, opts []RouteOption) {
	if h == nil {
		panic(fmt.Sprintf("redstart: %s %q: the handler is nil", method, pattern))
	}
	full := g.fullPrefix() + pattern
	if pattern == "/" && g.fullPrefix() != "" {
		full = g.fullPrefix() // the group's own address
	}
	parsed, err := routing.Parse(full)
	if err != nil {
		panic("redstart: " + err.Error())
	}
	r := &route{method: method, pattern: full, parsed: parsed, handler: h, group: g, where: callSite()}
	for _, opt := range opts {
		opt(r)
	}
	g.app.addRoute(r)
}

func checkMiddleware(mw []Middleware) {
	for i, m := range mw {
		if m == nil {
			panic(fmt.Sprintf("redstart: middleware %d of %d is nil", i+1, len(mw)))
		}
	}
}

// here begins the name of every function of this package.
var here = reflect.TypeFor[App]().PkgPath() + "."

// callSite finds the line outside this package that registers.
func callSite() string {
	var callers [16]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, here) {
			return path.Join(path.Base(path.Dir(frame.File)), path.Base(frame.File)) + ":" + strconv.Itoa(frame.Line)
		}
		if !more {
			return "unknown"
		}
	}
}

func handlerName(h Handler) string {
	f := runtime.FuncForPC(reflect.ValueOf(h).Pointer())
	if f == nil {
		return ""
	}
	return strings.TrimSuffix(f.Name(), "-fm") // of a method's value
}
