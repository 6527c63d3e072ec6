package jsonx

import (
	stdjson "encoding/json"
	"errors"
	"fmt"

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
	if kind, length := enc.StackIndex(enc.StackDepth()); kind == '{' && length%2 == 0 {
		return enc.WriteToken(jsontext.String(string(n))) // the key of a map
	}
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
		return errNoNumber
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
