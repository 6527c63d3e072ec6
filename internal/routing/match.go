package routing

import "iter"

// inlineValues is the number of parameters a [Match] holds without a slice of
// its own. Hardly any route has more.
const inlineValues = 4

// Match is the result of a lookup. The zero value is an empty match, ready to
// be filled by [Matcher.Lookup]; embedded in a larger struct it makes the
// lookup free of allocations. It is not safe for concurrent use while a lookup
// fills it. The strings it gives out are ordinary ones and may be kept.
type Match[T any] struct {
	// Value is what the route was registered with.
	Value T

	route  *route[T]
	values values
}

// Pattern returns the pattern of the route. It is the zero Pattern if nothing
// matched.
func (m *Match[T]) Pattern() Pattern {
	if m.route == nil {
		return Pattern{}
	}
	return m.route.pattern
}

// Len returns the number of parameters the path had. An optional last
// parameter that was missing does not count.
func (m *Match[T]) Len() int { return m.values.len }

// At returns the decoded value of the parameter i, counted from 0 in the order
// of the path. Like an index into a slice, it panics if i is out of range.
func (m *Match[T]) At(i int) string { return m.values.at(i) }

// Param returns the decoded value of the parameter with this name, or "" if
// the route has none or its optional parameter was missing. A parameter that
// is there is never empty.
func (m *Match[T]) Param(name string) string {
	if m.route == nil {
		return ""
	}
	for i, n := range m.route.names[:m.values.len] {
		if n == name {
			return m.values.at(i)
		}
	}
	return ""
}

// All iterates over the names and decoded values of the parameters in the
// order of the path.
func (m *Match[T]) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range m.values.len {
			if !yield(m.route.names[i], m.values.at(i)) {
				return
			}
		}
	}
}

// values is a short list of strings, the first of them without an allocation.
type values struct {
	inline [inlineValues]string
	more   []string
	len    int
}

func (v *values) add(value string) {
	if v.len < inlineValues {
		v.inline[v.len] = value
	} else {
		v.more = append(v.more, value)
	}
	v.len++
}

func (v *values) at(i int) string {
	switch {
	case i >= v.len:
		panic("routing: Match.At: index out of range")
	case i < inlineValues:
		return v.inline[i]
	default:
		return v.more[i-inlineValues]
	}
}

// reset empties the list and lets go of its strings.
func (v *values) reset() {
	if v.len > 0 {
		*v = values{}
	}
}
