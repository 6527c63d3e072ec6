// Package redstart is a small web framework: a handler returns its reply as a
// value, and a live stream is a reply like any other.
//
//	app := redstart.New()
//	app.Get("/", func(req *redstart.Request) redstart.Response {
//		return redstart.Text("Hello, Gotham")
//	})
//	app.Start(":8080")
//
// # What a handler can return
//
// A [Response] is made by a constructor and refined by its methods. Each method
// returns a copy, so a response may be kept and shared.
//
//	constructor              status        Content-Type                  body
//	Text(s)                  200           text/plain; charset=utf-8     s
//	HTML(s)                  200           text/html; charset=utf-8      s, as it is
//	JSON(v)                  200           application/json              v encoded; [] for a nil slice
//	Render(name, data)       200           text/html; charset=utf-8      the template, see WithTemplates
//	Bytes(b)                 200           application/octet-stream      b
//	Status(n)                n             none                          none
//	NoContent()              204           none                          none
//	Redirect(url)            302, or 303   none                          none; 303 unless the method is GET or HEAD
//	RedirectLocal(path)      the same      none                          the same; 400 for another site
//	File(path)               200 206 304   by the name                   the file, ranges and conditions honoured
//	Attachment(path, name)   the same      by the name                   the file, to be saved under that name
//	Stream(type, source)     200           type                          chunks, each flushed; any size
//	SSEResponse(source)      200           text/event-stream             Server-Sent Events
//	Fail(err)                of the error  application/problem+json      RFC 9457; text for a browser
//	Response{}               200           none                          none
//
// [Response.WithStatus], [Response.With], [Response.WithAdded],
// [Response.WithDefault], [Response.Without], [Response.WithCookie],
// [Response.ClearCookie], [Response.WithFilename], [Response.WithBody] and
// [Response.WithDone] refine any of them. A refinement that HTTP does not allow, such as a
// header with a line break, is a programming error: the client gets a 500, and the log
// says why.
//
// # Routes
//
// Patterns are literal segments, a parameter ":id", an optional last one ":slug?",
// and a last catch-all "*path". Of the routes that match, the most specific
// answers: text before parameter before catch-all. One trailing slash is the same
// route. HEAD is answered from GET, OPTIONS and 405 by themselves.
//
// A [Group] shares a prefix, middleware and an error handler, [App.Host] makes one
// for a host name. [App.Static] serves a folder, [App.Mount] any [http.Handler],
// [App.Const] a reply that never changes.
//
// # What a request brings
//
// A [Request] has parameters and a body. [Request.Form] reads forms of both kinds: their
// files are each an [Upload], in memory or on disk, and [Upload.SaveTo] keeps one.
// [Request.Parts] reads uploads of any size in constant memory.
//
// A typed handler, registered by [Get], [Post] and their like, has all of that in a
// struct, by the tags of its fields, and checked; [Request.Bind] does it in any handler.
// The reply to a bad request names the parameter, the field or the file:
//
//	status   what is wrong
//	400      another type than expected, text that is not UTF-8, one value given twice,
//	         a parameter that is missing; JSON or a form that is malformed or cut off
//	408      a body that stopped arriving
//	413      a body, the texts of a form or their number over the limit
//	415      a Content-Type, charset or Content-Encoding that is not taken
//	422      rules that are broken, fields of a body that are missing: all of them
//
// # Middleware
//
// A [Middleware] wraps a [Handler] and sees values: it can look at the request,
// answer by itself, and refine or replace what the handler returned, whatever it
// is. Nothing has been written by then, and no ResponseWriter can be wrapped by
// mistake. [Before] and [After] make one of a plain function. [App.UseHTTP] takes
// the net/http kind.
//
// # Who asks, and what is provided
//
// Schemes of package middleware, put around routes by [App.Secure] and [Secured], say who
// a request is from: [Request.Identity]. Sessions are [Request.Session]. What handlers
// share, a database for one, can be given to an app or a group by [Provide], and is had by
// [Use]; [Needs] has the app not start without it. Each of them takes the request, and any
// context that is derived from its own: see [IdentityFrom] and [SessionFrom].
//
// # Errors
//
// Return [Fail] with any error. One that has a method StatusCode() int chooses its
// status, and [Error] and [Errorf] make such, with headers by [HTTPError.WithHeader].
// Any other is a 500 that tells the client nothing and the log everything, and so is a
// panic. The error is settled into its reply beside the handler, so that middleware sees
// the true status and its headers survive. [App.OnError] replaces the reply.
//
// # Streams
//
// [SSEResponse] takes an iterator, a channel, a function that sends, or a
// subscription to a hub of package sse. The dispatcher starts it when the outermost
// middleware has returned, ends its context when the client leaves, and writes one
// log line at its end. [Stream] is the same for bytes.
//
// # Documents
//
// An app with a typed handler describes itself: /openapi.json and /openapi.yaml have
// its OpenAPI document, and /docs a page that shows it and sends requests. [Describe]
// adds what types cannot tell, [WithAPI] says what it is about, [App.Docs] puts the
// page elsewhere, behind a guard say, and [WithoutDocs] leaves it out.
//
// # Running
//
// [Main] as the last line of a program lets whoever runs it say where it listens and how
// much it logs, by flags, the environment, or a file redstart.env: --help lists it all.
// [App.Start] takes an address instead, [App.Run] and [App.Serve] leave signals to the
// program.
//
//	./desk --host 0.0.0.0 --port 80 --processes 4 --log-level warn --disable-openapi
//	REDSTART_PORT=9000 ./desk --open-browser
//
// # Tests
//
// [App.Test] is one exchange with the app, in memory. [App.TestClient] is a client for a
// whole test: with cookies, event streams and WebSockets, over connections in memory that
// pass everything a request passes in life, and in a bubble of testing/synctest without
// any waiting. [sse.Record] reads a stream without a request.
package redstart

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/redstart-go/redstart/internal/callsite"
	"github.com/redstart-go/redstart/internal/excerpt"
	"github.com/redstart-go/redstart/internal/openapi"
)

