package bind

import (
	"reflect"
	"slices"
)

// enumerator is a type of texts that lists the values it has.
type enumerator interface{ Enum() []string }

// EnumOf returns the values that a type of texts lists by a method Enum() []string, those
// of its elements for a list or a map, and nil for all other types.
func EnumOf(t reflect.Type) []string {
	t = pointed(t)
	if isList(t) {
		t = pointed(t.Elem())
	}
	if t.Kind() != reflect.String || !reflect.PointerTo(t).Implements(reflect.TypeFor[enumerator]()) {
		return nil
	}
	return reflect.New(t).Interface().(enumerator).Enum()
}

func pointed(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// within says whether a text, or each of a list or a map, is one of the values.
func within(values []string) func(reflect.Value) bool {
	var holds func(v reflect.Value) bool
	holds = func(v reflect.Value) bool {
		switch v.Kind() {
		case reflect.Pointer:
			return v.IsNil() || holds(v.Elem())
		case reflect.String:
			return slices.Contains(values, v.String())
		case reflect.Map:
			for _, key := range v.MapKeys() {
				if !holds(v.MapIndex(key)) {
					return false
				}
			}
			return true
		}
		for i := range v.Len() {
			if !holds(v.Index(i)) {
				return false
			}
		}
		return true
	}
	return holds
}
