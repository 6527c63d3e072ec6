package bind

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	playground "github.com/go-playground/validator/v10"

	"github.com/redstart-go/redstart/internal/excerpt"
)

// rules are those of the tag validate that checksOf leaves to the library, for a
// whole input.
type rules struct{ validate *playground.Validate }

// rulesOf returns a field's rules but for required, and whether that is one of them.
// What is behind dive is about elements, which are there if they are: they are
// required in the sense of the library.
func rulesOf(f reflect.StructField) (rest string, required bool) {
	tag := f.Tag.Get("validate")
	if !strings.Contains(tag, "required") {
		return tag, false
	}
	var kept []string
	dived := false
	for rule := range strings.SplitSeq(tag, ",") {
		dived = dived || rule == "dive"
		if rule == "required" && !dived {
			required = true
			continue
		}
		kept = append(kept, rule)
	}
	return strings.Join(kept, ","), required
}

// libraryRules returns the rules of a field that the library has to look after.
func libraryRules(f reflect.StructField) string {
	if _, here := checksOf(f); here && f.Tag.Get("validate") != "-" {
		return ""
	}
	rest, _ := rulesOf(f)
	return rest
}

// zeroRules returns those of libraryRules that count for a zero value which was given.
// The library is told to leave zero values alone, since most are absent; the few that
// are not are given to it one by one.
func zeroRules(f reflect.StructField) string {
	rest := libraryRules(f)
	if rest == "-" || !simpleKind(f.Type.Kind()) && f.Type != timeType || hasRelation(rest) {
		return ""
	}
	return rest
}

func hasRelation(rest string) bool {
	for rule := range strings.SplitSeq(rest, ",") {
		if name, _, _ := strings.Cut(rule, "="); isRelation(name) {
			return true
		}
	}
	return false
}

// checkZero gives one value to the library.
func (f *filling) checkZero(rest string, v reflect.Value, where Violation) {
	faults, _ := errors.AsType[playground.ValidationErrors](f.in.rules.validate.Var(v.Interface(), rest))
	for _, fault := range faults {
		f.violations = append(f.violations, describe(where, fault))
	}
}

func describe(where Violation, fault playground.FieldError) Violation {
	where.Rule, where.Detail, where.Value = fault.Tag(), message(fault.Tag(), fault.Param(), fault.Type()), simple(fault.Value())
	if fault.Param() != "" {
		where.Rule += "=" + fault.Param()
	}
	return where
}

// newRules prepares the library for a type, nil when there is nothing to check. The
// rules are given to it anew, without required and with the dive that a list of
// structs with rules lacks. Each is tried, so that one that is unknown, or not for
// its field's type, panics here and not while serving.
func newRules(in *Input, c *compiler) (r *rules, err error) {
	finder := ruleFinder{c: c, found: map[reflect.Type]bool{}}
	if !finder.has(in.Type) {
		return nil, nil
	}
	r = &rules{playground.New(playground.WithRequiredStructEnabled())}
	trial := &rules{playground.New()} // the library remembers what it has seen of a type
	for t := range finder.found {
		if t.Kind() != reflect.Struct {
			continue
		}
		if err := r.register(t, &finder, trial); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// ruleFinder finds out which types have rules further in.
type ruleFinder struct {
	c     *compiler
	found map[reflect.Type]bool // the types visited, and whether they have
}

func (r *ruleFinder) has(t reflect.Type) bool {
	if known, ok := r.found[t]; ok {
		return known
	}
	if t == r.c.Raw || t == r.c.Request || t == r.c.File {
		return false
	}
	r.found[t] = true // for a type that refers to itself; to look for nothing does no harm
	has := false
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		has = r.has(t.Elem())
	case reflect.Struct:
		if t == timeType {
			break
		}
		for f := range fieldsOf(t) {
			if !f.IsExported() && !f.Anonymous || f.Tag.Get("validate") == "-" {
				continue
			}
			has = r.has(f.Type) || libraryRules(f) != "" || has
		}
	}
	r.found[t] = has
	return has
}

func (r *rules) register(t reflect.Type, finder *ruleFinder, trial *rules) error {
	fields := map[string]string{}
	for f := range fieldsOf(t) {
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		rest := libraryRules(f)
		switch {
		case f.Type == finder.c.Raw || f.Type == finder.c.Request:
			rest = "-"
		case rest != "-" && isList(f.Type) && finder.has(f.Type) && !strings.Contains(rest, "dive"):
			rest = strings.TrimPrefix(rest+strings.Repeat(",dive", depth(f.Type)), ",")
		}
		if zeroRules(f) != "" || rest != "" && (isList(f.Type) || f.Type.Kind() == reflect.Pointer) && rest != "-" && !hasRelation(rest) {
			rest = "omitempty," + rest
		}
		err := trial.try(f, rest)
		if err == nil {
			err = checkRelatives(t, rest)
		}
		if err != nil {
			return fmt.Errorf("%s.%s: validate:%q: %w", t, f.Name, f.Tag.Get("validate"), err)
		}
		fields[f.Name] = rest
	}
	r.validate.RegisterStructValidationMapRules(fields, reflect.New(t).Elem().Interface())
	return nil
}

func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map
}

