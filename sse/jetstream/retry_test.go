package jetstream

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// proxy stands between a broker and its server. It can keep to itself what the server
// says, and cut the connections.
type proxy struct {
	listener net.Listener
	server   string
	mute     atomic.Bool
	work     sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func startProxy(t *testing.T, server string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l, server: server}
	p.work.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		p.work.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.work.Go(func() { _, _ = io.Copy(server, client) })
		p.work.Go(func() { _, _ = io.Copy(muffled{client, p}, server) })
	}
}

// cut ends all connections, and lets the next ones speak.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
	p.mute.Store(false)
}

type muffled struct {
	net.Conn
	proxy *proxy
}

func (m muffled) Write(b []byte) (int, error) {
	if m.proxy.mute.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

// ReadFrom is hidden, which would go past Write.
func (m muffled) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{m}, r)
}

// The server has stored the message, but the connection is lost before it can say so.
// The next attempt finds it there.
func TestAcknowledgementGetsLost(t *testing.T) {
	t.Parallel()
	srv := startNATS(t)
	opts := newStream()
	p := startProxy(t, srv.Addr().String())
	b, witness := open(t, "nats://"+p.listener.Addr().String(), opts...), open(t, srv.ClientURL(), opts...)
	entries, _ := follow(t, witness, 0)
	for name, m := range map[string]sse.Message{
		"without a key": sse.Text("x"),
		"with a key":    sse.Text("x").WithID("key"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.State(patient(t)) // so that Publish need not ask
			require.NoError(t, err)
			p.mute.Store(true)
			published := make(chan sse.Ack, 1)
			go func() {
				ack, err := b.Publish(patient(t), "crimes", m)
				assert.NoError(t, err)
				published <- ack
			}()
			stored := next(t, entries).Cursor
			p.cut()
			ack := <-published
			assert.Equal(t, sse.Ack{Cursor: stored}, ack, "it is no duplicate of itself")
			// What comes next shows that nothing was stored twice.
			assert.Equal(t, publish(t, witness, "crimes", "y"), next(t, entries).Cursor)
			state, err := witness.State(patient(t))
			require.NoError(t, err)
			assert.Equal(t, stored.Sequence()+1, state.Last)
		})
	}
}

// What gets lost on the way, on a connection that stays, is noticed by the numbers of
// what comes next, or by the silence.
func TestMessageGetsLost(t *testing.T) {
	t.Parallel()
	srv := startNATS(t)
	opts := newStream()
	p := startProxy(t, srv.Addr().String())
	b, witness := open(t, "nats://"+p.listener.Addr().String(), opts...), open(t, srv.ClientURL(), opts...)
	entries, _ := follow(t, b, 0)
	assert.Equal(t, publish(t, witness, "crimes", "x"), next(t, entries).Cursor)
	p.mute.Store(true)
	lost := publish(t, witness, "crimes", "never got through")
	p.mute.Store(false)
	assert.Equal(t, lost, next(t, entries).Cursor)
}
