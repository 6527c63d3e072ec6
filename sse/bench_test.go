package sse

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkOneStream sends small messages over one HTTP/1.1 connection on the
// loopback. "flush each" is what a handler written by hand does.
func BenchmarkOneStream(b *testing.B) {
	const payload = "a message of thirty-two bytes..."
	for name, stream := range map[string]func(w http.ResponseWriter, r *http.Request, n int){
		"flush each": func(w http.ResponseWriter, _ *http.Request, n int) {
			w.Header().Set("Content-Type", "text/event-stream")
			for range n {
				_, _ = io.WriteString(w, "data: "+payload+"\n\n")
				w.(http.Flusher).Flush()
			}
		},
		"Seq": func(w http.ResponseWriter, r *http.Request, n int) {
			NewStream(func(yield func(Message) bool) {
				for range n {
					if !yield(Text(payload)) {
						return
					}
				}
			}).ServeHTTP(w, r)
		},
		"Go": func(w http.ResponseWriter, r *http.Request, n int) {
			NewStream(Go(func(_ context.Context, send Send) error {
				for range n {
					if err := send(Text(payload)); err != nil {
						return err
					}
				}
				return nil
			})).ServeHTTP(w, r)
		},
	} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n, _ := strconv.Atoi(r.URL.RawQuery)
				stream(w, r, n)
			}))
			defer server.Close()
			b.ReportAllocs()
			b.ResetTimer()
			resp, err := server.Client().Get(server.URL + "?" + strconv.Itoa(b.N))
			require.NoError(b, err)
			_, err = io.Copy(io.Discard, resp.Body)
			require.NoError(b, err)
			require.NoError(b, resp.Body.Close())
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkPublish shows what subscribers cost the publisher. They take the
// messages as fast as they can, on the same processors, or not at all.
func BenchmarkPublish(b *testing.B) {
	for _, tc := range []struct {
		name        string
		subscribers int
		stalled     bool
	}{
		{"0", 0, false}, {"100", 100, false}, {"1000", 1000, false}, {"1000 stalled", 1000, true}, {"10000 stalled", 10_000, true},
	} {
		b.Run(tc.name, func(b *testing.B) {
			hub := NewHub(OnLag(LagSkip))
			ctx, cancel := context.WithCancel(b.Context())
			var running, ready sync.WaitGroup
			for range tc.subscribers {
				ready.Add(1)
				running.Go(func() {
					sub, err := hub.Subscribe("crimes").attach(start{silent: true}, false)
					ready.Done()
					if err != nil {
						return
					}
					defer sub.detach()
					if tc.stalled {
						<-ctx.Done()
						return
					}
					var buf []byte
					_ = sub.follow(ctx, func() (n int, err error) {
						buf, n = sub.fill(buf[:0])
						return n, ctx.Err()
					})
				})
			}
			ready.Wait()
			m := Message{Event: "crime_alert", Data: `{"kind":"riddle","district":3}`}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := hub.Publish(ctx, "crimes", m); err != nil {
					b.Fatal(err)
				}
			}
			cancel()
			running.Wait()
			_ = hub.Close()
		})
	}
}

// BenchmarkResume is a client that comes back for the last hundred messages of a
// full log.
func BenchmarkResume(b *testing.B) {
	for _, topics := range []int{1, 4} {
		b.Run(fmt.Sprintf("%d topics", topics), func(b *testing.B) {
			hub := NewHub(Retain(10_000, 0, 0))
			var names []string
			for i := range topics {
				names = append(names, fmt.Sprint("t", i))
			}
			var position Cursor
			for i := range 10_000 {
				ack, err := hub.Publish(b.Context(), names[i%topics], Text(strings.Repeat("x", 100)))
				require.NoError(b, err)
				if i == 9_900 {
					position = ack.Cursor
				}
			}
			id := position.String()
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				sub, err := hub.Subscribe(names...).attach(start{lastEventID: id}, false)
				require.NoError(b, err)
				n := 0
				buf, n = sub.fill(buf[:0])
				require.Equal(b, 99, n)
				sub.detach()
			}
			_ = hub.Close()
		})
	}
}
