// Package departure gives the end of a request's context its true cause. net/http
// ends the context with a plain context.Canceled when the client leaves, and a
// context derived from it takes that over before anybody could name the cause.
package departure

import (
	"context"
	"fmt"
)

// Context derives a context that ends with parent: where parent names no cause, for
// the given one, which wraps context.Canceled too. Values are parent's. stop has to be called when the request is over;
// the context ends by cancel then. Where parent has a deadline, the causes are
// parent's own.
func Context(parent context.Context, cause error) (ctx context.Context, cancel context.CancelCauseFunc, stop func() bool) {
	if _, bounded := parent.Deadline(); bounded {
		ctx, cancel = context.WithCancelCause(parent)
		return ctx, cancel, func() bool { return true }
	}
	ctx, cancel = context.WithCancelCause(context.WithoutCancel(parent))
	stop = context.AfterFunc(parent, func() {
		if own := context.Cause(parent); own != context.Canceled {
			cancel(own)
		} else {
			cancel(fmt.Errorf("%w: %w", cause, own))
		}
	})
	return ctx, cancel, stop
}