func depth(t reflect.Type) (n int) {
	for ; isList(t); t = t.Elem() {
		n++
	}
	return n
}

// try applies each rule to a value that is not there, and to be seen by all of them.
func (r *rules) try(f reflect.StructField, rest string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	if rest == "" || rest == "-" {
		return nil
	}
	t := f.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	zero := reflect.New(t).Elem()
	for rule := range strings.SplitSeq(rest, ",") {
		name, _, _ := strings.Cut(rule, "=")
		switch {
		case name == "dive" || name == "keys":
			_ = r.validate.Var(oneZero(zero).Interface(), rest[strings.Index(rest, rule):])
			return nil
		case name == "":
			return errors.New("a rule is empty")
		case rule == "oneof" || rule == "oneof=":
			return errors.New("write the values, as in oneof=arson riddle")
		case isRelation(name) || strings.HasPrefix(name, "omit") || t.Kind() == reflect.Struct && t != timeType || t.Kind() == reflect.Interface:
			_ = r.validate.Var("", "omitempty,"+rule) // only whether there is such a rule
		default:
			_ = r.validate.Var(zero.Interface(), rule)
		}
	}
	return nil
}

// oneZero returns a list with one zero element, or no element where that would be
// looked into.
func oneZero(list reflect.Value) reflect.Value {
	t := list.Type()
	if !isList(t) || !isList(t.Elem()) && !simpleKind(t.Elem().Kind()) {
		return list
	}
	switch t.Kind() {
	case reflect.Slice:
		return reflect.MakeSlice(t, 1, 1)
	case reflect.Map:
		m := reflect.MakeMap(t)
		m.SetMapIndex(reflect.Zero(t.Key()), reflect.Zero(t.Elem()))
		return m
	}
	return list
}

func simpleKind(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Float64 || k == reflect.String
}

// isRelation says whether a rule is about other fields as well, so that it counts for
// what is absent, too.
func isRelation(rule string) bool {
	return strings.HasSuffix(rule, "field") || strings.HasPrefix(rule, "required_") || strings.HasPrefix(rule, "excluded_") ||
		strings.HasPrefix(rule, "skip_") || rule == "structonly" || rule == "nostructlevel" || strings.HasPrefix(rule, "validateFn")
}

// checkRules runs the library and keeps of its findings what is about something that
// is there and could be read.
func (f *filling) checkRules() {
	v := f.value
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	var err error
	if v.Kind() == reflect.Struct {
		err = f.in.rules.validate.Struct(v.Addr().Interface())
	} else {
		err = f.in.rules.validate.Var(v.Interface(), "dive")
	}
	if err == nil {
		return
	}
	faults, ok := errors.AsType[playground.ValidationErrors](err)
	if !ok {
		return // the value is no struct: nothing to check
	}
	for _, fault := range faults {
		if f.full() {
			return
		}
		if v, ok := f.violation(fault); ok {
			f.violations = append(f.violations, v)
		}
	}
}

