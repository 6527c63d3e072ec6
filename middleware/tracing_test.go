package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

func ExampleTracing() {
	app := quiet()
	app.Use(middleware.Tracing(printer{}))
	app.Get("/crimes/:id", func(req *redstart.Request) redstart.Response {
		trace, _ := middleware.TraceOf(req.Context())
		fmt.Printf("in trace %x\n", trace.ID)
		return redstart.Text("a robbery")
	})

	send(app, "GET", "/crimes/7", "", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	// Output:
	// begin GET /crimes/:id, asked by 00f067aa0ba902b7
	// in trace 4bf92f3577b34da6a3ce929d0e0e4736
	// end 200
}

// printer is a tracer that prints.
type printer struct{}

func (printer) Start(ctx context.Context, name string, _ ...slog.Attr) (context.Context, func(int, error)) {
	trace, _ := middleware.TraceOf(ctx)
	fmt.Printf("begin %s, asked by %x\n", name, trace.Parent)
	return ctx, func(status int, _ error) { fmt.Println("end", status) }
}

// spans is a tracer that keeps what it is told.
type spans struct {
	mu   sync.Mutex
	list []*span
}

type span struct {
	name   string
	attrs  map[string]string
	trace  middleware.Trace
	ends   int
	status int
	err    error
	took   time.Duration
}

func (s *spans) Start(ctx context.Context, name string, attrs ...slog.Attr) (context.Context, func(int, error)) {
	sp := &span{name: name, attrs: map[string]string{}}
	sp.trace, _ = middleware.TraceOf(ctx)
	for _, a := range attrs {
		sp.attrs[a.Key] = a.Value.String()
	}
	s.mu.Lock()
	s.list = append(s.list, sp)
	s.mu.Unlock()
	begin := time.Now()
	return ctx, func(status int, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		sp.ends++
		sp.status, sp.err, sp.took = status, err, time.Since(begin)
	}
}

func TestTracingEveryReply(t *testing.T) {
	tracer := &spans{}
	app := quiet()
	app.Use(middleware.Tracing(tracer))
	for _, kind := range everyReply(app) {
		t.Run(kind.name, func(t *testing.T) {
			tracer.list = nil
			assert.Equal(t, kind.status, send(app, kind.method, kind.path, "", "User-Agent: bat").Code)
			require.Len(t, tracer.list, 1)
			sp := tracer.list[0]
			assert.Equal(t, 1, sp.ends, "once")
			assert.Equal(t, kind.status, sp.status)
			assert.Equal(t, kind.status >= 400 && kind.name != "mount", sp.err != nil, "%v", sp.err)
			assert.Equal(t, kind.method, sp.attrs["http.request.method"])
			assert.Equal(t, kind.path, sp.attrs["url.path"])
			assert.Equal(t, "http", sp.attrs["url.scheme"])
			assert.Equal(t, "example.com", sp.attrs["server.address"])
			assert.Equal(t, "192.0.2.1", sp.attrs["client.address"])
			assert.Equal(t, "1.1", sp.attrs["network.protocol.version"])
			assert.Equal(t, "bat", sp.attrs["user_agent.original"])
			switch kind.name {
			case "not found", "not allowed", "automatic OPTIONS":
				assert.Equal(t, kind.method, sp.name)
			case "mount":
				assert.Equal(t, "GET /mount/*rest", sp.name)
			case "static":
				assert.Equal(t, "GET /static", sp.name)
			default:
				assert.Equal(t, kind.method+" "+kind.path, sp.name)
				assert.Equal(t, kind.path, sp.attrs["http.route"])
			}
		})
	}
	tracer.list = nil
	send(app, "BREW", "/text", "")
	assert.Equal(t, "HTTP", tracer.list[0].name, "names are few, whatever clients make up")
}

func TestTracingGoesOnWithATrace(t *testing.T) {
	for _, tc := range []struct {
		name    string
		header  []string
		o       middleware.TracingOptions
		goesOn  bool
		state   string
		sampled bool
	}{
		{"none", nil, middleware.TracingOptions{}, false, "", true},
		{"one", []string{"traceparent: " + parent, "tracestate: a=1", "tracestate: b=2"}, middleware.TracingOptions{}, true, "a=1,b=2", true},
		{"not recorded", []string{"traceparent: " + parent[:53] + "00"}, middleware.TracingOptions{}, true, "", false},
		{"broken", []string{"traceparent: " + parent + "x", "tracestate: a=1"}, middleware.TracingOptions{}, false, "", true},
		{"two", []string{"traceparent: " + parent, "traceparent: " + parent}, middleware.TracingOptions{}, false, "", true},
		{"a long state", []string{"traceparent: " + parent, "tracestate: a=" + strings.Repeat("1", 512)}, middleware.TracingOptions{}, true, "", true},
		{"many members", []string{"traceparent: " + parent, "tracestate: " + strings.Repeat("a=1,", 32) + "b=2"}, middleware.TracingOptions{}, true, "", true},
		{"at the edge", []string{"traceparent: " + parent, "tracestate: a=1"}, middleware.TracingOptions{NewTraces: true}, false, "", true},
	} {
		for _, tracer := range []middleware.Tracer{nil, &spans{}} {
			t.Run(fmt.Sprintf("%s, tracer %t", tc.name, tracer != nil), func(t *testing.T) {
				app, lines := logged()
				app.Use(middleware.Tracing(tracer, tc.o))
				var got middleware.Trace
				app.Get("/", func(req *redstart.Request) redstart.Response {
					var ok bool
					got, ok = middleware.TraceOf(req.Context())
					assert.True(t, ok)
					req.Log().Info().Msg("here")
					return redstart.Text("")
				})
				send(app, "GET", "/", "", tc.header...)
				asked, err := middleware.ParseTraceparent(parent)
				require.NoError(t, err)
				if tc.goesOn {
					assert.Equal(t, asked.ID, got.ID)
					assert.Equal(t, asked.Span, got.Parent)
				} else {
					assert.NotEqual(t, asked.ID, got.ID)
					assert.Zero(t, got.Parent)
					assert.NotZero(t, got.ID)
				}
				assert.NotZero(t, got.Span)
				assert.NotEqual(t, asked.Span, got.Span)
				assert.Equal(t, tc.state, got.State)
				assert.Equal(t, tc.sampled, got.Recorded())
				assert.Equal(t, fmt.Sprintf("%x", got.ID), lines.read(t)[0]["trace_id"])
			})
		}
	}
}

func TestTracingEndsWithTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracer := &spans{}
		app := quiet()
		app.Use(middleware.Tracing(tracer))
		boom := errors.New("boom")
		app.Get("/", func(*redstart.Request) redstart.Response {
			return redstart.SSEResponse(sse.Func(func(_ context.Context, send sse.Send) error {
				_ = send(sse.Text("x"))
				time.Sleep(time.Hour)
				return boom
			}))
		})
		send(app, "GET", "/", "")
		assert.Equal(t, time.Hour, tracer.list[0].took)
		assert.Equal(t, 200, tracer.list[0].status)
		assert.ErrorIs(t, tracer.list[0].err, boom)
	})
}

