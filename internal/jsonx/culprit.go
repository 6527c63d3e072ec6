package jsonx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-go/redstart/internal/excerpt"
)

// maxDescent bounds how far in a culprit is looked for: at each level what is in there
// is decoded once more, and a type that refers to itself has no last one.
const maxDescent = 32

// culprit finds the value that a type which decodes itself has refused with an error.
// The JSON library does not say where that was, so what is in a value is decoded anew,
// one by one, until the same error comes up.
func culprit(data []byte, t reflect.Type, err error) *Error {
	at := place{text: data, t: t}
	for range maxDescent {
		inner, ok := at.inner(err.Error())
		if !ok {
			break
		}
		at = inner
	}
	if at.offset == 0 && at.path == "" && !selfMade(at.t) {
		return &Error{Reason: strings.TrimPrefix(err.Error(), "json: "), Err: err, Misfit: true}
	}
	e := newError(data, at.offset, at.reason(err), err)
	e.Path, e.Misfit = at.path, true
	return e
}

// place is a value of the input, and the type it is for.
type place struct {
	text   []byte
	offset int
	path   string
	t      reflect.Type
}

// inner finds the value directly in p that cannot be decoded for the same reason.
func (p place) inner(reason string) (hit place, ok bool) {
	for p.t.Kind() == reflect.Pointer {
		p.t = p.t.Elem()
	}
	if selfMade(p.t) {
		return p, false
	}
	dec := json.NewDecoder(bytes.NewReader(p.text))
	open, err := dec.Token()
	if err != nil {
		return p, false
	}
	delim, nested := open.(json.Delim)
	for i := 0; nested && dec.More(); i++ {
		child := place{path: p.path + "[" + strconv.Itoa(i) + "]"}
		if delim == '{' {
			token, err := dec.Token()
			key, isText := token.(string)
			if err != nil || !isText {
				return p, false
			}
			child.path = strings.TrimPrefix(p.path+"."+key, ".")
			child.t = valueType(p.t, key)
		} else {
			child.t = valueType(p.t, "")
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return p, false
		}
		if child.t == nil {
			continue
		}
		if err := json.Unmarshal(value, reflect.New(child.t).Interface()); err != nil && err.Error() == reason {
			child.text, child.offset = value, p.offset+int(dec.InputOffset())-len(value)
			return child, true
		}
	}
	return p, false
}

// valueType returns the type of what is within a value of type t, nil if there is
// nothing that would be decoded.
func valueType(t reflect.Type, key string) reflect.Type {
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return t.Elem()
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				name = f.Name
			}
			if f.IsExported() && f.Tag.Get("json") != "-" && strings.EqualFold(name, key) {
				return f.Type
			}
		}
	}
	return nil
}

// selfMade says whether values of a type are not decoded from what is within.
func selfMade(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Unmarshaler]()) || isText(t)
}

// reason says what is wrong with the value, in terms of what was sent.
func (p place) reason(err error) string {
	for p.t.Kind() == reflect.Pointer {
		p.t = p.t.Elem()
	}
	found := excerpt.Of(string(p.text), 100)
	switch {
	case p.t == reflect.TypeFor[time.Time]():
		return `expected a time such as "2006-01-02T15:04:05Z", got ` + found
	case p.t.Kind() == reflect.Slice && p.t.Elem().Kind() == reflect.Uint8 && !selfMade(p.t):
		return "expected base64, got " + found
	case selfMade(p.t):
		return fmt.Sprintf("%s does not fit: %s", found, strings.TrimPrefix(err.Error(), "json: "))
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}
