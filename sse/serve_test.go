package sse

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/upload"
)

func TestHeaderAndFirstBytesComeBeforeTheFirstMessage(t *testing.T) {
	everyWay(t, func(t *testing.T, protocol string, r request) {
		speak := make(chan Message)
		site := startSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Header().Set("ETag", `"old"`)
			NewStream(speak).ServeHTTP(w, r)
		}))
		c := site.open(t, r.method, r.reader())
		h := c.resp.Header
		assert.Equal(t, http.StatusOK, c.resp.StatusCode)
		assert.Equal(t, []string{"text/event-stream"}, h["Content-Type"])
		assert.Equal(t, []string{"no-cache, no-transform"}, h["Cache-Control"])
		assert.Equal(t, []string{"no"}, h["X-Accel-Buffering"])
		assert.NotContains(t, h, "Connection")
		assert.NotContains(t, h, "Content-Length")
		assert.NotContains(t, h, "Etag")
		assert.EqualValues(t, -1, c.resp.ContentLength)
		first := make([]byte, 2)
		_, err := io.ReadFull(c.resp.Body, first)
		require.NoError(t, err)
		assert.Equal(t, ":\n", string(first), "a comment, though no message was sent")
		close(speak)
		_, err = c.rest()
		assert.Equal(t, io.EOF, err, "a clean end")
	})
}

func TestMessagesArriveAsTheyAreSent(t *testing.T) {
	everyWay(t, func(t *testing.T, protocol string, r request) {
		ack := make(chan struct{})
		var report Report
		ended := make(chan struct{})
		site := startSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			NewStream(Func(func(ctx context.Context, send Send) error {
				for i := range 50 {
					if err := send(Text(fmt.Sprint(i))); err != nil {
						return err
					}
					select { // the client has it before the next is sent
					case <-ack:
					case <-ctx.Done():
						return context.Cause(ctx)
					}
				}
				return nil
			}), OnEnd(func(r Report) { report = r; close(ended) })).ServeHTTP(w, r)
		}))
		c := site.open(t, r.method, r.reader())
		for i := range 50 {
			assert.Equal(t, Text(fmt.Sprint(i)), c.next())
			ack <- struct{}{}
		}
		_, err := c.reader.Next()
		assert.Equal(t, io.EOF, err)
		receive(t, "the end", ended)
		assert.Equal(t, Completed, report.Reason)
		assert.EqualValues(t, 50, report.Events)
		assert.Positive(t, report.Duration)
		assert.NoError(t, report.Err)
	})
}

func TestDisconnectCancelsTheContextAtOnce(t *testing.T) {
	everyWay(t, func(t *testing.T, protocol string, r request) {
		causes, reports := make(chan error, 1), make(chan Report, 1)
		site := startSite(t, protocol, waitingHandler(causes, reports))
		c := site.open(t, r.method, r.reader())
		c.next()
		left := time.Now()
		c.cancel()
		cause := receive(t, "the context's end", causes)
		assert.Less(t, time.Since(left), time.Second)
		assert.Error(t, cause)
		report := receive(t, "the report", reports)
		assert.Equal(t, ClientGone, report.Reason)
		assert.NoError(t, report.Err)
		assert.True(t, report.Committed)
		assert.False(t, report.Abort)
	})
}

// waitingHandler streams one message, for the client to know that its source has
// begun, and tells of the context's end.
func waitingHandler(causes chan<- error, reports chan<- Report) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		NewStream(Func(func(ctx context.Context, send Send) error {
			_ = send(Text("begun")) // fails if the client is quick enough
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return context.Cause(ctx)
		}), OnEnd(func(r Report) { reports <- r })).ServeHTTP(w, r)
	}
}

