package middleware

import (
	"fmt"

	"github.com/redstart-go/redstart"
)

// BodyLimit bounds the bodies of requests, in bytes, for a group of routes, in place
// of the application's limit: higher or lower. Of several the innermost counts, once
// the others have let the announced length pass; but the limit that a route was
// given by [redstart.BodyLimit] stays.
//
// A body whose announced length is over the limit is answered with status 413
// before the handler is called, whether it would have read the body or not. One
// without a length is cut off where the limit is while it is read: the handler's
// read fails, with an error of status 413. What a middleware further out has read
// before is past the limit's reach. A limit below 1 panics: a group without a bound
// is made by [InsecureNoBodyLimit].
func BodyLimit(bytes int64) redstart.Middleware {
	if bytes < 1 {
		misuse(fmt.Sprintf("BodyLimit(%d)", bytes), "want the number of bytes, at least 1; InsecureNoBodyLimit() takes the bound off")
	}
	return limitBody(bytes)
}

// InsecureNoBodyLimit takes the bound off the bodies of requests for a group whose
// handlers bound what they keep of a body by themselves, such as one that copies
// uploads to a disk with a quota. A handler that calls Request.Body or Request.JSON
// there can be made to fill the memory.
func InsecureNoBodyLimit() redstart.Middleware { return limitBody(0) }

func limitBody(bytes int64) redstart.Middleware {
	return redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		if err := req.LimitBody(bytes); err != nil {
			return redstart.Fail(err), true
		}
		return redstart.Response{}, false
	})
}
