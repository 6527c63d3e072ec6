package bind

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// Config is what [Compile] has to know about a route and its framework.
type Config struct {
	Method    string
	Params    []string // of the pattern
	Optional  bool     // whether the last of them may be absent
	AnyParams bool     // the pattern is not known

	File    reflect.Type // what a file of a form is, a pointer
	Raw     reflect.Type // a struct that gives the request to whoever embeds it
	Request reflect.Type // the request itself, a pointer

	// Violations takes an error apart that a Validate method has returned. The
	// locations of those that have none are relative to the value that was asked.
	Violations func(error) ([]Violation, bool)
}

// Input is a compiled type: what a request has to bring, and how to fill a value
// from it. It is immutable and safe for concurrent use.
type Input struct {
	Type   reflect.Type
	Params []Field // path, query, header, cookie and form, in the order of the fields
	Body   *Object // nil when there is no JSON body

	violations func(error) ([]Violation, bool)
	raw        [][]int
	defaults   []Field // of the body
	shadow     reflect.Type
	plan       *plan
	rules      *rules
	needsQuery bool
	needsForm  bool
}

// Object describes a JSON body.
type Object struct {
	Type     reflect.Type // of the input; its Fields alone make the body, if there are any
	Fields   []Field      // of the object, embedded structs taken apart; nil when the body is the whole input and no struct
	Required bool         // whether there has to be a body: when one of its fields is required, or when it is no object
}

// HasForm says whether the input comes with a form, and whether that has files. An
// input with a Body as well takes either.
func (in *Input) HasForm() (form, files bool) {
	return in.needsForm, slices.ContainsFunc(in.Params, func(f Field) bool { return f.File })
}

// maxFields bounds the fields with a place of their own in the request.
const maxFields = 256

type compiler struct {
	Config
	in       *Input
	optional string
	hidden   bool // a field of the struct is not for the JSON decoder
}

// Compile makes an Input of a type. A struct is taken apart; any other type is the
// JSON body as a whole, as is a struct that decodes its JSON itself and has no tags.
// The error names the field and says what to do.
func Compile(t reflect.Type, c Config) (*Input, error) {
	in := &Input{Type: t, violations: c.Violations}
	k := &compiler{Config: c, in: in}
	if c.Optional && len(c.Params) > 0 {
		k.optional = c.Params[len(c.Params)-1]
	}
	whole := t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) && !tagged(t)
	if whole {
		if err := decodable(t); err != nil {
			return nil, fmt.Errorf("%s: %w", t, err)
		}
		if c.Method == http.MethodGet {
			return nil, fmt.Errorf("%s: a GET has no body: take a struct, whose tags say where its fields come from", t)
		}
		in.Body = &Object{Type: t, Required: true}
	} else if err := k.fields(t, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	if err := k.finish(t); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	return in, nil
}

// tagged says whether a struct has a field that does not come from the body.
func tagged(t reflect.Type) bool {
	for f := range fieldsOf(t) {
		if in, _, err := source(f); in != "" || err != nil {
			return true
		}
	}
	return false
}

func (c *compiler) fields(t reflect.Type, index []int) error {
	for f := range fieldsOf(t) {
		at := append(slices.Clone(index), f.Index...)
		if err := c.one(f, at); err != nil {
			return fmt.Errorf("%s %w", f.Name, err)
		}
	}
	return nil
}

func (c *compiler) one(f reflect.StructField, index []int) error {
	if f.Type == c.Raw && c.Raw != nil || f.Type == c.Request && c.Request != nil {
		if f.PkgPath != "" && !f.Anonymous {
			return errors.New("has to be exported")
		}
		c.in.raw = append(c.in.raw, index)
		c.hidden = true
		return nil
	}
	if err := checkTag(f.Tag); err != nil {
		return err
	}
	in, tag, err := source(f)
	if err != nil {
		return err
	}
	if in == "" {
		return c.bodyField(f, index)
	}
	if !f.IsExported() {
		return fmt.Errorf("has the tag %s, but is not exported", in)
	}
	both := in == Form && inBoth(f)
	c.hidden = c.hidden || !both
	if tag == "-" {
		return nil
	}
	field, err := c.field(f, index, in, tag)
	if err != nil {
		return err
	}
	for _, other := range c.in.Params {
		if other.In == field.In && other.Name == field.Name {
			return fmt.Errorf("and %s are both %s %q", other.Struct.Name, field.In, field.Name)
		}
	}
	c.in.Params = append(c.in.Params, field)
	if both && c.Method != http.MethodGet {
		return c.bodyField(f, index)
	}
	return nil
}

