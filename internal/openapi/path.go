package openapi

import (
	"strings"
)

// template is a path as OpenAPI writes it.
type template struct {
	path   string
	params []string // names as the pattern has them
	rest   string   // that of a catch-all among them
	absent string   // the optional parameter that this one is without
}

// templates returns the paths of a pattern: two where the last segment is optional.
func templates(pattern string) []template {
	t := template{}
	segments := strings.Split(strings.Trim(pattern, "/"), "/")
	var both []template
	for _, s := range segments {
		name, optional := strings.CutSuffix(s, "?")
		switch {
		case s == "":
			continue
		case name[0] == ':':
			name = name[1:]
			if optional {
				short := t
				short.absent = name
				both = append(both, short)
			}
			t.params = append(t.params[:len(t.params):len(t.params)], name)
			t.path += "/{" + name + "}"
		case s[0] == '*':
			t.rest = s[1:]
			t.params = append(t.params[:len(t.params):len(t.params)], t.rest)
			t.path += "/{" + t.rest + "}"
		default:
			t.path += "/" + s
		}
	}
	both = append(both, t)
	for i := range both {
		if both[i].path == "" {
			both[i].path = "/"
		}
	}
	return both
}

// shape is the path without the names of its parameters: paths of one shape are the
// same to OpenAPI (version 3.1, section 4.8.8).
func (t *template) shape() string {
	var b strings.Builder
	for s := range strings.SplitSeq(t.path, "/") {
		b.WriteByte('/')
		if strings.HasPrefix(s, "{") {
			s = "{}"
		}
		b.WriteString(s)
	}
	return b.String()
}

// renamed returns the names that the parameters have in another path of this shape.
func (t *template) renamed(path string) map[string]string {
	names := map[string]string{}
	i := 0
	for s := range strings.SplitSeq(path, "/") {
		if name, is := strings.CutPrefix(s, "{"); is && i < len(t.params) {
			names[t.params[i]] = strings.TrimSuffix(name, "}")
			i++
		}
	}
	return names
}
