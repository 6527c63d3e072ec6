package sse

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// untilEnd is a generator that goes on until it is told to stop.
func untilEnd() *Stream {
	return NewStream(Func(func(ctx context.Context, _ Send) error { <-ctx.Done(); return nil }))
}

// serving starts a stream within a bubble and returns its report to come.
func serving(server *Server, w http.ResponseWriter, r *http.Request, stream *Stream) <-chan Report {
	done := make(chan Report, 1)
	go func() { done <- server.Serve(w, r, stream) }()
	synctest.Wait()
	return done
}

func TestNewcomerIsTurnedAwayPolitely(t *testing.T) {
	for _, tc := range []struct {
		name   string
		server *Server
		prior  func(*Server)
		reason Reason
	}{
		{"too many", &Server{MaxStreams: 2}, nil, Refused},
		{"too many of one client", &Server{MaxStreamsPerClient: 2}, nil, Refused},
		{"draining", &Server{}, func(s *Server) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = s.Drain(ctx)
		}, Drained},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := serving(tc.server, newScreen(), get(t), untilEnd().With(Grace(time.Hour)))
				b := serving(tc.server, newScreen(), get(t), untilEnd().With(Grace(time.Hour)))
				if tc.prior != nil {
					tc.prior(tc.server)
				}
				w := newScreen()
				report := tc.server.Serve(w, get(t), NewStream(Func(func(context.Context, Send) error {
					t.Error("the source was started")
					return nil
				})))
				assert.Equal(t, tc.reason, report.Reason)
				assert.Equal(t, http.StatusOK, w.status, "any other is final for an EventSource")
				assert.Equal(t, http.StatusOK, report.Status)
				assert.True(t, report.Committed)
				assert.False(t, report.Abort)
				assert.NoError(t, report.Err)
				messages := w.messages(t)
				require.Len(t, messages, 1)
				assert.Equal(t, "sse.bye", messages[0].Event)
				assert.Equal(t, string(tc.reason), messages[0].Data)
				assert.GreaterOrEqual(t, messages[0].Retry, DefaultRetry/2)
				assert.LessOrEqual(t, messages[0].Retry, DefaultRetry*3/2)
				if tc.prior == nil {
					assert.Equal(t, 2, tc.server.Open(), "those who are connected stay")
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					_ = tc.server.Drain(ctx)
				}
				<-a
				<-b
				assert.Zero(t, tc.server.Open())
			})
		})
	}
}

func TestClientsAreCountedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &Server{MaxStreamsPerClient: 1}
		from := func(address string) *http.Request {
			r := get(t)
			r.RemoteAddr = address
			return r
		}
		ctx, leave := context.WithCancel(t.Context())
		first := serving(server, newScreen(), from("10.0.0.1:1000").WithContext(ctx), untilEnd())
		second := serving(server, newScreen(), from("10.0.0.2:1000").WithContext(ctx), untilEnd())
		assert.Equal(t, Refused, server.Serve(newScreen(), from("10.0.0.1:2000"), untilEnd()).Reason, "another port of the same")
		assert.Equal(t, 2, server.Open())
		leave()
		<-first
		<-second
		synctest.Wait()
		assert.Zero(t, server.Open())
		assert.Empty(t, server.perKey, "nothing is kept of those who left")
		assert.Equal(t, Completed, server.Serve(newScreen(), from("10.0.0.1:3000"), NewStream(func(func(Message) bool) {})).Reason)
	})
	t.Run("by a key of the program's", func(t *testing.T) {
		server := &Server{MaxStreamsPerClient: 1, ClientKey: func(r *http.Request) string { return r.Header.Get("User") }}
		_, report := show(t, server, NewStream(func(func(Message) bool) {
			_, inner := show(t, server, untilEnd(), "User", "ann")
			assert.Equal(t, Refused, inner.Reason)
			_, other := show(t, server, NewStream(func(func(Message) bool) {}), "User", "bob")
			assert.Equal(t, Completed, other.Reason)
		}), "User", "ann")
		assert.Equal(t, Completed, report.Reason)
	})
}

func TestRetryIsSpreadAroundTheServers(t *testing.T) {
	seen := map[time.Duration]bool{}
	server := &Server{Retry: 10 * time.Second, MaxStreams: 1}
	require.NoError(t, server.admit(&active{}))
	for range 200 {
		w, _ := show(t, server, untilEnd())
		retry := w.messages(t)[0].Retry
		require.GreaterOrEqual(t, retry, 5*time.Second)
		require.LessOrEqual(t, retry, 15*time.Second+time.Millisecond)
		seen[retry] = true
	}
	assert.Greater(t, len(seen), 150)

	for _, extreme := range []time.Duration{-1, 1, 1<<63 - 1} {
		server.Retry = extreme
		w, _ := show(t, server, untilEnd())
		assert.Len(t, w.messages(t), 1)
		if extreme < 0 {
			assert.NotContains(t, w.text(), "retry")
		}
	}
}

