package openapi

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// literal makes the value that a text in a tag stands for. Param says that it goes
// over the wire as a text, default that a list in it is separated by commas in any
// case.
func literal(text string, t reflect.Type, param, commas bool) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	p := reflect.PointerTo(t)
	switch {
	case t == durationType && !param:
		if d, err := time.ParseDuration(text); err == nil {
			return json.Number(strconv.FormatInt(int64(d), 10))
		}
	case t == timeType, t == durationType, p.Implements(textInType):
		return text
	}
	switch k := t.Kind(); {
	case k == reflect.String:
		return text
	case k == reflect.Bool:
		if on, err := strconv.ParseBool(text); err == nil {
			return on
		}
	case k >= reflect.Int && k <= reflect.Float64:
		if n := numbers([]string{text}); n != nil {
			return n[0]
		}
	case k == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		if v, err := parseJSON([]byte(text)); err == nil && !commas {
			if l, ok := v.(list); ok {
				return l
			}
		}
		l := list{}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				l = append(l, literal(part, t.Elem(), param, commas))
			}
		}
		return l
	default:
		if v, err := parseJSON([]byte(text)); err == nil {
			return v
		}
	}
	return text
}
