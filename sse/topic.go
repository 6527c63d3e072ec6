package sse

import (
	"context"
	"fmt"
	"iter"
)

// Topic is a topic of a [Hub] whose messages are values of one type, in JSON. Make
// one with [NewTopic]. It is safe for concurrent use.
type Topic[T any] struct {
	hub   *Hub
	name  string
	event string
}

// NewTopic makes a typed topic of the hub. It panics when the name is none that a
// topic can have; see [Hub.Subscribe].
func NewTopic[T any](hub *Hub, name string) *Topic[T] {
	if err := checkTopic(name); err != nil {
		panic(err)
	}
	return &Topic[T]{hub: hub, name: name}
}

// WithEvent returns the topic with another event name, under which clients listen for
// its messages. It panics when no event can have that name.
func (t *Topic[T]) WithEvent(name string) *Topic[T] {
	if err := (Message{Event: name}).Validate(); err != nil {
		panic(err)
	}
	named := *t
	named.event = name
	return &named
}

// Name returns the topic's name.
func (t *Topic[T]) Name() string { return t.name }

// Publish publishes the value. It fails like [Hub.Publish], and when the value has no
// JSON form.
func (t *Topic[T]) Publish(ctx context.Context, v T) (Ack, error) {
	return t.PublishOnce(ctx, "", v)
}

// PublishOnce is Publish with an idempotency key: see [Hub.Publish].
func (t *Topic[T]) PublishOnce(ctx context.Context, key string, v T) (Ack, error) {
	return t.hub.Publish(ctx, t.name, JSON(v).WithEvent(t.event).WithID(key))
}

// Subscribe makes a subscription to the topic: see [Hub.Subscribe].
func (t *Topic[T]) Subscribe() *Subscription { return t.hub.Subscribe(t.name) }

// Values subscribes within the program: it yields the values that are published from
// now on, until ctx ends or the hub is closed; then it yields the cause as its error,
// or [ErrLagging] if the loop has fallen behind. A message that is no T, which another
// program may have published, is a [*ValueError], and a gap a [*GapError]; the loop may
// go on after both.
func (t *Topic[T]) Values(ctx context.Context) iter.Seq2[T, error] {
	return values[T](ctx, t.Subscribe())
}

func values[T any](ctx context.Context, s *Subscription) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for m, err := range s.Messages(ctx) {
			var v T
			switch {
			case err != nil:
			case m.Event == "sse.gap":
				gap := &GapError{}
				if err = m.DecodeJSON(gap); err == nil {
					err = gap
				}
			default:
				if e := m.DecodeJSON(&v); e != nil {
					err = &ValueError{m, e}
				}
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

// ValueError says that a message of a typed topic is no value of its type.
type ValueError struct {
	Message Message
	Err     error
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("sse: message %s: %v", e.Message.ID, e.Err)
}

// Unwrap gives what was wrong with the data.
func (e *ValueError) Unwrap() error { return e.Err }

// GapError says that messages were missed. See [Hub.Subscribe] for the reasons.
type GapError struct {
	Reason string `json:"reason"`
	From   string `json:"from"` // the position that could not be continued
}

func (e *GapError) Error() string {
	return fmt.Sprintf("sse: messages behind %q were missed: %s", e.From, e.Reason)
}

// StateTopic is a topic whose values are each the whole state of something, which a key
// names: a later value replaces the one before with the same key. See
// [Message.WithStateKey] for what that means to subscribers. Make one with
// [NewStateTopic]. It is safe for concurrent use.
//
// It is a type of its own since what it does would corrupt a topic of changes.
type StateTopic[T any] struct {
	topic Topic[T]
	key   func(T) string
}

// NewStateTopic makes a topic of states. key names what a value is the state of; it is
// called when one is published.
func NewStateTopic[T any](hub *Hub, name string, key func(T) string) *StateTopic[T] {
	return &StateTopic[T]{*NewTopic[T](hub, name), key}
}

// WithEvent is [Topic.WithEvent].
func (t *StateTopic[T]) WithEvent(name string) *StateTopic[T] {
	return &StateTopic[T]{*t.topic.WithEvent(name), t.key}
}

// Name returns the topic's name.
func (t *StateTopic[T]) Name() string { return t.topic.name }

// Publish publishes the value in place of the one with the same key.
func (t *StateTopic[T]) Publish(ctx context.Context, v T) (Ack, error) {
	m := JSON(v).WithEvent(t.topic.event).WithStateKey(t.key(v))
	return t.topic.hub.Publish(ctx, t.topic.name, m)
}

// Subscribe makes a subscription that begins with all states that are retained.
func (t *StateTopic[T]) Subscribe() *Subscription { return t.topic.Subscribe().FromStart() }

// Values is [Topic.Values], beginning with all states that are retained.
func (t *StateTopic[T]) Values(ctx context.Context) iter.Seq2[T, error] {
	return values[T](ctx, t.Subscribe())
}
