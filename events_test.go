package redstart_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// read returns the data of the events of a stream, and how it ended.
func read(body io.Reader) (data []string, err error) {
	for m, e := range sse.Read(body) {
		if e != nil {
			return data, e
		}
		data = append(data, m.Data)
	}
	return data, nil
}

func TestEventSources(t *testing.T) {
	three := []string{"一", "二", "三"}
	hub := sse.NewHub()
	defer hub.Close()
	sources := map[string]func(*redstart.Request) redstart.Response{
		"iter.Seq": func(*redstart.Request) redstart.Response {
			return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) {
				for _, s := range three {
					if !yield(redstart.SSEMessage{Data: s}) {
						return
					}
				}
			})
		},
		"iter.Seq2": func(*redstart.Request) redstart.Response {
			return redstart.SSEResponse(iter.Seq2[sse.Message, error](func(yield func(sse.Message, error) bool) {
				for _, s := range three {
					if !yield(sse.Text(s), nil) {
						return
					}
				}
			}))
		},
		"channel": func(req *redstart.Request) redstart.Response {
			events := make(chan redstart.SSEMessage, len(three))
			for _, s := range three {
				events <- sse.Text(s)
			}
			close(events)
			return redstart.SSEResponse(events)
		},
		"sse.Func": func(*redstart.Request) redstart.Response {
			return redstart.SSEResponse(func(_ context.Context, send sse.Send) error {
				for _, s := range three {
					if err := send(sse.Text(s)); err != nil {
						return err
					}
				}
				return nil
			})
		},
		"sse.Go": func(*redstart.Request) redstart.Response {
			return redstart.SSEResponse(sse.Go(func(_ context.Context, send sse.Send) error {
				for _, s := range three {
					if err := send(sse.Text(s)); err != nil {
						return err
					}
				}
				return nil
			}))
		},
	}
	app, log := newApp(redstart.WithH2C())
	app.Use(mark("m"))
	for name, source := range sources {
		app.Any("/"+name, func(req *redstart.Request) redstart.Response { return source(req).WithStatus(201).With("X-Own", "1") })
	}
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		for name := range sources {
			for _, method := range []string{"GET", "POST"} {
				req, err := http.NewRequestWithContext(t.Context(), method, url+"/"+name, strings.NewReader("body of the request"))
				require.NoError(t, err)
				resp, err := client.Do(req)
				require.NoError(t, err)
				data, err := read(resp.Body)
				require.NoError(t, err)
				assert.Equal(t, three, data, name)
				assert.Equal(t, 201, resp.StatusCode)
				assert.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
				assert.Equal(t, "no", resp.Header.Get("X-Accel-Buffering"))
				assert.Equal(t, "1", resp.Header.Get("X-Own"))
				assert.Equal(t, "m", resp.Header.Get("Trace"), "streams pass the middleware")
				resp.Body.Close()
			}
		}
	})
	lines := log.lines(t, "stream")
	require.Len(t, lines, 2*2*len(sources), "one log line for each stream, when it has ended")
	for _, line := range lines {
		assert.Equal(t, "completed", line["reason"])
		assert.EqualValues(t, 3, line["events"])
		assert.Positive(t, line["bytes"])
		assert.NotEmpty(t, line["request_id"])
	}
	assert.Empty(t, log.lines(t, "request"))
}

func TestSubscription(t *testing.T) {
	hub := sse.NewHub()
	app, _ := newApp(redstart.WithH2C())
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.SSEResponse(hub.Subscribe("crimes")) })
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		resp, err := client.Get(url)
		require.NoError(t, err)
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		_, err = lines.ReadString('\n') // the comment that opens the stream
		require.NoError(t, err)
		_, err = hub.Publish(t.Context(), "crimes", sse.Text("robbery"))
		require.NoError(t, err)
		for m, err := range sse.Read(lines) {
			require.NoError(t, err)
			if m.Event == "" { // not one of the hub's own, such as its first position
				assert.Equal(t, "robbery", m.Data)
				break
			}
		}
	})
	hub.Close()
}

func TestEventStreamsThatFail(t *testing.T) {
	app, log := newApp(redstart.WithH2C())
	app.Get("/error", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(yield func(sse.Message, error) bool) {
			_ = yield(sse.Text("one"), nil) && yield(sse.Message{}, errors.New("secret"))
		})
	})
	app.Get("/told", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(yield func(sse.Message, error) bool) { yield(sse.Message{}, redstart.Error(503, "no more crimes")) })
	})
	app.Get("/panic", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(yield func(sse.Message) bool) { yield(sse.Text("one")); panic("secret") })
	})
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		for path, want := range map[string][]string{
			"/error": {"one", "the stream failed"}, "/told": {"no more crimes"}, "/panic": {"one", "the stream failed"},
		} {
			resp, err := client.Get(url + path)
			require.NoError(t, err)
			data, err := read(resp.Body)
			assert.Error(t, err, "%s: the end must not look orderly", path)
			assert.Equal(t, want, data, path)
			resp.Body.Close()
		}
	})
	for _, line := range log.lines(t, "stream") {
		assert.Equal(t, "error", line["level"])
		assert.NotEmpty(t, line["error"])
		assert.Equal(t, line["path"] == "/panic", line["stack"] != nil)
	}
	assert.Len(t, log.lines(t, "stream"), 6)
}

