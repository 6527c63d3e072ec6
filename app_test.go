package redstart_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/memnet"
	"github.com/redstart-go/redstart/sse"
)

func TestDoneIsCalledOnceWithTheOutcome(t *testing.T) {
	boom := errors.New("boom")
	responses := map[string]struct {
		make func(*redstart.Request) redstart.Response
		want redstart.Outcome
	}{
		"text": {text("four"), redstart.Outcome{Status: 200}},
		"json": {func(*redstart.Request) redstart.Response { return redstart.JSON(1234).WithStatus(201) },
			redstart.Outcome{Status: 201}},
		"json that fails": {func(*redstart.Request) redstart.Response { return redstart.JSON(panics{}) },
			redstart.Outcome{Status: 500, Err: errors.New("panic: marshal")}},
		"nothing":      {func(*redstart.Request) redstart.Response { return redstart.NoContent() }, redstart.Outcome{Status: 204}},
		"not modified": {func(*redstart.Request) redstart.Response { return redstart.Status(304) }, redstart.Outcome{Status: 304}},
		"error":        {fails(redstart.Error(404, "x")), redstart.Outcome{Status: 404, Err: errors.New("x")}},
		"panic": {func(*redstart.Request) redstart.Response { panic(boom) },
			redstart.Outcome{Status: 500, Err: errors.New("panic: boom")}},
		"stream": {func(*redstart.Request) redstart.Response {
			return redstart.Stream("text/plain", func(yield func(string) bool) { yield("four") })
		}, redstart.Outcome{Status: 200, Reason: "completed"}},
		"stream that fails": {func(*redstart.Request) redstart.Response {
			return redstart.Stream("text/plain", func(yield func(string, error) bool) { _ = yield("four", nil) && yield("", boom) })
		}, redstart.Outcome{Status: 200, Reason: "failed", Err: boom}},
		"events": {func(*redstart.Request) redstart.Response {
			return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) { yield(redstart.SSEMessage{Data: "x"}) })
		}, redstart.Outcome{Status: 200, Events: 1, Reason: "completed"}},
		"events that fail early": {func(*redstart.Request) redstart.Response {
			return redstart.SSEResponse(func(context.Context, sse.Send) error { return boom }, sse.LazyCommit())
		}, redstart.Outcome{Status: 500, Err: boom}},
		"file": {func(*redstart.Request) redstart.Response { return site().File("shared.txt") },
			redstart.Outcome{Status: 200, Reason: "completed"}},
		"file that is missing": {func(*redstart.Request) redstart.Response { return site().File("none") },
			redstart.Outcome{Status: 404, Err: errors.New(`there is nothing at "/"`)}},
	}
	for name, tt := range responses {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp(redstart.WithoutAccessLog(), redstart.WithoutRequestID())
			var outcomes []redstart.Outcome
			app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
				return resp.WithDone(func(o redstart.Outcome) { outcomes = append(outcomes, o) })
			}))
			app.Get("/", tt.make)
			w := get(app, "/")
			require.Len(t, outcomes, 1)
			got := outcomes[0]
			tt.want.Bytes = int64(w.Body.Len())
			assert.Positive(t, got.Duration)
			if tt.want.Err != nil {
				assert.ErrorContains(t, got.Err, tt.want.Err.Error())
			} else {
				assert.NoError(t, got.Err)
			}
			got.Duration, got.Err, tt.want.Err = 0, nil, nil
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestDoneOfHeadAndOfABrokenConnection(t *testing.T) {
	for _, resp := range []redstart.Response{redstart.Text("four"), redstart.JSON(1234)} {
		var outcomes []redstart.Outcome
		app, log := newApp()
		app.Get("/", func(*redstart.Request) redstart.Response {
			return resp.WithDone(func(o redstart.Outcome) { outcomes = append(outcomes, o) })
		})
		ask(app, "HEAD", "/", "")
		app.ServeHTTP(&broken{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
		require.Len(t, outcomes, 2)
		assert.EqualValues(t, 0, outcomes[0].Bytes)
		assert.Equal(t, "gone", outcomes[1].Reason)
		assert.NotContains(t, log.String(), `"level":"error"`)
	}
}

// broken is a connection that the client has closed.
type broken struct{ *httptest.ResponseRecorder }

func (*broken) Write([]byte) (int, error)       { return 0, io.ErrClosedPipe }
func (*broken) WriteString(string) (int, error) { return 0, io.ErrClosedPipe }

func TestDoneIsCalledLastAddedFirst(t *testing.T) {
	var order []string
	add := func(name string) func(redstart.Outcome) {
		return func(redstart.Outcome) {
			order = append(order, name)
			if name == "panics" {
				panic("in a WithDone function")
			}
		}
	}
	app, log := newApp()
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.Fail(redstart.Error(400, "")).WithDone(add("handler")).WithDone(add("panics"))
	})
	app.OnError(func(_ *redstart.Request, err error) redstart.Response {
		return redstart.Text("x").WithDone(add("onError"))
	})
	app.Use(redstart.After(func(_ *redstart.Request, r redstart.Response) redstart.Response { return r.WithDone(add("outer")) }))
	app.Get("/json", func(*redstart.Request) redstart.Response { return redstart.JSON(panics{}).WithDone(add("handler")) })
	get(app, "/")
	assert.Equal(t, []string{"outer", "onError", "panics", "handler"}, order)
	assert.Equal(t, "panic: in a WithDone function", log.line(t, "a WithDone function panicked")["error"])
	order = nil
	get(app, "/json")
	assert.ElementsMatch(t, []string{"outer", "onError", "handler"}, order)
}

