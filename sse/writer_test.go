package sse

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watched is a screen that notes when, since begin, something was written.
type watched struct {
	*screen
	begin time.Time
	at    []time.Duration
	what  []string
}

func newWatched() *watched {
	w := &watched{screen: newScreen(), begin: time.Now()}
	w.onWrite = func(p []byte) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.at = append(w.at, time.Since(w.begin))
		w.what = append(w.what, string(p))
		return nil
	}
	return w
}

// pause waits on fake time, unless the stream ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func get(t *testing.T) *http.Request {
	return httptest.NewRequest(http.MethodGet, "/", nil).WithContext(t.Context())
}

func TestNothingIsWrittenAfterServeReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			w := newScreen()
			var late Send
			var senders sync.WaitGroup
			new(Server).Serve(w, get(t), NewStream(Func(func(ctx context.Context, send Send) error {
				late = send
				senders.Go(func() { // goes on beyond the end
					for send(Text("x")) == nil {
						time.Sleep(time.Nanosecond)
					}
				})
				pause(ctx, 20*time.Nanosecond)
				return nil
			}), Heartbeat(2*time.Nanosecond)))
			w.fence()
			senders.Wait()
			assert.ErrorIs(t, late(Text("x")), ErrEnded)
			time.Sleep(time.Minute)
			synctest.Wait()
			require.False(t, w.violated)
		}
	})
}

func TestSlowClientIsCutAfterExactlyTheTimeout(t *testing.T) {
	for _, protocol := range []string{"http1", "h2c"} {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reports := make(chan Report, 1)
				var stuck time.Time
				site, listener, stop := startMemorySite(protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					NewStream(Func(func(ctx context.Context, send Send) error {
						for {
							stuck = time.Now()
							if err := send(Text(strings.Repeat("x", 32<<10))); err != nil {
								return err
							}
						}
					}), OnEnd(func(r Report) { reports <- r })).ServeHTTP(w, r)
				}))
				defer stop()
				if protocol == "h2c" {
					// The stream's window is full while the connection goes on.
					site.client.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}
					site.open(t, http.MethodGet, nil)
				} else {
					conn, err := listener.DialContext(t.Context(), "", "")
					require.NoError(t, err)
					defer conn.Close()
					_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
					require.NoError(t, err)
					_, err = http.ReadResponse(bufio.NewReader(conn), nil) // and no more
					require.NoError(t, err)
				}
				report := <-reports
				assert.Equal(t, SlowClient, report.Reason)
				assert.ErrorIs(t, report.Err, ErrSlowClient)
				assert.True(t, report.Abort)
				assert.Equal(t, DefaultWriteTimeout, report.Duration)
				assert.False(t, stuck.IsZero())
			})
		})
	}
}

func TestSlowClientIsToldFromAGoneOneByTheTimeItTook(t *testing.T) {
	for took, want := range map[time.Duration]Reason{
		DefaultWriteTimeout:     SlowClient,
		DefaultWriteTimeout - 1: ClientGone,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newScreen()
			ctx, closed := context.WithCancel(t.Context())
			w.onWrite = func([]byte) error {
				time.Sleep(took)
				closed() // the transport ends the request before the write returns
				synctest.Wait()
				return errors.New("stream closed")
			}
			report := new(Server).Serve(w, get(t).WithContext(ctx), NewStream(func(func(Message) bool) {}))
			assert.Equal(t, want, report.Reason)
		})
	}
}

func TestClientThatIsStuckWithTheLastMessageIsNotTakenForServed(t *testing.T) {
	w := newScreen()
	n := 0
	w.onWrite = func([]byte) error {
		if n++; n > 1 {
			return errors.New("broken pipe")
		}
		return nil
	}
	report := new(Server).Serve(w, get(t), NewStream(Go(func(_ context.Context, send Send) error { return send(Text("x")) })))
	assert.Equal(t, ClientGone, report.Reason)
	assert.Zero(t, report.Events)
}

