package bind

import (
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// plan is what there is to check in a value without the library: fields of a body that
// are required or have rules, and Validate methods. Types that refer to themselves have plans that
// do.
type plan struct {
	kind    reflect.Kind // Struct, Pointer, Slice or Map
	fields  []planField
	elem    *plan
	hook    hook
	checked bool // there are fields to check here or further in
	hooks   bool // the same of Validate methods
}

type planField struct {
	index    int
	name     string // in the body, "" for an embedded struct
	required bool
	checks   []check
	rules    string // for the library, should it be zero and there
	child    *plan  // nil when there is nothing further in
	body     bool   // the field is one of the input itself, by its JSON name
}

type hook uint8

const (
	noHook hook = iota
	plainHook
	contextHook
)

type (
	validator        interface{ Validate() error }
	contextValidator interface {
		Validate(ctx context.Context) error
	}
)

func hookOf(t reflect.Type) hook {
	switch p := reflect.PointerTo(t); {
	case t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer:
		return noHook
	case p.Implements(reflect.TypeFor[validator]()):
		return plainHook
	case p.Implements(reflect.TypeFor[contextValidator]()):
		return contextHook
	}
	return noHook
}

// isLeaf says whether the inside of a struct is its own affair.
func isLeaf(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) || p.Implements(reflect.TypeFor[json.Unmarshaler]())
}

func newPlan(t reflect.Type, c *compiler) *plan {
	b := planner{c: c, plans: map[reflect.Type]*plan{}}
	root := b.plan(t, true)
	for changed := true; changed; { // what is further in, also around a circle
		changed = false
		for _, p := range b.plans {
			checked, hooks := p.checked, p.hooks || p.hook != noHook
			for _, inner := range p.children() {
				checked, hooks = checked || inner.checked, hooks || inner.hooks
			}
			changed = changed || checked != p.checked || hooks != p.hooks
			p.checked, p.hooks = checked, hooks
		}
	}
	for _, p := range b.plans {
		p.prune()
	}
	return root
}

type planner struct {
	c     *compiler
	plans map[reflect.Type]*plan
}

// plan makes the plan of a type; of the top, where fields may be parameters, as well.
func (b *planner) plan(t reflect.Type, top bool) *plan {
	if p := b.plans[t]; p != nil {
		return p
	}
	p := &plan{kind: t.Kind(), hook: hookOf(t)}
	b.plans[t] = p
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		p.elem = b.plan(t.Elem(), false)
	case reflect.Struct:
		if !isLeaf(t) || top {
			b.fields(p, t, top)
		}
	}
	return p
}

func (b *planner) fields(p *plan, t reflect.Type, top bool) {
	for f := range fieldsOf(t) {
		in, _, _ := source(f)
		name, given := jsonName(f)
		embedded := f.Anonymous && !given && f.Type.Kind() == reflect.Struct
		switch {
		case name == "-", f.Tag.Get("validate") == "-", !f.IsExported() && !embedded:
			continue
		case f.Type == b.c.Raw || f.Type == b.c.Request || top && in != "" && !inBoth(f):
			continue
		}
		field := planField{index: f.Index[0], name: name}
		_, field.required = rulesOf(f)
		field.checks, _ = checksOf(f)
		field.rules = zeroRules(f)
		if embedded {
			field.name, field.required = "", false
		}
		field.body = top && !embedded
		field.child = b.plan(f.Type, top && embedded)
		p.checked = p.checked || field.required || len(field.checks) > 0 || field.rules != ""
		p.fields = append(p.fields, field)
	}
}

func (p *plan) children() (inner []*plan) {
	if p.elem != nil {
		inner = append(inner, p.elem)
	}
	for _, f := range p.fields {
		if f.child != nil {
			inner = append(inner, f.child)
		}
	}
	return inner
}

// prune leaves out what leads nowhere.
func (p *plan) prune() {
	kept := p.fields[:0]
	for _, f := range p.fields {
		if f.child != nil && !f.child.checked && !f.child.hooks {
			f.child = nil
		}
		if f.required || len(f.checks) > 0 || f.rules != "" || f.child != nil {
			kept = append(kept, f)
		}
	}
	p.fields = kept
}

