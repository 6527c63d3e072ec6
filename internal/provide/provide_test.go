package provide

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestScope(t *testing.T) {
	var s Scope
	number, text := reflect.TypeFor[int](), reflect.TypeFor[string]()
	assert.Nil(t, s.Lookup(number))
	first := Given(number, 7, "here", &Owner{}, false)
	assert.Nil(t, s.Add(number, first))
	assert.Same(t, first, s.Add(number, Given(number, 8, "there", &Owner{}, false)))
	assert.Nil(t, s.Lookup(text))
	value, err := s.Lookup(number).Get(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 7, value)
}

// Two that need each other, asked for at the same time: neither may wait for ever.
func TestACircleFromBothSides(t *testing.T) {
	for range 100 {
		var owner Owner
		var one, two *Entry
		one = Made(reflect.TypeFor[int](), func(ctx context.Context) (any, error) { return two.Get(ctx) }, "one.go:1", &owner)
		two = Made(reflect.TypeFor[string](), func(ctx context.Context) (any, error) { return one.Get(ctx) }, "two.go:2", &owner)
		var wg sync.WaitGroup
		for e, want := range map[*Entry]string{one: "int needs string needs int", two: "string needs int needs string"} {
			wg.Go(func() {
				_, err := e.Get(t.Context())
				assert.ErrorContains(t, err, "what is provided needs itself: "+want)
			})
		}
		wg.Wait()
	}
}

func TestWhatIsMissingWithinAnother(t *testing.T) {
	e := Made(reflect.TypeFor[int](), func(context.Context) (any, error) { panic(&Missing{errors.New("no string")}) }, "a.go:1", &Owner{})
	_, err := e.Get(t.Context())
	assert.EqualError(t, err, "making the int that is provided at a.go:1: no string")
}

func TestWhatCannotBeMade(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		build func(context.Context) (any, error)
		want  string
	}{
		"an error":            {func(context.Context) (any, error) { return nil, broken }, "broken"},
		"a panic":             {func(context.Context) (any, error) { panic(broken) }, "panic: broken"},
		"a panic with a text": {func(context.Context) (any, error) { panic("oh") }, "panic: oh"},
		"nothing":             {func(context.Context) (any, error) { return nil, nil }, "the function returned nil and no error"},
		"a nil pointer":       {func(context.Context) (any, error) { return (*Owner)(nil), nil }, "the function returned nil and no error"},
	} {
		t.Run(name, func(t *testing.T) {
			e := Made(reflect.TypeFor[error](), tc.build, "a.go:1", &Owner{})
			for range 2 { // no lock is kept
				_, err := e.Get(t.Context())
				require.EqualError(t, err, "making the error that is provided at a.go:1: "+tc.want)
				assert.Equal(t, tc.want == "broken" || tc.want == "panic: broken", errors.Is(err, broken))
				if p, ok := errors.AsType[*Panic](err); ok {
					assert.Contains(t, string(p.Stack), "provide_test.go")
				}
			}
		})
	}
}

func TestNil(t *testing.T) {
	for _, value := range []any{nil, (*int)(nil), (func())(nil), (chan int)(nil), error(nil)} {
		assert.True(t, Nil(value), "%T", value)
	}
	for _, value := range []any{0, "", new(int), func() {}, make(chan int), []int(nil), map[int]int(nil), struct{}{}} {
		assert.False(t, Nil(value), "%T", value)
	}
}

func TestAStartCanBeBrokenOff(t *testing.T) {
	early, cancel := context.WithCancelCause(t.Context())
	starting, done := Starting(early)
	within := Context(starting)
	assert.NoError(t, within.Err())
	cancel(errors.New("a signal"))
	<-within.Done()
	assert.EqualError(t, context.Cause(Context(context.WithValue(starting, buildingKey{}, &building{}))), "a signal")
	done()

	early, cancel = context.WithCancelCause(t.Context())
	starting, done = Starting(early)
	done()
	cancel(nil)
	assert.NoError(t, Context(starting).Err(), "what was made may have kept it")
}

func TestAPanicOfCloseStopsNoOther(t *testing.T) {
	var owner Owner
	closed := false
	Given(reflect.TypeFor[closer](), closer(func() { closed = true }), "a.go:1", &owner, true)
	Given(reflect.TypeFor[closer](), closer(func() { panic("stuck") }), "a.go:2", &owner, true)
	owner.Open()
	err := owner.Close(t.Context())
	require.EqualError(t, err, "closing the provide.closer: panic: stuck")
	assert.True(t, closed)
}

func TestContextOutlivesWhoeverAsks(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, 1))
	cancel()
	detached := Context(ctx)
	assert.NoError(t, detached.Err())
	assert.Nil(t, detached.Value(key{}))
}

func TestTheLastUserCloses(t *testing.T) {
	var owner Owner
	closed := 0
	var c closer = func() { closed++ }
	e := Made(reflect.TypeFor[closer](), func(context.Context) (any, error) { return c, nil }, "a.go:1", &owner)
	owner.Open()
	owner.Open()
	_, err := e.Get(t.Context())
	require.NoError(t, err)
	require.NoError(t, owner.Close(t.Context()))
	assert.Zero(t, closed)
	require.NoError(t, owner.Close(t.Context()))
	assert.Equal(t, 1, closed)
	_, there := e.Value()
	assert.False(t, there, "it is made anew should it be wanted again")
}

type closer func()

func (c closer) Close() { c() }