func TestEveryWayOfHangingUpIsNoticed(t *testing.T) {
	for _, hangUp := range []struct {
		name string
		do   func(*net.TCPConn) error
	}{
		{"close", func(c *net.TCPConn) error { return c.Close() }},
		{"reset", func(c *net.TCPConn) error { _ = c.SetLinger(0); return c.Close() }},
		{"half-close", func(c *net.TCPConn) error { return c.CloseWrite() }},
	} {
		for _, r := range requests {
			t.Run(hangUp.name+" "+r.name, func(t *testing.T) {
				causes, reports := make(chan error, 1), make(chan Report, 1)
				site := startSite(t, "http1", waitingHandler(causes, reports))
				conn, err := net.Dial("tcp", site.addr)
				require.NoError(t, err)
				defer conn.Close()
				_, err = fmt.Fprintf(conn, "%s / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", r.method, r.body, strings.Repeat("x", r.body))
				require.NoError(t, err)
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				_, err = NewReader(resp.Body).Next()
				require.NoError(t, err)
				left := time.Now()
				require.NoError(t, hangUp.do(conn.(*net.TCPConn)))
				receive(t, "the context's end", causes)
				assert.Less(t, time.Since(left), time.Second)
				assert.Equal(t, ClientGone, receive(t, "the report", reports).Reason)
			})
		}
	}
}

func TestSendFailsOnceTheClientHasGone(t *testing.T) {
	sent := make(chan error, 1)
	site := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		NewStream(Func(func(ctx context.Context, send Send) error {
			_ = send(Text("begun")) // fails if the client is quick enough
			<-ctx.Done()
			for { // the stop follows the context's end without delay
				if err := send(Text("late")); err != nil {
					sent <- err
					return err
				}
			}
		})).ServeHTTP(w, r)
	}))
	c := site.get(t)
	c.next()
	c.cancel()
	assert.ErrorIs(t, receive(t, "the refusal", sent), ErrClientGone)
}

func TestServerTimeoutsNeitherEndNorDeafenAStream(t *testing.T) {
	for _, protocol := range []string{"http1", "h2c"} {
		for _, r := range requests {
			for name, option := range map[string]Option{
				"deadline for each write":  WriteTimeout(time.Second),
				"no deadline":              WriteTimeout(0),
				"nothing written at first": LazyCommit(),
			} {
				t.Run(protocol+" "+r.name+" "+name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						site, _, stop := startMemorySite(protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							NewStream(Func(func(ctx context.Context, send Send) error {
								for range 3 {
									pause(ctx, 3*time.Second)
									if err := send(Text("still here")); err != nil {
										return err
									}
								}
								return nil
							}), Heartbeat(0), option).ServeHTTP(w, r)
						}), func(s *http.Server) {
							s.WriteTimeout, s.ReadTimeout = 100*time.Millisecond, 100*time.Millisecond
							s.ReadHeaderTimeout, s.IdleTimeout = 100*time.Millisecond, 100*time.Millisecond
						})
						defer stop()
						begin := time.Now()
						c := site.open(t, r.method, r.reader())
						messages, err := c.rest()
						assert.Equal(t, io.EOF, err, "a clean end")
						assert.Len(t, messages, 3)
						assert.Equal(t, 9*time.Second, time.Since(begin))
					})
				})
			}
		}
	}
}

func TestWriteDeadlineIsClearedAfterEachMessage(t *testing.T) {
	for _, protocol := range []string{"http1", "h2c"} {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				speak := make(chan Message)
				site, _, stop := startMemorySite(protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					NewStream(speak, WriteTimeout(50*time.Millisecond), Heartbeat(0)).ServeHTTP(w, r)
				}))
				defer stop()
				c := site.open(t, http.MethodGet, nil)
				for range 3 {
					speak <- Text("x")
					assert.Equal(t, Text("x"), c.next())
					time.Sleep(5 * time.Second) // a hundred times the timeout
				}
				close(speak)
				_, err := c.reader.Next()
				assert.Equal(t, io.EOF, err, "the last chunk was written as well")
			})
		})
	}
}

func TestHEADStartsNothing(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			reports := make(chan Report, 1)
			site := startSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				NewStream(Func(func(context.Context, Send) error {
					t.Error("the source was started")
					return nil
				}), Status(http.StatusCreated), OnEnd(func(r Report) { reports <- r })).ServeHTTP(w, r)
			}))
			c := site.open(t, http.MethodHead, nil)
			assert.Equal(t, http.StatusCreated, c.resp.StatusCode)
			assert.Equal(t, "text/event-stream", c.resp.Header.Get("Content-Type"))
			assert.Equal(t, Unstarted, receive(t, "the report", reports).Reason)
		})
	}
}