// check goes through the body. Only a value that is zero can be absent: for such a one
// the body is asked what it has.
func (f *filling) check(p *plan, v reflect.Value, at *path) {
	if f.full() {
		return
	}
	switch p.kind {
	case reflect.Pointer:
		if !v.IsNil() && p.elem.checked {
			f.check(p.elem, v.Elem(), at)
		}
	case reflect.Slice, reflect.Array:
		if !p.elem.checked {
			return
		}
		for i := range v.Len() {
			f.check(p.elem, v.Index(i), &path{up: at, list: true, index: i})
		}
	case reflect.Map:
		if !p.elem.checked {
			return
		}
		for _, key := range sortedKeys(v) {
			f.check(p.elem, v.MapIndex(key.value), &path{up: at, key: key.text})
		}
	case reflect.Struct:
		for i := range p.fields {
			if f.full() { // from further in
				return
			}
			field := &p.fields[i]
			inner := v.Field(field.index)
			if !f.checkField(field, inner, at) {
				continue
			}
			if field.child == nil || !field.child.checked {
				continue
			}
			next := at
			if field.name != "" {
				next = &path{up: at, key: field.name}
			}
			f.check(field.child, inner, next)
		}
	}
}

// checkField checks one field and says whether there may be something in it.
func (f *filling) checkField(field *planField, v reflect.Value, at *path) bool {
	zero := v.IsZero()
	if field.required && zero {
		if keys := append(at.keys(), field.name); !f.present(keys) {
			f.violations = append(f.violations, Violation{In: Body, Pointer: pointer(keys), Rule: "required", Detail: "is required"})
			return false
		}
	}
	if zero && field.rules != "" {
		if keys := append(at.keys(), field.name); f.present(keys) {
			f.checkZero(field.rules, v, Violation{In: Body, Pointer: pointer(keys)})
		}
	}
	if c := broken(field.checks, v); c != nil {
		if keys := append(at.keys(), field.name); !zero || f.present(keys) {
			f.violate(c, v, Violation{In: Body, Pointer: pointer(keys)})
		}
	}
	return true
}

// Resolve completes violations that a handler found, whose name is that of a
// parameter or the way to a field of the body, as in "items/2/price".
func (in *Input) Resolve(violations []Violation, src Source) []Violation {
	form, _ := in.comesAsForm(src) // a fault would have kept the handler from being called
	return in.resolve(violations, nil, form)
}

func (in *Input) resolve(violations []Violation, at *path, form bool) []Violation {
	resolved := make([]Violation, len(violations))
	for i, v := range violations {
		resolved[i] = v
		if v.In == "" {
			in.place(&resolved[i], at, form)
		}
	}
	return resolved
}

func (in *Input) place(v *Violation, at *path, form bool) {
	if at == nil {
		for _, p := range in.Params {
			inBody, _ := jsonName(p.Struct)
			switch {
			case !strings.EqualFold(p.Name, v.Name) && !(p.both && strings.EqualFold(inBody, v.Name)):
				continue
			case p.both && !form:
				v.Name = inBody
			default:
				v.In, v.Name = p.In, p.Name
				return
			}
			break
		}
		if in.Body == nil || form {
			return
		}
	}
	keys := at.keys()
	if v.Name != "" {
		keys = append(keys, strings.Split(v.Name, "/")...)
	}
	v.In, v.Name, v.Pointer = Body, "", pointer(keys)
}

// mapKey is a key of a map, and what it says in JSON.
type mapKey struct {
	text  string
	value reflect.Value
}

// sortedKeys makes the order of violations that of the keys. A key that makes no text of
// itself is left out: nothing could point to what it has.
func sortedKeys(m reflect.Value) (keys []mapKey) {
	for _, key := range m.MapKeys() {
		if text, ok := keyText(key); ok {
			keys = append(keys, mapKey{text, key})
		}
	}
	slices.SortFunc(keys, func(a, b mapKey) int { return strings.Compare(a.text, b.text) })
	return keys
}

// keyText is what encoding/json writes for a key.
func keyText(key reflect.Value) (string, bool) {
	if key.Kind() == reflect.String {
		return key.String(), true
	}
	if own, ok := key.Interface().(encoding.TextMarshaler); ok {
		text, err := own.MarshalText()
		return string(text), err == nil
	}
	return fmt.Sprint(key), key.CanInt() || key.CanUint()
}
