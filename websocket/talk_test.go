package websocket

import (
	"context"
	"io"
	"log"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// quiet keeps the panics that tests provoke out of their output. It is the value of
// http.ServerContextKey.
var quiet = &http.Server{ErrorLog: log.New(io.Discard, "", 0)}

// echo answers each message with itself.
func echo(c *Conn) error {
	for m, err := range c.Messages() {
		if err != nil {
			return err
		}
		if err := c.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// serve makes a handler of a conversation, and gives away what becomes of it.
func serve(s *Server, run func(*Conn) error, opts ...Option) (http.Handler, <-chan Report) {
	reports := make(chan Report, 100)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, quiet))
		s.Handle(w, r, NewConversation(run, append(opts, OnEnd(func(r Report) { reports <- r }))...))
	}), reports
}

// dial connects to a handler in memory, and closes the connection with the test.
func dial(t testing.TB, h http.Handler, opts *DialOptions) *Conn {
	t.Helper()
	if opts == nil {
		opts = &DialOptions{}
	}
	opts.Handler = h
	c, _, err := Dial(t.Context(), "ws://gotham.city/chat", opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(NormalClosure, "") })
	return c
}

// read is a Read that has to succeed.
func read(t testing.TB, c *Conn) string {
	t.Helper()
	m, err := c.Read(context.Background())
	require.NoError(t, err)
	return m.Text()
}
