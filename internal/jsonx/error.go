package jsonx

import (
	"bytes"
	"encoding"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/redstart-go/redstart/internal/excerpt"
)

// ErrEmpty is the error of [Unmarshal] for input that is empty or all blanks.
var ErrEmpty = errors.New("the body is empty, where a JSON value was expected")

// Error says what [Unmarshal] found wrong, and where. Its text is fit for
// whoever sent the input: it names no Go types unless there is no other name.
type Error struct {
	Line   int      // counted from 1; 0 if the place is unknown
	Column int      // in characters, counted from 1; 0 if the place is unknown
	Path   string   // the value at fault, as in items[2].price; "" if unknown or the whole
	Keys   []string // the same taken apart, since a key may hold dots: items, 2, price
	Reason string   // what is wrong with it
	Err    error    // the error of the JSON library, or of a type that decodes itself
	// Misfit says that the input is well-formed JSON, but not for the type asked for.
	Misfit bool
}

// Error returns one line such as
// "line 3, column 14: items[2].price: expected a number, got a string".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", e.Line, e.Column)
	}
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	return b.String()
}

// Unwrap returns the error of the JSON library.
func (e *Error) Unwrap() error { return e.Err }

// Describe returns what an error of [Unmarshal] means to whoever sent a request with
// the input as its body. It is not ok for an error that is the program's fault.
func Describe(err error) (text string, ok bool) {
	if errors.Is(err, ErrEmpty) {
		return err.Error(), true
	}
	fault, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return "", false
	case fault.Misfit:
		return "the JSON body does not fit: " + fault.Error(), true
	}
	return "malformed JSON body: " + fault.Error(), true
}

// explain turns an error of the JSON library into one with a place. What is no JSON at
// all is told before what does not fit, wherever in the input it is.
//
// The library refuses types for what encoding/json overlooks, such as a blank in a tag or
// an option that the type has no use for. So encoding/json is asked as well: what that
// takes is taken, and if the type is at fault, its word counts.
func explain(data []byte, err error, v any, strict bool) error {
	if err := checkSyntax(data); err != nil {
		return explainSyntax(data, err)
	}
	second := decodeLoosely(data, v, strict)
	if second == nil {
		return nil
	}
	fault, ok := err.(*json.SemanticError)
	if !ok {
		return &Error{Reason: reason(err), Err: err, Misfit: true}
	}
	told := explainMisfit(data, fault)
	if _, theirs := told.(*Error); theirs {
		return told
	}
	if loose, theirs := explainLoose(data, second).(*Error); theirs {
		return loose
	}
	return told
}

// explainLoose turns an error of decodeLoosely into one with a place, unless it is about
// the program.
func explainLoose(data []byte, err error) error {
	mismatch, ok := err.(*stdjson.UnmarshalTypeError)
	switch {
	case err == nil, !ok && strings.HasPrefix(err.Error(), "json: cannot set "), ok && !decodable(mismatch.Type):
		return err
	case !ok:
		return &Error{Reason: reason(err), Err: err, Misfit: true}
	}
	at, path, keys := locate(data, offsetOf(data, mismatch))
	e := newError(data, at.start, mismatched(mismatch), mismatch)
	e.Path, e.Keys, e.Misfit = path, keys, true
	return e
}

// offsetOf returns an index within the value that encoding/json complains about. What its
// Offset means has changed with Go 1.27, and then its Field is the whole way.
func offsetOf(data []byte, mismatch *stdjson.UnmarshalTypeError) int {
	offset := int(mismatch.Offset) - 1
	at, _, keys := locate(data, offset)
	kind, _, _ := strings.Cut(mismatch.Value, " ")
	way := strings.Split(mismatch.Field, ".")
	if mismatch.Field == "" || at.kind == kind && lastName(keys) == lastName(way) {
		return offset
	}
	dec := jsontext.NewDecoder(bytes.NewReader(data), unmarshal)
	for {
		if _, err := dec.ReadToken(); err != nil {
			return offset
		}
		depth := dec.StackDepth()
		if parent, n := dec.StackIndex(depth); parent == '{' && n%2 == 1 {
			continue // a name, with the value to come
		}
		// A list or an object has been entered with its first token.
		if depth-len(way) <= 1 && depth >= len(way) && slices.Equal(slices.Collect(dec.StackPointer().Tokens()), way) {
			return int(dec.InputOffset()) - 1
		}
	}
}

