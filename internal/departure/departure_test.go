package departure

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

type key struct{}

func TestTheCauseIsNamedUnlessTheParentHasOne(t *testing.T) {
	gone, other := errors.New("gone"), errors.New("other")
	for name, test := range map[string]struct {
		end  func(cancel context.CancelCauseFunc)
		want error
	}{
		"cancelled":         {func(cancel context.CancelCauseFunc) { cancel(nil) }, gone},
		"cancelled for why": {func(cancel context.CancelCauseFunc) { cancel(other) }, other},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, end := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
				ctx, cancel, stop := Context(parent, gone)
				defer cancel(nil)
				defer stop()
				assert.NoError(t, ctx.Err())
				test.end(end)
				synctest.Wait()
				assert.ErrorIs(t, ctx.Err(), context.Canceled)
				assert.ErrorIs(t, context.Cause(ctx), test.want)
				assert.Equal(t, "value", ctx.Value(key{}))
			})
		})
	}
}

func TestAStoppedContextOutlivesItsParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, end := context.WithCancel(t.Context())
		ctx, cancel, stop := Context(parent, errors.New("gone"))
		assert.True(t, stop())
		end()
		synctest.Wait()
		assert.NoError(t, ctx.Err())
		over := errors.New("over")
		cancel(over)
		assert.Equal(t, over, context.Cause(ctx))
	})
}

func TestADeadlineIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		ctx, cancel, stop := Context(parent, errors.New("gone"))
		defer cancel(nil)
		defer stop()
		_, ok := ctx.Deadline()
		assert.True(t, ok)
		time.Sleep(time.Second)
		synctest.Wait()
		assert.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)
	})
}
