package sse

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// transports are the ways in which the same tests are run for subscribers.
var transports = map[string]Transport{"event loop": Auto, "lean": Lean, "portable": Portable}

// overTransports serves the same subscription in each way. ended receives the
// final report of each stream.
func overTransports(t *testing.T, s func() *Server, test func(t *testing.T, server *Server, hub *Hub, open *site, ended chan Report), opts ...Option) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			server, hub, ended := s(), NewHub(), make(chan Report, 100)
			server.Transport = transport
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				stream := NewStream(hub.Subscribe("a", "b"), append([]Option{OnEnd(func(r Report) { ended <- r })}, opts...)...)
				report := server.Handle(w, r, stream)
				assert.Equal(t, transport != Portable, report.Parked)
			})
			open := startSite(t, "http1", handler)
			t.Cleanup(func() { _ = hub.Close() })
			test(t, server, hub, open, ended)
		})
	}
}

func plainServer() *Server { return &Server{} }

func (c *conversation) hello() Message {
	c.t.Helper()
	m := c.next()
	require.Equal(c.t, "sse.hello", m.Event)
	return m
}

func reported(t *testing.T, ended chan Report) Report {
	t.Helper()
	select {
	case r := <-ended:
		return r
	case <-time.After(patience):
		t.Fatal("the stream does not end")
		return Report{}
	}
}

func TestSubscribersOfEachTransportReceiveTheSame(t *testing.T) {
	overTransports(t, plainServer, func(t *testing.T, server *Server, hub *Hub, open *site, ended chan Report) {
		c := open.get(t)
		assert.Equal(t, "text/event-stream", c.resp.Header.Get("Content-Type"))
		assert.Equal(t, []string{"chunked"}, c.resp.TransferEncoding)
		c.hello()
		for i := range 300 {
			topic := []string{"a", "b"}[i%2]
			_, err := hub.Publish(t.Context(), topic, Text(fmt.Sprintf("%s %d\nsecond line", topic, i)).WithEvent("crime"))
			require.NoError(t, err)
			if i%50 == 0 { // alone on the wire, and then in bursts
				assert.Equal(t, fmt.Sprintf("%s %d\nsecond line", topic, i), c.next().Data)
				continue
			}
			if i%50 == 49 {
				for j := i - 48; j <= i; j++ {
					assert.Equal(t, fmt.Sprintf("%s %d\nsecond line", []string{"a", "b"}[j%2], j), c.next().Data)
				}
			}
		}
		assert.Equal(t, 1, server.Open())
		c.cancel()
		report := reported(t, ended)
		assert.Equal(t, ClientGone, report.Reason)
		assert.EqualValues(t, 301, report.Events)
		assert.NoError(t, report.Err)
		assert.Positive(t, report.Bytes)
		assert.Equal(t, http.StatusOK, report.Status)
		require.Eventually(t, func() bool { return server.Open() == 0 && hub.Subscribers() == 0 }, patience, time.Millisecond)
	})
}

func TestAClientOfEachTransportResumesExactly(t *testing.T) {
	overTransports(t, plainServer, func(t *testing.T, _ *Server, hub *Hub, open *site, ended chan Report) {
		first := open.get(t)
		id := first.hello().ID
		for i := range 500 {
			_, err := hub.Publish(t.Context(), "a", Text(fmt.Sprint(i)))
			require.NoError(t, err)
		}
		var c *conversation
		for i := range 500 {
			if i%100 == 0 {
				c = open.get(t, "Last-Event-ID", id)
			}
			m := c.next()
			assert.Equal(t, fmt.Sprint(i), m.Data)
			id = m.ID
		}
		unknown := open.get(t, "Last-Event-ID", "nonsense")
		assert.Equal(t, `{"reason":"invalid","from":"nonsense"}`, unknown.next().Data)
	})
}

func TestRetryReachesSubscribersOfEachTransport(t *testing.T) {
	overTransports(t, plainServer, func(t *testing.T, _ *Server, hub *Hub, open *site, _ chan Report) {
		assert.Equal(t, 1500*time.Millisecond, open.get(t).hello().Retry)
		resumed := open.get(t, "Last-Event-ID", hub.Cursor().String())
		_, err := hub.Publish(t.Context(), "a", Text("one"))
		require.NoError(t, err)
		assert.Equal(t, 1500*time.Millisecond, resumed.next().Retry)
		_, err = hub.Publish(t.Context(), "b", Text("two"))
		require.NoError(t, err)
		assert.Zero(t, resumed.next().Retry)
	}, Retry(1500*time.Millisecond))
}

