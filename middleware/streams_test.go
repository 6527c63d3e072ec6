package middleware_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/memnet"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

// inMemory serves an app inside a bubble of testing/synctest until the test ends.
func inMemory(t *testing.T, app *redstart.App) *http.Client {
	t.Helper()
	l := memnet.Listen()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, l) }()
	transport := &http.Transport{DialContext: l.DialContext, DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		assert.NoError(t, <-ended)
	})
	return &http.Client{Transport: transport}
}

// get sends a request whose reply's body is to be read by the caller.
func get(t *testing.T, client *http.Client, method, path string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://gotham"+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	reply, err := client.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = reply.Body.Close() })
	return reply
}

// everyMiddleware makes each of them as it would be used. Some have a clock, so each
// test makes its own.
var everyMiddleware = map[string]func() redstart.Middleware{
	"AccessLog":     func() redstart.Middleware { return middleware.AccessLog() },
	"BodyLimit":     func() redstart.Middleware { return middleware.BodyLimit(1) },
	"CORS":          func() redstart.Middleware { return middleware.CORS(middleware.CORSOptions{Origins: []string{"*"}}) },
	"Recover":       func() redstart.Middleware { return middleware.Recover() },
	"RequestID":     func() redstart.Middleware { return middleware.RequestID() },
	"SecureHeaders": func() redstart.Middleware { return middleware.SecureHeaders() },
	"Timeout":       func() redstart.Middleware { return middleware.Timeout(time.Minute) },
	"RateLimit":     func() redstart.Middleware { return middleware.RateLimit(10, time.Minute) },
	"Compress":      func() redstart.Middleware { return middleware.Compress(middleware.CompressOptions{MinSize: 1}) },
	"ETag":          func() redstart.Middleware { return middleware.ETag() },
	"CSRF":          func() redstart.Middleware { return middleware.CSRF() },
	"Health":        func() redstart.Middleware { return middleware.Health() },
	"Idempotency":   func() redstart.Middleware { return middleware.Idempotency() },
	"Tracing":       func() redstart.Middleware { return middleware.Tracing(&spans{}) },
	"Metrics":       func() redstart.Middleware { return middleware.NewMetrics().Middleware },
	"Maintenance":   func() redstart.Middleware { return middleware.NewMaintenance().Middleware },
}

// A stream of events must pass through each middleware as it is: the first event at
// once, though the next is an hour away, whatever the client says it accepts.
func TestEventStreamsPassThrough(t *testing.T) {
	for name, mw := range everyMiddleware {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := quiet()
				app.Use(mw())
				ended := make(chan sse.Report, 1)
				app.Any("/", func(*redstart.Request) redstart.Response {
					return redstart.SSEResponse(sse.Func(func(ctx context.Context, send sse.Send) error {
						if err := send(sse.Text("first")); err != nil {
							return err
						}
						select {
						case <-time.After(time.Hour):
							return send(sse.Text("second"))
						case <-ctx.Done():
							return context.Cause(ctx)
						}
					}), sse.OnEnd(func(r sse.Report) { ended <- r }))
				})
				client := inMemory(t, app)
				begin := time.Now()
				reply := get(t, client, "GET", "/", "Accept", "text/event-stream", "Accept-Encoding", "gzip, br, zstd", "Cookie", "a=b")
				assert.Equal(t, 200, reply.StatusCode)
				assert.Equal(t, "text/event-stream", reply.Header.Get("Content-Type"))
				assert.Empty(t, reply.Header.Get("Content-Encoding"))
				assert.Empty(t, reply.Header.Get("ETag"))
				assert.Empty(t, reply.Header.Get("Content-Length"))
				events := sse.NewReader(bufio.NewReader(reply.Body))
				first, err := events.Next()
				require.NoError(t, err)
				assert.Equal(t, "first", first.Data)
				assert.Zero(t, time.Since(begin), "at once")
				second, err := events.Next()
				require.NoError(t, err)
				assert.Equal(t, "second", second.Data)
				assert.Equal(t, time.Hour, time.Since(begin))
				_, err = io.ReadAll(reply.Body)
				require.NoError(t, err)
				assert.Equal(t, sse.Completed, (<-ended).Reason)

				head := get(t, client, "HEAD", "/", "Accept-Encoding", "gzip")
				assert.Equal(t, 200, head.StatusCode)
				assert.Equal(t, "text/event-stream", head.Header.Get("Content-Type"))
			})
		})
	}
}

