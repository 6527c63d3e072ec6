package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

func ExampleTimeout() {
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.Timeout(10 * time.Millisecond))
	app.Get("/riddle", func(req *redstart.Request) redstart.Response {
		<-req.Context().Done() // as a database call does that is given the context
		return redstart.Fail(context.Cause(req.Context()))
	})

	fmt.Println(send(app, "GET", "/riddle", "").Body)
	// Output: {"title":"Service Unavailable","status":503,"detail":"there was no reply within 10ms"}
}

const second = time.Second

// wait is a handler that returns its response after the time d, whatever happens.
func wait(d time.Duration, resp redstart.Response) redstart.Handler {
	return func(*redstart.Request) redstart.Response {
		time.Sleep(d)
		return resp
	}
}

func TestTimeoutPassesEveryReplyOn(t *testing.T) {
	plain, timed := quiet(), quiet()
	timed.Use(middleware.Timeout(time.Hour))
	everyReply(plain)
	for _, kind := range everyReply(timed) {
		t.Run(kind.name, func(t *testing.T) {
			want := send(plain, kind.method, kind.path, "", "X-Request-ID: same")
			got := send(timed, kind.method, kind.path, "", "X-Request-ID: same")
			assert.Equal(t, kind.status, got.Code)
			assert.Equal(t, want.Header(), got.Header())
			assert.Equal(t, want.Body.String(), got.Body.String())
		})
	}
}

func TestTimeoutReplies(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options middleware.TimeoutOptions
		took    time.Duration
		status  int
		body    string
	}{
		{"in time", middleware.TimeoutOptions{}, second - 1, 200, "done"},
		{"late", middleware.TimeoutOptions{}, second + 1, 503, `"detail":"there was no reply within 1s"`},
		{"own status", middleware.TimeoutOptions{Status: 504}, 2 * second, 504, `"title":"Gateway Timeout"`},
		{"own reply", middleware.TimeoutOptions{Reply: func(_ *redstart.Request, e *middleware.TimeoutError) redstart.Response {
			return redstart.Text("after " + e.After.String())
		}}, 2 * second, 503, "after 1s"},
		{"own reply and status", middleware.TimeoutOptions{Reply: func(*redstart.Request, *middleware.TimeoutError) redstart.Response {
			return redstart.Text("").WithStatus(202)
		}}, 2 * second, 202, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := quiet()
				app.Use(middleware.Timeout(second, tc.options))
				app.Get("/", wait(tc.took, redstart.Text("done")))
				begin := time.Now()
				reply := send(app, "GET", "/", "")
				assert.Equal(t, min(tc.took, second), time.Since(begin))
				assert.Equal(t, tc.status, reply.Code)
				assert.Contains(t, reply.Body.String(), tc.body)
				time.Sleep(second) // the handler returns, late
			})
		})
	}
}

func TestTimeoutEndsTheHandlersContextWithACause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, lines := logged()
		var seen error
		app.OnError(func(_ *redstart.Request, err error) redstart.Response {
			seen = err
			return redstart.Text("sorry")
		})
		causes := make(chan error, 2)
		app.Use(middleware.Timeout(second))
		app.Get("/", func(req *redstart.Request) redstart.Response {
			<-req.Context().Done()
			causes <- context.Cause(req.Context())
			causes <- context.Cause(req.HTTP().Context())
			return redstart.Fail(req.Context().Err())
		})
		reply := send(app, "GET", "/", "")
		assert.Equal(t, 503, reply.Code)
		assert.Equal(t, "sorry", reply.Body.String())
		for _, err := range []error{<-causes, <-causes, seen} {
			late, ok := errors.AsType[*middleware.TimeoutError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, second, late.After)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.True(t, late.Timeout())
		}
		got := lines.read(t)
		require.Len(t, got, 1, "the late response is no news")
		assert.Equal(t, "there was no reply within 1s", got[0]["error"])
	})
}

func TestTimeoutSparesAStreamThatHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		app.Use(middleware.Timeout(second))
		app.Get("/", func(req *redstart.Request) redstart.Response {
			return redstart.SSEResponse(sse.Func(func(ctx context.Context, send sse.Send) error {
				for range 5 {
					time.Sleep(second)
					assert.NoError(t, ctx.Err())
					assert.NoError(t, req.Context().Err(), "the handler's own context is the stream's")
					if err := send(sse.Text("x")); err != nil {
						return err
					}
				}
				return nil
			}))
		})
		assert.Equal(t, 5, strings.Count(send(app, "GET", "/", "").Body.String(), "data: x"))
	})
}

func TestTimeoutEndsAStreamsContextWithTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		app.Use(middleware.Timeout(second))
		ended := make(chan error, 1)
		app.Get("/", func(req *redstart.Request) redstart.Response {
			events := make(chan sse.Message)
			go func() { // a producer that only its context stops
				<-req.Context().Done()
				ended <- context.Cause(req.Context())
				close(events)
			}()
			return redstart.SSEResponse(events, sse.MaxAge(time.Minute))
		})
		send(app, "GET", "/", "")
		assert.ErrorIs(t, <-ended, sse.ErrMaxAge)
	})
}

func TestTimeoutReleasesALateStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		app.Use(middleware.Timeout(second))
		ends := make(chan sse.Report, 2)
		stream := func(req *redstart.Request) redstart.Response {
			return redstart.SSEResponse(sse.Func(func(context.Context, sse.Send) error {
				t.Error("a stream that is late must not run")
				return nil
			}), sse.OnEnd(func(r sse.Report) { ends <- r }))
		}
		app.Get("/", func(req *redstart.Request) redstart.Response {
			time.Sleep(2 * second)
			return stream(req)
		})
		app.Get("/replaced", func(req *redstart.Request) redstart.Response {
			return stream(req)
		}, redstart.With(redstart.After(func(*redstart.Request, redstart.Response) redstart.Response {
			time.Sleep(2 * second)
			return redstart.Text("instead")
		})))
		for _, path := range []string{"/", "/replaced"} {
			assert.Equal(t, 503, send(app, "GET", path, "").Code)
			assert.Equal(t, sse.Unstarted, (<-ends).Reason)
		}
	})
}

func TestTimeoutReleasesAStreamThatWasReplacedInTime(t *testing.T) {
	app := quiet()
	ends := make(chan sse.Report, 2)
	app.Use(
		middleware.Timeout(time.Hour),
		redstart.After(func(*redstart.Request, redstart.Response) redstart.Response { return redstart.Text("instead") }),
	)
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(func(redstart.SSEMessage) bool) {}, sse.OnEnd(func(r sse.Report) { ends <- r }))
	})
	assert.Equal(t, "instead", send(app, "GET", "/", "").Body.String())
	require.Len(t, ends, 1)
	assert.Equal(t, sse.Unstarted, (<-ends).Reason)
}

func TestTimeoutKeepsPanics(t *testing.T) {
	for _, tc := range []struct {
		name string
		opts []redstart.Option
	}{{"app recovers", nil}, {"app does not", []redstart.Option{redstart.WithoutRecover()}}} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet(tc.opts...)
			var got *redstart.PanicError
			app.Use(
				middleware.Recover(middleware.RecoverOptions{OnPanic: func(_ *redstart.Request, p *redstart.PanicError) { got = p }}),
				middleware.Timeout(time.Hour),
			)
			app.Get("/", func(*redstart.Request) redstart.Response { panicHere(); return redstart.Text("") })
			app.Get("/abort", func(*redstart.Request) redstart.Response { panic(http.ErrAbortHandler) })
			app.Get("/exit", func(*redstart.Request) redstart.Response { runtime.Goexit(); return redstart.Text("") })
			assert.Equal(t, 500, send(app, "GET", "/", "").Code)
			require.NotNil(t, got)
			assert.Equal(t, "here", got.Value)
			assert.Contains(t, string(got.Stack), "panicHere", "the stack is the handler's")

			assert.PanicsWithValue(t, http.ErrAbortHandler, func() { send(app, "GET", "/abort", "") })
			assert.Equal(t, 500, send(app, "GET", "/exit", "").Code)
			assert.ErrorContains(t, got, "runtime.Goexit")
		})
	}
}