// bodyField takes a field without a tag of its own: it belongs to the JSON body, or
// is a struct to be taken apart.
func (c *compiler) bodyField(f reflect.StructField, index []int) error {
	name, given := jsonName(f)
	switch {
	case name == "-":
		return nil
	case f.Anonymous && !given && f.Type.Kind() == reflect.Struct:
		return c.fields(f.Type, index)
	case f.Anonymous && !given && f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct:
		return fmt.Errorf("is an embedded pointer: embed the %s itself", f.Type.Elem())
	case !f.IsExported():
		return nil
	case c.Method == http.MethodGet:
		return fmt.Errorf("has no tag, and a GET has no body: say where it comes from by path, query, header or cookie")
	}
	if c.File != nil && (f.Type == c.File || f.Type.Kind() == reflect.Slice && f.Type.Elem() == c.File) {
		return fmt.Errorf("is a file: write form:%q", strings.ToLower(f.Name))
	}
	if err := decodable(f.Type); err != nil {
		return fmt.Errorf("%w: leave it out by json:\"-\"", err)
	}
	field := Field{In: Body, Name: name, Type: f.Type, Struct: f, index: index}
	field.Rules, field.Required = rulesOf(f)
	if c.in.Body == nil {
		c.in.Body = &Object{Type: c.in.Type}
	}
	for _, other := range c.in.Body.Fields {
		if other.Name == name && len(other.index) == 1 && len(index) == 1 {
			return fmt.Errorf("and %s are both %q in the body", other.Struct.Name, name)
		}
	}
	if c.in.Body.Fields = append(c.in.Body.Fields, field); field.Required {
		c.in.Body.Required = true
	}
	return c.bodyDefaults(f, index, true)
}

// bodyDefaults collects the defaults of a field and of structs in it. They are set
// before the JSON is decoded, so that they can be where the decoder does not make
// new values.
func (c *compiler) bodyDefaults(f reflect.StructField, index []int, reachable bool) error {
	text, has := f.Tag.Lookup("default")
	if has {
		field := Field{In: Body, Name: f.Name, Type: f.Type, Struct: f, Default: text, HasDefault: true, index: index}
		if _, field.Required = rulesOf(f); !reachable {
			return errors.New("has a default within a pointer, a list or a map: there it cannot be set")
		}
		if err := c.textField(&field); err != nil {
			return err
		}
		c.in.defaults = append(c.in.defaults, field)
		for i := range c.in.Body.Fields {
			if slices.Equal(c.in.Body.Fields[i].index, index) {
				c.in.Body.Fields[i].Default, c.in.Body.Fields[i].HasDefault = text, true
			}
		}
		return nil
	}
	return c.innerDefaults(f.Type, index, reachable, map[reflect.Type]bool{})
}

func (c *compiler) innerDefaults(t reflect.Type, index []int, reachable bool, seen map[reflect.Type]bool) error {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Array {
		t, reachable = t.Elem(), false
	}
	if t.Kind() != reflect.Struct || isLeaf(t) || seen[t] {
		return nil
	}
	seen[t] = true
	defer delete(seen, t)
	for f := range fieldsOf(t) {
		at := append(slices.Clone(index), f.Index...)
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		if in, _, _ := source(f); in != "" && f.Tag.Get("json") == "" {
			return fmt.Errorf("%s has the tag %s within a value of the body, where it means nothing", f.Name, in)
		}
		var err error
		if _, has := f.Tag.Lookup("default"); has {
			err = c.bodyDefaults(f, at, reachable)
		} else {
			err = c.innerDefaults(f.Type, at, reachable, seen)
		}
		if err != nil {
			return fmt.Errorf("%s %w", f.Name, err)
		}
	}
	return nil
}

func (c *compiler) finish(t reflect.Type) error {
	in := c.in
	for _, p := range in.Params {
		in.needsQuery = in.needsQuery || p.In == Query
		in.needsForm = in.needsForm || p.In == Form
	}
	switch {
	case in.needsForm && c.Method == http.MethodGet:
		return errors.New("has fields of a form, and a GET has no body: use query")
	case len(in.Params) > maxFields:
		return fmt.Errorf("has more than %d parameters", maxFields)
	}
	if in.Body != nil && in.needsForm {
		if err := c.eitherBody(); err != nil {
			return err
		}
	}
	if in.Body != nil && c.hidden {
		in.shadow = shadow(t, c)
	}
	in.plan = newPlan(t, c)
	var err error
	if in.rules, err = newRules(in, c); err != nil {
		return err
	}
	return in.checkDefaults()
}

// eitherBody prepares an input that takes a form or a JSON body. Each field has to say
// what it is in the other kind, lest one that was forgotten were silently absent there.
func (c *compiler) eitherBody() error {
	in := c.in
	for _, p := range in.Params {
		if _, told := p.Struct.Tag.Lookup("json"); p.In == Form && !p.File && !told {
			return oneKind(p, "json")
		}
		if p.In == Form && p.HasDefault && !p.both {
			in.defaults = append(in.defaults, p)
		}
	}
	for _, f := range in.Body.Fields {
		if _, told := f.Struct.Tag.Lookup("form"); !told {
			return oneKind(f, "form")
		}
	}
	return nil
}

func oneKind(f Field, lacks string) error {
	return fmt.Errorf("has fields of a form and of a JSON body, but %s has no tag %s: give all of them the tag form, or none, "+
		"or each of them both, for the Content-Type to decide, with \"-\" for a field of the other kind alone", f.Struct.Name, lacks)
}

// fieldsOf goes through the fields of a struct.
func fieldsOf(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// jsonName returns the name that encoding/json gives to a field, "-" for one that it
// leaves out, and whether a tag says so.
func jsonName(f reflect.StructField) (name string, given bool) {
	tag := f.Tag.Get("json")
	if tag == "-" {
		return "-", true
	}
	if name, _, _ = strings.Cut(tag, ","); name != "" {
		return name, true
	}
	return f.Name, false
}
