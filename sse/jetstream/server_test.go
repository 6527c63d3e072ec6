package jetstream

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redstart-go/redstart/sse"
)

func TestMain(m *testing.M) {
	if dir, ok := os.LookupEnv(childVariable); ok {
		childMain(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// testServer is a NATS server in the test's process.
type testServer struct {
	*server.Server
	change []func(*server.Options)
}

// startNATS runs a server for the test. Changes are made to its options before.
func startNATS(t testing.TB, change ...func(*server.Options)) *testServer {
	t.Helper()
	opts := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		JetStream: true, MaxPayload: 8 << 20,
		// What streams may keep is set apart when they are made. How much this machine
		// has to spare is none of the tests' business.
		JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 1 << 40,
	}
	for _, f := range change {
		f(opts)
	}
	if opts.StoreDir == "" {
		opts.StoreDir = t.TempDir()
	}
	srv, err := server.NewServer(opts)
	require.NoError(t, err)
	srv.Start()
	s := &testServer{Server: srv}
	t.Cleanup(s.stop)
	require.True(t, srv.ReadyForConnections(10*time.Second), "the server does not start")
	port, dir := srv.Addr().(*net.TCPAddr).Port, opts.StoreDir
	s.change = append(change[:len(change):len(change)], func(o *server.Options) { o.Port, o.StoreDir = port, dir })
	return s
}

func (s *testServer) stop() {
	s.Shutdown()
	s.WaitForShutdown()
}

// restart runs a server with the address and the directory of one that was stopped.
func (s *testServer) restart(t testing.TB) *testServer {
	t.Helper()
	return startNATS(t, s.change...)
}

// streams numbers the streams of the tests.
var streams atomic.Int64

// newStream returns options for a stream that no other test has.
func newStream() []Option {
	n := streams.Add(1)
	return []Option{Stream(fmt.Sprint("TEST-", n)), Prefix(fmt.Sprint("test.", n))}
}

func open(t testing.TB, url string, opts ...Option) *Broker {
	t.Helper()
	b, err := Connect(patient(t), url, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func publish(t testing.TB, b *Broker, topic, data string) sse.Cursor {
	t.Helper()
	ack, err := b.Publish(patient(t), topic, sse.Text(data))
	require.NoError(t, err)
	return ack.Cursor
}

// follow tails the broker until the test ends. The channel with the error is closed
// with the Tail.
func follow(t testing.TB, b *Broker, after uint64) (<-chan sse.Entry, <-chan error) {
	entries, ended := make(chan sse.Entry, 1<<17), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		ended <- b.Tail(ctx, after, func(e sse.Entry) { entries <- e })
	}()
	t.Cleanup(func() {
		cancel()
		for range ended {
		}
	})
	return entries, ended
}

func next(t testing.TB, entries <-chan sse.Entry) sse.Entry {
	t.Helper()
	select {
	case e := <-entries:
		return e
	case <-patient(t).Done():
		require.FailNow(t, "Tail delivers nothing")
	}
	return sse.Entry{}
}

// cut ends the broker's connection from the server's side.
func cut(t testing.TB, srv *testServer, b *Broker) {
	t.Helper()
	id, err := b.nc.GetClientID()
	if err == nil {
		_ = srv.DisconnectClientByID(id) // it may be gone already
	}
}

// awaitHealth waits until the broker is healthy, or is not, and returns what it says.
func awaitHealth(t testing.TB, b *Broker, want bool) error {
	t.Helper()
	for ctx := patient(t); ; runtime.Gosched() {
		err := b.Healthy()
		if (err == nil) == want {
			return err
		}
		require.NoError(t, ctx.Err(), "waiting for Healthy")
	}
}

func inDir(dir string) func(*server.Options) {
	return func(o *server.Options) { o.StoreDir = dir }
}
