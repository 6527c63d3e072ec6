package openapi

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// anyMethod is the method of routes for every method.
const anyMethod = "*"

// methods are those that a path item has a place for, in the order of the document.
var methods = []string{"get", "put", "post", "delete", "patch", "trace"}

// ofAny are the methods under which a route for every method is described.
var ofAny = []string{"get", "put", "post", "delete", "patch"}

// builder makes one document.
type builder struct {
	api     API
	ids     map[string]bool
	schemas components
	taken   map[string]bool // names of schemas

	paths     *object
	shapes    map[string]string // of paths: as they are written
	tags      *object           // by name: their descriptions
	schemes   *object
	described map[string]Scheme
	problems  map[int]bool
}

// Build makes the document of the routes. What their [Doc] has was seen by [Doc.Compile].
func Build(api API, routes []Route) *Document {
	b := &builder{
		api: api, ids: map[string]bool{}, schemas: components{made: map[key]*object{}}, taken: map[string]bool{"Problem": true},
		paths: obj(), shapes: map[string]string{}, tags: obj(), schemes: obj(), described: map[string]Scheme{}, problems: map[int]bool{},
	}
	for i := range routes {
		if r := &routes[i]; !r.Hidden() && r.Method != "HEAD" && r.Method != "OPTIONS" {
			b.route(r)
		}
	}
	return &Document{root: b.document()}
}

// route adds a route at each of its paths.
func (b *builder) route(r *Route) {
	list := []string{strings.ToLower(r.Method)}
	if r.Method == anyMethod {
		list = ofAny
	}
	for _, t := range templates(r.Pattern) {
		path, known := b.shapes[t.shape()]
		if !known {
			path = t.path
			b.shapes[t.shape()] = path
		}
		item := b.paths.object(path)
		for _, method := range list {
			b.place(item, r, method, &t, b.operation(r, method, &t, t.renamed(path)))
		}
	}
}

// place puts an operation where the path has room for it. Of several routes that are
// the same to OpenAPI the one for every host counts, or else the first, and one
// for each single segment rather than a catch-all.
func (b *builder) place(item *object, r *Route, method string, t *template, op *object) {
	if r.Host != "" {
		op.set("servers", list{obj("url", "//"+r.Host)})
	}
	if !slices.Contains(methods, method) {
		item.object("x-additionalOperations").set(strings.ToUpper(method), op)
		return
	}
	other := obj("method", strings.ToUpper(method)).text("host", r.Host).flag("catchAll", t.rest != "")
	if before, taken := item.get(method).(*object); taken {
		if !weaker(before) || r.Host != "" || t.rest != "" {
			if r.Method == anyMethod {
				return // the other one is for this method
			}
			b.aside(item, other.set("operation", op))
			return
		}
		b.aside(item, obj("method", strings.ToUpper(method)).set("operation", before))
	}
	item.set(method, op)
}

func (b *builder) aside(item, other *object) {
	all, _ := item.get("x-other-operations").(list)
	item.set("x-other-operations", append(all, other))
}

// weaker says whether an operation is for one host, or for the rest of the path.
func weaker(op *object) bool {
	if op.has("servers") {
		return true
	}
	params, _ := op.get("parameters").(list)
	return slices.ContainsFunc(params, func(p any) bool { return p.(*object).has("x-catch-all") })
}

// document puts together what all routes have left.
func (b *builder) document() *object {
	root := obj("openapi", version31, "info", b.info())
	if len(b.api.Servers) > 0 {
		var servers list
		for _, s := range b.api.Servers {
			servers = append(servers, obj("url", s.URL).text("description", s.Description))
		}
		root.set("servers", servers)
	}
	paths := obj()
	for _, path := range b.paths.keys {
		item := b.paths.get(path).(*object)
		sorted := obj()
		for _, key := range append(slices.Clone(methods), "x-additionalOperations", "x-other-operations") {
			if item.has(key) {
				sorted.set(key, item.get(key))
			}
		}
		paths.set(path, sorted)
	}
	root.set("paths", paths)

	parts := obj()
	if len(b.problems) > 0 {
		b.problemComponents(parts)
	}
	names := b.schemas.names(b.taken)
	schemas := b.schemas.schemaObjects(names)
	if len(b.problems) > 0 {
		schemas.set("Problem", problemSchema())
		slices.Sort(schemas.keys)
	}
	parts.nested("schemas", schemas)
	slices.Sort(b.schemes.keys)
	parts.nested("securitySchemes", b.schemes)
	root.nested("components", parts)

	if len(b.tags.keys) > 0 {
		var tags list
		for _, name := range b.tags.keys {
			tags = append(tags, obj("name", name).text("description", b.tags.get(name).(string)))
		}
		root.set("tags", tags)
	}
	return resolved(root, func(p *pointer) any { return "#/components/schemas/" + names[p.to] }).(*object)
}

func (b *builder) info() *object {
	a := &b.api
	info := obj("title", cmp.Or(a.Title, "API"), "version", cmp.Or(a.Version, "0.0.0"))
	info.text("summary", a.Summary).text("description", a.Description).text("termsOfService", a.Terms)
	info.nested("contact", obj().text("name", a.Contact.Name).text("url", a.Contact.URL).text("email", a.Contact.Email))
	if l := a.License; l.Name != "" {
		license := obj("name", l.Name).text("identifier", l.Identifier)
		if l.Identifier == "" {
			license.text("url", l.URL)
		}
		info.set("license", license)
	}
	return info
}

// sortedKeys returns the keys of a map in their order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
