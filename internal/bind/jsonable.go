package bind

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// CheckOutput says whether values of a type can become JSON, as far as the type tells.
func CheckOutput(t reflect.Type) error {
	return jsonable(t, "cannot become JSON", map[reflect.Type]bool{},
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]())
}

// decodable says whether JSON can become a value of a type.
func decodable(t reflect.Type) error {
	return jsonable(t, "cannot come from JSON", map[reflect.Type]bool{},
		reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]())
}

// jsonable looks for types that JSON has nothing for. Those with one of the methods see
// to themselves.
func jsonable(t reflect.Type, cannot string, seen map[reflect.Type]bool, methods ...reflect.Type) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	for _, m := range methods {
		if t.Implements(m) || reflect.PointerTo(t).Implements(m) {
			return nil
		}
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("a %s %s", t, cannot)
	case reflect.Interface:
		if t.NumMethod() > 0 && slices.Contains(methods, reflect.TypeFor[json.Unmarshaler]()) {
			return fmt.Errorf("a %s %s", t, cannot) // which of the types that have the methods?
		}
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return jsonable(t.Elem(), cannot, seen, methods...)
	case reflect.Struct:
		for f := range fieldsOf(t) {
			if name, _ := jsonName(f); name == "-" || !f.IsExported() && !f.Anonymous {
				continue
			}
			if err := jsonable(f.Type, cannot, seen, methods...); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	return nil
}
