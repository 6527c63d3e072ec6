package routing

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// URL builds the path of the route with these arguments, percent-encoded and
// ready for a link or a Location header; looking it up gives the arguments
// back. A catch-all keeps its slashes, an optional last parameter may be left
// out. An argument that is missing, unknown, empty, or that no URL can carry in
// its place is an error that names it.
func (p Pattern) URL(args map[string]string) (string, error) {
	names := p.Params()
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if !slices.Contains(names, name) {
			return "", fmt.Errorf("URL of %q: unknown parameter %q, %s", p.text, name, known(names))
		}
	}
	var path strings.Builder
	for i, s := range p.segments {
		text := s.text
		if s.kind != static {
			value, ok := args[s.text]
			if !ok && p.optional && i == len(p.segments)-1 {
				break
			}
			if problem := checkValue(s.kind, value, ok); problem != "" {
				return "", fmt.Errorf("URL of %q: parameter %q %s", p.text, s.text, problem)
			}
			text = value
		}
		path.WriteByte('/')
		if s.kind != catchAll {
			path.WriteString(url.PathEscape(text))
			continue
		}
		for j, part := range strings.Split(text, "/") {
			if j > 0 {
				path.WriteByte('/')
			}
			path.WriteString(url.PathEscape(part))
		}
	}
	// The slash the user ended the pattern with is kept: relative links in
	// the page depend on it. It also makes "/" out of no segment at all.
	if path.Len() == 0 || strings.HasSuffix(p.text, "/") {
		path.WriteByte('/')
	}
	return path.String(), nil
}

// checkValue finds what is wrong with the argument of a parameter.
func checkValue(k kind, value string, given bool) string {
	switch {
	case !given:
		return "is missing"
	case value == "":
		return "is empty"
	case k == catchAll && value[0] == '/':
		return fmt.Sprintf("must not begin with a slash, got %q", value)
	}
	parts := []string{value}
	if k == catchAll {
		parts = strings.Split(value, "/")
	}
	for _, part := range parts {
		// Clients resolve these even when they are percent-encoded (WHATWG
		// URL, section 4.1), so the link would lead to another route.
		if part == "." || part == ".." {
			return fmt.Sprintf("cannot hold the segment %q, got %q", part, value)
		}
	}
	return ""
}

// known says which names a pattern has.
func known(names []string) string {
	if len(names) == 0 {
		return "the pattern has none"
	}
	return fmt.Sprintf("the pattern has %q", names)
}

// URLOf is [Pattern.URL] with the arguments as pairs of a name and a value: a text, a
// number, a bool, or what makes a text of itself by MarshalText or String.
func (p Pattern) URLOf(pairs []any) (string, error) {
	if len(pairs)%2 != 0 {
		return "", errors.New("the last parameter has no value")
	}
	args := make(map[string]string, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return "", fmt.Errorf("name %d is a %T: want a string", i/2+1, pairs[i])
		}
		if _, twice := args[name]; twice {
			return "", fmt.Errorf("parameter %q is given twice", name)
		}
		value, err := textOf(pairs[i+1])
		if err != nil {
			return "", fmt.Errorf("parameter %q %w", name, err)
		}
		args[name] = value
	}
	return p.URL(args)
}

// textOf writes a value as a request for it would have it.
func textOf(value any) (string, error) {
	v := reflect.ValueOf(value)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return "", errors.New("is nil")
	}
	switch text := value.(type) {
	case encoding.TextMarshaler:
		data, err := text.MarshalText()
		if err != nil {
			return "", fmt.Errorf("has no text: %w", err)
		}
		return string(data), nil
	case fmt.Stringer:
		return text.String(), nil
	}
	if k := v.Kind(); k == reflect.String || k == reflect.Bool || k >= reflect.Int && k <= reflect.Float64 {
		return fmt.Sprint(value), nil
	}
	return "", fmt.Errorf("is a %T: want a text, a number, or a type with a method String or MarshalText", value)
}