// lastName returns the last element of a way that is no position in a list, in lower case.
func lastName(way []string) string {
	for _, name := range slices.Backward(way) {
		if strings.Trim(name, "0123456789") != "" {
			return strings.ToLower(name)
		}
	}
	return ""
}

// decodeLoosely decodes what is known to be JSON by encoding/json.
func decodeLoosely(data []byte, v any, strict bool) error {
	dec := stdjson.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if strict {
		dec.DisallowUnknownFields()
	}
	return dec.Decode(v)
}

// decodable says whether there is anything in JSON for a type.
func decodable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer, reflect.Interface:
		return false
	}
	return true
}

// reason is the text of an error without the library's name. It may repeat what the client
// sent, so it is shortened.
func reason(err error) string { return excerpt.Of(strings.TrimPrefix(err.Error(), "json: "), 300) }

func mismatched(m *stdjson.UnmarshalTypeError) string {
	value := excerpt.Of(m.Value, 100)
	return "expected " + expected(m.Type, value) + ", got " + got(value)
}

// checkSyntax looks at the whole input, of which the library has seen the first part.
func checkSyntax(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(data), unmarshal)
	if _, err := dec.ReadValue(); err != nil {
		return err
	}
	if rest := bytes.TrimLeft(data[dec.InputOffset():], whitespace); len(rest) > 0 {
		return &jsontext.SyntacticError{ByteOffset: int64(len(data) - len(rest)), Err: errTrailing}
	}
	return nil
}

var (
	errBOM  = errors.New("begins with a byte order mark, which JSON does not allow")
	errUTF8 = errors.New("invalid UTF-8")
)

// checkText finds what the JSON library would take for a strange character, or
// replace without a word: RFC 8259 section 8.1 wants UTF-8 without a byte order
// mark.
func checkText(data []byte) error {
	if bytes.HasPrefix(data, []byte("\uFEFF")) {
		return newError(data, 0, errBOM.Error(), errBOM)
	}
	if utf8.Valid(data) {
		return nil
	}
	for at := 0; ; {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			return newError(data, at, errUTF8.Error(), errUTF8)
		}
		at += size
	}
}

var (
	errCut      = errors.New("the JSON ends before it is complete")
	errTrailing = errors.New("unexpected text after the JSON value")
)

func explainSyntax(data []byte, err error) error {
	fault, ok := err.(*jsontext.SyntacticError)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return newError(data, len(data), errCut.Error(), err)
	case !ok:
		return &Error{Reason: reason(err), Err: err}
	case strings.HasSuffix(fault.Err.Error(), "after top-level value"):
		return newError(data, int(fault.ByteOffset), errTrailing.Error(), fault)
	}
	return newError(data, int(fault.ByteOffset), fault.Err.Error(), fault)
}

// explainMisfit says in terms of what was sent why it does not fit.
func explainMisfit(data []byte, fault *json.SemanticError) error {
	at, path, keys := locate(data, int(fault.ByteOffset))
	if fault.Err == json.ErrUnknownName {
		e := newError(data, at.start, fmt.Sprintf("unknown field %q", excerpt.Of(fault.JSONPointer.LastToken(), 100)), fault)
		e.Misfit = true
		return e
	}
	if fault.Err != nil && !judges(fault.GoType) {
		return fmt.Errorf("json: %s: %w", fault.GoType, fault.Err) // The program's type is at fault, not the input.
	}
	e := newError(data, at.start, misfit(data, at, fault), fault)
	e.Path, e.Keys, e.Misfit = path, keys, true
	if inner, ok := errors.AsType[*stdjson.UnmarshalTypeError](fault.Err); ok {
		// The value decodes itself, with encoding/json.
		e.Reason = mismatched(inner)
		if inner.Field != "" {
			e.Path = strings.TrimPrefix(e.Path+"."+inner.Field, ".")
			e.Keys = append(e.Keys, strings.Split(inner.Field, ".")...)
		}
	}
	return e
}

