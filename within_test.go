package redstart_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

func ExampleRequest_Within() {
	errSlow := errors.New("the archive is slow today")
	cached := func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			if resp, err := req.Within(10*time.Millisecond, errSlow, next); err == nil {
				return resp
			}
			return redstart.Text("yesterday's list")
		}
	}
	app := redstart.New(redstart.WithLogger(zerolog.Nop()))
	app.Get("/crimes", func(req *redstart.Request) redstart.Response {
		<-req.Context().Done()
		return redstart.Fail(context.Cause(req.Context()))
	}, redstart.With(cached))

	fmt.Println(get(app, "/crimes").Body)
	// Output: yesterday's list
}

func TestWithinTellsOfAClientThatHadLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("too slow")
		for _, leaves := range []bool{false, true} {
			app, _ := newApp()
			ctx, leave := context.WithCancel(t.Context())
			var got error
			app.Use(func(next redstart.Handler) redstart.Handler {
				return func(req *redstart.Request) redstart.Response {
					_, got = req.Within(time.Second, cause, next)
					return redstart.Fail(got)
				}
			})
			app.Get("/", func(req *redstart.Request) redstart.Response {
				if leaves {
					leave()
				}
				time.Sleep(2 * time.Second)
				assert.ErrorIs(t, context.Cause(req.Context()), map[bool]error{true: context.Canceled, false: cause}[leaves])
				return redstart.Text("")
			})
			r, _ := http.NewRequestWithContext(ctx, "GET", "/", nil)
			app.ServeHTTP(discardWriter{http.Header{}}, r)
			assert.ErrorIs(t, got, cause)
			assert.Equal(t, leaves, errors.Is(got, context.Canceled))
			time.Sleep(2 * time.Second) // the handler ends
			leave()
		}
	})
}

func TestWithinKeepsTheStackOfAPanic(t *testing.T) {
	app, log := newApp()
	app.Get("/", func(req *redstart.Request) redstart.Response {
		resp, _ := req.Within(time.Hour, nil, panicsInside)
		return resp
	})
	assert.Equal(t, 500, get(app, "/").Code)
	line := log.line(t, "request")
	assert.Equal(t, "panic: inside", line["error"])
	assert.Contains(t, line["stack"], "panicsInside")
}

func panicsInside(*redstart.Request) redstart.Response { panic("inside") }

type discardWriter struct{ header http.Header }

func (w discardWriter) Header() http.Header         { return w.header }
func (w discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w discardWriter) WriteHeader(int)             {}

func TestDiscardReleasesAStream(t *testing.T) {
	var reports []sse.Report
	resp := redstart.SSEResponse(noEvents, sse.OnEnd(func(r sse.Report) { reports = append(reports, r) }))
	resp.Discard()
	resp.Discard()
	assert.Len(t, reports, 1)
	assert.Equal(t, sse.Unstarted, reports[0].Reason)
	redstart.Text("nothing to let go of").Discard()
}

func TestWithDefaultLeavesWhatTheReplyHas(t *testing.T) {
	for _, tc := range []struct {
		name string
		resp redstart.Response
		want []string
	}{
		{"missing", redstart.Text(""), []string{"default"}},
		{"set", redstart.Text("").With("X-Cape", "own"), []string{"own"}},
		{"added", redstart.Text("").WithAdded("X-Cape", "a").WithAdded("X-Cape", "b"), []string{"a", "b"}},
		{"removed", redstart.Text("").Without("X-Cape"), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.Equal(t, tc.want, tc.resp.WithDefault("X-Cape", "default").Header()["X-Cape"])
		})
	}
	assert.ErrorContains(t, redstart.Text("").WithDefault("X-Cape", "a\nb").Err(), "control character")
}

func TestSetIDRefusesWhatIsNotFitForLogs(t *testing.T) {
	app, _ := newApp(redstart.WithoutRequestID())
	app.Get("/", func(req *redstart.Request) redstart.Response {
		assert.ErrorContains(t, req.SetID("a\nb"), `"a\nb" is not fit for logs`)
		assert.Empty(t, req.ID())
		assert.NoError(t, req.SetID("fit"))
		return redstart.Text(req.ID())
	})
	reply := get(app, "/")
	assert.Equal(t, "fit", reply.Body.String())
	assert.Equal(t, "fit", reply.Header().Get("X-Request-ID"))
}

func TestSkipAccessLogLeavesLinesOut(t *testing.T) {
	for _, tc := range []struct {
		name     string
		failures bool
		status   int
		lines    int
	}{
		{"success", false, 200, 0}, {"failure is logged nevertheless", false, 503, 1}, {"all left out", true, 503, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app, log := newApp()
			app.Get("/", func(req *redstart.Request) redstart.Response {
				req.SkipAccessLog(tc.failures)
				return redstart.Status(tc.status)
			})
			get(app, "/")
			assert.Len(t, log.lines(t, "request"), tc.lines)
		})
	}
}