// OpenAPI is an OpenAPI document, of version 3.1, with methods JSON and YAML. Its
// method V32 returns it in version 3.2, in which event streams are described in full.
type OpenAPI = openapi.Document

// API says what the OpenAPI document of an app is about: see [WithAPI].
type API = openapi.API

// APIServer is an address of an [API], APIContact whom to ask about it, and APILicense
// its license.
type (
	APIServer  = openapi.Server
	APIContact = openapi.Contact
	APILicense = openapi.License
)

// Doc says of a route what its OpenAPI document cannot know by itself: see [Describe].
type Doc = openapi.Doc

// GroupDoc says what the OpenAPI document tells of a group: see [App.Describe].
type GroupDoc = openapi.GroupDoc

// SocketDoc describes the messages of a WebSocket, for a [Doc].
type SocketDoc = openapi.Socket

// docsConfig is what options say of documents.
type docsConfig struct {
	api openapi.API
	own *openapi.Document
	off bool
}

// docsState is what an app keeps of its documents.
type docsState struct {
	site   openapi.Site
	placed string // by Docs: where the page is
}

// WithAPI says what the OpenAPI document is about: title, version, servers.
func WithAPI(api API) Option { return func(c *config) { c.docs.api = api } }

// WithoutDocs serves neither the OpenAPI document nor the page that shows it, unless
// [App.Docs] does.
func WithoutDocs() Option { return func(c *config) { c.docs.off = true } }

// WithOpenAPI takes the place of the document that the routes would make. The text is
// JSON or YAML. One that cannot be read is an error of the start.
func WithOpenAPI(document []byte) Option {
	return func(c *config) {
		own, err := openapi.Parse(document)
		if err != nil {
			c.err = errors.Join(c.err, fmt.Errorf("WithOpenAPI: %w", err))
			return
		}
		c.docs.own = own
	}
}

// Describe says of a route what documents cannot know by themselves. Of a typed handler
// they know nearly all; of others the path and the name. Types that cannot be
// described, as an Input with a wrong tag, panic.
func Describe(d Doc) RouteOption {
	return func(r *route) {
		input, err := d.Compile(bindConfig(r.method, r.parsed.Params(), strings.HasSuffix(r.pattern, "?")))
		if err != nil {
			panic(fmt.Sprintf("redstart: Describe of %s %q at %s: %v", r.method, r.pattern, r.where, err))
		}
		d.Hidden = d.Hidden || r.doc.Hidden
		r.doc, r.described = d, input
	}
}

// Hidden leaves the route out of documents.
func Hidden() RouteOption { return func(r *route) { r.doc.Hidden = true } }

// Describe says what documents tell of the group: the tag of its routes, and whether
// they are there at all.
func (g *group) Describe(d GroupDoc) { g.app.change(func() { g.doc = d }) }

// Docs serves the page that shows the OpenAPI document at a path of the group, and the
// document below it, as openapi.json and openapi.yaml. There is no /docs then. They
// pass the middleware and the guards of the group.
func (g *group) Docs(pattern string, opts ...RouteOption) {
	pattern = "/" + strings.Trim(pattern, "/")
	if path.Join(g.fullPrefix(), pattern) == "/" {
		misuse(fmt.Sprintf("Docs %q", pattern), "the page needs a path of its own, such as \"/docs\"")
	}
	opts = append([]RouteOption{Hidden()}, opts...)
	g.app.change(func() { g.app.docs.placed = cmp.Or(g.app.docs.placed, path.Join(g.fullPrefix(), pattern)) })
	g.Get(pattern, func(req *Request) Response { return g.app.docsFile(req, req.Path(), "") }, opts...)
	g.Get(path.Join(pattern, "*file"), func(req *Request) Response { return g.app.docsFile(req, "", req.Param("file")) }, opts...)
}

