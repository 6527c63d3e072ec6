package sse

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errSecret = errors.New("password of the database")

// failures are the ways in which a source fails after it has sent first, if send
// is true.
var failures = []struct {
	name   string
	make   func(first bool) *Stream
	reason Reason
	err    any // an error to be in the chain, or a *FieldError to be found
}{
	{"Seq2 gives an error", func(first bool) *Stream {
		return NewStream(iter.Seq2[Message, error](func(yield func(Message, error) bool) {
			if !first || yield(Text("one"), nil) {
				yield(Message{}, errSecret)
			}
		}))
	}, Failed, errSecret},
	{"Func gives an error", func(first bool) *Stream {
		return NewStream(Func(func(_ context.Context, send Send) error { return sendFirst(first, send, errSecret) }))
	}, Failed, errSecret},
	{"Go gives an error", func(first bool) *Stream {
		return NewStream(Go(func(_ context.Context, send Send) error { return sendFirst(first, send, errSecret) }))
	}, Failed, errSecret},
	{"Seq yields what cannot be encoded", func(first bool) *Stream {
		return NewStream(func(yield func(Message) bool) {
			if !first || yield(Text("one")) {
				yield(Text("x").WithEvent("a\nb"))
			}
		})
	}, Failed, &FieldError{}},
	{"Seq2 yields what cannot be encoded", func(first bool) *Stream {
		return NewStream(func(yield func(Message, error) bool) {
			if !first || yield(Text("one"), nil) {
				yield(Text("x").WithEvent("a\nb"), nil)
			}
		})
	}, Failed, &FieldError{}},
	{"Func sends what cannot be encoded", func(first bool) *Stream {
		return NewStream(Func(func(_ context.Context, send Send) error {
			return errors.Join(sendFirst(first, send, nil), send(Text("x").WithID("a\x00")))
		}))
	}, Failed, &FieldError{}},
	{"Go sends what cannot be encoded", func(first bool) *Stream {
		return NewStream(Go(func(_ context.Context, send Send) error {
			return errors.Join(sendFirst(first, send, nil), send(JSON(make(chan int))))
		}))
	}, Failed, &FieldError{}},
	{"channel holds what cannot be encoded", func(first bool) *Stream {
		ch := make(chan Message, 2)
		if first {
			ch <- Text("one")
		}
		ch <- Text("\xff")
		close(ch)
		return NewStream(ch)
	}, Failed, &FieldError{}},
	{"Seq panics", func(first bool) *Stream {
		return NewStream(func(yield func(Message) bool) {
			if !first || yield(Text("one")) {
				panic(errSecret)
			}
		})
	}, Panicked, errSecret},
	{"Seq2 panics", func(first bool) *Stream {
		return NewStream(func(yield func(Message, error) bool) {
			if !first || yield(Text("one"), nil) {
				panic(errSecret)
			}
		})
	}, Panicked, errSecret},
	{"Func panics", func(first bool) *Stream {
		return NewStream(Func(func(_ context.Context, send Send) error { panic(sendFirst(first, send, errSecret)) }))
	}, Panicked, errSecret},
	{"Go panics", func(first bool) *Stream {
		return NewStream(Go(func(_ context.Context, send Send) error { panic(sendFirst(first, send, errSecret)) }))
	}, Panicked, errSecret},
	{"Go ends its goroutine", func(first bool) *Stream {
		return NewStream(Go(func(_ context.Context, send Send) error {
			_ = sendFirst(first, send, nil)
			runtime.Goexit()
			return nil
		}))
	}, Failed, errGoexit},
}

func sendFirst(first bool, send Send, then error) error {
	if first {
		return errors.Join(send(Text("one")), then)
	}
	return then
}

func requireCause(t *testing.T, want any, got error) {
	t.Helper()
	if _, ok := want.(*FieldError); ok {
		var field *FieldError
		require.ErrorAs(t, got, &field)
		return
	}
	require.ErrorIs(t, got, want.(error))
}