func TestBurstArrivesWholeAndInFewWrites(t *testing.T) {
	const total = 100_000
	for name, source := range map[string]func() *Stream{
		"Seq": func() *Stream {
			return NewStream(func(yield func(Message) bool) {
				for i := range total {
					if !yield(Text(fmt.Sprint(i))) {
						return
					}
				}
			})
		},
		"Go": func() *Stream {
			return NewStream(Go(func(_ context.Context, send Send) error {
				for i := range total {
					if err := send(Text(fmt.Sprint(i))); err != nil {
						return err
					}
				}
				return nil
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var counted *counting
			reports := make(chan Report, 1)
			site := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				counted = &counting{ResponseWriter: w}
				source().With(OnEnd(func(r Report) { reports <- r })).ServeHTTP(counted, r)
			}))
			c := site.get(t)
			for i := range total {
				require.Equal(t, fmt.Sprint(i), c.next().Data)
			}
			_, err := c.reader.Next()
			require.Equal(t, io.EOF, err)
			report := receive(t, "the report", reports)
			assert.EqualValues(t, total, report.Events)
			t.Logf("%d writes for %d messages", counted.writes, total)
			assert.Less(t, counted.writes, total/10)
			assert.Equal(t, counted.writes, counted.flushes)
		})
	}
}

// counting counts what is asked of a real ResponseWriter.
type counting struct {
	http.ResponseWriter
	writes, flushes int
}

func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counting) Write(p []byte) (int, error) {
	c.writes++
	return c.ResponseWriter.Write(p)
}

func (c *counting) FlushError() error {
	c.flushes++
	return http.NewResponseController(c.ResponseWriter).Flush()
}

func TestMessageAfterASilenceIsWrittenByItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newScreen()
		new(Server).Serve(w, get(t), NewStream(Func(func(ctx context.Context, send Send) error {
			for i := range 5 {
				pause(ctx, burst)
				require.NoError(t, send(Text("x")))
				_, flushes := w.counts()
				assert.Equal(t, i+2, flushes, "before send returned")
			}
			return nil
		})))
	})
}

func TestMessageInABurstDoesNotWaitForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched()
		new(Server).Serve(w, get(t), NewStream(Func(func(ctx context.Context, send Send) error {
			for range 10 { // each right after the last write
				require.NoError(t, send(Text("x")))
				synctest.Wait()
			}
			return nil
		})))
		assert.Len(t, w.at, 11)
		for _, at := range w.at {
			assert.Zero(t, at, "no time passes")
		}
	})
}

func TestSlowConsumerHoldsTheSenderBackWithBoundedMemory(t *testing.T) {
	for _, tc := range []struct {
		name  string
		limit int
		make  func(Func) *Stream
	}{
		{"Func", sendLimit, func(f Func) *Stream { return NewStream(f) }},
		{"Go", aheadLimit, func(f Func) *Stream { return NewStream(Go(f)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newScreen()
				var sent, written atomic.Int64
				w.onWrite = func(p []byte) error {
					time.Sleep(time.Second) // a slow network
					behind := sent.Load() - written.Load()
					written.Add(int64(len(p)))
					// What is being written, what has gathered, and a message for each sender.
					assert.LessOrEqual(t, behind, int64(2*(tc.limit+4*2000)))
					return nil
				}
				report := new(Server).Serve(w, get(t), tc.make(func(_ context.Context, send Send) error {
					var senders sync.WaitGroup
					for range 4 {
						senders.Go(func() {
							for range 500 {
								if !assert.NoError(t, send(Text(strings.Repeat("x", 1000)))) {
									return
								}
								sent.Add(1008)
							}
						})
					}
					senders.Wait()
					return nil
				}).With(Heartbeat(0)))
				assert.EqualValues(t, 2000, report.Events)
				assert.EqualValues(t, 2+2000*1008, w.body.Len())
			})
		})
	}
}

func TestSendIsSafeFromManyGoroutinesAndFramesStayWhole(t *testing.T) {
	w, report := show(t, new(Server), NewStream(Func(func(_ context.Context, send Send) error {
		var senders sync.WaitGroup
		for g := range 16 {
			senders.Go(func() {
				for i := range 500 {
					assert.NoError(t, send(Message{Event: fmt.Sprint(g), Data: fmt.Sprint(i)}))
				}
			})
		}
		senders.Wait()
		return nil
	}), Heartbeat(10*time.Microsecond)))
	assert.EqualValues(t, 8000, report.Events)
	next := map[string]int{}
	for _, m := range w.messages(t) {
		require.Equal(t, fmt.Sprint(next[m.Event]), m.Data, "each sender's are in order")
		next[m.Event]++
	}
	assert.Len(t, next, 16)
}

