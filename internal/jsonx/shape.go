package jsonx

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"sync"

	"github.com/go-json-experiment/json"
)

// shape is what has to be known of a type.
type shape struct {
	// numbers is set when a value can hold an any or a Number, for which decoding and
	// encoding need functions of this package.
	numbers bool
	// named is set when a value can hold an any of another name. The library decodes
	// numbers for it as float64, whatever functions it is given for an any.
	named bool
	// lists is set when a value can hold a nil slice or map further down than at the top,
	// or has a method MarshalJSONTo.
	lists bool
}

// shapes remembers the answers of shapeOf: a pure function of a type, asked once for
// each value.
var shapes sync.Map // reflect.Type -> shape

func shapeOf(t reflect.Type) shape {
	if t == nil {
		return shape{}
	}
	if known, ok := shapes.Load(t); ok {
		return known.(shape)
	}
	s := shape{
		numbers: reaches(t, func(t reflect.Type) verdict {
			if t.Kind() == reflect.Interface || t == reflect.TypeFor[stdjson.Number]() {
				return found
			}
			return open
		}),
		named: reaches(t, func(t reflect.Type) verdict {
			if t.Kind() == reflect.Interface && t.NumMethod() == 0 && t != reflect.TypeFor[any]() {
				return found
			}
			return open
		}),
		lists: reaches(listOf(t), func(t reflect.Type) verdict {
			switch {
			case t == reflect.TypeFor[stdjson.Number]():
				return closed // encoding/json knows its own
			case t.Implements(reflect.TypeFor[json.MarshalerTo]()), reflect.PointerTo(t).Implements(reflect.TypeFor[json.MarshalerTo]()):
				return found // a method that encoding/json does not know
			case encodesItself(t):
				return closed
			case t.Kind() == reflect.Interface, t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
				return found
			}
			return open
		}),
	}
	shapes.Store(t, s)
	return s
}

// listOf takes the list off that a value itself may be; its elements count. Bytes are no
// list but a text, and are left as they are.
func listOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer && !encodesItself(t) {
		t = t.Elem()
	}
	if k := t.Kind(); encodesItself(t) || k != reflect.Slice && k != reflect.Map || t.Elem().Kind() == reflect.Uint8 {
		return t
	}
	return t.Elem()
}

// verdict is what is said of a type on the way.
type verdict int

const (
	open   verdict = iota // look at what is in it
	closed                // do not
	found
)

// reaches walks the types that values of type t are made of, each once since types may
// refer to themselves, until one is found.
func reaches(t reflect.Type, judge func(reflect.Type) verdict) bool {
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type) bool
	walk = func(t reflect.Type) bool {
		if seen[t] {
			return false
		}
		seen[t] = true
		if v := judge(t); v != open {
			return v == found
		}
		switch t.Kind() {
		case reflect.Map:
			return walk(t.Key()) || walk(t.Elem())
		case reflect.Slice, reflect.Array, reflect.Pointer:
			return walk(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				f := t.Field(i)
				if (f.IsExported() || f.Anonymous) && f.Tag.Get("json") != "-" && walk(f.Type) {
					return true
				}
			}
		}
		return false
	}
	return walk(t)
}

// encodesItself says whether a type writes its own JSON, or text.
func encodesItself(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[stdjson.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) ||
		t.Implements(reflect.TypeFor[json.MarshalerTo]())
}