func TestTimeoutLogsALatePanic(t *testing.T) {
	for _, opts := range [][]redstart.Option{nil, {redstart.WithoutRecover()}} {
		synctest.Test(t, func(t *testing.T) {
			app, lines := logged(opts...)
			app.Use(middleware.Timeout(second))
			app.Get("/", func(req *redstart.Request) redstart.Response {
				<-req.Context().Done()
				time.Sleep(second)
				panicHere()
				return redstart.Text("")
			})
			app.Get("/abort", func(req *redstart.Request) redstart.Response {
				<-req.Context().Done()
				panic(http.ErrAbortHandler)
			})
			reply := send(app, "GET", "/", "")
			time.Sleep(2 * second)
			send(app, "GET", "/abort", "")
			synctest.Wait()
			got := lines.read(t)
			require.Len(t, got, 3, "two requests, and one panic that nobody else tells of")
			last := got[1]
			assert.Equal(t, "a handler panicked after it was given up", last["message"])
			assert.Equal(t, "panic: here", last["error"])
			assert.Contains(t, last["stack"], "panicHere")
			assert.Equal(t, reply.Header().Get("X-Request-Id"), last["request_id"])
			assert.EqualValues(t, 2000, last["took_ms"])
		})
	}
}

func TestTimeoutOfAClientThatHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, lines := logged()
		app.Use(middleware.Timeout(second))
		app.Get("/", wait(2*second, redstart.Text("")))
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(second/2, leave)
		defer leave()
		app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil))
		assert.EqualValues(t, redstart.StatusClientClosedRequest, lines.read(t)[0]["status"])
		time.Sleep(second) // the handler returns, late
	})
}

type key struct{}

func TestTimeoutShowsOutsideWhatWasDoneInside(t *testing.T) {
	app := quiet()
	var outside *redstart.Request
	app.Use(
		func(next redstart.Handler) redstart.Handler {
			return func(req *redstart.Request) redstart.Response {
				outside = req
				req.Set("before", "outside")
				resp := next(req)
				body, err := req.Text()
				assert.NoError(t, err)
				assert.Equal(t, "name=Joker", body)
				raw, _ := io.ReadAll(req.HTTP().Body)
				assert.Equal(t, "name=Joker", string(raw))
				assert.Equal(t, "inside", req.Value("who"))
				assert.Equal(t, "inside", req.Context().Value(key{}))
				assert.Equal(t, "new-id", req.ID())
				return resp
			}
		},
		middleware.Timeout(time.Hour),
		middleware.RequestID(middleware.RequestIDOptions{Generate: func() string { return "new-id" }}),
	)
	app.Post("/crimes/:id", func(req *redstart.Request) redstart.Response {
		assert.NotSame(t, outside, req, "the handler has a copy")
		assert.Equal(t, "/crimes/:id", req.Pattern())
		assert.Equal(t, "7", req.Param("id"))
		assert.Equal(t, "2", req.Query("page"))
		assert.Equal(t, "outside", req.Value("before"))
		assert.Equal(t, "192.0.2.1", req.IP())
		req.Set("who", "inside")
		req.SetContext(context.WithValue(req.Context(), key{}, "inside"))
		_, err := req.Body()
		assert.NoError(t, err)
		return redstart.Text("")
	})
	reply := send(app, "POST", "/crimes/7?page=2", "name=Joker")
	assert.Equal(t, "new-id", reply.Header().Get("X-Request-Id"))
}

func TestTimeoutHandsOnABodyThatWasRead(t *testing.T) {
	app := quiet()
	app.Use(redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		_, err := req.Body()
		assert.NoError(t, err)
		return redstart.Response{}, false
	}), middleware.Timeout(time.Hour))
	app.Post("/", func(req *redstart.Request) redstart.Response {
		raw, _ := io.ReadAll(req.HTTP().Body)
		text, _ := req.Text()
		return redstart.Text(text + string(raw))
	})
	assert.Equal(t, "xx", send(app, "POST", "/", "x").Body.String())
}