func TestFailureAfterTheFirstByteIsAnErrorEventAndAnAbort(t *testing.T) {
	for _, tc := range failures {
		for _, lazy := range []bool{false, true} {
			t.Run(tc.name, func(t *testing.T) {
				stream := tc.make(true)
				ends := 0
				var last Report
				stream.With(OnEnd(func(r Report) { ends++; last = r }))
				if lazy {
					stream.With(LazyCommit())
				}
				w, report := show(t, new(Server), stream)
				assert.Equal(t, []Message{Text("one"), Text("the stream failed").WithEvent("error")}, w.messages(t))
				assert.NotContains(t, w.text(), "password")
				assert.Equal(t, tc.reason, report.Reason)
				requireCause(t, tc.err, report.Err)
				if tc.reason == Panicked {
					var panicked *PanicError
					require.ErrorAs(t, report.Err, &panicked)
					assert.Contains(t, string(panicked.Stack), "report_test.go", "the stack is the source's")
				}
				assert.True(t, report.Committed)
				assert.True(t, report.Abort)
				assert.Equal(t, http.StatusOK, report.Status)
				assert.EqualValues(t, 1, report.Events)
				assert.EqualValues(t, len(w.text()), report.Bytes)
				assert.Equal(t, 1, ends, "OnEnd")
				assert.Equal(t, report, last)
				assert.False(t, w.violated)
			})
		}
	}
}

func TestFailureBeforeTheFirstByteIsAnOrdinaryReply(t *testing.T) {
	for _, tc := range failures {
		t.Run(tc.name, func(t *testing.T) {
			ends := 0
			stream := tc.make(false).With(LazyCommit(), OnEnd(func(Report) { ends++ }))
			w, report := show(t, new(Server), stream)
			assert.Equal(t, Unstarted, report.Reason)
			requireCause(t, tc.err, report.Err)
			assert.False(t, report.Committed)
			assert.False(t, report.Abort)
			assert.Zero(t, report.Status)
			assert.Empty(t, w.text())
			assert.Empty(t, w.header)
			assert.Equal(t, 1, ends, "OnEnd")

			recorder := httptest.NewRecorder()
			tc.make(false).With(LazyCommit()).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
			assert.Equal(t, http.StatusInternalServerError, recorder.Code)
			assert.Equal(t, "Internal Server Error\n", recorder.Body.String())
		})
	}
}

type codedError int

func (codedError) Error() string     { return "no such crime" }
func (e codedError) StatusCode() int { return int(e) }

func TestFailureWithAStatusChoosesTheReply(t *testing.T) {
	for _, tc := range []struct {
		code codedError
		want int
		text string
	}{
		{http.StatusNotFound, http.StatusNotFound, "no such crime\n"},
		{http.StatusServiceUnavailable, http.StatusServiceUnavailable, "Service Unavailable\n"},
		{0, http.StatusInternalServerError, "Internal Server Error\n"},
		{http.StatusOK, http.StatusInternalServerError, "Internal Server Error\n"},
	} {
		t.Run(http.StatusText(int(tc.code)), func(t *testing.T) {
			w := httptest.NewRecorder()
			NewStream(Func(func(context.Context, Send) error { return tc.code }), LazyCommit()).
				ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			assert.Equal(t, tc.want, w.Code)
			assert.Equal(t, tc.text, w.Body.String())
		})
	}
}

func TestClientSeesAnUncleanEnd(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			site := startSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				NewStream(Func(func(_ context.Context, send Send) error { return sendFirst(true, send, errSecret) })).ServeHTTP(w, r)
			}))
			messages, err := site.get(t).rest()
			assert.Equal(t, []Message{Text("one"), Text("the stream failed").WithEvent("error")}, messages)
			if protocol == "http1" {
				assert.Equal(t, io.ErrUnexpectedEOF, err)
			} else {
				assert.ErrorContains(t, err, "stream error")
			}
		})
	}
}

func TestAbortHandlerCutsWithoutAWord(t *testing.T) {
	abort := func(first bool) *Stream {
		return NewStream(Func(func(_ context.Context, send Send) error {
			_ = sendFirst(first, send, nil)
			panic(http.ErrAbortHandler)
		}))
	}
	w, report := show(t, new(Server), abort(true))
	assert.Equal(t, []Message{Text("one")}, w.messages(t))
	assert.Equal(t, Panicked, report.Reason)
	assert.ErrorIs(t, report.Err, http.ErrAbortHandler)
	assert.True(t, report.Abort)

	t.Run("before the first byte there is no reply either", func(t *testing.T) {
		recorder := httptest.NewRecorder()
		assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
			abort(false).With(LazyCommit()).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
		})
		assert.Empty(t, recorder.Body.String())
	})
}

