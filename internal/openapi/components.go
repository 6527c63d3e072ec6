package openapi

import (
	"bytes"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
)

// key is a component's place before it has a name.
type key struct {
	t reflect.Type
	m mode
}

// pointer stands for the address of a component, which is known only when all of
// them are.
type pointer struct{ to key }

// components are the schemas of types with names.
type components struct {
	made  map[key]*object
	order []key
}

// refer returns a reference to a component, which is made when it is first needed.
func (b *builder) refer(k key, make func() *object) *object {
	if _, has := b.schemas.made[k]; !has {
		b.schemas.made[k] = nil // for a type that refers to itself
		b.schemas.order = append(b.schemas.order, k)
		b.schemas.made[k] = make()
	}
	return obj("$ref", &pointer{k})
}

// names gives each component its name. Those of one type share it where their schemas
// are the same, and replies have the better claim to the short one.
func (c *components) names(taken map[string]bool) map[key]string {
	names := map[key]string{}
	differs := c.differing()
	bases := map[reflect.Type]string{}
	for _, k := range c.order {
		base, has := bases[k.t]
		if !has {
			base = uniqueType(taken, k.t)
			bases[k.t] = base
		}
		if _, both := c.made[key{k.t, output}]; !differs[k.t] || k.m == output {
			names[k] = base
		} else if _, whole := c.made[key{k.t, input}]; k.m == input && !both || k.m == body && !both && !whole {
			names[k] = base
		}
	}
	suffixes := map[mode]string{input: "Input", body: "Body"}
	for _, k := range c.order {
		if names[k] == "" {
			names[k] = unique(taken, bases[k.t]+suffixes[k.m])
		}
	}
	return names
}

// uniqueType chooses the name of a type; one that is taken gets that of its package in
// front.
func uniqueType(taken map[string]bool, t reflect.Type) string {
	name := typeName(t)
	if taken[name] {
		name = capital(camel(words(path.Base(t.PkgPath())))) + name
	}
	return unique(taken, name)
}

// differing finds the types of which the schemas differ by what they are for, in
// themselves or in what they refer to.
func (c *components) differing() map[reflect.Type]bool {
	differs := map[reflect.Type]bool{}
	first := map[reflect.Type][]byte{}
	uses := map[reflect.Type]map[reflect.Type]bool{}
	// Only the types of references are compared: their own differences come after.
	resolve := func(p *pointer) any { return p.to.t.String() }
	for _, k := range c.order {
		text := appendJSON(nil, resolved(c.made[k], resolve), "")
		if other, has := first[k.t]; has && !bytes.Equal(text, other) {
			differs[k.t] = true
		}
		first[k.t] = text
		resolved(c.made[k], func(p *pointer) any {
			if uses[k.t] == nil {
				uses[k.t] = map[reflect.Type]bool{}
			}
			uses[k.t][p.to.t] = true
			return ""
		})
	}
	for changed := true; changed; {
		changed = false
		for t, used := range uses {
			for other := range used {
				if differs[other] && !differs[t] {
					differs[t], changed = true, true
				}
			}
		}
	}
	return differs
}

// schemaObjects returns the components by their names, in the order of these.
func (c *components) schemaObjects(names map[key]string) *object {
	byName := map[string]*object{}
	for k, name := range names {
		byName[name] = c.made[k]
	}
	all := obj()
	for _, name := range slices.SortedFunc(maps.Keys(byName), strings.Compare) {
		all.set(name, byName[name])
	}
	return all
}

// resolved copies a value with something else in place of each pointer.
func resolved(v any, with func(*pointer) any) any {
	switch v := v.(type) {
	case *object:
		if v == nil {
			return obj()
		}
		o := &object{}
		for _, key := range v.keys {
			o.set(key, resolved(v.values[key], with))
		}
		return o
	case list:
		l := make(list, len(v))
		for i := range v {
			l[i] = resolved(v[i], with)
		}
		return l
	case *pointer:
		return with(v)
	}
	return v
}
