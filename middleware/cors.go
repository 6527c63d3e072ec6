package middleware

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/headers"
)

// CORSOptions say what pages of other origins may do. The zero value allows them
// nothing.
type CORSOptions struct {
	// Origins are those that may read replies, each as a browser writes it:
	//
	//	"https://gotham.city"      this scheme, host and port (none: the scheme's own)
	//	"https://*.gotham.city"    one whole label in place of the star: not
	//	                           gotham.city itself, nor a.b.gotham.city
	//	"*"                        every origin, without credentials
	//	"null"                     what sandboxed frames and local files send, which
	//	                           any page can make; without credentials
	Origins []string
	// AllowOrigin allows origins that are not in Origins. It is given the text of
	// the header Origin, "null" included, which is the client's: compare it whole.
	AllowOrigin func(req *redstart.Request, origin string) bool
	// Credentials lets pages of these origins send cookies and other credentials
	// and read the replies.
	Credentials bool
	// Methods that pages may use. The default is GET, HEAD and POST, which the
	// Fetch standard allows in any case. "*" is every one, without credentials.
	Methods []string
	// Headers that pages may set, besides those of the Fetch standard's safelist,
	// to which Content-Type does not belong for JSON. "*" is every one but
	// Authorization, without credentials.
	Headers []string
	// Expose are the reply's headers that pages may read, besides the safelist. "*"
	// is every one, without credentials.
	Expose []string
	// MaxAge is how long a browser may keep the answer to a preflight, in whole
	// seconds. Zero leaves it at the browser's 5 seconds, a negative value forbids it.
	MaxAge time.Duration
	// PrivateNetwork lets public pages reach this server in a private network, where
	// the browser asks for leave (Private Network Access).
	PrivateNetwork bool
}

// CORS lets pages of other origins read replies, by the CORS protocol of the Fetch
// standard (https://fetch.spec.whatwg.org, section 3.3). It protects nothing: who
// is not allowed is only kept from reading, by the browser. Against requests that
// change something use a check of the origin or a token.
//
// Replies to allowed origins get the headers Access-Control-*, errors and streams
// included, each once: they replace those of the handler. All replies get Vary:
// Origin, unless every origin is allowed. A preflight, which is an OPTIONS with the
// headers Origin and Access-Control-Request-Method, is answered with status 204
// without calling the handler, for origins that are not allowed too. All other
// requests go on. On a group or a route it answers the preflights for its routes.
//
// An origin that no browser could send, and "*" or "null" together with
// Credentials, panics.
func CORS(options ...CORSOptions) redstart.Middleware {
	c := newCORS(given("CORS", options))
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			if isPreflight(req) {
				return c.preflight(req)
			}
			return c.actual(req, next(req))
		}
	}
}

// cors is the options prepared.
type cors struct {
	allowed                  origins
	allowOrigin              func(*redstart.Request, string) bool
	credentials, private     bool
	methods, headers, expose string
	maxAge                   string

	// What a reply gets is made once: that to an origin by its name, for the
	// preflight and for the request itself, and the fields on which both depend.
	varies, askedVaries redstart.Response
	replies             map[string]corsReply
}

// corsReply has the headers of the replies to an origin.
type corsReply struct{ preflight, actual redstart.Response }

func newCORS(o CORSOptions) *cors {
	c := &cors{
		allowed: parseOrigins(o.Origins), allowOrigin: o.AllowOrigin,
		credentials: o.Credentials, private: o.PrivateNetwork,
	}
	if len(o.Methods) == 0 {
		o.Methods = []string{http.MethodGet, http.MethodHead, http.MethodPost}
	}
	c.methods = tokens("Methods", o.Methods, o.Credentials)
	c.headers = tokens("Headers", o.Headers, o.Credentials)
	c.expose = tokens("Expose", o.Expose, o.Credentials)
	switch {
	case o.Credentials && c.allowed.any:
		misuse("CORS", `Origins "*" together with Credentials would let every site act as its visitors do: list the origins, or leave out Credentials`)
	case o.Credentials && c.allowed.null:
		misuse("CORS", `Origins "null" together with Credentials would let every site act as its visitors do, from a sandboxed frame: leave out one of them`)
	case c.allowed.any && o.AllowOrigin != nil:
		misuse("CORS", `AllowOrigin is never asked when Origins is "*": leave out one of them`)
	case o.MaxAge > 0 && o.MaxAge%time.Second != 0:
		misuse("CORS", "MaxAge %v: want whole seconds", o.MaxAge)
	}
	if o.MaxAge != 0 {
		c.maxAge = strconv.FormatInt(int64(max(o.MaxAge, 0)/time.Second), 10)
	}
	c.prepare()
	return c
}

