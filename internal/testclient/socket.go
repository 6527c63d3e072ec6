package testclient

import (
	"context"
	"net/http"

	"github.com/redstart-go/redstart/websocket"
)

// Socket is a conversation as a test has it.
type Socket struct {
	*websocket.Conn

	client *Client
	target string
}

// Next waits for the next message. When none comes, or the conversation ends instead, the
// test fails.
func (s *Socket) Next() websocket.Message {
	t := s.client.t
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), s.client.timeout())
	defer cancel()
	m, err := s.Read(ctx)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		t.Fatalf("WebSocket %s: no message within %v", s.target, s.client.timeout())
	default:
		t.Fatalf("WebSocket %s: no message comes any more: %v", s.target, err)
	}
	return m
}

// WebSocket opens a conversation. It is closed when the test ends, if not before. A
// server that refuses it fails the test. The options may be nil; those of how to connect
// have no effect.
func (c *Client) WebSocket(target string, opts *websocket.DialOptions) *Socket {
	c.t.Helper()
	conn, _, err := c.DialWebSocket(target, opts)
	if err != nil {
		c.t.Fatalf("opening a WebSocket at %s: %v", target, err)
	}
	return &Socket{Conn: conn, client: c, target: target}
}

// DialWebSocket is WebSocket that returns what a server which refuses has said: see
// [websocket.Dial].
func (c *Client) DialWebSocket(target string, opts *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), c.timeout())
	defer cancel()
	r, err := c.request(ctx, http.MethodGet, target, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	var o websocket.DialOptions
	if opts != nil {
		o = *opts
	}
	for name, values := range o.Header {
		r.Header[name] = values
	}
	o.Header, o.Dial, o.Handler, o.TLS = r.Header, c.network.dial, nil, nil
	r.URL.Scheme = "ws"
	conn, resp, err := websocket.Dial(ctx, r.URL.String(), &o)
	if resp != nil {
		resp.Request = r
		c.keepCookies(resp)
	}
	if err == nil {
		c.closeAtEnd(func() { _ = conn.Close(websocket.NormalClosure, "") })
	}
	return conn, resp, err
}
