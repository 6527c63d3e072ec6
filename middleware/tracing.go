package middleware

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart"
)

// Tracer records spans, which are pieces of work with a begin and an end. It is what
// [Tracing] needs of a tracing library, such as OpenTelemetry, in few words:
//
//	func (t otelTracer) Start(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, func(int, error)) {
//		ctx, span := t.tracer.Start(remote(ctx), name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(convert(attrs)...))
//		return ctx, func(status int, err error) { ...; span.End() }
//	}
//
// It is used by many goroutines.
type Tracer interface {
	// Start begins a span. The context has the [Trace] of the span to be, by
	// [TraceOf]: its ID, its Span and the Parent that it was asked by. A tracer with
	// ids of its own says so by [WithTrace] on the context that it returns, which is
	// the request's from there on. end is called exactly once, at the true end of the
	// reply, for a subscriber to a hub maybe on another goroutine: it must not wait.
	Start(ctx context.Context, name string, attrs ...slog.Attr) (_ context.Context, end func(status int, err error))
}

// TracingOptions refine [Tracing].
type TracingOptions struct {
	// Skip chooses requests that have no span, such as those of a health check.
	Skip func(*redstart.Request) bool
	// NewTraces begins a trace for each request, whatever its client says. The default
	// goes on with the client's, which is right inside of an organisation; at its edge
	// anybody could choose the ids, and have everything recorded.
	NewTraces bool
}

// Tracing puts each request into a distributed trace, by the header traceparent of W3C
// Trace Context, and has the tracer record a span for it, from here to the last byte of
// the reply: for a stream to its true end. With a nil tracer the ids are passed on all
// the same.
//
// The span's name is the method and the route's pattern, "GET /crimes/:id", or the method
// alone where no route answers; the path may name anything and is an attribute. The
// attributes have the names of OpenTelemetry's semantic conventions. The request's
// context has the [Trace] for calls to other services, and the lines of Request.Log
// name it as trace_id.
//
// Use it outside of what replaces responses: a span whose response is replaced further
// out does not end.
func Tracing(tracer Tracer, options ...TracingOptions) redstart.Middleware {
	o := given("Tracing", options)
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			if o.Skip != nil && o.Skip(req) {
				return next(req)
			}
			var asked Trace
			if !o.NewTraces {
				asked, _ = traceOf(req.HTTP().Header)
			}
			ctx := WithTrace(req.Context(), asked.child())
			if tracer == nil {
				join(ctx, req)
				return next(req)
			}
			ctx, end := tracer.Start(ctx, spanName(req), attributes(req)...)
			join(ctx, req)
			return traced(req, next, end)
		}
	}
}

// join makes the context the request's, and names the trace in its log.
func join(ctx context.Context, req *redstart.Request) {
	req.SetContext(ctx)
	if trace, ok := TraceOf(ctx); ok {
		id := hex.EncodeToString(trace.ID[:])
		req.Log().UpdateContext(func(c zerolog.Context) zerolog.Context { return c.Str("trace_id", id) })
	}
}

// traced calls next, and has the span end with the reply.
func traced(req *redstart.Request, next redstart.Handler, end func(int, error)) redstart.Response {
	returned := false
	defer func() {
		if !returned { // a panic goes through here, to net/http, and there is no reply
			end(http.StatusInternalServerError, errPanicked)
		}
	}()
	resp := next(req)
	returned = true
	failed := resp.Err() // the response itself is not kept until the end of a stream
	return resp.WithDone(func(outcome redstart.Outcome) {
		if outcome.Err == nil {
			outcome.Err = failed
		}
		end(outcome.Status, outcome.Err)
	})
}

var errPanicked = errors.New("middleware: the handler panicked")

func spanName(req *redstart.Request) string {
	method := req.Method()
	if !slices.Contains(knownMethods, method) {
		method = "HTTP" // a client may make up any number of methods, and names are to be few
	}
	if pattern := req.Pattern(); pattern != "" {
		return method + " " + pattern
	}
	return method
}

// attributes are those that OpenTelemetry wants of a server's span, by its semantic
// conventions for HTTP. The query is left out: it may hold secrets.
func attributes(req *redstart.Request) []slog.Attr {
	r := req.HTTP()
	attrs := append(make([]slog.Attr, 0, 8),
		slog.String("http.request.method", req.Method()), slog.String("url.path", req.Path()),
		slog.String("url.scheme", req.Scheme()), slog.String("server.address", req.Host()),
		slog.String("network.protocol.version", strconv.Itoa(r.ProtoMajor)+"."+strconv.Itoa(r.ProtoMinor)))
	for _, a := range []struct{ name, value string }{
		{"http.route", req.Pattern()}, {"client.address", req.IP()}, {"user_agent.original", r.UserAgent()},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.name, a.value))
		}
	}
	return attrs
}