func (f *filling) violation(fault playground.FieldError) (Violation, bool) {
	where := f.in.locate(fault.StructNamespace(), f.form)
	v := describe(Violation{In: Body}, fault)
	if isRelation(fault.Tag()) {
		v.Detail = message(fault.Tag(), f.relatives(fault), fault.Type())
	}
	given := reflect.ValueOf(fault.Value())
	absent := !given.IsValid() || given.IsZero()
	if where.param >= 0 {
		p := &f.in.Params[where.param]
		v.In, v.Name = p.In, p.Name
		if len(where.keys) > 0 { // of an element
			if i, err := indexOf(where.keys[0]); err == nil {
				v.Detail = "value " + strconv.Itoa(i+1) + " " + v.Detail
			}
		}
		absent = absent && !f.given.has(where.param)
		if f.faulty.has(where.param) || p.In == Form && !f.form {
			return v, false
		}
	} else if f.bodyFault || f.form {
		return v, false
	} else {
		v.Pointer = pointer(where.keys)
		absent = absent && !f.present(where.keys)
	}
	if absent {
		v.Value = nil
	}
	return v, !absent || isRelation(fault.Tag())
}

// relatives returns the fields that a rule is about as the client knows them, where the
// rule has the names that they have in Go.
func (f *filling) relatives(fault playground.FieldError) string {
	path := fault.StructNamespace()
	parent := path[:max(strings.LastIndexByte(path, '.'), 0)]
	if strings.Contains(fault.Tag(), "cs") { // from the input on
		parent, _, _ = strings.Cut(path, ".")
	}
	words := strings.Fields(fault.Param())
	pairs := strings.HasSuffix(fault.Tag(), "_if") || strings.HasSuffix(fault.Tag(), "_unless")
	for i, word := range words {
		if pairs && i%2 == 1 {
			words[i] = "is " + word
			continue
		}
		at := f.in.locate(parent+"."+word, f.form)
		switch {
		case at.param >= 0:
			words[i] = f.in.Params[at.param].Name
		case len(at.keys) > 0:
			words[i] = at.keys[len(at.keys)-1]
		}
	}
	return strings.Join(words, " ")
}

func indexOf(key string) (int, error) {
	i, err := strconv.Atoi(key)
	if err == nil && i < 0 {
		err = strconv.ErrRange
	}
	return i, err
}

// simple returns a value that can be shown to a client: a text, a number or a bool.
func simple(value any) any {
	v := reflect.ValueOf(value)
	if t, ok := value.(time.Time); ok {
		return t.Format(time.RFC3339Nano)
	}
	if text, ok := value.(fmt.Stringer); ok && v.Kind() != reflect.Pointer {
		return excerpt.Of(text.String(), 100)
	}
	switch {
	case v.Kind() == reflect.String:
		return excerpt.Of(v.String(), 100)
	case simpleKind(v.Kind()):
		return value
	}
	return nil
}

// located is a place in an input.
type located struct {
	param int      // -1 for one in the body
	keys  []string // the way from there
}

// locate finds the place that the library writes as Type.Field[2].Inner, by the names
// that fields have in Go.
func (in *Input) locate(namespace string, form bool) located {
	at := located{param: -1}
	t := in.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	rest := namespace
	if t.Kind() == reflect.Struct {
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, t.Name()), ".")
	}
	var index []int
	for rest != "" {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if rest[0] == '[' {
			key, after, ok := strings.Cut(rest[1:], "]")
			if !ok || !isList(t) {
				return at
			}
			at.keys, rest, t = append(at.keys, key), strings.TrimPrefix(after, "."), t.Elem()
			continue
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if t.Kind() != reflect.Struct {
			return at
		}
		f, ok := t.FieldByName(rest[:end])
		if !ok || len(f.Index) != 1 {
			return at
		}
		rest, t = strings.TrimPrefix(rest[end:], "."), f.Type
		index = append(index, f.Index[0])
		name, given := jsonName(f)
		if at.param < 0 && len(at.keys) == 0 {
			if at.param = in.paramAt(index, form); at.param >= 0 {
				continue
			}
		}
		if !f.Anonymous || given {
			at.keys = append(at.keys, name)
		}
	}
	return at
}

func (in *Input) paramAt(index []int, form bool) int {
	for i := range in.Params {
		if p := &in.Params[i]; p.both && !form {
			continue
		}
		if sameIndex(in.Params[i].index, index) {
			return i
		}
	}
	return -1
}

func sameIndex(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
