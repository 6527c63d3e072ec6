package redstart

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/redstart-go/redstart/internal/bind"
	"github.com/redstart-go/redstart/internal/callsite"
	"github.com/redstart-go/redstart/internal/excerpt"
	"github.com/redstart-go/redstart/internal/files"
	"github.com/redstart-go/redstart/internal/headers"
	"github.com/redstart-go/redstart/internal/openapi"
	"github.com/redstart-go/redstart/internal/provide"
	"github.com/redstart-go/redstart/internal/routing"
)

// here tells this package's functions from the program's.
var here = callsite.Package[App]()

// misuse panics about a registration that is wrong: what it is, where it stands, and what
// to do about it.
func misuse(what, format string, args ...any) {
	panic(fmt.Sprintf("redstart: %s at %s: %s", what, callsite.Outside(here), fmt.Sprintf(format, args...)))
}

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
	if f == nil {
		misuse("Before", "the function is nil")
	}
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
	if f == nil {
		misuse("After", "the function is nil")
	}
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

// Secured puts guards around this route only, inside those of its group: see
// [App.Secure].
func Secured(guards ...Guard) RouteOption {
	list := securities(guards)
	return func(r *route) {
		for _, s := range list {
			r.middleware, r.security = append(r.middleware, s.Middleware), append(r.security, s)
		}
	}
}

// Guard is what decides who may ask for a route, such as a scheme of package middleware.
type Guard interface{ Security() Security }

// Security is a guard as a value: a middleware, and what documents say of it. It is a
// [Guard] itself.
type Security struct {
	Middleware Middleware
	// Schemes are the ways to prove who one is, any of which will do. None leaves that
	// to another guard.
	Schemes []SecurityScheme
	// Scopes are those that the client needs, all of them.
	Scopes []string
	// Optional says that clients who prove nothing pass too.
	Optional bool
}

// Security returns s.
func (s Security) Security() Security { return s }

// SecurityScheme describes a way to prove who one is, in the terms of OpenAPI 3.1
// section 4.8.27.
type SecurityScheme struct {
	Name         string // its key in the document, such as "bearer"
	Type         string // "http", or "apiKey"
	Scheme       string // of type http: "bearer" or "basic"
	BearerFormat string // "JWT"
	In           string // of type apiKey: "header", "query" or "cookie"
	Param        string // of type apiKey: the name of the header, parameter or cookie
	Description  string
}

func securities(guards []Guard) []Security {
	if len(guards) == 0 {
		misuse("securing routes", "there is no guard, and everybody could come in: give one, or leave it out")
	}
	list := make([]Security, 0, len(guards))
	for i, guard := range guards {
		if guard == nil {
			misuse(nth("guard", i, len(guards)), "it is nil: leave it out, or give a scheme of package middleware")
		}
		s := guard.Security()
		if s.Middleware == nil {
			misuse(nth("guard", i, len(guards)), "it has no middleware")
		}
		list = append(list, s)
	}
	return list
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
	form            FormLimits
	constant        *openapi.Constant // of Const
	security        []Security        // of the route alone
	needs           []reflect.Type
	doc             openapi.Doc
	described       *bind.Input     // of the doc
	success         uint16          // of a typed handler, 0 for the default
	operation       *bind.Operation // what a typed handler takes and returns, for documents
	function        string          // the typed handler's
	socket          bool            // see WebSocket
	static          *files.Static
	index           int // among the registered, for routes that are no folder of files

	chain     Handler
	preflight Handler // answers OPTIONS for the route, through its middleware
	bodyLimit int64
	onError   func(*Request, error) Response
}

// RouteInfo describes a registered route.
type RouteInfo struct {
	Method  string // "*" for every method, see [App.Any]
	Pattern string
	Name    string // "" when it has none
	Handler string // the handler's function
	Source  string // file:line of the registration
	Host    string // "" for every host
	Socket  bool   // registered by WebSocket
	// Security is what guards the route, that of the outermost group first: a request
	// has to pass each of them.
	Security []Security
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
	security   []Security
	provided   provide.Scope
	onError    func(*Request, error) Response
	doc        openapi.GroupDoc
}

// Get registers a handler for GET, and for HEAD unless that has its own. The
// pattern's segments are literal, a parameter ":id", an optional last parameter
// ":page?", or a last catch-all "*path". Like all registrations it panics when the
// pattern is malformed, or when the route exists already.
func (g *group) Get(pattern string, h Handler, opts ...RouteOption) {
	g.add(http.MethodGet, pattern, h, opts)
}

