package openapi

import (
	"encoding"
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"time"

	"github.com/redstart-go/redstart/internal/bind"
	"github.com/redstart-go/redstart/internal/jsonx"
)

// mode says what a schema is for, since requests and replies differ in what has to
// be there.
type mode uint8

const (
	output mode = iota
	input
	body // of an input of which only some fields are the body
)

// schemer is a type that knows its schema better than its fields tell.
type schemer interface{ OpenAPISchema() any }

var (
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
	rawType         = reflect.TypeFor[json.RawMessage]()
	numberType      = reflect.TypeFor[json.Number]()
	bigType         = reflect.TypeFor[big.Int]()
	marshalerType   = reflect.TypeFor[json.Marshaler]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	textOutType     = reflect.TypeFor[encoding.TextMarshaler]()
	textInType      = reflect.TypeFor[encoding.TextUnmarshaler]()
	schemerType     = reflect.TypeFor[schemer]()
)

// schema returns the schema of a type's JSON.
func (b *builder) schema(t reflect.Type, m mode) *object {
	if t == nil {
		return obj()
	}
	for t.Kind() == reflect.Pointer && !t.Implements(schemerType) {
		t = t.Elem()
	}
	if s := known(t); s != nil {
		return s
	}
	if reflect.PointerTo(t).Implements(schemerType) || t.Implements(schemerType) {
		return b.component(t, m, func() *object { return ownSchema(t) })
	}
	if values := enumOf(t); values != nil {
		return b.component(t, m, func() *object { return obj("type", "string", "enum", texts(values)) })
	}
	if s := custom(t); s != nil {
		return s
	}
	switch t.Kind() {
	case reflect.Slice:
		if e := t.Elem(); e.Kind() == reflect.Uint8 && custom(e) == nil { // as package json has it
			return obj("type", "string", "contentEncoding", "base64")
		}
		return b.component(t, m, func() *object { return obj("type", "array", "items", b.schema(t.Elem(), m)) })
	case reflect.Array:
		return obj("type", "array", "items", b.schema(t.Elem(), m), "minItems", t.Len(), "maxItems", t.Len())
	case reflect.Map:
		return b.component(t, m, func() *object { return obj("type", "object", "additionalProperties", b.schema(t.Elem(), m)) })
	case reflect.Struct:
		return b.component(t, m, func() *object { return b.structSchema(t, m) })
	}
	return scalar(t)
}

// enumOf returns the values that a type of texts lists.
func enumOf(t reflect.Type) []string {
	if t.Kind() != reflect.String {
		return nil
	}
	return bind.EnumOf(t)
}

// component returns a reference to the schema of a type with a name. The names of
// lists and maps matter only where a type refers to itself: they become components
// too, so that this ends.
func (b *builder) component(t reflect.Type, m mode, make func() *object) *object {
	if t.Name() == "" {
		return make()
	}
	return b.refer(key{t, m}, make)
}

// scalar is for what is neither a list nor an object.
func scalar(t reflect.Type) *object {
	switch t.Kind() {
	case reflect.String:
		return obj("type", "string")
	case reflect.Bool:
		return obj("type", "boolean")
	case reflect.Int8, reflect.Int16:
		return obj("type", "integer", "minimum", int64(math.MinInt64)>>(64-t.Bits()), "maximum", int64(math.MaxInt64)>>(64-t.Bits()))
	case reflect.Int32:
		return obj("type", "integer", "format", "int32")
	case reflect.Int, reflect.Int64:
		return obj("type", "integer", "format", "int64")
	case reflect.Uint8, reflect.Uint16:
		return obj("type", "integer", "minimum", 0, "maximum", uint64(math.MaxUint64)>>(64-t.Bits()))
	case reflect.Uint, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return obj("type", "integer", "minimum", 0)
	case reflect.Float32:
		return obj("type", "number", "format", "float")
	case reflect.Float64:
		return obj("type", "number", "format", "double")
	}
	return obj() // an interface: any value
}

// known are types of the standard library with a JSON of their own.
func known(t reflect.Type) *object {
	switch t {
	case timeType:
		return obj("type", "string", "format", "date-time")
	case durationType:
		return obj("type", "integer", "format", "int64", "description", "Nanoseconds.")
	case rawType:
		return obj()
	case numberType:
		return obj("type", "number")
	case bigType:
		return obj("type", "integer")
	}
	return nil
}

// custom is for types that encode themselves, nil for all others.
func custom(t reflect.Type) *object {
	p := reflect.PointerTo(t)
	if t.Kind() == reflect.Interface {
		return nil
	}
	if p.Implements(marshalerType) || p.Implements(unmarshalerType) {
		return probed(t)
	}
	if p.Implements(textOutType) || p.Implements(textInType) {
		return textual(t)
	}
	return nil
}

// textual is a type that is a text.
func textual(t reflect.Type) *object {
	s := obj("type", "string")
	if t.Name() == "UUID" && t.Kind() == reflect.Array && t.Len() == 16 {
		s.set("format", "uuid")
	}
	return s
}

// probed looks at how the zero value of a type encodes itself, which tells what kind
// of JSON it is.
func probed(t reflect.Type) (s *object) {
	defer func() {
		if recover() != nil {
			s = obj() // it cannot do with a zero value: anything may come
		}
	}()
	text, err := jsonx.Marshal(reflect.New(t).Interface())
	if err != nil || len(text) == 0 {
		return obj()
	}
	switch c := text[0]; {
	case c == '"':
		return textual(t)
	case c == '{':
		return obj("type", "object")
	case c == '[':
		return obj("type", "array", "items", obj())
	case c == 't', c == 'f':
		return obj("type", "boolean")
	case c == '-', c >= '0' && c <= '9':
		return obj("type", "number")
	}
	return obj()
}

// ownSchema asks a type for its schema.
func ownSchema(t reflect.Type) (s *object) {
	defer func() {
		if recover() != nil {
			s = obj()
		}
	}()
	if t.Kind() == reflect.Interface {
		return obj()
	}
	asked := reflect.New(t)
	if t.Kind() == reflect.Pointer {
		asked = reflect.New(t.Elem())
	}
	v, err := valueOf(asked.Interface().(schemer).OpenAPISchema())
	if o, ok := v.(*object); ok && err == nil {
		return o
	}
	return obj()
}

// nullable says that null may stand instead.
func nullable(s *object) *object {
	if s.has("$ref") {
		return obj("anyOf", list{s, obj("type", "null")})
	}
	name, ok := s.get("type").(string)
	if !ok {
		return s // anything, or nullable already
	}
	s = s.clone().set("type", list{name, "null"})
	if values, ok := s.get("enum").(list); ok {
		s.set("enum", append(values[:len(values):len(values)], nil))
	}
	return s
}
