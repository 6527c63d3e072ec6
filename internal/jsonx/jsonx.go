// Package jsonx is the one door between Redstart and a JSON library.
//
// Everything the framework encodes or decodes passes through the three
// functions here, so that its promises hold everywhere alike: a nil slice is an
// empty list, a number decoded into an any keeps all its digits, data after the
// value is an error, and an error says where in the input it was found. It is
// also the only place to change when a faster library is wanted.
//
// All functions are safe for concurrent use.
package jsonx

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
)

// Marshal returns the JSON encoding of v, without a newline after it.
//
// It differs from [json.Marshal] in two ways. A nil slice at the top level, or
// behind a pointer at the top level, is [] rather than null, because a client
// that asks for a list should get one. And <, > and & stand for themselves: the
// result is not meant to be pasted into HTML unescaped.
func Marshal(v any) ([]byte, error) {
	return Append(nil, v)
}

// Append appends the encoding that [Marshal] describes to dst and returns the
// extended slice. On error it returns dst as it was.
func Append(dst []byte, v any) ([]byte, error) {
	if literal := emptyList(v); literal != "" {
		return append(dst, literal...), nil
	}
	p := encoders.Get().(*encoder)
	p.out = dst
	err := p.enc.Encode(v)
	out := p.out
	// The pool must not keep the caller's memory alive, nor write to it later.
	p.out = nil
	encoders.Put(p)
	if err != nil {
		return dst, err
	}
	return out[:len(out)-1], nil // Encode ends every value with a newline.
}

// Unmarshal decodes the single JSON value in data into v, which must be a
// non-nil pointer. Where v holds an any, numbers become [json.Number]. With
// strict set, an object key that has no field in a struct is an error.
//
// Empty input gives an error that is [ErrEmpty]. All other faults of the input
// are an [*Error], bytes that are not UTF-8 and a byte order mark among them. A v that is no pointer gives a [*json.InvalidUnmarshalError].
// After an error v may be partly filled.
func Unmarshal(data []byte, v any, strict bool) error {
	if len(bytes.TrimLeft(data, whitespace)) == 0 {
		return ErrEmpty
	}
	if err := checkText(data); err != nil {
		return err
	}
	var err error
	if !strict && !holdsInterface(reflect.TypeOf(v)) {
		// Without an any to fill, exact numbers need no decoder, and this way
		// is a third faster.
		err = json.Unmarshal(data, v)
	} else {
		err = decode(data, v, strict)
	}
	if err != nil {
		return explain(data, reflect.TypeOf(v), err)
	}
	return nil
}

const whitespace = " \t\r\n"

// decode is the slower way, for what only a json.Decoder can do.
func decode(data []byte, v any, strict bool) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if strict {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(v); err != nil {
		return err
	}
	end := int(dec.InputOffset())
	if rest := bytes.TrimLeft(data[end:], whitespace); len(rest) > 0 {
		return &trailingError{offset: len(data) - len(rest)}
	}
	return nil
}

// encoder is a json.Encoder together with the slice it appends to.
type encoder struct {
	enc *json.Encoder
	out []byte
}

// Write makes the encoder its own destination.
func (e *encoder) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.enc = json.NewEncoder(e)
	e.enc.SetEscapeHTML(false)
	return e
}}

// emptyList returns what stands for v if it is a nil slice, or a non-nil
// pointer to one, and "" otherwise. A type that writes its own JSON is left to
// do so.
func emptyList(v any) string {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer {
		if rv.Type().Elem().Kind() != reflect.Slice || rv.IsNil() || encodesItself(v) {
			return ""
		}
		rv = rv.Elem()
	}
	if rv.Kind() != reflect.Slice || !rv.IsNil() || encodesItself(v) {
		return ""
	}
	if rv.Type().Elem().Kind() == reflect.Uint8 {
		return `""` // Bytes are written as a base64 string, not as a list.
	}
	return "[]"
}

func encodesItself(v any) bool {
	switch v.(type) {
	case json.Marshaler, encoding.TextMarshaler:
		return true
	}
	return false
}