func TestStatusIsHonoured(t *testing.T) {
	for _, tc := range []struct {
		status  int
		started bool
		want    int
	}{
		{0, true, http.StatusOK},
		{http.StatusCreated, true, http.StatusCreated},
		{http.StatusNoContent, false, http.StatusNoContent},
		{http.StatusNotModified, false, http.StatusNotModified},
		{http.StatusContinue, false, http.StatusInternalServerError},
		{99, false, http.StatusInternalServerError},
		{1000, false, http.StatusInternalServerError},
	} {
		t.Run(fmt.Sprint(tc.status), func(t *testing.T) {
			started := false
			w := httptest.NewRecorder()
			NewStream(func(yield func(Message) bool) { started = true }, Status(tc.status)).
				ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			assert.Equal(t, tc.want, w.Code)
			assert.Equal(t, tc.started, started)
			if tc.want == http.StatusNoContent {
				assert.Empty(t, w.Body.String())
			}
		})
	}
}

func TestCacheControlOfTheHandlerIsKept(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "no-store")
	NewStream(func(func(Message) bool) {}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
}

func TestResponseRecorderWorks(t *testing.T) {
	w := httptest.NewRecorder()
	report := new(Server).Handle(w, httptest.NewRequest(http.MethodGet, "/", nil), NewStream(func(yield func(Message) bool) {
		_ = yield(Text("one")) && yield(Text("two"))
	}))
	assert.Equal(t, ":\ndata: one\n\ndata: two\n\n", w.Body.String())
	assert.True(t, w.Flushed)
	assert.Equal(t, Report{
		Reason: Completed, Status: 200, Events: 2, Bytes: int64(w.Body.Len()), Duration: report.Duration, Committed: true,
	}, report)
}

type embeds struct{ http.ResponseWriter }

type unwraps struct{ http.ResponseWriter }

func (u unwraps) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// pretends has the method, but what it wraps has not.
type pretends struct{ http.ResponseWriter }

func (p pretends) FlushError() error { return http.NewResponseController(p.ResponseWriter).Flush() }

func TestWrapperThatHidesTheFlushIsNamed(t *testing.T) {
	for _, tc := range []struct {
		name string
		wrap func(http.ResponseWriter) http.ResponseWriter
		want string
	}{
		{"embeds only", func(w http.ResponseWriter) http.ResponseWriter { return embeds{w} }, "sse.embeds"},
		{"behind one that unwraps", func(w http.ResponseWriter) http.ResponseWriter { return unwraps{embeds{w}} }, "sse.embeds"},
		{"unwraps to nothing", func(w http.ResponseWriter) http.ResponseWriter { return unwraps{} }, "sse.unwraps"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inner := newScreen()
			ended := 0
			report := new(Server).Serve(tc.wrap(inner), httptest.NewRequest(http.MethodGet, "/", nil),
				NewStream(Func(func(context.Context, Send) error { t.Error("started"); return nil }), OnEnd(func(Report) { ended++ })))
			var unsupported *UnsupportedWriterError
			require.ErrorAs(t, report.Err, &unsupported)
			assert.Equal(t, tc.want, unsupported.Type)
			assert.Contains(t, report.Err.Error(), tc.want)
			assert.Equal(t, Unstarted, report.Reason)
			assert.False(t, report.Committed)
			assert.Zero(t, inner.status)
			assert.Empty(t, inner.header)
			assert.Empty(t, inner.text(), "nothing was written")
			assert.Equal(t, 1, ended)
		})
	}
}

func TestWrapperThatUnwrapsWorks(t *testing.T) {
	w := newScreen()
	report := new(Server).Serve(unwraps{unwraps{w}}, httptest.NewRequest(http.MethodGet, "/", nil),
		NewStream(func(yield func(Message) bool) { yield(Text("one")) }))
	assert.Equal(t, Completed, report.Reason)
	assert.Contains(t, w.text(), "data: one\n\n")
}

func TestWrapperThatPretendsToFlushIsAFailureAndNotAGoneClient(t *testing.T) {
	report := new(Server).Serve(pretends{embeds{newScreen()}}, httptest.NewRequest(http.MethodGet, "/", nil),
		NewStream(func(yield func(Message) bool) { yield(Text("one")) }))
	assert.Equal(t, Failed, report.Reason)
	assert.ErrorIs(t, report.Err, http.ErrNotSupported)
	assert.True(t, report.Abort)
}

