package redstart

import (
	"fmt"
	"net"
	"net/http"
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
	return func(r *route) { r.middleware = append(r.middleware, mw...) }
}

// BodyLimit bounds the request's body for this route, in bytes, instead of the
// application's limit; 0 is no bound.
func BodyLimit(bytes int64) RouteOption { return func(r *route) { r.limit = &bytes } }

// route is one registered route. Its chain is composed when the routes are built.
type route struct {
	method, pattern string
	parsed          routing.Pattern
	name, where     string
	handler         Handler
	group           *group
	middleware      []Middleware
	limit           *int64
	static          *files.Static

	chain     Handler
	bodyLimit int64
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
// ETag and answers conditional requests with 304. It still passes middleware.
// A reply that fails or streams panics.
func (g *group) Const(pattern string, reply Response, opts ...RouteOption) {
	body, ok := reply.Bytes()
	if reply.err != nil || !ok {
		panic(fmt.Sprintf("redstart: Const %q: the reply must have a body that can be encoded once: %v", pattern, reply.err))
	}
	constant := reply.WithBody(body).With("ETag", etagOf(body))
	constant.flags |= flagConst
	g.add(http.MethodGet, pattern, func(*Request) Response { return constant }, opts)
}

// Mount hands every request below the prefix, which is taken off its path, to a
// net/http handler. Routes of the application win where both match. Middleware
// sees a response whose body is the handler's.
func (g *group) Mount(prefix string, h http.Handler) {
	prefix = strings.TrimSuffix(prefix, "/")
	stripped := http.StripPrefix(g.fullPrefix()+prefix, h)
	reply := func(*Request) Response { return Response{kind: kindHandler, body: stripped} }
	g.add(routing.AnyMethod, prefix+"/", reply, nil)
	g.add(routing.AnyMethod, prefix+"/*rest", reply, nil)
}

// Static serves a folder of files below the prefix for GET and HEAD. A name that
// is no file falls through to the routes; a route without parameters comes first.
// See [StaticOptions] for index pages, single-page applications and caching.
func (g *group) Static(prefix string, f *Files, opts ...StaticOptions) {
	static := &files.Static{Root: f.root, Index: "index.html"}
	for _, o := range opts {
		o.configure(static)
	}
	if err := static.Check(); err != nil {
		panic(fmt.Sprintf("redstart: Static %q: %v", prefix, err))
	}
	r := &route{
		method: http.MethodGet, pattern: g.fullPrefix() + strings.TrimSuffix(prefix, "/"),
		where: callSite(), group: g, static: static, handler: serveStatic,
	}
	g.app.addStatic(r)
}

// Group makes a group within this one. The prefix may hold parameters.
func (g *group) Group(prefix string, mw ...Middleware) *Group {
	return &Group{group{app: g.app, parent: g, host: g.host, prefix: strings.TrimSuffix(prefix, "/"), middleware: mw}}
}

// Use puts middleware around all routes of the group, the first outermost. On the
// App it is also around the automatic replies. It counts for routes registered
// before, too.
func (g *group) Use(mw ...Middleware) {
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

// callSite finds the line outside this package's route methods that registers.
func callSite() string {
	var callers [16]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for {
		frame, more := frames.Next()
		if !strings.Contains(frame.Function, "redstart.(*group).") && !strings.Contains(frame.Function, "redstart.(*App).") &&
			!strings.Contains(frame.Function, "redstart.(*Group).") && frame.Function != "" {
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
	return f.Name()
}

// routes is the compiled form of all that was registered. It never changes.
type routes struct {
	table   *routing.Matcher[*route]
	hosts   map[string]*routing.Matcher[*route]
	statics []*route

	notFound   Handler
	notAllowed Handler
	options    Handler
}

// build compiles the routes: every chain of middleware is composed here, once.
// The app is locked.
func (a *App) build() *routes {
	rs := &routes{hosts: map[string]*routing.Matcher[*route]{}}
	for _, r := range a.registered {
		a.compile(r)
	}
	for _, r := range a.statics {
		a.compile(r)
		rs.statics = append(rs.statics, r)
	}
	// The longest prefix is the most specific.
	slices.SortStableFunc(rs.statics, func(x, y *route) int { return len(y.pattern) - len(x.pattern) })
	for host, table := range a.tables {
		matcher, err := table.Build()
		if err != nil {
			panic("redstart: " + err.Error())
		}
		if host == "" {
			rs.table = matcher
		} else {
			rs.hosts[host] = matcher
		}
	}
	rs.notFound = a.group.chain(a.guard(a.automatic(a.config.notFound, http.StatusNotFound), a.onError))
	rs.notAllowed = a.group.chain(a.guard(a.automatic(a.config.notAllowed, http.StatusMethodNotAllowed), a.onError))
	rs.options = a.group.chain(func(req *Request) Response { return NoContent().With("Allow", req.allow()) })
	return rs
}

func (a *App) compile(r *route) {
	onError := r.group.errorHandler()
	h := a.guard(r.handler, onError)
	for _, mw := range slices.Backward(r.middleware) {
		h = a.guard(mw(h), onError)
	}
	r.chain = r.group.chain(h)
	r.bodyLimit = a.config.bodyLimit
	if r.limit != nil {
		r.bodyLimit = *r.limit
	}
}

// automatic is the reply where no route answers, the application's or our own.
func (a *App) automatic(custom Handler, status int) Handler {
	return func(req *Request) Response {
		var reply Response
		if custom != nil {
			reply = custom(req)
		} else {
			reply = Fail(Errorf(status, "%s", noRouteText(req, status)))
		}
		if reply.status == 0 && reply.err == nil {
			reply.status = uint16(status)
		}
		if status == http.StatusMethodNotAllowed {
			reply = reply.With("Allow", req.allow())
		}
		return reply
	}
}

func noRouteText(req *Request, status int) string {
	if status == http.StatusMethodNotAllowed {
		return fmt.Sprintf("%s is not offered at %q, but %s", req.Method(), req.Path(), req.allow())
	}
	return fmt.Sprintf("there is nothing at %q", req.Path())
}

func (req *Request) allow() string { return strings.Join(req.state().lookup.allowed, ", ") }

// guard settles what h returns: an error becomes its reply, a panic an error, and
// a stream is remembered in case that a middleware replaces it.
func (a *App) guard(h Handler, onError func(*Request, error) Response) Handler {
	settle := func(req *Request, resp Response) Response {
		switch {
		case resp.err != nil:
			resp = req.settle(resp, onError)
		case resp.kind == kindEvents:
			req.track(resp)
		case resp.flags&flagRedirect != 0 && resp.status == 0:
			resp.status = redirectStatus(req.Method())
		}
		return resp
	}
	if a.config.withoutRecover {
		return func(req *Request) Response { return settle(req, h(req)) }
	}
	return func(req *Request) (resp Response) {
		defer func() {
			if v := recover(); v != nil {
				resp = settle(req, Fail(recovered(v)))
			}
		}()
		return settle(req, h(req))
	}
}

func redirectStatus(method string) uint16 {
	switch method {
	case http.MethodGet, http.MethodHead:
		return http.StatusFound
	}
	return http.StatusSeeOther
}

// lookup is what finding the route leaves for an automatic reply or a file.
type lookup struct {
	allowed []string
	found   files.Found
}

// find chooses the chain that answers.
func (rs *routes) find(req *Request) Handler {
	u := req.http.URL
	if len(rs.hosts) > 0 {
		if table := rs.hosts[hostName(req.http.Host)]; table != nil {
			if h := rs.findIn(table, req); h != nil {
				return h
			}
			if allowed := table.Allowed(u.Path, u.RawPath); allowed != nil {
				return rs.otherMethod(req, allowed)
			}
		}
	}
	if h := rs.findIn(rs.table, req); h != nil {
		return h
	}
	if allowed := rs.table.Allowed(u.Path, u.RawPath); allowed != nil {
		return rs.otherMethod(req, allowed)
	}
	return rs.notFound
}

func (rs *routes) findIn(table *routing.Matcher[*route], req *Request) Handler {
	u := req.http.URL
	found := table.Lookup(req.http.Method, u.Path, u.RawPath, &req.match)
	if len(rs.statics) > 0 && (!found || req.match.Len() > 0) {
		if r := rs.findStatic(req, found); r != nil {
			req.route = r
			return r.chain
		}
	}
	if !found {
		return nil
	}
	req.route = req.match.Value
	return req.route.chain
}

// findStatic looks for a file where no route without parameters answers. The
// fallback page of a single-page application comes after all routes.
func (rs *routes) findStatic(req *Request, routed bool) *route {
	for _, r := range rs.statics {
		name, below := strings.CutPrefix(req.http.URL.Path, r.pattern)
		if !below || name != "" && name[0] != '/' || r.group.host != "" && r.group.host != hostName(req.http.Host) {
			continue
		}
		if found, ok := r.static.Match(req.http, name); ok && !(routed && found.Fallback()) {
			req.state().lookup.found = found
			return r
		}
	}
	return nil
}

func serveStatic(req *Request) Response {
	static, found := req.route.static, req.state().lookup.found
	return Response{kind: kindFile, body: fileBody(func(w http.ResponseWriter, r *http.Request) error {
		return static.Serve(w, r, found)
	})}
}

func (rs *routes) otherMethod(req *Request, allowed []string) Handler {
	req.state().lookup.allowed = allowed
	if req.http.Method == http.MethodOptions {
		return rs.options
	}
	return rs.notAllowed
}

func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
