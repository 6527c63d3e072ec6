package routing

import (
	"fmt"
	"slices"
	"strings"
)

// AnyMethod as the method of a route makes it answer every method that has no
// route of its own with the same pattern or a more specific one.
const AnyMethod = "*"

// verbs are the methods of RFC 9110, section 9.3, and PATCH of RFC 5789: what
// [AnyMethod] stands for where methods have to be listed.
var verbs = [...]string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}

// Table collects routes. The zero value is an empty table. It must not be used
// by several goroutines at once; the matchers it builds may.
type Table[T any] struct {
	routes []registration[T]
	taken  map[address]int // index into routes
}

// registration is a route as it was added.
type registration[T any] struct {
	method string
	route  route[T]
	where  string
}

// route is what a lookup finds.
type route[T any] struct {
	value   T
	pattern Pattern
	names   []string // of the parameters
}

// address is what no two routes may share: a method and the path of a shape.
type address struct{ method, path string }

// Add registers value for a method and a pattern (see [Parse]). where says in
// which source line, for error texts. A broken method or pattern and a true
// duplicate, which is one with the same method whose paths differ in nothing
// but the names of parameters, are errors and leave the table as it was.
func (t *Table[T]) Add(method, pattern string, value T, where string) error {
	if problem := checkMethod(method); problem != "" {
		return fmt.Errorf("route %q%s: %s", pattern, at(where), problem)
	}
	p, err := Parse(pattern)
	if err != nil {
		return fmt.Errorf("%w%s", err, at(where))
	}
	shapes := p.shapes()
	for _, s := range shapes {
		if i, ok := t.taken[address{method, s.path()}]; ok {
			first := t.routes[i]
			return fmt.Errorf("route %s %q%s is already registered as %q%s: both match the same paths, remove one or change its path",
				method, pattern, at(where), first.route.pattern, at(first.where))
		}
	}
	if t.taken == nil {
		t.taken = map[address]int{}
	}
	for _, s := range shapes {
		t.taken[address{method, s.path()}] = len(t.routes)
	}
	t.routes = append(t.routes, registration[T]{method, route[T]{value, p, p.Params()}, where})
	return nil
}

// Build compiles the routes added so far. The matcher does not change when
// more are added; build another one then. The error says that httprouter
// refused a route, which the layers are there to rule out.
func (t *Table[T]) Build() (*Matcher[T], error) {
	m := &Matcher[T]{
		routes: make([]route[T], len(t.routes)),
		own:    map[string]*methodTable{},
		tables: map[string]*methodTable{},
	}
	leaves := map[string][]leaf{}
	for i, r := range t.routes {
		m.routes[i] = r.route
		for _, s := range r.route.pattern.shapes() {
			leaves[r.method] = append(leaves[r.method], leaf{s, i})
		}
	}
	if err := m.link(leaves); err != nil {
		return nil, err
	}
	return m, nil
}

// checkMethod finds what is wrong with the method of a route.
func checkMethod(method string) string {
	if upper := strings.ToUpper(method); upper != method && slices.Contains(verbs[:], upper) {
		return fmt.Sprintf("methods are case-sensitive, write %q instead of %q", upper, method)
	}
	if !isToken(method) {
		return fmt.Sprintf("%q is not a method, write one like %q, or %q for all", method, "GET", AnyMethod)
	}
	return ""
}

// at says where a route was registered, if that is known.
func at(where string) string {
	if where == "" {
		return ""
	}
	return " (" + where + ")"
}