// WebSocket registers a handler for the GET that asks for an upgrade, and returns a
// [Socket]. It is Get but for documents, which show the route as what it is.
func (g *group) WebSocket(pattern string, h Handler, opts ...RouteOption) {
	asSocket := func(r *route) { r.socket = true }
	g.add(http.MethodGet, pattern, h, append([]RouteOption{asSocket}, opts...))
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

// Head registers a handler for HEAD, instead of the one for GET with the same
// pattern.
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

// Any registers a handler for every method, those that are no standard included.
// Of the routes that match, the most specific answers, whatever its method is: a
// request for /api/1 comes here for "/api/:x" although there is a Get of "/*path". A
// route for the request's method itself wins only when its pattern is the same or
// more specific; for HEAD that may be one for GET.
func (g *group) Any(pattern string, h Handler, opts ...RouteOption) {
	g.add(routing.AnyMethod, pattern, h, opts)
}

// Handle registers a handler for a method by its name, which may be one of the
// application's own. Methods are case-sensitive.
func (g *group) Handle(method, pattern string, h Handler, opts ...RouteOption) {
	if !headers.ValidName(method) {
		misuse(fmt.Sprintf("Handle %q", pattern), "%q is not a method: want a token such as %q", method, http.MethodGet)
	}
	g.add(method, pattern, h, opts)
}

// Const registers a reply that never changes. It is encoded once, carries a strong
// ETag, unless it has one, and answers conditional requests with 304. It still
// passes middleware. A reply that fails or streams panics.
func (g *group) Const(pattern string, reply Response, opts ...RouteOption) {
	body, ok := reply.Bytes()
	if reply.err != nil || !ok {
		misuse(fmt.Sprintf("Const %q", pattern), "the reply must have a body that can be encoded once: %v", cmp.Or(reply.err, errUnfit))
	}
	constant := reply.WithBody(body)
	if constant.Header().Get("ETag") == "" {
		constant = constant.With("ETag", headers.ETag(body))
	}
	constant.flags |= flagConst
	told := &openapi.Constant{Status: constant.StatusCode(), Type: constant.Header().Get("Content-Type"), Body: body}
	asConstant := func(r *route) { r.constant, r.function = told, "redstart.Const" }
	g.add(http.MethodGet, pattern, func(*Request) Response { return constant }, append([]RouteOption{asConstant}, opts...))
}

var errUnfit = errors.New("it streams, or is JSON that cannot be encoded")

// Mount hands every request below the prefix, which is taken off its path, to a
// net/http handler, for every method. It stands for [App.Any] of the prefix and of
// a catch-all below it: routes that are more specific win, those of a less specific
// catch-all do not. Middleware sees a response whose body is the handler's: headers
// it sets take the place of the handler's own.
func (g *group) Mount(prefix string, h http.Handler) {
	if h == nil {
		misuse(fmt.Sprintf("Mount %q", prefix), "the handler is nil")
	}
	prefix = strings.TrimSuffix(prefix, "/")
	stripped := routing.StripSegments(strings.Count(g.fullPrefix()+prefix, "/"), h)
	reply := func(*Request) Response { return Response{kind: kindHandler, body: stripped} }
	asMount := []RouteOption{Hidden(), func(r *route) { r.function = callsite.Name(h) }}
	g.add(routing.AnyMethod, prefix+"/", reply, asMount)
	g.add(routing.AnyMethod, prefix+"/*rest", reply, asMount)
}

// Static serves a folder of files below the prefix for GET and HEAD, and index.html for a
// folder in it. A name that is no file falls through to the routes; a route without
// parameters comes first. Of several folders that of the longest prefix comes first, and
// of the same prefix the one that was registered first: it lies over the other.
//
// Where a file has a sibling that was compressed before, as app.js has app.js.br, .zst or
// .gz, a client that accepts it gets that one, unless the file is younger. Replies have an
// ETag and are revalidated before each use, but for names with a hash, which are kept for
// a year. See [StaticOptions] for single-page applications and listings.
func (g *group) Static(prefix string, f *Files, opts ...StaticOptions) {
	if f == nil || f.root == nil {
		misuse(fmt.Sprintf("Static %q", prefix), "the Files are nil: make them by OpenFiles or FilesFS")
	}
	full := g.fullPrefix() + strings.TrimSuffix(prefix, "/")
	if parsed, err := routing.Parse(full + "/"); err != nil {
		misuse(fmt.Sprintf("Static %q", prefix), "%v", err)
	} else if len(parsed.Params()) > 0 {
		misuse(fmt.Sprintf("Static %q", full), "a folder's prefix cannot hold parameters: use a route with Files.File")
	}
	static := &files.Static{Root: f.root, Index: "index.html"}
	for _, o := range opts {
		o.configure(static)
	}
	if err := static.Check(); err != nil {
		misuse(fmt.Sprintf("Static %q", prefix), "%v", err)
	}
	r := &route{method: http.MethodGet, pattern: full, where: callsite.Outside(here), group: g, static: static, handler: serveStatic, function: "redstart.Static"}
	g.app.addStatic(r)
}

// StaticOptions refine [App.Static].
type StaticOptions struct {
	// Listing shows folders without an index.html as a page of links.
	Listing bool
	// Fallback is the file that answers a browser's navigation to a name that is
	// neither a file nor a route: the page of a single-page application.
	Fallback string
	// Hashed says whether a file's name changes with its content, so that it may
	// be cached for a year; the default recognises names like app.3f2a9c1b.js, with
	// digits and letters a to f, or eight of A to Z and 2 to 7. The name that it is given
	// is the path in the folder.
	Hashed func(name string) bool
	// Dotfiles serves names that begin with a dot as well. They are refused
	// otherwise, but for those below .well-known.
	Dotfiles bool
}

func (o StaticOptions) configure(s *files.Static) {
	s.Listing, s.Fallback, s.Hashed, s.Dotfiles = o.Listing, o.Fallback, o.Hashed, o.Dotfiles
}

// Group makes a group within this one. The prefix may hold parameters.
func (g *group) Group(prefix string, mw ...Middleware) *Group {
	checkMiddleware(mw)
	if full := g.fullPrefix() + strings.TrimSuffix(prefix, "/"); full != "" {
		if _, err := routing.Parse(full); err != nil {
			misuse(fmt.Sprintf("Group %q", prefix), "%v", err)
		}
	}
	return &Group{group{app: g.app, parent: g, host: g.host, prefix: strings.TrimSuffix(prefix, "/"), middleware: mw}}
}

// Use puts middleware around all routes of the group, the first outermost. On the
// App it is also around the automatic replies. It counts for routes registered
// before, too.
func (g *group) Use(mw ...Middleware) {
	checkMiddleware(mw)
	g.app.change(func() { g.middleware = append(g.middleware, mw...) })
}

// Secure puts guards, which package middleware makes, around all routes of the group:
// their middleware, in its place among that of [App.Use], and in documents what they
// ask for.
func (g *group) Secure(guards ...Guard) {
	list := securities(guards)
	g.app.change(func() {
		for _, s := range list {
			g.middleware, g.security = append(g.middleware, s.Middleware), append(g.security, s)
		}
	})
}

// securities are those of the route, outermost first. The app is locked.
func (r *route) securities() []Security {
	var list []Security
	for g := r.group; g != nil; g = g.parent {
		list = slices.Concat(g.security, list)
	}
	return append(list, r.security...)
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
		h = g.app.guard(wrapped(mw, h), onError)
	}
	if g.parent != nil {
		return g.parent.chain(h)
	}
	return h
}

