package bind

import (
	"errors"
	"fmt"
	"reflect"
)

// callHooks asks the Validate methods, inner ones first. An error that is no
// violation ends it.
func (f *filling) callHooks(p *plan, v reflect.Value, at *path) error {
	if f.full() {
		return nil
	}
	switch p.kind {
	case reflect.Pointer:
		if v.IsNil() || !p.elem.hooks {
			return nil
		}
		return f.callHooks(p.elem, v.Elem(), at)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if !p.elem.hooks {
				break
			}
			if err := f.callHooks(p.elem, v.Index(i), &path{up: at, list: true, index: i}); err != nil {
				return err
			}
		}
	case reflect.Map:
		if !p.elem.hooks {
			break
		}
		for _, key := range sortedKeys(v) {
			element := reflect.New(v.Type().Elem()).Elem() // what is in a map has no address
			element.Set(v.MapIndex(key.value))
			if err := f.callHooks(p.elem, element, &path{up: at, key: key.text}); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range p.fields {
			field := &p.fields[i]
			if field.child == nil || !field.child.hooks || field.body && f.form {
				continue
			}
			next := at
			if field.name != "" {
				next = &path{up: at, key: field.name}
			}
			if err := f.callHooks(field.child, v.Field(field.index), next); err != nil {
				return err
			}
		}
	}
	return f.callHook(p.hook, v, at)
}

// callParamHooks asks the Validate methods of parameters that were given.
func (f *filling) callParamHooks() error {
	for i := range f.in.Params {
		p := &f.in.Params[i]
		if p.hook == noHook || !f.given.has(i) {
			continue
		}
		v := f.value.FieldByIndex(p.index)
		n := 1
		if p.List {
			n = v.Len()
		}
		for e := range n {
			if f.full() {
				return nil
			}
			one := v
			if p.List {
				one = v.Index(e)
			}
			for one.Kind() == reflect.Pointer {
				one = one.Elem()
			}
			violations, err := f.ask(p.hook, one, false)
			if err != nil {
				return err
			}
			for _, violation := range violations {
				violation.In, violation.Name, violation.Pointer = p.In, p.Name, ""
				if p.List {
					violation.Detail = fmt.Sprintf("value %d %s", e+1, violation.Detail)
				}
				f.violations = append(f.violations, violation)
			}
		}
	}
	return nil
}

// ask calls the Validate method of the input or of a value in it. An error that chose a
// status is returned as it is.
func (f *filling) ask(h hook, v reflect.Value, whole bool) (violations []Violation, err error) {
	switch h {
	case noHook:
		return nil, nil
	case plainHook:
		err = v.Addr().Interface().(validator).Validate()
	case contextHook:
		err = v.Addr().Interface().(contextValidator).Validate(f.src.Context())
	}
	if err == nil {
		return nil, nil
	}
	violations, ok := f.in.violations(err)
	if ok {
		return violations, nil
	}
	if _, decided := errors.AsType[interface {
		error
		StatusCode() int
	}](err); decided {
		return nil, err // such as a 409
	}
	text := err.Error()
	if !whole {
		text = "is not valid: " + text
	}
	return []Violation{{Rule: "valid", Detail: text}}, nil
}

func (f *filling) callHook(h hook, v reflect.Value, at *path) error {
	if f.full() { // from further in
		return nil
	}
	violations, err := f.ask(h, v, at == nil)
	if err != nil {
		return err
	}
	for _, violation := range f.in.resolve(violations, at, f.form) {
		// The method of an embedded struct is that of the struct around it as well.
		if !contains(f.violations, violation) {
			f.violations = append(f.violations, violation)
		}
	}
	return nil
}

func contains(violations []Violation, v Violation) bool {
	for _, known := range violations {
		if known.In == v.In && known.Name == v.Name && known.Pointer == v.Pointer && known.Rule == v.Rule && known.Detail == v.Detail {
			return true
		}
	}
	return false
}
