package middleware

import (
	"net/http"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/requestid"
)

// RequestIDOptions refine [RequestID].
type RequestIDOptions struct {
	// Header is the name of the header that carries the id, in the request and in
	// the reply. The default is X-Request-ID.
	Header string
	// Generate makes an id: 1 to 128 letters, digits and any of ._~:/+=-. It is
	// called from several goroutines. The default makes short ones that are unique
	// to the process and sort by time within it.
	Generate func() string
	// Trust says whether the id that a request brings along may be taken over. The
	// default takes every one that is fit for logs. A client that is trusted may
	// choose an id which another request has.
	Trust func(*redstart.Request) bool
}

// RequestID gives each request an id, in place of the one that the application
// gives. The reply carries it in the header, and Request.ID, Request.Log, the
// access log and problem documents have it too. Use it outermost.
//
// An id of Generate that is not fit for logs is replaced by one of the default
// generator, and there is a warning in the log.
func RequestID(options ...RequestIDOptions) redstart.Middleware {
	o := given("RequestID", options)
	if o.Header == "" {
		o.Header = requestid.Header
	}
	checkHeader("RequestID", "Header", o.Header, "")
	o.Header = http.CanonicalHeaderKey(o.Header)
	ids := requestid.NewSource()
	if o.Generate == nil {
		o.Generate = func() string { return generate(ids) }
	} else if id := o.Generate(); !requestid.Fit(id) {
		misuse("RequestID", "Generate made %q: want 1 to 128 letters, digits and any of ._~:/+=-", id)
	}
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			if !o.takeOver(req) {
				if err := req.SetID(o.Generate()); err != nil {
					_ = req.SetID(generate(ids)) // ours is fit
					req.Log().Warn().Err(err).Msg("Generate of RequestID")
				}
			}
			resp := next(req)
			if o.Header == requestid.Header {
				return resp // the app writes it
			}
			if _, has := resp.Header()[requestid.Header]; !has {
				resp = resp.Without(requestid.Header)
			}
			return resp.With(o.Header, req.ID())
		}
	}
}

// takeOver sets the id that the request brings along, if it brings exactly one
// that is fit and trusted.
func (o RequestIDOptions) takeOver(req *redstart.Request) bool {
	ids := req.HTTP().Header[o.Header]
	return len(ids) == 1 && requestid.Fit(ids[0]) && (o.Trust == nil || o.Trust(req)) && req.SetID(ids[0]) == nil
}

func generate(s *requestid.Source) string {
	var id requestid.ID
	id.Assign(s, nil)
	return id.Text
}