func TestDoneOfAReplacedResponseIsNotCalled(t *testing.T) {
	app, _ := newApp()
	app.Use(redstart.After(func(*redstart.Request, redstart.Response) redstart.Response { return redstart.Text("other") }))
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.Text("x").WithDone(func(redstart.Outcome) { t.Error("called for a response that was replaced") })
	})
	get(app, "/")
}

func TestAccessLog(t *testing.T) {
	app, log := newApp()
	app.Get("/crimes/:id", text("four"))
	get(app, "/crimes/7?secret=1", "X-Request-ID", "abc")
	line := log.line(t, "request")
	assert.IsType(t, 0.0, line["took_ms"])
	delete(line, "took_ms")
	assert.Equal(t, map[string]any{
		"level": "info", "message": "request", "method": "GET", "path": "/crimes/7", "route": "/crimes/:id",
		"status": 200.0, "bytes": 4.0, "ip": "192.0.2.1", "request_id": "abc",
	}, line)

	quiet, log := newApp(redstart.WithoutAccessLog())
	quiet.Get("/", text(""))
	quiet.Get("/fail", fails(errors.New("boom")))
	get(quiet, "/")
	get(quiet, "/nothing")
	assert.Empty(t, log.String())
	get(quiet, "/fail")
	assert.Equal(t, "boom", log.line(t, "request")["error"], "errors are logged nevertheless")
}

func TestUseHTTP(t *testing.T) {
	app, _ := newApp()
	var order []string
	wrap := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order = append(order, name)
				w.Header().Set("X-"+name, "1")
				next.ServeHTTP(w, r)
			})
		}
	}
	app.UseHTTP(wrap("A"), wrap("B"))
	app.Get("/", text("x"))
	app.UseHTTP(wrap("C"))
	w := get(app, "/")
	assert.Equal(t, []string{"A", "B", "C"}, order, "the first is outermost")
	assert.Equal(t, "1", w.Header().Get("X-A"))
	assert.Equal(t, "1", get(app, "/nothing").Header().Get("X-B"))
	assert.Equal(t, "1", func() string {
		app.Get("/json", func(*redstart.Request) redstart.Response { return redstart.JSON(panics{}) })
		return get(app, "/json").Header().Get("X-B")
	}(), "what they set stays on a reply that had to be replaced")
}

func TestWithStreamsSharesTheirNumber(t *testing.T) {
	streams := &sse.Server{MaxStreams: 1}
	app, log := newApp(redstart.WithStreams(streams))
	app.Get("/", func(req *redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(_ context.Context, send sse.Send) error {
			assert.Equal(t, 1, app.Streams().Open())
			get(app, "/") // one too many
			return nil
		})
	})
	get(app, "/")
	assert.Same(t, streams, app.Streams())
	assert.Zero(t, streams.Open())
	var reasons []any
	for _, line := range log.lines(t, "stream") {
		reasons = append(reasons, line["reason"])
	}
	assert.Equal(t, []any{"refused", "completed"}, reasons)
}

func ExampleWithProcesses() {
	app := redstart.New(redstart.WithProcesses(4))
	app.Get("/", func(*redstart.Request) redstart.Response {
		slot, of := redstart.Process()
		return redstart.Text(fmt.Sprintf("process %d of %d", slot, of))
	})
	if app.Supervises() {
		// Here, and not in the four that app.Start(":8080") would start.
		fmt.Println("this process supervises")
	}
	// Output: this process supervises
}

func TestWithProcesses(t *testing.T) {
	for n, want := range map[int]string{-1: "redstart: WithProcesses(-1): want 0 to 255", 256: "redstart: WithProcesses(256): want 0 to 255"} {
		app, _ := newApp(redstart.WithProcesses(n))
		assert.EqualError(t, app.Run(t.Context(), "127.0.0.1:0"), want)
	}
	for n, supervises := range map[int]bool{0: false, 1: false, 2: true} {
		app, _ := newApp(redstart.WithProcesses(n))
		assert.Equal(t, supervises, app.Supervises(), "%d processes", n)
		ctx, stop := context.WithCancel(t.Context())
		app.OnStart(func(context.Context) error { stop(); return nil })
		if !supervises {
			assert.NoError(t, app.Run(ctx, "127.0.0.1:0"), "one process is this one")
		}
	}
	slot, of := redstart.Process()
	assert.Zero(t, slot+of, "it is not one of several")

	app, _ := newApp(redstart.WithProcesses(2))
	l := memnet.Listen()
	assert.EqualError(t, app.Serve(t.Context(), l), "redstart: WithProcesses(2): Serve has one process only: use Start or Run with an address")
	_, err := l.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
	assert.ErrorContains(t, app.Run(t.Context(), "8080"), `redstart: address "8080": want host:port`)
}