func TestSubscribersOfEachTransportHearTheHeartbeat(t *testing.T) {
	overTransports(t, plainServer, func(t *testing.T, _ *Server, _ *Hub, open *site, _ chan Report) {
		c := open.get(t)
		c.hello()
		for range 3 {
			assert.Equal(t, "ping", c.next().Event)
		}
	}, VisibleHeartbeat(30*time.Millisecond, "ping"))
}

func TestSubscribersOfEachTransportAreSentAwayInOrder(t *testing.T) {
	for name, end := range map[string]struct {
		reason  Reason
		options []Option
		begin   func(t *testing.T, server *Server, hub *Hub)
	}{
		"drain":   {Drained, nil, func(t *testing.T, s *Server, _ *Hub) { assert.NoError(t, s.Drain(t.Context())) }},
		"close":   {HubClosed, nil, func(t *testing.T, _ *Server, h *Hub) { assert.NoError(t, h.Close()) }},
		"max age": {Aged, []Option{MaxAge(50 * time.Millisecond), Heartbeat(100 * time.Millisecond)}, func(*testing.T, *Server, *Hub) {}},
	} {
		t.Run(name, func(t *testing.T) {
			server := func() *Server { return &Server{DrainWindow: 10 * time.Millisecond, Retry: time.Second} }
			overTransports(t, server, func(t *testing.T, s *Server, hub *Hub, open *site, ended chan Report) {
				c := open.get(t)
				c.hello()
				_, err := hub.Publish(t.Context(), "a", Text("the last"))
				require.NoError(t, err)
				assert.Equal(t, "the last", c.next().Data)
				end.begin(t, s, hub)
				messages, err := c.rest()
				assert.ErrorIs(t, err, io.EOF, "a clean end")
				require.Len(t, messages, 1)
				assert.Equal(t, "sse.bye", messages[0].Event)
				assert.Equal(t, string(end.reason), messages[0].Data)
				assert.InDelta(t, time.Second, messages[0].Retry, float64(500*time.Millisecond))
				report := reported(t, ended)
				assert.Equal(t, end.reason, report.Reason)
				assert.NoError(t, report.Err)
			}, end.options...)
		})
	}
}

func TestASubscriberThatNeverReadsIsCutAndOthersGetAll(t *testing.T) {
	overTransports(t, plainServer, func(t *testing.T, _ *Server, hub *Hub, open *site, ended chan Report) {
		stalled, err := net.Dial("tcp", open.addr)
		require.NoError(t, err)
		defer stalled.Close()
		require.NoError(t, stalled.(*net.TCPConn).SetReadBuffer(4<<10))
		_, err = io.WriteString(stalled, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		line, err := bufio.NewReaderSize(stalled, 16).ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "HTTP/1.1 200 OK\r\n", line)

		c := open.get(t)
		c.hello()
		data := strings.Repeat("x", 512<<10)
		for i := range 24 {
			begin := time.Now()
			_, err := hub.Publish(t.Context(), "a", Text(fmt.Sprint(i, data)))
			require.NoError(t, err)
			assert.Less(t, time.Since(begin), patience, "publishing waits for nobody")
			assert.Equal(t, fmt.Sprint(i, data), c.next().Data)
		}
		report := reported(t, ended)
		assert.Equal(t, SlowClient, report.Reason)
		assert.ErrorIs(t, report.Err, ErrSlowClient)
	}, WriteTimeout(200*time.Millisecond))
}

func TestAParkedStreamLetsGoOfItsRequest(t *testing.T) {
	hub := NewHub()
	defer hub.Close()
	cause := make(chan error, 1)
	var server Server
	s := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancelCause(r.Context())
		report := server.ServeContext(ctx, cancel, w, r, NewStream(hub.Subscribe("a")))
		assert.True(t, report.Parked)
		cause <- context.Cause(ctx)
	}))
	s.get(t).hello()
	select {
	case err := <-cause:
		assert.ErrorIs(t, err, ErrParked)
	case <-time.After(patience):
		t.Fatal("the handler does not return")
	}
}

