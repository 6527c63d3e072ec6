package bind

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// check is one rule that is looked after here. The library boxes each value that it
// looks at; most inputs have rules that need neither that nor the library.
type check struct {
	rule  string
	param string
	omit  bool // a zero value ends the checks: omitempty
	holds func(v reflect.Value) bool
}

// checksOf returns a field's rules as checks, and whether all of them can be: the
// rules of one field stay together, in their order. What the type itself lists is
// looked after here in any case.
func checksOf(f reflect.StructField) (checks []check, ok bool) {
	rest, _ := rulesOf(f)
	if rest == "-" {
		return nil, true
	}
	checks, ok = rulesAsChecks(f, rest)
	if values := EnumOf(f.Type); values != nil {
		if !ok && slices.Contains(strings.Split(rest, ","), "omitempty") {
			checks = append(checks, check{rule: "omitempty", omit: true})
		}
		checks = append(checks, check{rule: "enum", param: strings.Join(values, "\n"), holds: within(values)})
	}
	return checks, ok
}

func rulesAsChecks(f reflect.StructField, rest string) (checks []check, ok bool) {
	if rest == "" {
		return nil, true
	}
	t := f.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for rule := range strings.SplitSeq(rest, ",") {
		name, param, _ := strings.Cut(rule, "=")
		c := check{rule: rule, param: param, omit: rule == "omitempty"}
		if !c.omit {
			if c.holds = predicate(t, name, param); c.holds == nil {
				return nil, false
			}
		}
		checks = append(checks, c)
	}
	return checks, true
}

// predicate returns what a rule means for values of type t, nil for what the library
// knows better.
func predicate(t reflect.Type, name, param string) func(reflect.Value) bool {
	if t == durationType || reflect.PointerTo(t).Implements(textUnmarshalerType) {
		return nil
	}
	if name == "oneof" && t.Kind() == reflect.String && !strings.Contains(param, "'") {
		words := strings.Fields(param)
		if len(words) == 0 {
			return nil
		}
		return func(v reflect.Value) bool { return slices.Contains(words, v.String()) }
	}
	compare := comparison(name)
	if compare == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.String, reflect.Slice, reflect.Map, reflect.Array:
		if name == "eq" || name == "ne" { // of the content
			return nil
		}
		limit, err := strconv.ParseInt(param, 10, 32)
		if err != nil {
			return nil
		}
		if t.Kind() == reflect.String {
			return func(v reflect.Value) bool { return compare(order(int64(utf8.RuneCountInString(v.String())), limit)) }
		}
		return func(v reflect.Value) bool { return compare(order(int64(v.Len()), limit)) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if limit, err := strconv.ParseInt(param, 10, 64); err == nil {
			return func(v reflect.Value) bool { return compare(order(v.Int(), limit)) }
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if limit, err := strconv.ParseUint(param, 10, 64); err == nil {
			return func(v reflect.Value) bool { return compare(order(v.Uint(), limit)) }
		}
	case reflect.Float64: // the parameter of a float32 is rounded first
		if limit, err := strconv.ParseFloat(param, 64); err == nil {
			return func(v reflect.Value) bool { return compare(order(v.Float(), limit)) }
		}
	}
	return nil
}

// order is cmp.Compare, for which NaN cannot come up: neither JSON nor a parameter
// has it.
func order[T int64 | uint64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func comparison(name string) func(order int) bool {
	switch name {
	case "min", "gte":
		return func(o int) bool { return o >= 0 }
	case "max", "lte":
		return func(o int) bool { return o <= 0 }
	case "gt":
		return func(o int) bool { return o > 0 }
	case "lt":
		return func(o int) bool { return o < 0 }
	case "len", "eq":
		return func(o int) bool { return o == 0 }
	case "ne":
		return func(o int) bool { return o != 0 }
	}
	return nil
}

// broken returns the first of the checks that a value does not pass, nil for none.
func broken(checks []check, v reflect.Value) *check {
	for i := range checks {
		if checks[i].omit && v.IsZero() {
			return nil
		}
		if checks[i].omit {
			continue
		}
		for v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return nil // absent
			}
			v = v.Elem()
		}
		if !checks[i].holds(v) {
			return &checks[i]
		}
	}
	return nil
}

// violate notes that a value does not pass a check, where it is known to be there.
func (f *filling) violate(c *check, v reflect.Value, where Violation) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	name, _, _ := strings.Cut(c.rule, "=")
	where.Rule, where.Detail, where.Value = c.rule, message(name, c.param, v.Type()), simple(v.Interface())
	f.violations = append(f.violations, where)
}

// checkParams checks the parameters that are there and could be read, and defaults.
func (f *filling) checkParams() {
	for i := range f.in.Params {
		p := &f.in.Params[i]
		if len(p.checks) == 0 && p.rules == "" || f.faulty.has(i) || p.In == Form && !f.form {
			continue
		}
		v := f.value.FieldByIndex(p.index)
		if p.rules != "" && f.given.has(i) && v.IsZero() {
			f.checkZero(p.rules, v, Violation{In: p.In, Name: p.Name})
		}
		if c := broken(p.checks, v); c != nil && (!v.IsZero() || f.given.has(i)) {
			f.violate(c, v, Violation{In: p.In, Name: p.Name})
		}
	}
}
