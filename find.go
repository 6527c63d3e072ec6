package redstart

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/redstart-go/redstart/internal/files"
	"github.com/redstart-go/redstart/internal/routing"
)

// routes is the compiled form of all that was registered. It never changes.
type routes struct {
	compiled []*route // as registered
	all      scope
	hosts    map[string]*scope

	notFound   Handler
	notAllowed Handler
	options    Handler
	onError    func(*Request, error) Response
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
	return rs
}

// compile makes the copy of a route that requests use.
func (a *App) compile(registered *route) *route {
	r := *registered
	r.onError = r.group.errorHandler()
	compose := func(h Handler) Handler {
		for _, mw := range slices.Backward(r.middleware) {
			h = a.guard(mw(h), r.onError)
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
		if resp.kind == kindEvents {
			req.track(resp)
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
		host = rs.hosts[hostName(req.Host())]
	}
	var page *route
	for _, s := range [...]*scope{host, &rs.all} {
		if s != nil {
			if h := rs.findIn(s, req, &page); h != nil {
				return h
			}
		}
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
		return fmt.Sprintf("%s is not offered at %q, but %s", req.Method(), req.Path(), req.allow())
	}
	return fmt.Sprintf("there is nothing at %q", req.Path())
}

func (req *Request) allow() string { return strings.Join(req.state().lookup.allowed, ", ") }

// hostName takes a port, the brackets of an IPv6 address and the last dot off.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimPrefix(strings.TrimSuffix(host, "]"), "[")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
