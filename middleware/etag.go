package middleware

import (
	"net/http"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/headers"
)

// ETagOptions refine [ETag].
type ETagOptions struct {
	// Weak makes weak validators, for bodies that differ in ways which do not matter,
	// where something behind this server changes them. A strong one is right for most.
	Weak bool
}

// ETag names the version of what GET and HEAD reply, and answers a client that has this
// version already with status 304 and no body (RFC 9110 section 13.1.2). The handler runs
// all the same: what is saved is the transfer.
//
// The tag is a hash of the body, so it is for bodies that are at hand; one that the
// reply has already is compared instead. Streams, files and mounted handlers, which have
// tags of their own or none, pass, and so do replies with a status but 200 and those
// whose Cache-Control says no-store. JSON is encoded here. Use it inside of Compress,
// which makes the tag of a body weak that it compresses.
func ETag(options ...ETagOptions) redstart.Middleware {
	o := given("ETag", options)
	return redstart.After(func(req *redstart.Request, resp redstart.Response) redstart.Response {
		m := req.Method()
		if m != http.MethodGet && m != http.MethodHead || resp.Streams() || resp.StatusCode() != http.StatusOK {
			return resp
		}
		h := resp.Header()
		tag := h.Get("Etag")
		if tag == "" {
			body, ok := resp.Bytes()
			if !ok || headers.Listed(h["Cache-Control"], "no-store") {
				return resp
			}
			if m == http.MethodHead && len(body) == 0 {
				return resp // of a route for HEAD alone: what GET would reply with is not known
			}
			tag = headers.ETag(body)
			if o.Weak {
				tag = "W/" + tag
			}
			// With its bytes JSON is not encoded again, by which it might differ.
			resp = resp.WithBody(body).With("ETag", tag)
		}
		if headers.NotModified(req.HTTP(), tag) {
			return resp.WithBody(nil).With("ETag", tag).WithStatus(http.StatusNotModified)
		}
		return resp
	})
}
