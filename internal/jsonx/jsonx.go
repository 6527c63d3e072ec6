// Package jsonx is the one door between Redstart and a JSON library.
//
// Everything the framework encodes or decodes passes through the three
// functions here, so that its promises hold everywhere alike: a nil slice is an
// empty list, a number decoded into an any keeps all its digits, data after the
// value is an error, and an error says where in the input it was found. It is
// also the only place to change when a faster library is wanted.
//
// The library is the mirror of encoding/json/v2, which is an alias of it from
// Go 1.27 on. It is asked for the meaning that encoding/json has, where this
// package does not promise another. What is sure to hold no list is encoded by
// encoding/json itself, which takes half the time for that.
//
// All functions are safe for concurrent use.
package jsonx

import (
	"bytes"
	stdjson "encoding/json"
	"reflect"
	"sync"

	"github.com/go-json-experiment/json"
)

// Marshal returns the JSON encoding of v, without a newline after it.
//
// It differs from that of encoding/json in two ways. A nil slice is [] rather
// than null, and a nil map {}, wherever they are, because a client that asks for
// a list should get one. And <, > and & stand for themselves: the result is not
// meant to be pasted into HTML unescaped.
func Marshal(v any) ([]byte, error) {
	return Append(nil, v)
}

// Append appends the encoding that [Marshal] describes to dst and returns the
// extended slice. On error it returns dst as it was.
func Append(dst []byte, v any) ([]byte, error) {
	shape := shapeOf(reflect.TypeOf(v))
	if !shape.lists {
		if literal := emptyList(v); literal != "" {
			return append(dst, literal...), nil
		}
		return appendFlat(dst, v)
	}
	opts := marshal
	if shape.numbers {
		opts = marshalNumbers
	}
	buf := buffers.Get().(*bytes.Buffer)
	*buf = *bytes.NewBuffer(dst)
	err := json.MarshalWrite(buf, v, opts)
	out := buf.Bytes()
	// The pool must not keep the caller's memory alive, nor write to it later.
	*buf = bytes.Buffer{}
	buffers.Put(buf)
	if err != nil {
		return dst, err
	}
	return out, nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Unmarshal decodes the single JSON value in data into v, which must be a
// non-nil pointer. Where v holds an any, numbers become an encoding/json.Number.
// With strict set, an object key that has no field in a struct is an error.
//
// Empty input gives an error that is [ErrEmpty]. All other faults of the input
// are an [*Error], bytes that are not UTF-8 and a byte order mark among them. A v
// that is no pointer gives an [*encoding/json.InvalidUnmarshalError]. After an
// error v may be partly filled.
func Unmarshal(data []byte, v any, strict bool) error {
	if len(bytes.TrimLeft(data, whitespace)) == 0 {
		return ErrEmpty
	}
	if err := checkText(data); err != nil {
		return err
	}
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return &stdjson.InvalidUnmarshalError{Type: reflect.TypeOf(v)}
	}
	opts := unmarshal
	shape := shapeOf(target.Type())
	switch {
	case shape.named:
		if err := checkSyntax(data); err != nil {
			return explainSyntax(data, err)
		}
		return explainLoose(data, decodeLoosely(data, v, strict))
	case strict && shape.numbers:
		opts = unmarshalStrictNumbers
	case strict:
		opts = unmarshalStrict
	case shape.numbers:
		opts = unmarshalNumbers
	}
	if err := json.Unmarshal(data, v, opts); err != nil {
		return explain(data, err, v, strict)
	}
	return nil
}

const whitespace = " \t\r\n"