// wrapped finds a middleware that forgets to return its handler when the routes are
// built, which is at the start, and not with the first request.
func wrapped(mw Middleware, next Handler) Handler {
	h := mw(next)
	if h == nil {
		panic(fmt.Sprintf("redstart: the middleware %s returned no handler: return next, or a handler that calls it", callsite.Name(mw)))
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
		misuse(fmt.Sprintf("%s %q", method, pattern), "the handler is nil")
	}
	full := g.fullPrefix() + pattern
	if pattern == "/" && g.fullPrefix() != "" {
		full = g.fullPrefix() // the group's own address
	}
	parsed, err := routing.Parse(full)
	if err != nil {
		misuse(fmt.Sprintf("%s %q", method, pattern), "%v", err)
	}
	r := &route{method: method, pattern: full, parsed: parsed, handler: h, group: g, where: callsite.Outside(here)}
	for i, opt := range opts {
		if opt == nil {
			misuse(fmt.Sprintf("%s %q", method, pattern), "%s is nil: leave it out", nth("option", i, len(opts)))
		}
		opt(r)
	}
	if r.success != 0 && r.operation == nil {
		misuse(fmt.Sprintf("%s %q", method, pattern), "WithSuccess is for typed handlers: call WithStatus of the Response")
	}
	g.app.addRoute(r)
}

