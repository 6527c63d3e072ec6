package bind

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redstart-go/redstart/internal/excerpt"
)

// setter puts a text into a value, or says what is wrong with it.
type setter func(dst reflect.Value, text string) (problem string)

var (
	timeType            = reflect.TypeFor[time.Time]()
	durationType        = reflect.TypeFor[time.Duration]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// converter returns how a text from some place becomes a value of type t. Blank says
// that the empty text is such a value.
func converter(t reflect.Type, in Location) (set setter, blank bool, err error) {
	switch {
	case t == timeType && in == Form:
		return setFormTime, false, nil
	case t == timeType:
		return setTime, false, nil
	case t == durationType:
		return setDuration, false, nil
	case reflect.PointerTo(t).Implements(textUnmarshalerType):
		return setText, false, nil
	}
	switch t.Kind() {
	case reflect.String:
		return setString, true, nil
	case reflect.Bool:
		return setBool, false, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt, false, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return setUint, false, nil
	case reflect.Float32, reflect.Float64:
		return setFloat, false, nil
	case reflect.Pointer:
		if t.Elem().Kind() == reflect.Pointer {
			break
		}
		inner, blank, err := converter(t.Elem(), in)
		if err != nil {
			return nil, false, err
		}
		return func(dst reflect.Value, text string) string {
			v := reflect.New(dst.Type().Elem())
			problem := inner(v.Elem(), text)
			if problem == "" {
				dst.Set(v)
			}
			return problem
		}, blank, nil
	}
	return nil, false, fmt.Errorf("a text cannot become a %s: want a string, a bool, a number, a time.Time, a time.Duration, an encoding.TextUnmarshaler, or a pointer to one", t)
}

func setString(dst reflect.Value, text string) string {
	if !utf8.ValidString(text) {
		return "the text is not UTF-8"
	}
	dst.SetString(text)
	return ""
}

// setBool also takes what browsers send for a checkbox: "on".
func setBool(dst reflect.Value, text string) string {
	switch text {
	case "on":
		text = "true"
	case "off":
		text = "false"
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return expected("true or false", text)
	}
	dst.SetBool(b)
	return ""
}

func setInt(dst reflect.Value, text string) string {
	bits := dst.Type().Bits()
	n, err := strconv.ParseInt(text, 10, bits)
	if errors.Is(err, strconv.ErrRange) {
		return expected(fmt.Sprintf("an integer from %d to %d", int64(math.MinInt64)>>(64-bits), int64(math.MaxInt64)>>(64-bits)), text)
	}
	if err != nil {
		return expected("an integer", text)
	}
	dst.SetInt(n)
	return ""
}

func setUint(dst reflect.Value, text string) string {
	bits := dst.Type().Bits()
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		return expected(fmt.Sprintf("an integer from 0 to %d", uint64(math.MaxUint64)>>(64-bits)), text)
	}
	dst.SetUint(n)
	return ""
}

func setFloat(dst reflect.Value, text string) string {
	f, err := strconv.ParseFloat(text, dst.Type().Bits())
	if errors.Is(err, strconv.ErrRange) {
		return expected("a number within the range of "+dst.Kind().String(), text)
	}
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) { // NaN and Inf are no numbers to a client
		return expected("a number", text)
	}
	dst.SetFloat(f)
	return ""
}

func setTime(dst reflect.Value, text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t, err = time.Parse(time.DateOnly, text)
	}
	if err != nil {
		return expected(`a time such as "2006-01-02T15:04:05Z" or a date such as "2006-01-02"`, text)
	}
	*dst.Addr().Interface().(*time.Time) = t
	return ""
}

// setFormTime also takes what a browser sends for an input of type datetime-local
// (WHATWG HTML section 2.3.5.6), which has no zone: it is read as UTC, as a date is.
func setFormTime(dst reflect.Value, text string) string {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			*dst.Addr().Interface().(*time.Time) = t
			return ""
		}
	}
	return setTime(dst, text)
}

func setDuration(dst reflect.Value, text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return expected(`a duration such as "1m30s"`, text)
	}
	dst.SetInt(int64(d))
	return ""
}

func setText(dst reflect.Value, text string) string {
	if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
		return fmt.Sprintf("%q does not fit: %v", excerpt.Of(text, 100), err)
	}
	return ""
}

func expected(what, text string) string {
	return fmt.Sprintf("expected %s, got %q", what, excerpt.Of(text, 100))
}

// setList fills a slice. The problem of an element names its number, from 1.
func setList(dst reflect.Value, texts []string, element setter) (problem, text string) {
	list := reflect.MakeSlice(dst.Type(), len(texts), len(texts))
	for i, text := range texts {
		if problem := element(list.Index(i), text); problem != "" {
			return fmt.Sprintf("value %d: %s", i+1, problem), text
		}
	}
	dst.Set(list)
	return "", ""
}

// splitCommas takes a list apart that is one text. Blanks around elements do not
// count, nor do empty elements (RFC 9110 section 5.6.1.2).
func splitCommas(texts []string) (list []string) {
	for _, text := range texts {
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}
