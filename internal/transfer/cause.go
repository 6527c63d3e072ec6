package transfer

import (
	"context"
	"errors"
	"net/http"
)

// End says how a body ended.
type End uint8

const (
	Complete End = iota
	Aborted      // as the program wanted, by [http.ErrAbortHandler]
	Cut          // by the client, or for its sake
	Broken       // by the program
)

// End says how the body ended, given the error of who made it and the context of the
// request it is for.
func (t *Writer) End(err error, request context.Context) End {
	switch {
	case errors.Is(t.Err, http.ErrAbortHandler), t.Err == nil && errors.Is(err, http.ErrAbortHandler):
		return Aborted
	case t.Err != nil && (!ContextEnded(t.Err) || request.Err() != nil):
		return Cut
	case t.Err != nil || err != nil:
		return Broken
	}
	return Complete
}

// ContextEnded says whether a body ended because its context did, which the
// program may have ended while the client was still there.
func ContextEnded(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