func TestSenderIsNotHeldByOthersWhoGoOnSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newScreen()
		w.onWrite = func([]byte) error { time.Sleep(time.Millisecond); return nil }
		new(Server).Serve(w, get(t), NewStream(Func(func(ctx context.Context, send Send) error {
			time.Sleep(time.Second)
			var other sync.WaitGroup
			other.Go(func() {
				time.Sleep(time.Microsecond)
				for range 1000 {
					_ = send(Text("y"))
					time.Sleep(100 * time.Microsecond)
				}
			})
			begin := time.Now()
			err := send(Text("x"))
			assert.Equal(t, time.Millisecond, time.Since(begin), "one write")
			other.Wait()
			return err
		}), Heartbeat(0)))
	})
}

func TestMalformedMessageLeavesTheStreamUsable(t *testing.T) {
	w, report := show(t, new(Server), NewStream(Func(func(_ context.Context, send Send) error {
		assert.Error(t, send(Text("x").WithEvent("a\nb")))
		return send(Text("fine"))
	})))
	assert.Equal(t, []Message{Text("fine")}, w.messages(t))
	assert.Equal(t, Completed, report.Reason)
}

func TestSilentStreamHoldsNoLargeBuffer(t *testing.T) {
	w := newWriter(newScreen(), http.NewResponseController(newScreen()))
	w.commit = func() {}
	for range 3 {
		require.NoError(t, w.send(Text(strings.Repeat("x", 1<<20))))
	}
	w.close(nil)
	assert.LessOrEqual(t, cap(w.buf), keepLimit)
	assert.LessOrEqual(t, cap(w.spare), keepLimit)
}

func TestSteadySendAllocatesNothing(t *testing.T) {
	sink := discarding{http.Header{}}
	w := newWriter(sink, http.NewResponseController(sink))
	w.commit = func() {}
	w.timeout = time.Second
	m := Message{Event: "tick", ID: "12", Data: "a small message"}
	allocs := testing.AllocsPerRun(100, func() {
		w.last = time.Time{} // as after a silence
		_ = w.send(m)
	})
	assert.Zero(t, allocs)
}

// discarding is a ResponseWriter that takes everything.
type discarding struct{ header http.Header }

func (d discarding) Header() http.Header            { return d.header }
func (discarding) WriteHeader(int)                  {}
func (discarding) Write(p []byte) (int, error)      { return len(p), nil }
func (discarding) FlushError() error                { return nil }
func (discarding) SetWriteDeadline(time.Time) error { return nil }

func TestMaxAgeEndsTheStreamAtEightyToAHundredPercent(t *testing.T) {
	ends := map[time.Duration]bool{}
	for range 60 {
		synctest.Test(t, func(t *testing.T) {
			w := newScreen()
			var cause error
			report := new(Server).Serve(w, get(t), NewStream(Func(func(ctx context.Context, _ Send) error {
				<-ctx.Done()
				cause = context.Cause(ctx)
				return cause
			}), MaxAge(time.Hour)))
			assert.Equal(t, Aged, report.Reason)
			assert.ErrorIs(t, cause, ErrMaxAge)
			assert.NoError(t, report.Err)
			assert.False(t, report.Abort)
			require.GreaterOrEqual(t, report.Duration, 48*time.Minute)
			require.LessOrEqual(t, report.Duration, time.Hour)
			ends[report.Duration] = true
			bye := w.messages(t)
			require.Len(t, bye, 1)
			assert.Equal(t, "sse.bye", bye[0].Event)
			assert.Equal(t, "aged", bye[0].Data)
		})
	}
	assert.Greater(t, len(ends), 50, "spread")
}

func TestLongestMaxAgeIsNoOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		report := (&Server{MaxAge: 1<<63 - 1}).Serve(newScreen(), get(t), NewStream(Func(func(ctx context.Context, _ Send) error {
			pause(ctx, time.Hour)
			return nil
		})))
		assert.Equal(t, Completed, report.Reason)
	})
}