func TestLazyCommitFailureIsAnOrdinaryReply(t *testing.T) {
	app, log := newApp()
	app.OnError(func(_ *redstart.Request, err error) redstart.Response { return redstart.Text("told: " + err.Error()) })
	app.Use(mark("m"))
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(context.Context, sse.Send) error { return redstart.Error(503, "no crimes") }, sse.LazyCommit()).
			With("X-Own", "1").WithCookie(&http.Cookie{Name: "c", Value: "1"})
	})
	w := get(app, "/")
	assert.Equal(t, 503, w.Code)
	assert.Equal(t, "told: no crimes", w.Body.String())
	assert.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Equal(t, "1", w.Header().Get("X-Own"))
	assert.Equal(t, []string{"m"}, w.Header()["Trace"], "once, not twice")
	assert.Equal(t, []string{"c=1"}, w.Header()["Set-Cookie"])
	assert.Empty(t, w.Header().Get("X-Accel-Buffering"))
	assert.EqualValues(t, 503, log.line(t, "request")["status"])
}

func TestEventsUnderAWriterThatCannotFlush(t *testing.T) {
	app, log := newApp()
	app.UseHTTP(hideFlush)
	started := false
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(func(sse.Message) bool) { started = true })
	})
	w := get(app, "/")
	assert.Equal(t, 500, w.Code)
	assert.False(t, started)
	assert.Contains(t, log.line(t, "request")["error"], "redstart_test.onlyWriter")
}

func TestReplacedStreamIsDiscardedOnce(t *testing.T) {
	var reports []sse.Report
	stream := func() redstart.Response {
		return redstart.SSEResponse(noEvents, sse.OnEnd(func(r sse.Report) { reports = append(reports, r) }))
	}
	tests := map[string]func(*redstart.App){
		"by a middleware": func(app *redstart.App) {
			app.Use(redstart.After(func(*redstart.Request, redstart.Response) redstart.Response { return redstart.Text("no") }))
		},
		"by a body": func(app *redstart.App) {
			app.Use(redstart.After(func(_ *redstart.Request, r redstart.Response) redstart.Response { return r.WithBody(nil) }))
		},
		"by a panic outside": func(app *redstart.App) {
			app.Use(redstart.After(func(*redstart.Request, redstart.Response) redstart.Response { panic("outer") }))
		},
		"by an abort outside": func(app *redstart.App) {
			app.Use(redstart.After(func(*redstart.Request, redstart.Response) redstart.Response { panic(http.ErrAbortHandler) }))
		},
		"by a bad header": func(app *redstart.App) {
			app.Use(redstart.After(func(_ *redstart.Request, r redstart.Response) redstart.Response { return r.With("bad name", "") }))
		},
		"by another stream": func(app *redstart.App) {
			app.Use(redstart.After(func(*redstart.Request, redstart.Response) redstart.Response { return redstart.SSEResponse(noEvents) }))
		},
	}
	for name, use := range tests {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/", "/broken", "/onerror"} {
				reports = nil
				app, _ := newApp()
				app.Get("/", func(*redstart.Request) redstart.Response { return stream() })
				app.Get("/broken", func(*redstart.Request) redstart.Response { return stream().WithStatus(999) })
				group := app.Group("")
				group.OnError(func(*redstart.Request, error) redstart.Response { return stream() })
				group.Get("/onerror", fails(errors.New("x")))
				use(app)
				func() {
					defer func() { _ = recover() }()
					get(app, path)
				}()
				require.Len(t, reports, 1, path)
				assert.Equal(t, sse.Unstarted, reports[0].Reason)
			}
		})
	}
}

func TestOnEndThatPanics(t *testing.T) {
	app, log := newApp()
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(noEvents, sse.OnEnd(func(sse.Report) { panic("on end") }))
	})
	get(app, "/")
	assert.Equal(t, "panic: on end", log.line(t, "stream")["error"])
}

func TestRequestContextEndsWithTheStream(t *testing.T) {
	app, _ := newApp(redstart.WithH2C())
	causes := make(chan error, 1)
	app.Get("/", func(req *redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(ctx context.Context, send sse.Send) error {
			if err := send(sse.Text("x")); err != nil {
				return err
			}
			if req.Query("wait") != "" {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			return nil
		}, sse.OnEnd(func(sse.Report) {
			<-req.Context().Done()
			causes <- context.Cause(req.Context())
		}))
	})
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		resp, err := client.Get(url)
		require.NoError(t, err)
		assert.ErrorIs(t, <-causes, sse.ErrEnded)
		resp.Body.Close()
		resp, err = client.Get(url + "?wait=1")
		require.NoError(t, err)
		resp.Body.Close()
		assert.Error(t, <-causes)
	})
}