// OpenAPI returns the document of the app: its own, see [WithOpenAPI], or one made of
// the routes. It is made anew at each call; routes may still be added.
func (a *App) OpenAPI() *OpenAPI {
	if own := a.config.docs.own; own != nil {
		return own
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return openapi.Build(a.config.docs.api, a.describeRoutes())
}

// describeRoutes returns the routes as documents see them. The app is locked.
func (a *App) describeRoutes() []openapi.Route {
	list := make([]openapi.Route, len(a.registered))
	for i, r := range a.registered {
		d := &list[i]
		*d = openapi.Route{
			Method: r.method, Pattern: r.pattern, Host: r.group.host, Name: r.name,
			Function: cmp.Or(r.function, callsite.Name(r.handler)), Operation: r.operation, Input: r.described, Doc: r.doc, Constant: r.constant,
			Socket: r.socket, OwnErrors: r.group.errorHandler() != nil,
		}
		if r.constant != nil {
			d.Function = "" // what it is called says nothing of what it is
		}
		for g := r.group; g != nil; g = g.parent {
			d.Groups = slices.Insert(d.Groups, 0, openapi.Group{GroupDoc: g.doc, Prefix: g.prefix})
		}
		for _, s := range r.securities() {
			guard := openapi.Guard{Scopes: s.Scopes, Optional: s.Optional}
			for _, scheme := range s.Schemes {
				guard.Schemes = append(guard.Schemes, openapi.Scheme(scheme))
			}
			d.Guards = append(d.Guards, guard)
		}
	}
	return list
}

// docsRoutes makes the routes that answer /docs and what belongs to it where the program
// has none, by their patterns; nil if there is nothing to show. The app is locked.
func (a *App) docsRoutes() map[string]*route {
	d := &a.config.docs
	if d.off || a.docs.placed != "" || d.own == nil && !openapi.Worthwhile(a.describeRoutes()) {
		return nil
	}
	reply := func(req *Request) Response {
		name, _ := openapi.Find(req.Path())
		return a.docsFile(req, "", name)
	}
	found := map[string]*route{}
	for _, pattern := range openapi.Patterns {
		found[pattern] = a.compile(&route{method: http.MethodGet, pattern: pattern, group: &a.group, handler: reply})
	}
	return found
}

// docsAt returns the path of the page, "" if there is none.
func (a *App) docsAt() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.docs.placed == "" && a.docsRoutes() != nil {
		return openapi.DefaultPage
	}
	return a.docs.placed
}

// docsFor returns the chain that answers a request for the documents in their usual
// place, nil for any other.
func (rs *routes) docsFor(req *Request) Handler {
	if len(rs.docs) == 0 || req.http.Method != http.MethodGet && req.http.Method != http.MethodHead {
		return nil
	}
	name, ok := openapi.Find(req.http.URL.Path)
	if !ok {
		return nil
	}
	req.route = rs.docs[openapi.PatternOf(name)]
	return req.route.chain
}

// docsFile is the reply with a file of the page. The page's own addresses are relative
// to one without a slash at the end.
func (a *App) docsFile(req *Request, at, name string) Response {
	if asked := req.Path(); name == "" && strings.HasSuffix(asked, "/") {
		return Redirect("../" + url.PathEscape(path.Base(asked))).WithStatus(http.StatusPermanentRedirect)
	}
	if version := req.Query("version"); version != "" && strings.HasPrefix(name, "openapi.") {
		if !slices.Contains(openapi.Versions, version) {
			return Fail(Errorf(http.StatusBadRequest, "query parameter \"version\": want %s, got %q", strings.Join(openapi.Versions, " or "), excerpt.Of(version, 20)))
		}
		name = "openapi-" + version + path.Ext(name)
	}
	file := a.docs.site.File(name, at, a.OpenAPI)
	if file == nil {
		return Fail(Error(http.StatusNotFound, noRouteText(req, http.StatusNotFound)))
	}
	resp := Bytes(file.Body).With("Content-Type", file.Type).With("ETag", file.ETag).
		With("Cache-Control", "no-cache").With("X-Content-Type-Options", "nosniff")
	if file.Policy != "" {
		resp = resp.With("Content-Security-Policy", file.Policy).With("Referrer-Policy", "no-referrer")
	}
	resp.flags |= flagConst
	return resp
}