// Where the connection cannot be taken over, it is served as it is.
func TestOnlyPlainHTTP1IsParked(t *testing.T) {
	unwrapping := func(w http.ResponseWriter) http.ResponseWriter { return unwrapper{w} }
	for name, test := range map[string]struct {
		protocol string
		request  string
		wrap     func(http.ResponseWriter) http.ResponseWriter
		options  []Option
	}{
		"HTTP/2":              {protocol: "http2"},
		"h2c":                 {protocol: "h2c"},
		"HTTP/1.0":            {protocol: "http1", request: "GET / HTTP/1.0\r\n\r\n"},
		"a wrapped writer":    {protocol: "http1", wrap: unwrapping},
		"a lazy first commit": {protocol: "http1", options: []Option{LazyCommit()}},
	} {
		t.Run(name, func(t *testing.T) {
			hub := NewHub()
			reports := make(chan Report, 1)
			var server Server
			s := startSite(t, test.protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.wrap != nil {
					w = test.wrap(w)
				}
				reports <- server.Serve(w, r, NewStream(hub.Subscribe("a"), test.options...))
			}))
			if test.request == "" {
				s.get(t).hello()
			} else {
				conn, err := net.Dial("tcp", s.addr)
				require.NoError(t, err)
				defer conn.Close()
				_, err = io.WriteString(conn, test.request)
				require.NoError(t, err)
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				m, err := NewReader(resp.Body).Next()
				require.NoError(t, err)
				assert.Equal(t, "sse.hello", m.Event)
			}
			require.NoError(t, hub.Close())
			report := reported(t, reports)
			assert.False(t, report.Parked)
			assert.Equal(t, HubClosed, report.Reason)
		})
	}
}

type unwrapper struct{ http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

func TestAnOnEndThatPanicsDoesNotEndTheLoop(t *testing.T) {
	hub := NewHub()
	defer hub.Close()
	var server Server
	ended := make(chan struct{})
	s := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Serve(w, r, NewStream(hub.Subscribe("a"),
			OnEnd(func(Report) { panic(errors.New("in the hook")) }), OnEnd(func(Report) { close(ended) })))
	}))
	first, second := s.get(t), s.get(t)
	first.hello()
	second.hello()
	first.cancel()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("the second OnEnd function is not called")
	}
	_, err := hub.Publish(t.Context(), "a", Text("still here"))
	require.NoError(t, err)
	assert.Equal(t, "still here", second.next().Data)
}

// Nobody is left to watch the context of a parked stream, so one that is bound to
// end has to be served by a goroutine.
func TestAStreamEndsWithTheDeadlineOfItsContext(t *testing.T) {
	hub := NewHub()
	defer hub.Close()
	var server Server
	reports := make(chan Report, 1)
	s := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 50*time.Millisecond)
		defer cancel()
		reports <- server.Serve(w, r.WithContext(ctx), NewStream(hub.Subscribe("a")))
	}))
	c := s.get(t)
	c.hello()
	report := reported(t, reports)
	assert.False(t, report.Parked)
	_, err := c.rest()
	assert.Error(t, err)
}

// What an audience keeps to be shared is not bounded by what the hub retains, so it
// keeps it only as long as somebody may want it.
func TestAnAudienceKeepsNoBatchThatNobodyWants(t *testing.T) {
	hub := NewHub()
	attach := func() *subscriber {
		sub, err := hub.Subscribe("a").attach(start{lastEventID: hub.Cursor().String()}, true)
		require.NoError(t, err)
		t.Cleanup(sub.detach)
		return sub
	}
	next := func(sub *subscriber) []byte {
		batch, n, err := sub.Next()
		require.NoError(t, err)
		require.Equal(t, 1, n)
		return batch
	}
	publish := func() {
		_, err := hub.Publish(t.Context(), "a", Text("one"))
		require.NoError(t, err)
	}
	first := attach()
	publish()
	next(first)
	assert.Nil(t, first.audience.batch, "there is nobody else")

	second, third := attach(), attach()
	publish()
	batch := next(first)
	assert.Same(t, &batch[0], &next(second)[0], "it is shared")
	assert.NotNil(t, first.audience.batch, "one has not had it yet")
	assert.Same(t, &batch[0], &next(third)[0])
	assert.Nil(t, first.audience.batch)
}
