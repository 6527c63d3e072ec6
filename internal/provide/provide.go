// Package provide keeps what a program provides to its handlers, by type, and makes,
// once, what is to be made.
//
// A [Scope] is one level, such as a group of routes; who looks goes from the innermost
// outwards. An [Owner] remembers what was made and closes it in reverse order.
package provide

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Scope is what is provided on one level. The zero value is empty. It is safe for
// concurrent use, and looking into it takes no lock.
type Scope struct {
	mu      sync.Mutex // guards changes
	entries atomic.Pointer[map[reflect.Type]*Entry]
}

// Add provides an entry for a type. It returns the one that is there already, and then
// changes nothing.
func (s *Scope) Add(t reflect.Type, e *Entry) (other *Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := map[reflect.Type]*Entry{}
	if old := s.entries.Load(); old != nil {
		if other = (*old)[t]; other != nil {
			return other
		}
		for k, v := range *old {
			changed[k] = v
		}
	}
	changed[t] = e
	s.entries.Store(&changed)
	return nil
}

// Lookup returns what is provided for a type, or nil.
func (s *Scope) Lookup(t reflect.Type) *Entry {
	entries := s.entries.Load()
	if entries == nil {
		return nil
	}
	return (*entries)[t]
}

// Entry is one value, given or to be made.
type Entry struct {
	Type  reflect.Type
	Where string // file:line of who provides it
	build func(context.Context) (any, error)
	owner *Owner

	value  atomic.Pointer[any]
	making sync.Mutex
}

// Given makes an entry of a value. Its owner closes it if closed is true.
func Given(t reflect.Type, value any, where string, owner *Owner, closed bool) *Entry {
	e := &Entry{Type: t, Where: where, owner: owner}
	e.value.Store(&value)
	if closed {
		owner.add(t, value, nil)
	}
	return e
}

// Made makes an entry of a function that makes the value when it is first wanted. The
// owner closes it.
func Made(t reflect.Type, build func(context.Context) (any, error), where string, owner *Owner) *Entry {
	return &Entry{Type: t, Where: where, owner: owner, build: build}
}

// Value returns the value if it is there.
func (e *Entry) Value() (value any, ok bool) {
	if v := e.value.Load(); v != nil {
		return *v, true
	}
	return nil, false
}

// Get returns the value, which it makes if it has to be made. The function that makes
// it gets a context derived from ctx, by which it may ask for others. An error is not
// remembered: the next call tries again. A function that wants, over whatever detour, the
// very value it makes is an error that shows the circle.
func (e *Entry) Get(ctx context.Context) (value any, err error) {
	if value, ok := e.Value(); ok {
		return value, nil
	}
	chain, _ := ctx.Value(buildingKey{}).(*building)
	for b := chain; b != nil; b = b.outer {
		if b.entry == e {
			return nil, circle(e, chain)
		}
	}
	if chain == nil {
		// One at a time: two that need each other would otherwise wait for each other.
		e.owner.making.Lock()
		defer e.owner.making.Unlock()
	}
	e.making.Lock()
	defer e.making.Unlock()
	if value, ok := e.Value(); ok {
		return value, nil
	}
	if value, err = e.make(context.WithValue(ctx, buildingKey{}, &building{e, chain})); err != nil {
		return nil, fmt.Errorf("making the %v that is provided at %s: %w", e.Type, e.Where, err)
	}
	e.value.Store(&value)
	e.owner.add(e.Type, value, e)
	return value, nil
}

// Missing is what asking for a value panics with that cannot be had. Where it is asked
// for to make another value, that cannot be made either.
type Missing struct{ Err error }

func (m *Missing) Error() string { return "redstart: " + m.Err.Error() }

// Unwrap returns Err.
func (m *Missing) Unwrap() error { return m.Err }

// Panic is a panic of a function that makes or closes a value, as an error.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Unwrap gives the error that was panicked with, if it was one.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

func (e *Entry) make(ctx context.Context) (value any, err error) {
	defer func() {
		if v := recover(); v != nil {
			if missing, ok := v.(*Missing); ok {
				err = missing.Err
			} else {
				err = &Panic{v, debug.Stack()}
			}
		}
	}()
	if value, err = e.build(ctx); err == nil && Nil(value) {
		err = errMadeNil
	}
	return value, err
}

var errMadeNil = errors.New("the function returned nil and no error")

// Nil says that a value is none: whoever asked for it could do nothing with it.
func Nil(value any) bool {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false
}

func circle(e *Entry, chain *building) error {
	names := []string{e.Type.String()}
	for b := chain; ; b = b.outer {
		names = append(names, b.entry.Type.String())
		if b.entry == e {
			break
		}
	}
	slices.Reverse(names)
	return fmt.Errorf("what is provided needs itself: %s", strings.Join(names, " needs "))
}

// Owner closes what was provided. The zero value owns nothing yet. It is safe for
// concurrent use.
type Owner struct {
	making sync.Mutex // held while a value, and what it needs, is made

	mu    sync.Mutex
	owned []owned
	users int
}

type owned struct {
	t     reflect.Type
	value any
	made  *Entry // nil for a value that was given
}

func (o *Owner) add(t reflect.Type, value any, made *Entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owned = append(o.owned, owned{t, value, made})
}

// Open counts one that uses what is provided, until it calls Close.
func (o *Owner) Open() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.users++
}

// Close closes everything once the last user has called it, the last first: what was
// made for another value outlives that. A value is closed by its method Close, with or
// without a context and an error; one that has none is let go of. A value that was made
// is made anew should it be wanted again. The errors are joined and name the types.
func (o *Owner) Close(ctx context.Context) error {
	o.mu.Lock()
	if o.users--; o.users > 0 {
		o.mu.Unlock()
		return nil
	}
	all := o.owned
	o.owned = nil
	o.mu.Unlock()
	var errs []error
	for _, one := range slices.Backward(all) {
		if one.made != nil {
			one.made.value.Store(nil)
		}
		if err := closeValue(ctx, one.value); err != nil {
			errs = append(errs, fmt.Errorf("closing the %v: %w", one.t, err))
		}
	}
	return errors.Join(errs...)
}

// closeValue closes one value. Should it panic, the others are closed nevertheless.
func closeValue(ctx context.Context, value any) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{v, debug.Stack()}
		}
	}()
	switch v := value.(type) {
	case interface{ Close() error }:
		return v.Close()
	case interface{ Close(context.Context) error }:
		return v.Close(ctx)
	case interface{ Close() }:
		v.Close()
	case interface{ Close(context.Context) }:
		v.Close(ctx)
	}
	return nil
}
