package middleware

import (
	"errors"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// stackOf returns the stack of a panic inside err, if there was one.
func stackOf(err error) []byte {
	if p, ok := errors.AsType[*redstart.PanicError](err); ok {
		return p.Stack
	}
	if p, ok := errors.AsType[*sse.PanicError](err); ok {
		return p.Stack
	}
	return nil
}