func TestErrorMessageIsChosenByTheProgram(t *testing.T) {
	var told error
	chosen := func(err error) Message { told = err; return Text("ask again").WithEvent("trouble") }
	standard := Text("the stream failed").WithEvent("error")
	for _, tc := range []struct {
		name   string
		server func(error) Message
		stream func(error) Message
		want   Message
	}{
		{"by the server", chosen, nil, Text("ask again").WithEvent("trouble")},
		{"by the stream", func(error) Message { return Text("no") }, chosen, Text("ask again").WithEvent("trouble")},
		{"not by a hook that panics", func(error) Message { panic("hook") }, nil, standard},
		{"not by one whose message cannot be sent", nil, func(error) Message { return Text("\xff") }, standard},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stream := NewStream(Func(func(context.Context, Send) error { return errSecret }))
			if tc.stream != nil {
				stream.With(ErrorMessage(tc.stream))
			}
			w, report := show(t, &Server{ErrorMessage: tc.server}, stream)
			assert.Equal(t, []Message{tc.want}, w.messages(t))
			assert.ErrorIs(t, report.Err, errSecret)
		})
	}
	assert.ErrorIs(t, told, errSecret)
}

func TestPanicAfterTheClientLeftIsStillReported(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
	report := new(Server).Serve(newScreen(), r, NewStream(func(yield func(Message) bool) {
		leave()
		for {
			yield(Text("ignores that it is over")) // and so is stopped by a panic
		}
	}))
	assert.Equal(t, Panicked, report.Reason)
	assert.Error(t, report.Err)
}

func TestPanicWithTheEndAsItsValueIsJustTheEnd(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
	report := new(Server).Serve(newScreen(), r, NewStream(Func(func(_ context.Context, send Send) error {
		leave()
		for {
			if err := send(Text("x")); err != nil {
				panic(err)
			}
		}
	})))
	assert.Equal(t, ClientGone, report.Reason)
	assert.NoError(t, report.Err)
}

func TestWriterThatPanicsIsNotTakenForAGoneClient(t *testing.T) {
	w := newScreen()
	w.onWrite = func([]byte) error { panic("broken middleware") }
	report := new(Server).Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), NewStream(func(func(Message) bool) {}))
	assert.Equal(t, Panicked, report.Reason)
	assert.ErrorContains(t, report.Err, "broken middleware")
}

func TestClientThatLeavesBeforeALazyCommitIsReportedWithItsCause(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
	w := newScreen()
	report := new(Server).Serve(w, r, NewStream(Func(func(ctx context.Context, _ Send) error {
		leave()
		<-ctx.Done()
		return ctx.Err()
	}), LazyCommit()))
	assert.Equal(t, ClientGone, report.Reason)
	assert.False(t, report.Committed)
	assert.ErrorIs(t, report.Err, ErrClientGone, "the caller needs something to answer with")
	assert.Empty(t, w.text())
}

func TestLazyCommitSendsTheHeaderWithTheFirstMessage(t *testing.T) {
	w := newScreen()
	new(Server).Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), NewStream(func(yield func(Message) bool) {
		assert.Zero(t, w.status)
		yield(Text("one"))
		assert.Equal(t, http.StatusOK, w.status)
	}, LazyCommit()))
	assert.Equal(t, "data: one\n\n", w.text())

	t.Run("or with the end of an empty stream", func(t *testing.T) {
		w, report := show(t, new(Server), NewStream(func(func(Message) bool) {}, LazyCommit()))
		assert.Equal(t, http.StatusOK, w.status)
		assert.Equal(t, ":\n", w.text())
		assert.Equal(t, Completed, report.Reason)
		assert.True(t, report.Committed)
	})
}

func TestRetryTravelsWithTheFirstMessageOnly(t *testing.T) {
	w, _ := show(t, new(Server), NewStream(func(yield func(Message) bool) {
		_ = yield(Text("one")) && yield(Text("two"))
	}, Retry(1500_000_000)))
	assert.Equal(t, ":\nretry: 1500\ndata: one\n\ndata: two\n\n", w.text())

	t.Run("and yields to the message's own", func(t *testing.T) {
		w, _ := show(t, new(Server), NewStream(func(yield func(Message) bool) {
			yield(Text("one").WithRetry(7_000_000))
		}, Retry(1500_000_000)))
		assert.Equal(t, ":\nretry: 7\ndata: one\n\n", w.text())
	})
}