func TestTimeoutHandlerGivesTheClearError(t *testing.T) {
	handler := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		NewStream(func(func(Message) bool) {}).ServeHTTP(w, r)
	}), time.Minute, "")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Contains(t, w.Body.String(), "*http.timeoutWriter")
}

func TestUnreadBodyBeyondTheLimitIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name  string
		limit int64
		body  io.Reader
		want  int
		says  string
	}{
		{"as much as is thrown away", 0, strings.NewReader(strings.Repeat("x", maxUnreadBody)), http.StatusOK, ":\n"},
		{"one byte more", 0, strings.NewReader(strings.Repeat("x", maxUnreadBody+1)), http.StatusRequestEntityTooLarge, "the body is larger than 4194304 bytes\n"},
		{"a limit of the handler's", 10, strings.NewReader("more than ten bytes"), http.StatusRequestEntityTooLarge, "the body is larger than 10 bytes\n"},
		{"a limit of the framework's", 0, brokenReader{upload.ErrTooLarge}, http.StatusRequestEntityTooLarge, "the body is larger than its limit\n"},
		{"stalled", 0, brokenReader{fmt.Errorf("read tcp 127.0.0.1: %w", os.ErrDeadlineExceeded)}, http.StatusRequestTimeout, "the body stopped arriving\n"},
		{"refused otherwise", 0, brokenReader{errors.New("read tcp 127.0.0.1")}, http.StatusBadRequest, "the body could not be read\n"},
		{"broken off", 0, io.MultiReader(strings.NewReader("half"), brokenReader{io.ErrUnexpectedEOF}), http.StatusBadRequest, "the body ended before it was complete\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/", tc.body)
			if tc.limit > 0 {
				r.Body = http.MaxBytesReader(w, r.Body, tc.limit)
			}
			report := new(Server).Handle(w, r, NewStream(func(func(Message) bool) {}))
			assert.Equal(t, tc.want, w.Code)
			assert.Equal(t, tc.says, w.Body.String())
			if tc.name == "one byte more" {
				assert.ErrorContains(t, report.Err, "read it before streaming", "which is for the program")
			}
		})
	}
}

func TestBadOptionIsTheProgramsFault(t *testing.T) {
	w := httptest.NewRecorder()
	NewStream(func(func(Message) bool) {}).With(VisibleHeartbeat(1, "a\nb")).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.NotContains(t, w.Body.String(), "line break")
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func TestHandleSaysThatAStreamWasServedTwice(t *testing.T) {
	stream := NewStream(func(func(Message) bool) {})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	new(Server).Handle(newScreen(), r, stream)
	w := httptest.NewRecorder()
	new(Server).Handle(w, r, stream)
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Equal(t, errServedTwice.Error()+"\n", w.Body.String())
}

func TestBodyThatTheHandlerClosedIsNoObstacle(t *testing.T) {
	site := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.Body.Close()
		NewStream(func(yield func(Message) bool) { yield(Text("x")) }).ServeHTTP(w, r)
	}))
	assert.Equal(t, Text("x"), site.open(t, http.MethodPost, strings.NewReader("body")).next())
}

func TestLastEventIDPrefersTheHeader(t *testing.T) {
	for _, tc := range []struct{ name, target, header, want string }{
		{"neither", "/", "", ""},
		{"query", "/?lastEventID=a.1", "", "a.1"},
		{"header", "/", "a.2", "a.2"},
		{"both", "/?lastEventID=a.1", "a.2", "a.2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, tc.target, nil)
			if tc.header != "" {
				r.Header.Set("Last-Event-ID", tc.header)
			}
			assert.Equal(t, tc.want, LastEventID(r))
		})
	}
}

func TestServedContextEndsWithTheStream(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	report := new(Server).ServeContext(ctx, cancel, newScreen(), httptest.NewRequest(http.MethodGet, "/", nil),
		NewStream(func(func(Message) bool) {}))
	assert.Equal(t, Completed, report.Reason)
	assert.ErrorIs(t, context.Cause(ctx), ErrEnded)
}