func checkMiddleware(mw []Middleware) {
	for i, m := range mw {
		if m == nil {
			misuse(nth("middleware", i, len(mw)), "it is nil: leave it out")
		}
	}
}

func nth(what string, i, of int) string { return fmt.Sprintf("%s %d of %d", what, i+1, of) }

// routes is the compiled form of all that was registered. It never changes.
type routes struct {
	compiled []*route // as registered
	all      scope
	hosts    map[string]*scope

	notFound   Handler
	notAllowed Handler
	options    Handler
	onError    func(*Request, error) Response
	docs       map[string]*route // the documents in their usual place, by openapi.Pattern
}

// scope is the routes and folders of one host, or those for every host.
type scope struct {
	table   *routing.Matcher[*route]
	statics []*route
}

// build compiles the routes: every chain of middleware is composed here, once.
// The app is locked.
func (a *App) build() *routes {
	rs := &routes{hosts: map[string]*scope{}, onError: a.group.onError}
	for _, r := range a.registered {
		rs.compiled = append(rs.compiled, a.compile(r))
	}
	for host, table := range a.tables {
		matcher, err := table.Build()
		if err != nil {
			panic("redstart: " + err.Error())
		}
		s := &rs.all
		if host != "" {
			s = new(scope)
			rs.hosts[host] = s
		}
		s.table = matcher
		for _, r := range a.statics {
			if r.group.host == host {
				s.statics = append(s.statics, a.compile(r))
			}
		}
		// The longest prefix is the most specific.
		slices.SortStableFunc(s.statics, func(x, y *route) int { return len(y.pattern) - len(x.pattern) })
	}
	reply := func(custom Handler, status int) Handler {
		return a.group.chain(a.guard(automatic(custom, status), rs.onError))
	}
	rs.notFound = reply(a.config.notFound, http.StatusNotFound)
	rs.notAllowed = reply(a.config.notAllowed, http.StatusMethodNotAllowed)
	rs.options = a.group.chain(automaticOptions)
	rs.docs = a.docsRoutes()
	return rs
}

// compile makes the copy of a route that requests use.
func (a *App) compile(registered *route) *route {
	r := *registered
	r.onError = r.group.errorHandler()
	compose := func(h Handler) Handler {
		for _, mw := range slices.Backward(r.middleware) {
			h = a.guard(wrapped(mw, h), r.onError)
		}
		return r.group.chain(h)
	}
	r.chain = compose(a.guard(r.handler, r.onError))
	r.preflight = compose(automaticOptions)
	r.bodyLimit = a.config.bodyLimit
	if r.limit != nil {
		r.bodyLimit = *r.limit
	}
	return &r
}