// prepare makes the headers that are the same for many replies.
func (c *cors) prepare() {
	vary := []string{"Access-Control-Request-Method", "Access-Control-Request-Headers"}
	if !c.allowed.any {
		vary = slices.Insert(vary, 0, "Origin")
		c.varies = c.varies.WithVary("Origin")
	}
	if c.private {
		vary = append(vary, "Access-Control-Request-Private-Network")
	}
	c.askedVaries = redstart.NoContent().With("Vary", strings.Join(vary, ", "))
	c.replies = map[string]corsReply{}
	for origin := range c.allowed.exact {
		c.replies[origin] = c.replyTo(origin)
	}
	if c.allowed.any {
		c.replies["*"] = c.replyTo("*")
	}
}

// replyTo makes the headers of the replies to an origin that is allowed.
func (c *cors) replyTo(origin string) corsReply {
	allow := redstart.Response{}.With("Access-Control-Allow-Origin", origin)
	if c.credentials {
		allow = allow.With("Access-Control-Allow-Credentials", "true")
	}
	preflight := allow.With("Access-Control-Allow-Methods", c.methods)
	if c.headers != "" {
		preflight = preflight.With("Access-Control-Allow-Headers", c.headers)
	}
	if c.maxAge != "" {
		preflight = preflight.With("Access-Control-Max-Age", c.maxAge)
	}
	actual := c.varies.WithHeadersOf(allow)
	if c.expose != "" {
		actual = actual.With("Access-Control-Expose-Headers", c.expose)
	}
	return corsReply{preflight, actual}
}

var knownMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// tokens checks and joins a list of methods or header names.
func tokens(field string, list []string, credentials bool) string {
	for _, token := range list {
		switch {
		case token == "*" && credentials:
			misuse("CORS", `%s "*" together with Credentials is no wildcard to a browser: list the names`, field)
		case token == "*" && len(list) > 1:
			misuse("CORS", `%s: "*" stands alone or not at all`, field)
		case !headers.ValidName(token):
			misuse("CORS", "%s: %q is not a name: one name in each string, without spaces and commas", field, token)
		case field == "Methods" && token != strings.ToUpper(token) && slices.Contains(knownMethods, strings.ToUpper(token)):
			misuse("CORS", "Methods: %q: methods are case-sensitive: want %q", token, strings.ToUpper(token))
		}
	}
	return strings.Join(list, ", ")
}

// isPreflight says whether the request asks for leave (Fetch, section 3.3.2).
func isPreflight(req *redstart.Request) bool {
	if req.Method() != http.MethodOptions {
		return false
	}
	h := req.HTTP().Header
	return len(h["Origin"]) > 0 && len(h["Access-Control-Request-Method"]) > 0
}

func (c *cors) preflight(req *redstart.Request) redstart.Response {
	reply := c.askedVaries
	headers, ok := c.allow(req)
	if !ok {
		return reply
	}
	reply = reply.WithHeadersOf(headers.preflight)
	if c.private && req.Header("Access-Control-Request-Private-Network") == "true" {
		reply = reply.With("Access-Control-Allow-Private-Network", "true")
	}
	return reply
}

func (c *cors) actual(req *redstart.Request, resp redstart.Response) redstart.Response {
	if headers, ok := c.allow(req); ok {
		return resp.WithHeadersOf(headers.actual)
	}
	return resp.WithHeadersOf(c.varies)
}

// allow returns the headers of replies to the request's origin.
func (c *cors) allow(req *redstart.Request) (headers corsReply, ok bool) {
	if c.allowed.any {
		return c.replies["*"], true // also without an Origin: the reply must not depend on it
	}
	sent := req.HTTP().Header["Origin"]
	if len(sent) != 1 || sent[0] == "" {
		return corsReply{}, false
	}
	if headers, ok = c.replies[sent[0]]; ok {
		return headers, true
	}
	if c.allowed.has(sent[0]) || c.allowOrigin != nil && c.allowOrigin(req, sent[0]) {
		return c.replyTo(sent[0]), true
	}
	return corsReply{}, false
}