// misfit says what was expected and what was found.
func misfit(data []byte, at token, fault *json.SemanticError) string {
	t, found := fault.GoType, excerpt.Of(string(at.whole(data)), 100)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
	case t == reflect.TypeFor[time.Time]():
		return `expected a time such as "2006-01-02T15:04:05Z", got ` + found
	case isBytes(t) && at.kind == "string":
		return "expected base64, got " + found
	case isNumber(t) && at.kind == "number" && fault.Err == nil:
		return "expected a number in quotes, got " + found
	case t.Kind() == reflect.Bool && at.kind == "bool" && fault.Err == nil:
		return "expected a boolean in quotes, got " + found
	case fault.Err == nil, (isText(t) || fault.Err == errNoNumber) && at.kind != "string" && at.kind != "key",
		errors.Is(fault.Err, strconv.ErrRange), errors.Is(fault.Err, strconv.ErrSyntax):
		what := at.kind
		if isNumber(t) {
			what = at.digits(data)
		}
		return "expected " + expected(t, what) + ", got " + got(what)
	}
	if fault.Err == nil {
		return found + " does not fit"
	}
	return found + " does not fit: " + reason(fault.Err)
}

func isNumber(t reflect.Type) bool { return reflect.Int <= t.Kind() && t.Kind() <= reflect.Float64 }

// judges says whether a type has a word in what it takes: there, an error is about the
// input.
func judges(t reflect.Type) bool {
	if t == nil {
		return true
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return isNumber(t) || t.Kind() == reflect.Bool || t.Kind() == reflect.String || isBytes(t) || isText(t) || decodesItself(t)
}

func decodesItself(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[stdjson.Unmarshaler]()) ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[json.UnmarshalerFrom]())
}

// isBytes says whether values of a type are written as base64.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !isText(t) && !decodesItself(t)
}

// newError returns an Error placed at the byte offset.
func newError(data []byte, offset int, reason string, err error) *Error {
	before := data[:min(max(offset, 0), len(data))]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return &Error{
		Line:   bytes.Count(before, []byte{'\n'}) + 1,
		Column: utf8.RuneCount(before[lineStart:]) + 1,
		Reason: reason,
		Err:    err,
	}
}

// expected describes in JSON's terms what fits into t. The value found decides
// whether a range has to be told.
func expected(t reflect.Type, value string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if isText(t) && !strings.HasPrefix(value, "string") {
		return "a string" // Times, addresses and others that are written as text.
	}
	switch kind := t.Kind(); kind {
	case reflect.Bool:
		return "a boolean"
	case reflect.String:
		if t == reflect.TypeFor[stdjson.Number]() {
			return "a number"
		}
		return "a string"
	case reflect.Float32, reflect.Float64:
		if digits, ok := strings.CutPrefix(value, "number "); ok && digits != "" {
			return "a number within the range of " + kind.String()
		}
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := t.Bits()
		low, high := int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits)
		return wholeNumber(value, strconv.FormatInt(low, 10), strconv.FormatInt(high, 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		high := uint64(math.MaxUint64) >> (64 - t.Bits())
		return wholeNumber(value, "0", strconv.FormatUint(high, 10))
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return "a value for " + t.String()
}

// isText says whether values of a type are written as text: times, addresses.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// wholeNumber tells the range only to somebody who sent a whole number.
func wholeNumber(value, low, high string) string {
	digits, ok := strings.CutPrefix(value, "number ")
	if !ok || strings.Trim(digits, "-0123456789") != "" {
		return "a whole number"
	}
	return "a whole number from " + low + " to " + high
}

// got describes the value found.
func got(value string) string {
	switch kind, literal, _ := strings.Cut(value, " "); kind {
	case "number":
		if literal != "" {
			return literal
		}
		return "a number"
	case "bool":
		return "a boolean"
	case "array", "object":
		return "an " + kind
	default:
		return "a " + kind
	}
}