func TestOnEndIsCalledOnceInEveryPath(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	get := httptest.NewRequest(http.MethodGet, "/", nil)
	full := &Server{MaxStreams: 1}
	require.NoError(t, full.admit(&active{}))
	draining := &Server{}
	require.NoError(t, draining.Drain(t.Context()))
	empty := func() *Stream { return NewStream(func(func(Message) bool) {}) }
	for _, tc := range []struct {
		name   string
		end    func(*Stream)
		stream *Stream
		want   Reason
	}{
		{"discarded", func(s *Stream) { s.Discard(); s.Discard() }, empty(), Unstarted},
		{"served, then discarded", func(s *Stream) { new(Server).Serve(newScreen(), get, s); s.Discard() }, empty(), Completed},
		{"discarded, then served", func(s *Stream) { s.Discard(); new(Server).Serve(newScreen(), get, s) }, empty(), Unstarted},
		{"served twice", func(s *Stream) {
			new(Server).Serve(newScreen(), get, s)
			assert.ErrorIs(t, new(Server).Serve(newScreen(), get, s).Err, errServedTwice)
		}, empty(), Completed},
		{"HEAD", func(s *Stream) {
			new(Server).Serve(newScreen(), httptest.NewRequest(http.MethodHead, "/", nil), s)
		}, empty(), Unstarted},
		{"client gone before", func(s *Stream) { new(Server).Serve(newScreen(), get.WithContext(gone), s) },
			NewStream(Func(func(ctx context.Context, _ Send) error { <-ctx.Done(); return nil })), ClientGone},
		{"too many", func(s *Stream) { full.Serve(newScreen(), get, s) }, empty(), Refused},
		{"draining", func(s *Stream) { draining.Serve(newScreen(), get, s) }, empty(), Drained},
		{"nil source", func(s *Stream) { new(Server).Serve(newScreen(), get, s) }, NewStream(Func(nil)), Unstarted},
		{"nil source discarded", func(s *Stream) { s.Discard() }, NewStream(Func(nil)), Unstarted},
		{"bad heartbeat", func(s *Stream) { new(Server).Serve(newScreen(), get, s) },
			empty().With(VisibleHeartbeat(1, "a\nb")), Unstarted},
		{"source ends its goroutine", func(s *Stream) {
			done := make(chan struct{})
			go func() { defer close(done); new(Server).Serve(newScreen(), get, s) }()
			<-done
		}, NewStream(Func(func(context.Context, Send) error { runtime.Goexit(); return nil })), Panicked},
		{"the program's hook panics", func(s *Stream) {
			server := &Server{MaxStreamsPerClient: 1, ClientKey: func(*http.Request) string { panic("hook") }}
			assert.Panics(t, func() { server.Serve(newScreen(), get, s) })
			assert.Zero(t, server.Open())
		}, empty(), Panicked},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var ends []Reason
			tc.stream.With(OnEnd(func(r Report) { ends = append(ends, r.Reason) }))
			tc.end(tc.stream)
			assert.Equal(t, []Reason{tc.want}, ends)
		})
	}
}

func TestOnEndFunctionsAreCalledInOrderEvenWhenOnePanics(t *testing.T) {
	var called []int
	stream := NewStream(func(func(Message) bool) {},
		OnEnd(func(Report) { called = append(called, 1) }),
		OnEnd(func(Report) { called = append(called, 2); panic("hook") }),
		OnEnd(func(Report) { called = append(called, 3) }))
	server := new(Server)
	assert.PanicsWithValue(t, "hook", func() {
		server.Serve(newScreen(), httptest.NewRequest(http.MethodGet, "/", nil), stream)
	})
	assert.Equal(t, []int{1, 2, 3}, called)
	assert.Zero(t, server.Open())
}

// A context closes its channel before it calls those who asked to be called.
func TestSourceThatReturnsRightAfterTheEndIsNotTakenForComplete(t *testing.T) {
	for range 3000 {
		w := newScreen()
		done := make(chan Report, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		begun := make(chan struct{})
		go func() {
			done <- new(Server).ServeContext(ctx, cancel, w, httptest.NewRequest(http.MethodGet, "/", nil),
				NewStream(Func(func(ctx context.Context, _ Send) error {
					close(begun)
					<-ctx.Done()
					return nil
				})))
		}()
		<-begun
		cancel(ErrDraining)
		require.Equal(t, Drained, (<-done).Reason)
		require.Contains(t, w.text(), "sse.bye")
	}
}

func TestGoodbyeDoesNotRevealTheCause(t *testing.T) {
	w, report := show(t, new(Server), NewStream(Func(func(context.Context, Send) error {
		return errors.Join(errSecret, ErrHubClosed)
	})))
	messages := w.messages(t)
	require.Len(t, messages, 1)
	assert.Equal(t, "sse.bye", messages[0].Event)
	assert.Equal(t, "hub closed", messages[0].Data)
	assert.Positive(t, messages[0].Retry)
	assert.Equal(t, HubClosed, report.Reason)
	assert.False(t, strings.Contains(w.text(), "password"))
}