func TestEventsWithHeadAndStatus(t *testing.T) {
	app, log := newApp()
	started := false
	app.Get("/", func(req *redstart.Request) redstart.Response {
		resp := redstart.SSEResponse(func(func(sse.Message) bool) { started = true })
		if req.Query("stop") != "" {
			return resp.WithStatus(204) // tells an EventSource to stop
		}
		return resp
	})
	w := ask(app, "HEAD", "/", "")
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
	assert.Equal(t, 204, get(app, "/?stop=1").Code)
	assert.False(t, started)
	for _, line := range log.lines(t, "stream") {
		assert.Equal(t, "unstarted", line["reason"])
	}
}

func TestStreamServedTwice(t *testing.T) {
	kept := redstart.SSEResponse(noEvents)
	app := replies(kept)
	assert.Equal(t, 200, get(app, "/").Code)
	assert.Equal(t, 500, get(app, "/").Code, "a stream is served once")
}

func TestEventsThatAbort(t *testing.T) {
	app, log := newApp()
	for path, opts := range map[string][]sse.Option{"/late": nil, "/early": {sse.LazyCommit()}} {
		app.Get(path, func(*redstart.Request) redstart.Response {
			return redstart.SSEResponse(func(func(redstart.SSEMessage) bool) { panic(http.ErrAbortHandler) }, opts...)
		})
	}
	addr, client := online(t, app)
	resp, err := client.Get("http://" + addr + "/late")
	require.NoError(t, err)
	_, err = io.ReadAll(resp.Body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	resp.Body.Close()
	_, err = client.Get("http://" + addr + "/early")
	assert.Error(t, err)
	assert.NotContains(t, log.String(), `"level":"error"`, "net/http does not log it either")
	assert.Contains(t, log.String(), `"reason":"aborted"`)
}

func TestClientThatLeavesBeforeALazyStreamBegins(t *testing.T) {
	app, log := newApp(redstart.WithH2C())
	waiting, ended := make(chan struct{}), make(chan redstart.Outcome)
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(ctx context.Context, _ sse.Send) error {
			waiting <- struct{}{}
			<-ctx.Done()
			return context.Cause(ctx)
		}, sse.LazyCommit()).WithDone(func(o redstart.Outcome) { ended <- o })
	})
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		require.NoError(t, err)
		failed := make(chan error)
		go func() {
			_, err := client.Do(r)
			failed <- err
		}()
		<-waiting
		cancel()
		assert.Error(t, <-failed)
		assert.Equal(t, redstart.StatusClientClosedRequest, (<-ended).Status)
	})
	assert.NotContains(t, log.String(), `"level":"error"`)
}

func TestHeadersThatAStreamHasByDefaultCanBeChosen(t *testing.T) {
	app, _ := newApp(redstart.DefaultHeader("X-Accel-Buffering", "yes"))
	stream := func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(func(redstart.SSEMessage) bool) {})
	}
	app.Get("/default", stream)
	app.Get("/none", func(req *redstart.Request) redstart.Response {
		return stream(req).Without("Cache-Control").Without("X-Accel-Buffering")
	})
	app.Get("/own", func(req *redstart.Request) redstart.Response {
		return stream(req).With("Cache-Control", "no-store").With("X-Accel-Buffering", "yes")
	})
	for path, want := range map[string][2]string{"/default": {"no-cache, no-transform", "no"}, "/none": {"", ""}, "/own": {"no-store", "yes"}} {
		h := get(app, path).Header()
		assert.Equal(t, want, [2]string{h.Get("Cache-Control"), h.Get("X-Accel-Buffering")}, path)
	}
}

// A parked stream may go on for days: a long query, of which only the path is logged
// at its end, shall not be kept for so long.
func TestAParkedStreamKeepsLittleOfItsRequest(t *testing.T) {
	const streams, size = 40, 400 << 10
	app, log := newApp()
	hub := sse.NewHub()
	defer hub.Close()
	var done sync.WaitGroup
	done.Add(streams)
	app.Get("/live", func(req *redstart.Request) redstart.Response {
		return redstart.SSEResponse(hub.Subscribe("a")).WithDone(func(redstart.Outcome) { done.Done() })
	})
	server := httptest.NewServer(app)
	defer server.Close()
	request := "GET /live?q=" + strings.Repeat("x", size) + " HTTP/1.1\r\nHost: x\r\n\r\n"
	var conns []net.Conn
	before := heap()
	for range streams {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		conns = append(conns, conn)
		_, err = io.WriteString(conn, request)
		require.NoError(t, err)
		var first [12]byte
		_, err = io.ReadFull(conn, first[:])
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 200", string(first[:]))
	}
	assert.Eventually(t, func() bool { return heap()-before < streams*size/4 }, 20*time.Second, 50*time.Millisecond)
	for _, conn := range conns {
		require.NoError(t, conn.Close())
	}
	done.Wait()
	require.Eventually(t, func() bool { return app.Streams().Open() == 0 }, 20*time.Second, time.Millisecond)
	for _, line := range log.lines(t, "stream") {
		assert.Equal(t, "/live", line["path"])
		assert.Equal(t, "GET", line["method"])
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
