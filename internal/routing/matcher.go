package routing

import (
	"net/http"
	"slices"
)

// Matcher finds routes. [Table.Build] makes one. It never changes and is safe
// for concurrent use.
type Matcher[T any] struct {
	routes []route[T]
	own    map[string]*methodTable // what is registered for a method
	tables map[string]*methodTable // what answers a method, its own or not
	others *methodTable            // what answers a method that is not in tables
	probes probes
}

// Lookup finds the most specific route for a method and a path, [AnyMethod] and
// GET for HEAD included, and reports whether there is one. path and rawPath are those of [net/url.URL]. It
// overwrites match, which is empty afterwards if nothing was found.
//
// A path is compared decoded, and parameters are decoded exactly once: an
// encoded slash stays inside its parameter. One trailing slash makes no
// difference. An empty path is that of the root, as RFC 9110, section 4.2.3,
// has it, unless the method is CONNECT, where it means there is no path.
// Nothing is cleaned: a "." or ".." that a client did not resolve is a segment
// like any other and may turn up in a parameter.
//
// Lookup allocates only for a path with percent signs or encoded slashes, for
// more than four parameters, and where httprouter does: when a layer follows a
// path into a parameter and then has no route.
func (m *Matcher[T]) Lookup(method, path, rawPath string, match *Match[T]) bool {
	match.values.reset()
	table, ok := m.tables[method]
	if !ok {
		table = m.others
	}
	found := m.find(table, newPath(method, path, rawPath), &match.values)
	if found == notFound {
		var none T
		match.Value, match.route = none, nil
		return false
	}
	match.route = &m.routes[found]
	match.Value = match.route.value
	return true
}

// Allowed returns the methods that have a route for the path, sorted, as the
// Allow header wants them: with HEAD where GET is, with OPTIONS always, with
// all common ones where a route takes any method. It is nil if there is none
// at all. path and rawPath are those of [net/url.URL].
func (m *Matcher[T]) Allowed(path, rawPath string) []string {
	var allowed []string
	target := newPath("", path, rawPath)
	for method, table := range m.own {
		var scratch values
		if m.find(table, target, &scratch) == notFound {
			continue
		}
		switch method {
		case AnyMethod:
			allowed = append(allowed, verbs[:]...)
		case http.MethodGet:
			allowed = append(allowed, http.MethodGet, http.MethodHead)
		default:
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return nil
	}
	allowed = append(allowed, http.MethodOptions)
	slices.Sort(allowed)
	return slices.Compact(allowed)
}

// newPath brings a request's path into the form that routes are compared in.
func newPath(method, raw, rawPath string) path {
	if raw == "" && method != http.MethodConnect {
		raw = "/"
	}
	full, escaped := canonical(raw, rawPath)
	return path{full: full, key: withoutSlash(full), escaped: escaped}
}

// find returns the number of the route in a table and fills the values, or returns notFound.
func (m *Matcher[T]) find(table *methodTable, target path, into *values) int {
	if found, ok := table.static[target.key]; ok {
		return found
	}
	if len(table.layers) == 0 {
		return notFound
	}
	p := m.probes.get()
	found := p.search(table.layers, target, into)
	m.probes.put(p)
	return found
}