// guard settles what h returns: an error becomes its reply, a panic an error, and
// a stream is remembered in case that a middleware replaces it.
func (a *App) guard(h Handler, onError func(*Request, error) Response) Handler {
	settle := func(req *Request, resp Response) Response {
		switch resp.kind {
		case kindEvents, kindSocket:
			req.track(resp)
		case kindPage:
			resp = resp.of(req)
		}
		if resp.err != nil {
			return req.settle(resp, onError)
		}
		if resp.flags&flagRedirect != 0 && resp.status == 0 {
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
	onError func(*Request, error) Response // of a reply without a route
}

// find chooses the chain that answers: the routes of the request's host before
// those for every host, and among these a route without parameters, a file, a
// route with parameters. What answers to names that nobody else knows, the page of
// a single-page application, comes last.
func (rs *routes) find(req *Request) Handler {
	var host *scope
	if len(rs.hosts) > 0 {
		host = rs.hosts[routing.HostName(req.Host())]
	}
	var page *route
	for _, s := range [...]*scope{host, &rs.all} {
		if s != nil {
			if h := rs.findIn(s, req, &page); h != nil {
				return h
			}
		}
	}
	if h := rs.docsFor(req); h != nil {
		return h
	}
	if page != nil {
		req.route = page
		return page.chain
	}
	return rs.findAutomatic(req, host)
}

func (rs *routes) findIn(s *scope, req *Request, page **route) Handler {
	u := req.http.URL
	routed := s.table.Lookup(req.http.Method, u.Path, u.RawPath, &req.match)
	if len(s.statics) > 0 && (!routed || req.match.Len() > 0) {
		if r := findFile(s.statics, req, page); r != nil {
			req.match = routing.Match[*route]{} // the parameters are of a route that does not answer
			req.route = r
			return r.chain
		}
	}
	if !routed {
		return nil
	}
	req.route = rs.compiled[req.match.Value.index]
	return req.route.chain
}

// findFile finds the folder that has the file that is asked for. A folder that only
// has a page for want of a file becomes the page, if there is none yet.
func findFile(statics []*route, req *Request, page **route) *route {
	for _, r := range statics {
		name, below := r.below(req)
		if !below {
			continue
		}
		found, ok := r.static.Match(req.http, name)
		switch {
		case !ok:
		case !found.Fallback():
			req.state().lookup.found = found
			return r
		case *page == nil:
			req.state().lookup.found = found
			*page = r
		}
	}
	return nil
}

// below gives the request's path below a folder's prefix.
func (r *route) below(req *Request) (name string, ok bool) {
	name, ok = strings.CutPrefix(req.http.URL.Path, r.pattern)
	return name, ok && (name == "" || name[0] == '/')
}

func serveStatic(req *Request) Response {
	static, found := req.route.static, req.state().lookup.found
	return Response{kind: kindFile, body: fileBody(func(w http.ResponseWriter, r *http.Request, _ int) error {
		return static.Serve(w, r, found)
	})}
}

// findAutomatic answers where no route does: that there is nothing, or that there
// is something for other methods only. A CORS preflight asks for one of these: it
// passes the middleware of that route, which may be what allows it.
func (rs *routes) findAutomatic(req *Request, host *scope) Handler {
	u, l := req.http.URL, &req.state().lookup
	l.onError = rs.onError
	wanted := ""
	if req.http.Method == http.MethodOptions {
		wanted = req.Header("Access-Control-Request-Method")
	}
	for _, s := range [...]*scope{host, &rs.all} {
		if s == nil {
			continue
		}
		if wanted != "" && req.route == nil && s.table.Lookup(wanted, u.Path, u.RawPath, &req.match) {
			req.route = rs.compiled[req.match.Value.index]
		}
		l.allowed = append(l.allowed, s.table.Allowed(u.Path, u.RawPath)...)
		for _, r := range s.statics {
			if name, below := r.below(req); below {
				if found, ok := r.static.Find(name, "", ""); ok && !found.Fallback() {
					l.allowed = append(l.allowed, http.MethodGet, http.MethodHead, http.MethodOptions)
				}
			}
		}
	}
	if _, ok := openapi.Find(u.Path); ok && len(rs.docs) > 0 {
		l.allowed = append(l.allowed, http.MethodGet, http.MethodHead, http.MethodOptions)
	}
	slices.Sort(l.allowed)
	l.allowed = slices.Compact(l.allowed)
	switch {
	case len(l.allowed) == 0:
		return rs.notFound
	case req.http.Method != http.MethodOptions:
		return rs.notAllowed
	case req.route != nil:
		return req.route.preflight
	}
	return rs.options
}

// automatic is the reply where no route answers, the application's or our own.
func automatic(custom Handler, status int) Handler {
	return func(req *Request) Response {
		var reply Response
		if custom != nil {
			reply = custom(req)
		} else {
			reply = Fail(Error(status, noRouteText(req, status)))
		}
		if reply.status == 0 && reply.err == nil && reply.flags&flagRedirect == 0 {
			reply.status = uint16(status)
		}
		if status == http.StatusMethodNotAllowed {
			reply = reply.With("Allow", req.allow())
		}
		return reply
	}
}

func automaticOptions(req *Request) Response { return NoContent().With("Allow", req.allow()) }

func noRouteText(req *Request, status int) string {
	if status == http.StatusMethodNotAllowed {
		return fmt.Sprintf("%s is not offered at %q, but %s", req.Method(), excerpt.Of(req.Path(), 200), req.allow())
	}
	if req.Method() == http.MethodConnect && req.Path() == "" {
		return "CONNECT is not offered: this server is not a proxy"
	}
	return fmt.Sprintf("there is nothing at %q", excerpt.Of(req.Path(), 200))
}

func (req *Request) allow() string { return strings.Join(req.state().lookup.allowed, ", ") }
