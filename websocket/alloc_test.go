package websocket

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script is a connection whose peer says the same for ever.
type script struct {
	feed
	frame []byte
	at    int
}

func (s *script) Read(p []byte) (int, error) {
	n := copy(p, s.frame[s.at:])
	s.at = (s.at + n) % len(s.frame)
	return n, nil
}

func scripted(f frame) *Conn {
	s := &script{frame: f.bytes()}
	c := newConn(s, (&Server{Heartbeat: -1}).settings(), nil)
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c
}

// An echo costs the memory of its message and no more, and nothing at all where the
// program lends it.
func TestEchoAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	c := scripted(frame{first: fin | 1, payload: string(make([]byte, 128))})
	ctx := context.Background()
	assert.EqualValues(t, 1, testing.AllocsPerRun(1000, func() {
		m, _ := c.Read(ctx)
		_ = c.Send(m)
	}))
	buf := make([]byte, 1024)
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		m, _ := c.ReadInto(ctx, buf)
		_ = c.Send(m)
	}))
	p, err := Prepare(TextMessage("x"))
	require.NoError(t, err)
	tcp := tcpPair(t)
	c.nc = tcp
	assert.Zero(t, testing.AllocsPerRun(1000, func() { _ = c.PostPrepared(p) }), "a post that the network takes")
}

// tcpPair is a TCP connection whose other end swallows what comes.
func tcpPair(t testing.TB) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	near, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	far, err := l.Accept()
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, far)
	}()
	t.Cleanup(func() {
		_ = near.Close()
		<-done
		_ = far.Close()
	})
	return near
}
