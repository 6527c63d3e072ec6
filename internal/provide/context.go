package provide

import "context"

// buildingKey is under what a context says which values are being made by its user.
type buildingKey struct{}

// building is a chain of entries, each made for the sake of the next.
type building struct {
	entry *Entry
	outer *building
}

// Context returns one that outlives ctx, and knows of it only what is being made, and
// the start of the app if it is for that.
func Context(ctx context.Context) context.Context {
	free := context.Background()
	if start, _ := ctx.Value(startKey{}).(context.Context); start != nil {
		free = start
	}
	if chain, _ := ctx.Value(buildingKey{}).(*building); chain != nil {
		return context.WithValue(free, buildingKey{}, chain)
	}
	return free
}

type startKey struct{}

// start is the context of an app's start.
type start struct{ context.Context }

func (s start) Value(key any) any {
	if key == (startKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// Starting returns a context for what is made at the start of an app: should ctx end
// before that is made, it ends too, so that a start can be broken off. Once done was
// called, it does not end any more, as what was made may have kept it.
func Starting(ctx context.Context) (_ context.Context, done func()) {
	free, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return start{free}, func() { stop() }
}
