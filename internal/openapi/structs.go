package openapi

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/redstart-go/redstart/internal/bind"
)

// property is a member of an object, by the rules of package json.
type property struct {
	name   string
	field  reflect.StructField
	index  []int
	given  bool // the name stands in a tag
	quoted bool // a number or a bool within quotes
	absent bool // left out when it is empty
}

// properties returns the members that package json gives to a struct: those of embedded
// structs too, unless one of the same name is less deep.
func properties(t reflect.Type) []property {
	var found []property
	collect(t, nil, map[reflect.Type]bool{}, &found)
	byName := map[string][]property{}
	for _, p := range found {
		byName[p.name] = append(byName[p.name], p)
	}
	return slices.DeleteFunc(found, func(p property) bool {
		best, alone := dominant(byName[p.name])
		return !alone || !slices.Equal(best.index, p.index)
	})
}

// dominant returns the one of several of the same name that counts, if one does.
func dominant(same []property) (best property, alone bool) {
	rank := func(p property) int {
		if p.given {
			return 2 * len(p.index)
		}
		return 2*len(p.index) + 1
	}
	sorted := slices.SortedStableFunc(slices.Values(same), func(a, b property) int { return cmp.Compare(rank(a), rank(b)) })
	return sorted[0], len(sorted) == 1 || rank(sorted[0]) < rank(sorted[1])
}

func collect(t reflect.Type, index []int, within map[reflect.Type]bool, found *[]property) {
	if within[t] {
		return // a struct that embeds a pointer to itself
	}
	within[t] = true
	defer delete(within, t)
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		at := append(slices.Clone(index), i)
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if f.Anonymous && name == "" && inner.Kind() == reflect.Struct {
			collect(inner, at, within, found)
			continue
		}
		if !f.IsExported() || f.Type.Kind() == reflect.Chan || f.Type.Kind() == reflect.Func {
			continue
		}
		has := func(option string) bool { return slices.Contains(strings.Split(options, ","), option) }
		*found = append(*found, property{
			name: cmp.Or(name, f.Name), field: f, index: at, given: name != "",
			quoted: has("string"), absent: has("omitempty") || has("omitzero"),
		})
	}
}

func (b *builder) structSchema(t reflect.Type, m mode) *object {
	s := newObjectSchema()
	for _, p := range properties(t) {
		_, required := rulesOf(p.field)
		if m == output {
			required = !p.absent
		}
		s.add(p.name, b.property(p, m), required)
	}
	return s.done()
}

// objectSchema is put together by and by.
type objectSchema struct {
	properties *object
	required   list
}

func newObjectSchema() *objectSchema { return &objectSchema{properties: obj()} }

func (s *objectSchema) add(name string, schema *object, required bool) {
	s.properties.set(name, schema)
	if required {
		s.required = append(s.required, name)
	}
}

func (s *objectSchema) done() *object {
	o := obj("type", "object", "properties", s.properties)
	if len(s.required) > 0 {
		o.set("required", s.required)
	}
	return o
}

// property makes the schema of a member.
func (b *builder) property(p property, m mode) *object {
	t := p.field.Type
	s := b.schema(t, m)
	if p.quoted {
		s = quoted(t, s)
	}
	s = constrain(s, t, p.field.Tag.Get("validate"), false)
	_, required := rulesOf(p.field)
	if !p.absent && !required && (t.Kind() == reflect.Pointer || m == output && isNil(t)) {
		s = nullable(s)
	}
	return annotate(s, t, p.field, false)
}

// isNil says whether the zero value of a list or a map is null, as package json has it:
// it would be a lie to promise a client that it never is.
func isNil(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && custom(t) == nil && known(t) == nil
}

// quoted is what the option string of the tag json makes of a number.
func quoted(t reflect.Type, s *object) *object {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch k := t.Kind(); {
	case k >= reflect.Int && k <= reflect.Float64:
		return obj("type", "string", "pattern", `^-?[0-9.eE+-]+$`)
	case k == reflect.Bool:
		return obj("type", "string", "enum", list{"true", "false"})
	}
	return s
}

// annotate adds what the tags doc, default, example and deprecated say.
func annotate(s *object, t reflect.Type, f reflect.StructField, param bool) *object {
	added := obj()
	added.text("description", f.Tag.Get("doc"))
	if text, has := f.Tag.Lookup("default"); has {
		added.set("default", literal(text, t, param, true))
	}
	if text, has := f.Tag.Lookup("example"); has {
		added.set("examples", list{literal(text, t, param, false)})
	}
	added.flag("deprecated", f.Tag.Get("deprecated") == "true")
	if len(added.keys) == 0 {
		return s
	}
	s = s.clone()
	for _, k := range added.keys {
		s.set(k, added.values[k])
	}
	return s
}

// bodySchema is that of an input's JSON: of those fields that do not come from
// elsewhere.
func (b *builder) bodySchema(in *bind.Input) *object {
	o := in.Body
	if o.Fields == nil || isWhole(o) {
		return b.schema(o.Type, input)
	}
	make := func() *object {
		s := newObjectSchema()
		for _, f := range o.Fields {
			p := property{name: f.Name, field: f.Struct}
			for option := range strings.SplitSeq(f.Struct.Tag.Get("json"), ",") {
				p.quoted = p.quoted || option == "string"
				p.absent = p.absent || option == "omitempty" || option == "omitzero"
			}
			s.add(f.Name, b.property(p, input), f.Required)
		}
		return s.done()
	}
	if o.Type.Name() == "" {
		return make()
	}
	return b.refer(key{o.Type, body}, make)
}

// isWhole says whether all fields that package json sees are the body's.
func isWhole(o *bind.Object) bool {
	all := properties(o.Type)
	return len(all) == len(o.Fields) && slices.EqualFunc(all, o.Fields, func(p property, f bind.Field) bool { return p.name == f.Name })
}

// formSchema is that of an input's form.
func (b *builder) formSchema(in *bind.Input) *object {
	make := func() *object {
		s := newObjectSchema()
		for _, f := range in.Params {
			if f.In == bind.Form {
				s.add(f.Name, b.param(f), f.Required)
			}
		}
		return s.done()
	}
	if in.Type.Name() == "" || in.Body != nil { // the name is then that of the JSON body
		return make()
	}
	return b.refer(key{in.Type, body}, make)
}

// param is the schema of a value that comes as a text.
func (b *builder) param(f bind.Field) *object {
	t := f.Type
	if f.File {
		file := obj("type", "string", "contentMediaType", "application/octet-stream")
		if f.List {
			file = obj("type", "array", "items", file)
		}
		return annotate(constrain(file, t, f.Struct.Tag.Get("validate"), true), t, f.Struct, true)
	}
	var s *object
	if f.List {
		s = obj("type", "array", "items", b.text(t.Elem()))
	} else {
		s = b.text(t)
	}
	return annotate(constrain(s, t, f.Struct.Tag.Get("validate"), true), t, f.Struct, true)
}

// text is the schema of what a text becomes.
func (b *builder) text(t reflect.Type) *object {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	p := reflect.PointerTo(t)
	switch {
	case t == durationType:
		return obj("type", "string", "pattern", `^[-+]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$|^0$`, "description", `A duration such as "1m30s".`)
	case t == timeType:
		return obj("type", "string", "format", "date-time")
	case p.Implements(schemerType), enumOf(t) != nil:
		return b.schema(t, input)
	case p.Implements(textInType):
		return textual(t)
	}
	return scalar(t)
}
