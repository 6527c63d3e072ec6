package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/memnet"
)

func TestDialRefused(t *testing.T) {
	answer := func(lines ...string) func(net.Conn) {
		return func(nc net.Conn) {
			_, _ = nc.Read(make([]byte, 4096))
			_, _ = io.WriteString(nc, strings.Join(lines, "\r\n")+"\r\n\r\n")
		}
	}
	const accept = "Sec-WebSocket-Accept: "
	for _, tc := range []struct {
		name   string
		answer func(net.Conn)
		text   string
	}{
		{"a status", answer("HTTP/1.1 403 Forbidden", "Content-Length: 9", "", "no badge!"), "status 403: no badge!"},
		{"a redirect", answer("HTTP/1.1 302 Found", "Location: /x", "Content-Length: 0"), "status 302"},
		{"no Upgrade", answer("HTTP/1.1 101 x", "Connection: Upgrade"), "Upgrade: websocket"},
		{"no Connection", answer("HTTP/1.1 101 x", "Upgrade: websocket"), "Connection: Upgrade"},
		{"the answer to another request", answer("HTTP/1.1 101 x", "Upgrade: websocket", "Connection: upgrade", accept+"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "Sec-WebSocket-Accept"},
		{"nonsense", answer("hello"), "reading the answer"},
		{"nothing", func(nc net.Conn) { _, _ = nc.Read(make([]byte, 4096)) }, "reading the answer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := Dial(t.Context(), "ws://gotham.city", &DialOptions{Dial: func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go func() {
					tc.answer(far)
					_ = far.Close()
				}()
				return near, nil
			}})
			assert.ErrorContains(t, err, tc.text)
			refusal, ok := errors.AsType[*DialError](err)
			assert.Equal(t, !strings.Contains(tc.text, "reading"), ok, "%v", refusal)
		})
	}
	_, _, err := Dial(t.Context(), "ftp://gotham.city", nil)
	assert.ErrorContains(t, err, `"ftp://gotham.city" begins with neither`)
	_, _, err = Dial(t.Context(), ":", nil)
	assert.Error(t, err)
	_, _, err = Dial(t.Context(), "ws://gotham.city", &DialOptions{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, assert.AnError
	}})
	assert.ErrorIs(t, err, assert.AnError)
}

// The server's choice must be one of the client's.
func TestDialChecksSubprotocol(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		require.NoError(t, err)
		_, _ = fmt.Fprintf(nc, "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: poker\r\n\r\n",
			acceptKey(r.Header.Get("Sec-WebSocket-Key")))
		_ = nc.Close()
	})
	_, _, err := Dial(t.Context(), "ws://gotham.city", &DialOptions{Handler: h, Subprotocols: []string{"chat"}})
	assert.ErrorContains(t, err, "poker")
}

func TestDialGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, assert.AnError)
		defer cancel()
		_, _, err := Dial(ctx, "ws://gotham.city", &DialOptions{Dial: func(context.Context, string, string) (net.Conn, error) {
			near, _ := net.Pipe()
			return near, nil
		}})
		assert.ErrorIs(t, err, assert.AnError)
	})
}

// The end of Dial's context is not that of the connection.
func TestDialContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := serve(new(Server), echo, Subprotocols("chat"))
		listener := memnet.Listen()
		server := &http.Server{Handler: h}
		go func() { _ = server.Serve(listener) }()
		defer func() { _ = server.Close() }()
		ctx, cancel := context.WithCancel(t.Context())
		c, resp, err := Dial(ctx, "http://gotham.city:8080/chat?room=1", &DialOptions{Dial: listener.DialContext, Subprotocols: []string{"news", "chat"}})
		require.NoError(t, err)
		assert.Equal(t, 101, resp.StatusCode)
		cancel()
		synctest.Wait()
		assert.Equal(t, "chat", c.Subprotocol())
		assert.NoError(t, c.Context().Err())
		require.NoError(t, c.SendText("x"))
		assert.Equal(t, "x", read(t, c))
		require.NoError(t, c.Close(NormalClosure, ""))
		assert.Error(t, c.Context().Err())
		assert.Error(t, c.SendText("y"))
		require.NoError(t, c.Close(NormalClosure, ""), "twice")
		assert.ErrorContains(t, c.Close(1005, ""), "1005")
	})
}

func TestDialTLS(t *testing.T) {
	h, reports := serve(new(Server), func(c *Conn) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_, err := c.Read(ctx)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		for range 20 { // by the goroutine that writes where writing cannot be tried
			if err := c.Post(TextMessage("x")); err != nil {
				return err
			}
		}
		return echo(c)
	})
	server := httptest.NewTLSServer(h)
	defer server.Close()
	c, _, err := Dial(t.Context(), "wss"+strings.TrimPrefix(server.URL, "https"), &DialOptions{TLS: server.Client().Transport.(*http.Transport).TLSClientConfig})
	require.NoError(t, err)
	for range 20 {
		assert.Equal(t, "x", read(t, c))
	}
	require.NoError(t, c.SendText("y"))
	assert.Equal(t, "y", read(t, c))
	require.NoError(t, c.Close(4000, "enough"))
	assert.Equal(t, Code(4000), (<-reports).Code)
	_, _, err = Dial(t.Context(), "wss"+strings.TrimPrefix(server.URL, "https"), nil)
	assert.ErrorContains(t, err, "certificate")
}

// Nothing that a client does is left behind when the other side has gone.
func TestDialGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), func(c *Conn) error { return Close(4000, "") })
		c := dial(t, h, &DialOptions{Heartbeat: time.Minute})
		_, err := c.Read(t.Context())
		assert.Equal(t, &CloseError{Code: 4000, Remote: true}, err)
		_, again := c.Read(t.Context())
		assert.Equal(t, err, again)
		assert.Equal(t, err, c.SendText("x"))
		assert.Equal(t, err, c.Close(NormalClosure, ""))
		<-reports
	})
}
