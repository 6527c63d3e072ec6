package jsonx

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The library knows encoding/json's Number only when it is a part of the standard
// library itself. And it takes numbers for an any as float64, which loses digits.
var numberDecoders = json.JoinUnmarshalers(
	json.UnmarshalFromFunc(decodeNumber),
	json.UnmarshalFromFunc(decodeAnyNumber),
)

func encodeNumber(enc *jsontext.Encoder, n stdjson.Number) error {
	if n == "" {
		n = "0" // as encoding/json has it
	}
	if v := jsontext.Value(n); v.Kind() != '0' || !v.IsValid() {
		return fmt.Errorf("%q is not a number", string(n))
	}
	return enc.WriteValue(jsontext.Value(n))
}

func decodeNumber(dec *jsontext.Decoder, n *stdjson.Number) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '0', '"':
	default:
		return errors.ErrUnsupported
	}
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if v.Kind() == '"' { // A number may stand in quotes, as in encoding/json.
		quoted, err := jsontext.AppendUnquote(nil, v)
		if v = quoted; err != nil || v.Kind() != '0' || !v.IsValid() {
			return errNoNumber
		}
	}
	*n = stdjson.Number(v)
	return nil
}

var errNoNumber = errors.New("expected a number")

func decodeAnyNumber(dec *jsontext.Decoder, v *any) error {
	if dec.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	text, err := dec.ReadValue()
	if err == nil {
		*v = stdjson.Number(text)
	}
	return err
}

// numberTypes remembers the answers of needsNumbers: a pure function of a type,
// asked once per value.
var numberTypes sync.Map // reflect.Type -> bool

// needsNumbers reports whether a value of type t can hold an interface or a Number,
// and so whether numbers in it need the decoders and the encoder above.
func needsNumbers(t reflect.Type) bool {
	if t == nil {
		return false
	}
	if known, ok := numberTypes.Load(t); ok {
		return known.(bool)
	}
	found := searchNumbers(t, map[reflect.Type]bool{})
	numberTypes.Store(t, found)
	return found
}

// searchNumbers walks the types reachable from t, each once: types may refer
// to themselves.
func searchNumbers(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	if t == reflect.TypeFor[stdjson.Number]() {
		return true
	}
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Map:
		return searchNumbers(t.Key(), seen) || searchNumbers(t.Elem(), seen)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return searchNumbers(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if searchNumbers(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}
