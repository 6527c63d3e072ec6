package sse

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
)

// Source is the set of things a [Stream] can be built from. There are three
// ways to write a generator of one's own, and they differ in what happens while
// the generator waits:
//
//   - a function that yields (iter.Seq, or iter.Seq2 with an error) for messages
//     that are at hand. It runs on the request's goroutine. Go cannot interrupt
//     it while it sleeps: it learns that the client has gone from the next yield,
//     which returns false.
//   - a [Func] for one that waits: it is given a context, and runs on the
//     request's goroutine as well. This is the usual choice.
//   - a [Producer], made by [Go], for one that may run ahead of the network on a
//     goroutine of its own.
//
// A channel is streamed until it is closed. When the stream ends first, what
// still arrives is thrown away until the producer closes the channel, so that a
// producer without a select on the context blocks nobody for good.
//
// A [Subscription] streams what is published to a [Hub].
type Source interface {
	~func(yield func(Message) bool) |
		~func(yield func(Message, error) bool) |
		~func(ctx context.Context, send Send) error |
		~chan Message | ~<-chan Message |
		*Producer | *Subscription
}

// Send passes one message to the client. It returns an error when the message
// is malformed (nothing of it is written, and the stream can go on) or when the
// stream is over, in which case the context's cause says why. Send returns once
// the message is in order for writing; it waits only when the client is so far
// behind that the stream's buffer is full. It is safe for concurrent use.
type Send func(Message) error

// Func is a generator that waits: for a query, a timer, another service. It runs
// on the request's goroutine. ctx ends when the client leaves, when the stream
// reaches its maximum age, or when the server drains; [context.Cause] tells
// which. A non-nil error ends the stream with an "error" event and an unclean end
// of the body, unless the stream was over anyway.
type Func func(ctx context.Context, send Send) error

// Producer is a generator with a goroutine of its own. Make one with [Go].
type Producer struct{ run Func }

// Go makes a generator that runs ahead of the network: the dispatcher starts it
// on its own goroutine when the stream is served, cancels its context with the
// cause when the stream ends, waits until it has returned, and turns a panic in
// it into a failed stream. A response that is never served starts nothing.
func Go(run Func) *Producer { return &Producer{run: run} }

// runner feeds one stream. It returns when its messages have ended, when they
// failed, or soon after ctx ended. It must not use w after it has returned.
type runner interface {
	run(ctx context.Context, w *writer) error
	// discard lets go of what the source holds, for a stream that ends before
	// the source did, or that is never served.
	discard()
}

var (
	errNilSource = errors.New("sse: the stream's source is nil")
	errGoexit    = errors.New("sse: the stream's source ended its goroutine by runtime.Goexit")
)

func newRunner(source any) (runner, error) {
	if v := reflect.ValueOf(source); v.IsNil() {
		return nil, fmt.Errorf("%w (%T)", errNilSource, source)
	}
	switch s := source.(type) {
	case func(yield func(Message) bool):
		return seqRunner(s), nil
	case iter.Seq[Message]:
		return seqRunner(s), nil
	case func(yield func(Message, error) bool):
		return seq2Runner(s), nil
	case iter.Seq2[Message, error]:
		return seq2Runner(s), nil
	case func(ctx context.Context, send Send) error:
		return funcRunner(s), nil
	case Func:
		return funcRunner(s), nil
	case chan Message:
		return chanRunner(s), nil
	case <-chan Message:
		return chanRunner(s), nil
	case *Producer:
		if s.run == nil {
			return nil, fmt.Errorf("%w: Go was given no function", errNilSource)
		}
		return producerRunner{s.run}, nil
	case *Subscription:
		if s.hub == nil {
			return nil, fmt.Errorf("%w: a Subscription comes from Hub.Subscribe", errNilSource)
		}
		// A bad topic is known before the first byte, so that it can still be
		// answered by a status.
		return s, s.err
	}
	// A type of the caller's own whose underlying type is one of the above.
	v := reflect.ValueOf(source)
	for _, target := range []reflect.Type{
		reflect.TypeFor[func(yield func(Message) bool)](),
		reflect.TypeFor[func(yield func(Message, error) bool)](),
		reflect.TypeFor[func(ctx context.Context, send Send) error](),
		reflect.TypeFor[<-chan Message](),
	} {
		if v.CanConvert(target) {
			return newRunner(v.Convert(target).Interface())
		}
	}
	return nil, fmt.Errorf("sse: %T cannot be streamed", source)
}

type seqRunner func(yield func(Message) bool)

func (seq seqRunner) run(_ context.Context, w *writer) (err error) {
	for m := range seq {
		if err = w.send(m); err != nil {
			break
		}
	}
	return err
}

func (seqRunner) discard() {}

type seq2Runner func(yield func(Message, error) bool)

func (seq seq2Runner) run(_ context.Context, w *writer) (err error) {
	for m, e := range seq {
		if err = e; err != nil {
			break
		}
		if err = w.send(m); err != nil {
			break
		}
	}
	return err
}

func (seq2Runner) discard() {}

type funcRunner func(ctx context.Context, send Send) error

func (f funcRunner) run(ctx context.Context, w *writer) error { return f(ctx, w.send) }

func (funcRunner) discard() {}

type chanRunner <-chan Message

func (ch chanRunner) run(ctx context.Context, w *writer) error {
	for {
		select {
		case m, ok := <-ch:
			if !ok {
				return nil
			}
			if err := w.send(m); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// discard reads until the producer closes the channel. The goroutine is the
// producer's to end; there is none when the channel is closed already.
func (ch chanRunner) discard() {
	for {
		select {
		case _, ok := <-ch:
			if !ok {
				return
			}
			continue
		default:
		}
		break
	}
	go func() {
		for range ch { //nolint:revive // emptied on purpose
		}
	}()
}

// producerRunner runs its function on a goroutine that it waits for.
type producerRunner struct{ fn Func }

func (p producerRunner) run(ctx context.Context, w *writer) error {
	w.runAhead()
	done := make(chan error, 1)
	go func() {
		err := errGoexit // unless the function returns or panics
		defer func() { done <- err }()
		err = protect(func() error { return p.fn(ctx, w.send) })
	}()
	return <-done
}

func (producerRunner) discard() {}

// sourceError is a message of the stream's own that cannot be sent: the program's
// fault, whereas a [FieldError] by itself is that of whoever wanted it published.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error   { return e.error }
func (e *sourceError) StatusCode() int { return 500 }
