package bind

import (
	"context"
	"fmt"
	"reflect"

	"github.com/redstart-go/redstart/sse"
)

// Messages makes messages of values, as JSON, with the event and the id that functions
// choose. Either may be nil.
func Messages[T any](event, id func(T) string) func(T) sse.Message {
	return func(v T) sse.Message {
		m := sse.JSON(v)
		if event != nil {
			m = m.WithEvent(event(v))
		}
		if id != nil {
			m = m.WithID(id(v))
		}
		return m
	}
}

// Stream makes an event stream of a source of values: an iterator, with or without
// an error, a function that sends, or a channel. A source with a name of its own is
// taken as well. One that already has messages, such as a subscription, is sent as
// it is.
func Stream[T any](source any, message func(T) sse.Message, opts []sse.Option) (*sse.Stream, error) {
	if v := reflect.ValueOf(source); !v.IsValid() || v.IsNil() {
		return nil, fmt.Errorf("the event stream has no source")
	}
	switch s := source.(type) {
	case *sse.Subscription:
		return sse.NewStream(s, opts...), nil
	case func(yield func(T) bool):
		return sse.NewStream(func(yield func(sse.Message) bool) {
			s(func(v T) bool { return yield(message(v)) })
		}, opts...), nil
	case func(yield func(T, error) bool):
		return sse.NewStream(func(yield func(sse.Message, error) bool) {
			s(func(v T, err error) bool {
				if err != nil {
					return yield(sse.Message{}, err)
				}
				return yield(message(v), nil)
			})
		}, opts...), nil
	case func(ctx context.Context, send func(T) error) error:
		return sse.NewStream(func(ctx context.Context, send sse.Send) error {
			return s(ctx, func(v T) error { return send(message(v)) })
		}, opts...), nil
	case <-chan T:
		return sse.NewStream(receive(s, message), append(opts, sse.OnEnd(func(sse.Report) { drain(s) }))...), nil
	}
	v := reflect.ValueOf(source)
	for _, target := range []reflect.Type{
		reflect.TypeFor[func(yield func(T) bool)](), reflect.TypeFor[func(yield func(T, error) bool)](),
		reflect.TypeFor[func(ctx context.Context, send func(T) error) error](), reflect.TypeFor[<-chan T](),
	} {
		if v.CanConvert(target) {
			return Stream(v.Convert(target).Interface(), message, opts)
		}
	}
	return nil, fmt.Errorf("%T cannot be streamed", source)
}

func receive[T any](values <-chan T, message func(T) sse.Message) sse.Func {
	return func(ctx context.Context, send sse.Send) error {
		for {
			select {
			case v, ok := <-values:
				if !ok {
					return nil
				}
				if err := send(message(v)); err != nil {
					return err
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// drain throws away what still arrives until the producer closes the channel, so that
// one that does not look at the context is not blocked for good. The goroutine is the
// producer's to end; there is none when the channel is closed already.
func drain[T any](values <-chan T) {
	for {
		select {
		case _, ok := <-values:
			if !ok {
				return
			}
			continue
		default:
		}
		break
	}
	go func() {
		for range values { //nolint:revive // emptied on purpose
		}
	}()
}
