package transfer

import (
	"context"
	"errors"
)

// ContextEnded says whether a body ended because its context did, which the
// program may have ended while the client was still there.
func ContextEnded(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
