package bind

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/redstart-go/redstart/internal/headers"
)

// Field is one value of an input: a parameter, a field of a form, a file, or a field
// of the body's object.
type Field struct {
	In       Location
	Name     string // as the client writes it
	Type     reflect.Type
	Required bool
	// Default is what is taken when the value is absent, if HasDefault.
	Default    string
	HasDefault bool
	List       bool // may be given several times
	Comma      bool // the list is one text, with commas
	File       bool // an upload, of a multipart form
	Rules      string
	Struct     reflect.StructField // for further tags

	index []int // from the input
	set   setter
	blank bool // the empty text is a value
	both  bool // a field of a form that is one of the JSON body as well
	hook  hook // of what is in the field, or in the list

	checks []check
	rules  string // for the library, should it be zero and given
}

// sources are the tags that say where a field comes from, but for json.
var sources = []Location{Path, Query, Header, Cookie, Form}

// source returns which tag the field has and its content. A field of a form may be one
// of the JSON body as well, see inBoth; form:"-" leaves it to the body.
func source(f reflect.StructField) (in Location, tag string, err error) {
	for _, s := range sources {
		text, has := f.Tag.Lookup(string(s))
		switch {
		case !has:
		case in != "":
			return "", "", fmt.Errorf("has the tags %s and %s: a field comes from one place", in, s)
		default:
			in, tag = s, text
		}
	}
	text, has := f.Tag.Lookup("json")
	switch {
	case !has || text == "-" || in == "":
	case in != Form:
		return "", "", fmt.Errorf("has the tags %s and json: a field comes from one place", in)
	case tag == "-":
		return "", "", nil
	}
	return in, tag, nil
}

// inBoth says whether a field comes from a form or from a JSON body, whichever there is.
func inBoth(f reflect.StructField) bool {
	form, json := f.Tag.Get("form"), f.Tag.Get("json")
	return form != "" && form != "-" && json != "" && json != "-"
}

// field makes the Field of a tagged struct field.
func (c *compiler) field(f reflect.StructField, index []int, in Location, tag string) (Field, error) {
	name, options, _ := strings.Cut(tag, ",")
	p := Field{In: in, Name: name, Type: f.Type, Struct: f, index: index, both: in == Form && inBoth(f)}
	p.Rules, p.Required = rulesOf(f)
	p.checks, _ = checksOf(f)
	p.rules = zeroRules(f)
	p.Default, p.HasDefault = f.Tag.Lookup("default")
	if name == "" {
		return p, fmt.Errorf("the tag %s has no name: write %s:%q", in, in, strings.ToLower(f.Name))
	}
	switch options {
	case "":
	case "comma":
		p.Comma = true
	default:
		return p, fmt.Errorf("the tag %s has the unknown option %q: there is only comma", in, options)
	}
	if in == Cookie && !headers.ValidName(name) {
		return p, fmt.Errorf("%q is no name of a cookie", name)
	}
	if in == Header {
		if !headers.ValidName(name) {
			return p, fmt.Errorf("%q is no name of a header", name)
		}
		p.Name = http.CanonicalHeaderKey(name)
		if p.Name == "Host" { // net/http takes it out of the header
			return p, fmt.Errorf("the host is no header here: embed the request and ask it")
		}
	}
	if in == Path {
		p.Required = true
		if !c.AnyParams && !slices.Contains(c.Params, name) {
			return p, fmt.Errorf("the pattern has no parameter %q, but %q", name, c.Params)
		}
		if c.optional == name {
			_, p.Required = rulesOf(f)
		}
	}
	if f.Type == c.File || f.Type.Kind() == reflect.Slice && f.Type.Elem() == c.File && c.File != nil {
		return c.fileField(p)
	}
	if c.File != nil && (f.Type == c.File.Elem() || f.Type.Kind() == reflect.Slice && f.Type.Elem() == c.File.Elem()) {
		return p, fmt.Errorf("is a file: take a %s", c.File)
	}
	return p, c.textField(&p)
}

func (c *compiler) fileField(p Field) (Field, error) {
	p.File, p.List = true, p.Type != c.File
	switch {
	case p.In != Form:
		return p, fmt.Errorf("a file comes from a form: write form:%q", p.Name)
	case p.HasDefault || p.Comma:
		return p, fmt.Errorf("a file has no default, nor commas")
	case p.both:
		return p, fmt.Errorf("a file is in no JSON body: leave out the tag json")
	case p.Rules != "" && !p.List:
		return p, fmt.Errorf("a file has no rule but required: look at its Size and DetectType instead of validate:%q", p.Rules)
	}
	return p, nil
}

func (c *compiler) textField(p *Field) (err error) {
	t := p.Type
	if t.Kind() == reflect.Slice && !reflect.PointerTo(t).Implements(textUnmarshalerType) {
		p.List = true
		t = t.Elem()
		if t.Kind() == reflect.Uint8 {
			return fmt.Errorf("a parameter cannot be a %s: take a string", p.Type)
		}
	}
	if p.set, p.blank, err = converter(t, p.In); err != nil {
		return err
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	p.hook = hookOf(t)
	switch {
	case p.Comma && !p.List:
		return fmt.Errorf("the option comma is for lists, not for a %s", p.Type)
	case p.List && (p.In == Path || p.In == Cookie) && !p.Comma:
		return fmt.Errorf("a %s has one value: for a list of several write %s:%q", p.In, p.In, p.Name+",comma")
	case p.HasDefault && p.Required && p.In == Path:
		return fmt.Errorf("has a default, and is there in every path: only that of a pattern's last parameter with a ? may be absent")
	case p.HasDefault && p.Required:
		return fmt.Errorf("is required and has a default: it can have one of them")
	}
	if p.List && p.In == Header {
		p.Comma = true // as lists are written in headers
	}
	return checkDefault(p)
}

func checkDefault(p *Field) error {
	if !p.HasDefault {
		return nil
	}
	if problem, _ := p.assign(reflect.New(p.Type).Elem(), p.defaults()); problem != "" {
		return fmt.Errorf("default %q: %s", p.Default, problem)
	}
	return nil
}

// defaults returns the texts of the default: of a list there may be several.
func (f *Field) defaults() []string {
	if f.List {
		return splitCommas([]string{f.Default})
	}
	return []string{f.Default}
}

// assign puts what was given into a value. The text is the one with the problem.
func (f *Field) assign(dst reflect.Value, texts []string) (problem, text string) {
	if !f.List {
		return f.set(dst, texts[0]), texts[0]
	}
	return setList(dst, texts, f.set)
}