func TestTracingASubscriberToTheEnd(t *testing.T) {
	tracer := &spans{}
	hub := sse.NewHub()
	app := quiet()
	app.Use(middleware.Tracing(tracer))
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.SSEResponse(hub.Subscribe("crimes")) })
	addr, stop := serve(t, app)
	conn, r := dial(t, addr)
	_, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: gotham\r\n\r\n")
	require.NoError(t, err)
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, line, "200 OK")
	require.NoError(t, conn.Close())
	require.NoError(t, stop())
	require.NoError(t, hub.Close())
	tracer.mu.Lock()
	defer tracer.mu.Unlock()
	require.Len(t, tracer.list, 1)
	assert.Equal(t, 1, tracer.list[0].ends)
	assert.Equal(t, 200, tracer.list[0].status)
}

func TestTracingAPanicWithoutRecover(t *testing.T) {
	tracer := &spans{}
	app := quiet(redstart.WithoutRecover())
	app.Use(middleware.Tracing(tracer))
	app.Get("/", func(*redstart.Request) redstart.Response { panic("the Joker") })
	assert.PanicsWithValue(t, "the Joker", func() { send(app, "GET", "/", "") })
	assert.Equal(t, 1, tracer.list[0].ends)
	assert.Equal(t, 500, tracer.list[0].status)
	assert.ErrorContains(t, tracer.list[0].err, "panicked")
}

func TestTracingSkips(t *testing.T) {
	tracer := &spans{}
	app := quiet()
	app.Use(middleware.Tracing(tracer, middleware.TracingOptions{Skip: func(r *redstart.Request) bool { return r.Path() == "/livez" }}))
	send(app, "GET", "/livez", "")
	assert.Empty(t, tracer.list)
}
