package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/redstart-go/redstart/internal/jsonx"
)

// object is a JSON object whose members keep their order. A value in it is an object,
// a list, a text, a bool, a number, nil, or a *pointer to a component.
type object struct {
	keys   []string
	values map[string]any
}

type list = []any

// obj makes an object of pairs of a key and a value.
func obj(pairs ...any) *object {
	o := &object{}
	for i := 0; i < len(pairs); i += 2 {
		o.set(pairs[i].(string), pairs[i+1])
	}
	return o
}

// set adds a member, or replaces it where it stands.
func (o *object) set(key string, value any) *object {
	if o.values == nil {
		o.values = map[string]any{}
	}
	if _, has := o.values[key]; !has {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
	return o
}

// text adds a member unless it is empty.
func (o *object) text(key, value string) *object {
	if value != "" {
		o.set(key, value)
	}
	return o
}

// flag adds a member if it is true.
func (o *object) flag(key string, value bool) *object {
	if value {
		o.set(key, true)
	}
	return o
}

// nested adds an object unless it is empty.
func (o *object) nested(key string, value *object) *object {
	if value != nil && len(value.keys) > 0 {
		o.set(key, value)
	}
	return o
}

func (o *object) get(key string) any { return o.values[key] }

func (o *object) has(key string) bool {
	_, has := o.values[key]
	return has
}

// object returns a member that is an object, which it makes if there is none.
func (o *object) object(key string) *object {
	if inner, ok := o.values[key].(*object); ok {
		return inner
	}
	inner := &object{}
	o.set(key, inner)
	return inner
}

// clone copies the object, but not what is in it.
func (o *object) clone() *object {
	c := &object{}
	for _, key := range o.keys {
		c.set(key, o.values[key])
	}
	return c
}

func texts(from []string) list {
	to := make(list, len(from))
	for i, text := range from {
		to[i] = text
	}
	return to
}

// valueOf makes a value of what encodes to JSON.
func valueOf(v any) (any, error) {
	text, err := jsonx.Marshal(v)
	if err != nil {
		return nil, err
	}
	return parseJSON(text)
}

// parseJSON reads JSON and keeps the order of members.
func parseJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := readValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something behind the value")
	}
	return v, nil
}

func readValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := &object{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := readValue(d)
			if err != nil {
				return nil, err
			}
			o.set(key.(string), value)
		}
		_, err := d.Token()
		return o, err
	case json.Delim('['):
		l := list{}
		for d.More() {
			value, err := readValue(d)
			if err != nil {
				return nil, err
			}
			l = append(l, value)
		}
		_, err := d.Token()
		return l, err
	}
	return token, nil
}

// appendJSON writes a value, two blanks further in per level.
func appendJSON(dst []byte, v any, indent string) []byte {
	inner := indent + "  "
	switch v := v.(type) {
	case *object:
		if len(v.keys) == 0 {
			return append(dst, "{}"...)
		}
		dst = append(dst, '{')
		for i, key := range v.keys {
			dst = appendJSON(separate(dst, i, inner), key, "")
			dst = appendJSON(append(dst, ": "...), v.values[key], inner)
		}
		return append(append(append(dst, '\n'), indent...), '}')
	case list:
		if len(v) == 0 {
			return append(dst, "[]"...)
		}
		dst = append(dst, '[')
		for i, element := range v {
			dst = appendJSON(separate(dst, i, inner), element, inner)
		}
		return append(append(append(dst, '\n'), indent...), ']')
	}
	dst, err := jsonx.Append(dst, v)
	if err != nil {
		panic(fmt.Sprintf("openapi: a %T in a document: %v", v, err)) // none of the above: a mistake of this package
	}
	return dst
}

func separate(dst []byte, i int, indent string) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return append(append(dst, '\n'), indent...)
}