// A mounted handler must be able to take the connection over through each middleware, as
// for a WebSocket.
func TestUpgradesPassThrough(t *testing.T) {
	for name, mw := range everyMiddleware {
		t.Run(name, func(t *testing.T) {
			app := quiet()
			app.Use(mw())
			app.Mount("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, rw, err := http.NewResponseController(w).Hijack()
				if !assert.NoError(t, err) {
					return
				}
				defer func() { _ = conn.Close() }()
				_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
				_ = rw.Flush()
				line, _ := rw.ReadString('\n')
				_, _ = rw.WriteString(line)
				_ = rw.Flush()
			}))
			addr, stop := serve(t, app)
			conn, r := dial(t, addr)
			_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: gotham\r\nConnection: Upgrade\r\nUpgrade: echo\r\nAccept-Encoding: gzip\r\n\r\n")
			require.NoError(t, err)
			reply, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			assert.Equal(t, http.StatusSwitchingProtocols, reply.StatusCode)
			_, err = io.WriteString(conn, "bat\n")
			require.NoError(t, err)
			line, err := r.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, "bat\n", line)
			_ = conn.Close()
			require.NoError(t, stop())
		})
	}
}

// A conversation goes on for as long as it likes inside of each middleware, and its
// handshake is one request to it.
func TestConversationsPassThrough(t *testing.T) {
	for name, mw := range everyMiddleware {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := quiet(redstart.WithSockets(&websocket.Server{Heartbeat: -1})) // the client answers only while it reads
				app.Use(mw())
				app.WebSocket("/", func(*redstart.Request) redstart.Response {
					return redstart.Socket(func(conn *websocket.Conn) error {
						for message, err := range conn.Messages() {
							if err != nil {
								return err
							}
							if err := conn.Send(message); err != nil {
								return err
							}
						}
						return nil
					})
				})
				client := app.TestClient(t)
				client.Timeout = 2 * time.Hour
				conn := client.WebSocket("/", nil)
				for _, text := range []string{"first", "second"} {
					time.Sleep(time.Hour)
					require.NoError(t, conn.SendText(text))
					message, err := conn.Read(t.Context())
					require.NoError(t, err)
					assert.Equal(t, text, message.Text())
				}
				require.NoError(t, conn.Close(websocket.NormalClosure, ""))
			})
		})
	}
}

// A subscriber to a hub is parked through each middleware: none keeps a goroutine for it.
func TestSubscribersAreParked(t *testing.T) {
	for name, mw := range everyMiddleware {
		t.Run(name, func(t *testing.T) {
			hub := sse.NewHub()
			app := quiet()
			app.Use(mw())
			app.Get("/", func(*redstart.Request) redstart.Response { return redstart.SSEResponse(hub.Subscribe("crimes")) })
			addr, stop := serve(t, app)
			conn, r := dial(t, addr)
			_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: gotham\r\nAccept-Encoding: gzip\r\n\r\n")
			require.NoError(t, err)
			reply, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			assert.Equal(t, 200, reply.StatusCode)
			assert.Eventually(t, func() bool {
				open := app.Streams().Streams(0)
				return len(open) == 1 && open[0].Parked
			}, 5*time.Second, time.Millisecond)
			_, err = hub.Publish(t.Context(), "crimes", sse.Text("robbery"))
			require.NoError(t, err)
			for message, err := range sse.Read(reply.Body) {
				require.NoError(t, err)
				if message.Event == "" {
					assert.Equal(t, "robbery", message.Data)
					break
				}
			}
			_ = conn.Close()
			require.NoError(t, stop())
			require.NoError(t, hub.Close())
		})
	}
}
