package jsonx

import (
	stdjson "encoding/json"
	"reflect"
	"sync"
)

// appendFlat encodes a value without lists in it by encoding/json.
func appendFlat(dst []byte, v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.out = dst
	err := e.json.Encode(v)
	out := e.out
	e.out = nil // as with the other pool
	encoders.Put(e)
	if err != nil {
		return dst, err
	}
	return out[:len(out)-1], nil // Encode ends every value with a newline.
}

// encoder is an encoding/json.Encoder together with the slice it appends to.
type encoder struct {
	json *stdjson.Encoder
	out  []byte
}

// Write makes the encoder its own destination.
func (e *encoder) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = stdjson.NewEncoder(e)
	e.json.SetEscapeHTML(false)
	return e
}}

// emptyList returns what stands for v if it is a nil slice or map, or a pointer to one,
// and "" otherwise. A type that writes its own JSON is left to do so.
func emptyList(v any) string {
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer {
		if encodesItself(rv.Type()) {
			return ""
		}
		rv = rv.Elem()
	}
	if k := rv.Kind(); k != reflect.Slice && k != reflect.Map || !rv.IsNil() || encodesItself(rv.Type()) {
		return ""
	}
	if rv.Kind() == reflect.Map {
		return "{}"
	}
	return "[]"
}
