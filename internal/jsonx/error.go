package jsonx

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrEmpty is the error of [Unmarshal] for input that is empty or all blanks.
var ErrEmpty = errors.New("the body is empty, where a JSON value was expected")

// Error says what [Unmarshal] found wrong, and where. Its text is fit for
// whoever sent the input: it names no Go types unless there is no other name.
type Error struct {
	Line   int    // counted from 1; 0 if the place is unknown
	Column int    // in characters, counted from 1; 0 if the place is unknown
	Path   string // the value at fault, as in items[2].price; "" if unknown or the whole
	Reason string // what is wrong with it
	Err    error  // the error of the JSON library, or of a type that decodes itself
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

// trailingError reports text behind a value, which a json.Decoder leaves be.
type trailingError struct{ offset int }

func (e *trailingError) Error() string { return trailingReason }

const trailingReason = "unexpected text after the JSON value"

// explain turns an error of the JSON library into one with a place.
func explain(data []byte, t reflect.Type, err error) error {
	if wrong, ok := errors.AsType[*json.InvalidUnmarshalError](err); ok {
		return wrong // The program's fault, not the input's.
	}
	if trailing, ok := errors.AsType[*trailingError](err); ok {
		return newError(data, trailing.offset, trailingReason, err)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && isTopLevel(err) {
		return explainSyntax(data, syntax)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) && isTopLevel(err) {
		return newError(data, len(data), cutReason, err)
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return explainType(data, mismatch)
	}
	if quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return explainUnknown(data, quoted, err)
	}
	return culprit(data, t, err)
}

// isTopLevel reports whether err is about the input itself and was not made, or
// wrapped, by a type that decodes itself from a part of it.
func isTopLevel(err error) bool {
	if err == io.ErrUnexpectedEOF {
		return true
	}
	_, ok := err.(*json.SyntaxError)
	return ok
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

const cutReason = "the JSON ends before it is complete"

func explainSyntax(data []byte, syntax *json.SyntaxError) error {
	text := syntax.Error()
	last := data[len(data)-1] // Empty input has come no further than Unmarshal.
	switch {
	case strings.HasPrefix(text, "unexpected end"),
		// A word or number that breaks off is held against a made-up space.
		strings.HasPrefix(text, "invalid character ' '") && int(syntax.Offset) == len(data) && last != ' ':
		return newError(data, len(data), cutReason, syntax)
	case strings.HasSuffix(text, "after top-level value"):
		return newError(data, int(syntax.Offset)-1, trailingReason, syntax)
	}
	return newError(data, int(syntax.Offset)-1, text, syntax)
}

// explainType says what was expected and what was found. The library's offset is
// just past a literal or just past the opening bracket, and its field path leaves
// out list positions and map keys; the input itself tells more. Only when a type
// that decodes itself counted from its own start does the offset mislead.
func explainType(data []byte, mismatch *json.UnmarshalTypeError) error {
	reason := "expected " + expected(mismatch.Type, mismatch.Value) + ", got " + got(mismatch.Value)
	at := locate(data, int(mismatch.Offset)-1)
	if !at.found || !agrees(at, mismatch) {
		return &Error{Path: mismatch.Field, Reason: reason, Err: mismatch, Misfit: true}
	}
	e := newError(data, at.start, reason, mismatch)
	e.Path, e.Misfit = at.path, true
	return e
}

// agrees reports whether the value found in the input can be the one that the
// library complained about.
func agrees(at token, mismatch *json.UnmarshalTypeError) bool {
	kind, _, _ := strings.Cut(mismatch.Value, " ")
	sameKind := at.kind == kind ||
		// Numbers in strings: map keys, and fields tagged ",string".
		kind == "number" && (at.kind == "key" || at.kind == "string")
	name := mismatch.Field[strings.LastIndexByte(mismatch.Field, '.')+1:]
	return sameKind && strings.Contains(strings.ToLower(at.path), strings.ToLower(name))
}

// explainUnknown places an unknown key if only one key of the input has its name.
func explainUnknown(data []byte, quoted string, err error) error {
	name, unquoteErr := strconv.Unquote(quoted)
	if unquoteErr != nil {
		name = quoted
	}
	reason := fmt.Sprintf("unknown field %q", name)
	var hits []token
	walk(data, func(t token) bool {
		if t.kind == "key" && t.key == name {
			hits = append(hits, t)
		}
		return len(hits) < 2
	})
	if len(hits) != 1 {
		return &Error{Reason: reason, Err: err, Misfit: true}
	}
	e := newError(data, hits[0].start, reason, err)
	e.Misfit = true
	return e
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
