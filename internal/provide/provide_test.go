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
	e = Made(reflect.TypeFor[int](), func(context.Context) (any, error) { panic("other") }, "a.go:1", &Owner{})
	assert.PanicsWithValue(t, "other", func() { _, _ = e.Get(t.Context()) })
	assert.Panics(t, func() { _, _ = e.Get(t.Context()) }, "and no lock is kept")
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
