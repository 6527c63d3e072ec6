package bind

import (
	"net/url"
	"strconv"
	"strings"
)

// Location is where in a request a value stands.
type Location string

// The locations.
const (
	Path   Location = "path"
	Query  Location = "query"
	Header Location = "header"
	Cookie Location = "cookie"
	Form   Location = "form"
	Body   Location = "body"
)

// Violation is one thing that is wrong with a request.
type Violation struct {
	In      Location // where; "" if it is not known yet, see [Input.Resolve]
	Name    string   // of a parameter or a form's field
	Pointer string   // into the body: a JSON pointer as a fragment (RFC 6901 section 6), "#/items/2"
	Rule    string   // such as "required" or "min=1"
	Detail  string   // what is wrong, without the name
	Value   any      // what was given; nil for what was absent, or is no simple value
	// Malformed says that the value could not even be read.
	Malformed bool
}

// String names the place and says what is wrong with it.
func (v Violation) String() string {
	switch {
	case v.In == Body && v.Malformed:
		return v.Detail
	case v.In == Body && v.Pointer == "#":
		return "body: " + v.Detail
	case v.In == Body:
		return `body field "` + strings.TrimPrefix(v.Pointer, "#") + `" ` + v.Detail
	case v.In == "":
		return strings.TrimSpace(v.Name + " " + v.Detail)
	}
	noun := string(v.In) + " parameter"
	switch v.In {
	case Header, Cookie:
		noun = string(v.In)
	case Form:
		noun = "form field"
	}
	switch {
	case v.Rule == "required":
		return "missing required " + noun + " " + strconv.Quote(v.Name)
	case v.Malformed:
		return noun + " " + strconv.Quote(v.Name) + ": " + v.Detail
	}
	return noun + " " + strconv.Quote(v.Name) + " " + v.Detail
}

// path is where a walk through a body is. The nil path is the whole.
type path struct {
	up    *path
	key   string // which may be empty
	list  bool   // up is a list, and this its element with the index
	index int
}

func (p *path) keys() (keys []string) {
	if p == nil {
		return nil
	}
	if p.list {
		return append(p.up.keys(), strconv.Itoa(p.index))
	}
	return append(p.up.keys(), p.key)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// pointer writes a JSON pointer as a URI fragment.
func pointer(keys []string) string {
	var b strings.Builder
	b.WriteByte('#')
	for _, key := range keys {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(pointerEscapes.Replace(key)))
	}
	return b.String()
}
