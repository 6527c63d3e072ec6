package bind

import (
	"reflect"
	"strconv"
)

// shadow makes a type of the same layout as the struct t in which the JSON decoder
// sees nothing but the fields of the body: a client must not be able to set by the
// body what is to come from a header, say, by the name that the field has in Go.
// A value of t can then be decoded into where it is.
func shadow(t reflect.Type, c *compiler) reflect.Type {
	var fields []reflect.StructField
	for f := range fieldsOf(t) {
		out := reflect.StructField{Name: "Hidden_" + strconv.Itoa(len(fields)), Type: opaque(f.Type), Tag: `json:"-"`}
		in, _, _ := source(f)
		name, given := jsonName(f)
		switch {
		case in != "" && !inBoth(f) || name == "-" || f.Type == c.Raw || f.Type == c.Request:
		case f.Anonymous && !given && f.Type.Kind() == reflect.Struct:
			out.Type, out.Anonymous, out.Tag = shadow(f.Type, c), true, ""
		case f.IsExported():
			out.Name, out.Type, out.Tag = f.Name, f.Type, f.Tag
		}
		fields = append(fields, out)
	}
	return reflect.StructOf(fields)
}

// opaque returns a type of the same size and alignment without anything inside. The
// garbage collector does not go by it: the memory was allocated as what it is.
func opaque(t reflect.Type) reflect.Type {
	for _, unit := range []reflect.Type{
		reflect.TypeFor[uintptr](), reflect.TypeFor[uint64](), reflect.TypeFor[uint32](), reflect.TypeFor[uint16](),
	} {
		if unit.Align() == t.Align() && t.Size()%unit.Size() == 0 {
			return reflect.ArrayOf(int(t.Size()/unit.Size()), unit)
		}
	}
	return reflect.ArrayOf(int(t.Size()), reflect.TypeFor[byte]())
}
