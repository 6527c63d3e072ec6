// Package late runs calls that may be given up, and keeps hold of those that were.
package late

import (
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Answer is how a call ended: by returning a value, or by a panic.
type Answer[T any] struct {
	Value T
	Panic any // nil when there was none
	Stack []byte
}

var errGoexit = errors.New("the goroutine was ended by runtime.Goexit")

// Call runs f on a goroutine of the group's and waits the time d for it. When f
// has not ended by then, ok is false and late gets the answer, on f's goroutine,
// when there is one. It is called exactly when ok is false.
func Call[T any](g *Group, d time.Duration, f func() T, late func(Answer[T])) (answer Answer[T], ok bool) {
	var settled atomic.Bool // by whichever comes first, f or the end of the time
	answers := make(chan Answer[T], 1)
	g.Go(func() {
		end := func(a Answer[T]) {
			if settled.CompareAndSwap(false, true) {
				answers <- a
			} else {
				late(a)
			}
		}
		a := Answer[T]{Panic: errGoexit}
		defer func() {
			if v := recover(); v != nil {
				a = Answer[T]{Panic: v, Stack: debug.Stack()}
			}
			end(a)
		}()
		a = Answer[T]{Value: f()}
	})
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case answer := <-answers:
		return answer, true
	case <-timer.C:
	}
	if settled.CompareAndSwap(false, true) {
		return answer, false
	}
	return <-answers, true
}
