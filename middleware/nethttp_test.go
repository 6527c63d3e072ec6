package middleware_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

// What others have made for net/http stands around the whole app and this package's
// middleware. A wrapped writer that can flush streams; one that cannot is told of by name.
func TestMiddlewareOfNetHTTPAround(t *testing.T) {
	for _, tc := range []struct {
		name  string
		wrap  func(http.Handler) http.Handler
		live  bool // streams and sockets get through
		body  int  // the status of a body of 11 bytes
		coded bool // the event stream is compressed by it
	}{
		{"nothing", func(h http.Handler) http.Handler { return h }, true, 200, false},
		{"MaxBytesHandler", func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, 10) }, true, 413, false},
		{"CrossOriginProtection", http.NewCrossOriginProtection().Handler, true, 200, false},
		{"TimeoutHandler", func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "") }, false, 200, false},
		{"gzhttp", func(h http.Handler) http.Handler { return gzhttp.GzipHandler(h) }, true, 200, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app, lines := logged()
			app.UseHTTP(tc.wrap)
			app.Use(middleware.RequestID(), middleware.Recover(), middleware.SecureHeaders(), middleware.RateLimit(100, time.Hour))
			kinds := everyReply(app)
			app.Post("/body", func(req *redstart.Request) redstart.Response {
				if _, err := req.Body(); err != nil {
					return redstart.Fail(err)
				}
				return redstart.Status(200)
			})
			hub := sse.NewHub()
			defer func() { require.NoError(t, hub.Close()) }()
			app.Get("/hub", func(*redstart.Request) redstart.Response { return redstart.SSEResponse(hub.Subscribe("crimes")) })
			app.WebSocket("/socket", func(*redstart.Request) redstart.Response {
				return redstart.Socket(func(conn *websocket.Conn) error { return conn.SendText("hello") })
			})
			addr, end := serve(t, app)
			var conns []net.Conn
			ask := func(method, path, body string, header ...string) *http.Response {
				conn, r := dial(t, addr)
				conns = append(conns, conn)
				_, err := io.WriteString(conn, strings.Join(append([]string{method + " " + path + " HTTP/1.1", "Host: gotham"}, header...), "\r\n")+"\r\n\r\n"+body)
				require.NoError(t, err)
				reply, err := http.ReadResponse(r, &http.Request{Method: method})
				require.NoError(t, err)
				return reply
			}
			stop := func() { // when all clients have left, or it would wait for them
				for _, conn := range conns {
					require.NoError(t, conn.Close())
				}
				require.NoError(t, end())
			}
			for _, kind := range kinds {
				want := kind.status
				if !tc.live && kind.name == "events" {
					want = 500
				}
				reply := ask(kind.method, kind.path, "")
				assert.Equal(t, want, reply.StatusCode, kind.name)
				assert.Equal(t, "nosniff", reply.Header.Get("X-Content-Type-Options"), kind.name)
			}
			reply := ask("POST", "/body", "eleven byte", "Content-Length: 11")
			assert.Equal(t, tc.body, reply.StatusCode)
			text, err := io.ReadAll(reply.Body)
			require.NoError(t, err)
			if tc.body == 413 {
				assert.Contains(t, string(text), "the body is larger than 10 bytes")
			}
			upgrade := ask("GET", "/socket", "", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
			stream := ask("GET", "/hub", "", "Accept-Encoding: gzip")
			if !tc.live {
				assert.Equal(t, 500, upgrade.StatusCode)
				assert.Equal(t, 500, stream.StatusCode)
				stop()
				assert.Contains(t, lines.buf.String(), "timeoutWriter has neither FlushError, Flush nor Unwrap")
				assert.Contains(t, lines.buf.String(), "timeoutWriter has neither Hijack nor Unwrap")
				return
			}
			assert.Equal(t, http.StatusSwitchingProtocols, upgrade.StatusCode)
			body := bufio.NewReader(stream.Body)
			assert.Equal(t, tc.coded, stream.Header.Get("Content-Encoding") == "gzip")
			if tc.coded {
				unpacked, err := gzip.NewReader(body)
				require.NoError(t, err)
				body = bufio.NewReader(unpacked)
			}
			events := sse.NewReader(body)
			_, err = events.Next() // the greeting
			require.NoError(t, err)
			_, err = hub.Publish(t.Context(), "crimes", sse.Text("a riddle"))
			require.NoError(t, err)
			riddle, err := events.Next()
			require.NoError(t, err)
			assert.Equal(t, "a riddle", riddle.Data)
			stop()
		})
	}
}