func TestDrainLetsGeneratorsFinishWithinTheirGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &Server{}
		finishing := serving(server, newScreen(), get(t), NewStream(Func(func(ctx context.Context, send Send) error {
			pause(ctx, 3*time.Second)
			return send(Text("the answer"))
		})))
		w := newScreen()
		endless := serving(server, w, get(t), untilEnd())
		patient := serving(server, newScreen(), get(t), untilEnd().With(Grace(20*time.Second)))

		begin := time.Now()
		require.NoError(t, server.Drain(t.Context()))
		assert.Equal(t, 20*time.Second, time.Since(begin))
		finished, ended, last := <-finishing, <-endless, <-patient
		assert.Equal(t, Completed, finished.Reason)
		assert.EqualValues(t, 1, finished.Events)
		assert.Equal(t, Drained, ended.Reason)
		assert.Equal(t, DefaultGrace, ended.Duration)
		assert.NoError(t, ended.Err)
		assert.False(t, ended.Abort)
		assert.Equal(t, "sse.bye", w.messages(t)[0].Event)
		assert.Equal(t, 20*time.Second, last.Duration)
	})
}

func TestDrainSpreadsSubscribersOverTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := NewHub()
		server := &Server{DrainWindow: 10 * time.Second}
		var done []<-chan Report
		for range 100 {
			done = append(done, serving(server, newScreen(), get(t), NewStream(hub.Subscribe("x"))))
		}
		begin := time.Now()
		require.NoError(t, server.Drain(t.Context()))
		assert.LessOrEqual(t, time.Since(begin), 10*time.Second)
		moments := map[time.Duration]bool{}
		early := 0
		for _, d := range done {
			report := <-d
			assert.Equal(t, Drained, report.Reason)
			moments[report.Duration] = true
			if report.Duration < 5*time.Second {
				early++
			}
		}
		assert.Greater(t, len(moments), 90)
		assert.InDelta(t, 50, early, 30)
		require.NoError(t, hub.Close())
	})
}

func TestDrainEndsAllAtOnceWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &Server{Grace: time.Hour}
		a, b := serving(server, newScreen(), get(t), untilEnd()), serving(server, newScreen(), get(t), untilEnd())
		cause := errors.New("second signal")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		require.ErrorIs(t, server.Drain(ctx), cause)
		assert.Equal(t, Drained, (<-a).Reason)
		assert.Equal(t, time.Second, (<-b).Duration)
	})
}

func TestDrainOfAnIdleServerReturnsAtOnceAndRefusesFromThen(t *testing.T) {
	server := &Server{}
	require.NoError(t, server.Drain(t.Context()))
	require.NoError(t, server.Drain(t.Context()), "twice")
	_, report := show(t, server, untilEnd())
	assert.Equal(t, Drained, report.Reason)
}

func TestDrainWaitsForOnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &Server{Grace: -1}
		cleaned := false
		done := serving(server, newScreen(), get(t), untilEnd().With(OnEnd(func(Report) {
			time.Sleep(time.Second)
			cleaned = true
		})))
		require.NoError(t, server.Drain(t.Context()))
		assert.True(t, cleaned)
		<-done
	})
}

func TestDrainDoesNotTouchAStreamThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &Server{Grace: time.Second}
		long := serving(server, newScreen(), get(t), untilEnd())
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := false
		done := make(chan Report, 1)
		go func() {
			report := server.ServeContext(ctx, func(cause error) {
				assert.False(t, ended, "its cancel may be in use for something else: %v", cause)
				cancel(cause)
			}, newScreen(), get(t), NewStream(Func(func(ctx context.Context, _ Send) error {
				pause(ctx, 500*time.Millisecond)
				return nil
			})))
			ended = true
			done <- report
		}()
		synctest.Wait()
		require.NoError(t, server.Drain(t.Context()))
		assert.Equal(t, Completed, (<-done).Reason)
		assert.Equal(t, Drained, (<-long).Reason)
	})
}

func TestDrainedClientSeesACleanEnd(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			server := &Server{Grace: -1}
			site := startSite(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				server.Handle(w, r, NewStream(Func(func(ctx context.Context, send Send) error {
					err := send(Text("begun"))
					<-ctx.Done()
					return err
				})))
			}))
			c := site.get(t)
			c.next()
			require.NoError(t, server.Drain(t.Context()))
			messages, err := c.rest()
			assert.EqualError(t, err, "EOF")
			require.Len(t, messages, 1)
			assert.Equal(t, "sse.bye", messages[0].Event)
			assert.Equal(t, "drained", messages[0].Data)
			assert.Equal(t, http.StatusOK, site.open(t, http.MethodGet, nil).resp.StatusCode)
		})
	}
}

func TestRecorderOfARefusalIsComplete(t *testing.T) {
	server := &Server{MaxStreams: 1}
	require.NoError(t, server.admit(&active{}))
	w := httptest.NewRecorder()
	server.Handle(w, httptest.NewRequest(http.MethodGet, "/", nil), untilEnd())
	assert.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
	assert.Regexp(t, `\Aevent: sse\.bye\nretry: \d+\ndata: refused\n\n\z`, w.Body.String())
}
