package routing

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/julienschmidt/httprouter"
)

// probeMethod is the method all routes have inside httprouter: the routers are
// chosen by the request's method before.
const probeMethod = http.MethodGet

// notFound is the route number of a path without one.
const notFound = -1

// probe asks an httprouter.Router which route a path has. Router.Lookup would
// allocate the parameters anew each time, because it hands them out and never
// gets them back. Router.ServeHTTP recycles them, so a probe plays both sides
// of a served request: the request, and the writer by which the handle of the
// route finds its way back. Probes are pooled, and idle ones hold no string.
type probe struct {
	request http.Request
	url     url.URL

	target path
	values *values
	route  int
}

// path is a request's path in canonical form.
type path struct {
	full    string // with its trailing slash, which belongs to a catch-all's value
	key     string // without it
	escaped bool   // values have to be unescaped
}

// probes is a pool of probes, ready as the zero value.
type probes struct{ pool sync.Pool }

func (p *probes) get() *probe {
	if pr, ok := p.pool.Get().(*probe); ok {
		return pr
	}
	return newProbe()
}

func (p *probes) put(pr *probe) { p.pool.Put(pr) }

func newProbe() *probe {
	p := &probe{}
	p.request.Method = probeMethod
	p.request.URL = &p.url
	return p
}

// search asks the routers in order. It returns the number of the route and
// fills the values, or returns notFound.
func (p *probe) search(routers []*httprouter.Router, target path, into *values) int {
	p.url.Path = target.key
	p.target, p.values, p.route = target, into, notFound
	for _, router := range routers {
		if router.ServeHTTP(p, &p.request); p.route != notFound {
			break
		}
	}
	p.url.Path = ""
	p.target, p.values = path{}, nil
	return p.route
}

// take is called by the handle of the route that httprouter has found. It
// leaves the probe without a route if the path only seems to match: httprouter
// lets a parameter and the rest of a path be empty.
func (p *probe) take(route int, rest bool, params httprouter.Params) {
	last := len(params) - 1
	if rest {
		// httprouter begins the rest with its slash and has not seen the
		// trailing one.
		from := len(p.target.key) - len(params[last].Value) + 1
		value := p.target.full[from:]
		if strings.HasPrefix(value, "/") || strings.HasPrefix(value, encodedSlash) {
			return
		}
		params[last].Value = value
	}
	for i := range params {
		if params[i].Value == "" {
			return
		}
	}
	for i := range params {
		value := params[i].Value
		if p.target.escaped {
			value = unescaper.Replace(value)
		}
		p.values.add(value)
	}
	p.route = route
}

// Header, Write and WriteHeader make the probe an [http.ResponseWriter].
// Nothing is ever written to it.
func (p *probe) Header() http.Header { return http.Header{} }

func (p *probe) Write(data []byte) (int, error) { return len(data), nil }

func (p *probe) WriteHeader(int) {}
