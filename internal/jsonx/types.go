package jsonx

import (
	"reflect"
	"sync"
)

// interfaceTypes remembers the answers of holdsInterface: a pure function of a
// type, asked once per request.
var interfaceTypes sync.Map // reflect.Type -> bool

// holdsInterface reports whether decoding into a value of type t could fill an
// interface, and so whether numbers in it could lose digits.
func holdsInterface(t reflect.Type) bool {
	if t == nil {
		return false
	}
	if known, ok := interfaceTypes.Load(t); ok {
		return known.(bool)
	}
	found := searchInterface(t, map[reflect.Type]bool{})
	interfaceTypes.Store(t, found)
	return found
}

// searchInterface walks the types reachable from t, each once: types may refer
// to themselves.
func searchInterface(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return searchInterface(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if searchInterface(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}