// A handler that was given up goes on as if nothing had happened, while the reply
// is made and the request ends. The race detector is what holds this test.
func TestTimeoutIsolatesAHandlerThatWasGivenUp(t *testing.T) {
	app := redstart.New(redstart.WithLogger(zerolog.New(io.Discard)))
	stop, ended := make(chan struct{}), make(chan struct{})
	busy := func(req *redstart.Request) {
		req.Set("who", "busy")
		_, _, _ = req.Query("a"), req.Value("who"), req.IP()
		req.Log().Debug().Msg("busy")
		req.Log().UpdateContext(func(c zerolog.Context) zerolog.Context { return c.Int("n", 1) })
		req.HTTP().Header.Set("X-Busy", "yes")
		req.HTTP().URL.RawQuery = "a=2"
		_ = req.HTTP().ParseForm()
		_, _ = req.Body()
		req.SetContext(context.WithValue(req.Context(), key{}, 1))
		_ = req.LimitBody(99)
	}
	app.Use(func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			req.Log().UpdateContext(func(c zerolog.Context) zerolog.Context { return c.Int("outer", 1) })
			resp := next(req)
			for range 100 {
				busy(req)
			}
			_ = req.SetID("outside")
			return resp
		}
	}, middleware.Timeout(time.Millisecond))
	app.Post("/", func(req *redstart.Request) redstart.Response {
		defer close(ended)
		for {
			select {
			case <-stop:
				_ = req.SetID("inside")
				return redstart.Text("late")
			default:
				busy(req)
			}
		}
	})
	reply := send(app, "POST", "/?a=1", "b=1", "Content-Type: application/x-www-form-urlencoded")
	close(stop)
	<-ended
	assert.Equal(t, 503, reply.Code)
}

func TestTimeoutGivesTheHandlerALoggerOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, lines := logged()
		field := func(req *redstart.Request, name string) {
			req.Log().UpdateContext(func(c zerolog.Context) zerolog.Context { return c.Bool(name, true) })
		}
		app.Use(func(next redstart.Handler) redstart.Handler {
			return func(req *redstart.Request) redstart.Response {
				field(req, "before")
				resp := next(req)
				field(req, "outer")
				return resp
			}
		}, middleware.Timeout(second))
		app.Get("/", func(req *redstart.Request) redstart.Response {
			field(req, "inner")
			time.Sleep(2 * second)
			req.Log().Info().Msg("late")
			return redstart.Text("")
		})
		send(app, "GET", "/", "")
		time.Sleep(2 * second)
		synctest.Wait()
		line := lines.read(t)[1]
		assert.Equal(t, "late", line["message"])
		assert.Contains(t, line, "before")
		assert.Contains(t, line, "inner")
		assert.NotContains(t, line, "outer")
	})
}

func TestTimeoutsNest(t *testing.T) {
	for _, tc := range []struct {
		name         string
		outer, inner time.Duration
		detail       string
	}{{"the inner one first", 3 * second, second, "within 1s"}, {"the outer one first", second, 3 * second, "within 1s"}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := quiet()
				app.Use(middleware.Timeout(tc.outer), middleware.Timeout(tc.inner))
				app.Post("/", func(req *redstart.Request) redstart.Response {
					<-req.Context().Done()
					assert.EqualError(t, context.Cause(req.Context()), "there was no reply within 1s")
					return redstart.Text("late")
				})
				assert.Contains(t, send(app, "POST", "/", "x").Body.String(), tc.detail)
			})
		})
	}
}

func TestTimeoutPanicsWhenMisconfigured(t *testing.T) {
	assert.Equal(t, "middleware: Timeout(0s): want a time above zero, such as 5*time.Second", refused(t, func() { middleware.Timeout(0) }))
	assert.Equal(t, "middleware: Timeout: Status 200: want one from 500 to 599, such as 503 or 504", refused(t, func() {
		middleware.Timeout(second, middleware.TimeoutOptions{Status: 200})
	}))
}
