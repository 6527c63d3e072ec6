package fanout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for what must happen; no test depends on it passing.
const patience = 20 * time.Second

// source is a log that feeds read from their own positions.
type source struct {
	mu      sync.Mutex
	batches [][]byte
	err     error
}

func (s *source) publish(batch string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, []byte(batch))
}

func (s *source) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

type feed struct {
	source   *source
	position int
}

func (f *feed) Next() ([]byte, int, error) {
	f.source.mu.Lock()
	defer f.source.mu.Unlock()
	if f.position < len(f.source.batches) {
		f.position++
		return f.source.batches[f.position-1], 1, nil
	}
	return nil, 0, f.source.err
}

func (f *feed) Behind() int64 {
	f.source.mu.Lock()
	defer f.source.mu.Unlock()
	return int64(len(f.source.batches) - f.position)
}

// transports runs one test body over each of them.
func transports(t *testing.T, body func(t *testing.T, parking Transport)) {
	for name, make := range map[string]func() Transport{
		"the system's": New,
		"lean":         func() Transport { return &Lean{} },
	} {
		t.Run(name, func(t *testing.T) {
			parking := make()
			body(t, parking)
			finished := waiting(func() { parking.Wait() })
			assert.NoError(t, finished.wait(), "the goroutines end with the last connection")
			assert.Zero(t, parking.Open())
		})
	}
}

type signal chan struct{}

func waiting(f func()) signal {
	done := make(signal)
	go func() { defer close(done); f() }()
	return done
}

func (s signal) wait() error {
	select {
	case <-s:
		return nil
	case <-time.After(patience):
		return errors.New("it did not happen in time")
	}
}

// pair is a TCP connection over loopback with small buffers.
func pair(t testing.TB) (server, client *net.TCPConn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	s, err := l.Accept()
	require.NoError(t, err)
	server, client = s.(*net.TCPConn), c.(*net.TCPConn)
	require.NoError(t, server.SetWriteBuffer(32<<10))
	require.NoError(t, client.SetReadBuffer(32<<10))
	t.Cleanup(func() { _ = client.Close() })
	return server, client
}

type parked struct {
	Parked
	ended chan End
}

func (p parked) end(t testing.TB) End {
	select {
	case end := <-p.ended:
		return end
	case <-time.After(patience):
		t.Fatal("the connection does not end")
		return End{}
	}
}

func park(t testing.TB, tr Transport, conn net.Conn, s *source, g *Group, c *Config) parked {
	ended := make(chan End, 1)
	p, err := tr.Park(conn, Parking{Config: c, Group: g, Feed: &feed{source: s}, Ended: func(e End) { ended <- e }})
	require.NoError(t, err)
	return parked{p, ended}
}

func read(t testing.TB, conn net.Conn, want string) {
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	got := make([]byte, len(want))
	_, err := io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

func TestWhatIsPublishedReachesAllOfAGroupInOrder(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		var s, other source
		var g, otherGroup Group
		s.publish("first,")
		var clients []net.Conn
		var conns []parked
		for range 5 {
			server, client := pair(t)
			conns = append(conns, park(t, tr, server, &s, &g, &Config{}))
			clients = append(clients, client)
		}
		server, elsewhere := pair(t)
		last := park(t, tr, server, &other, &otherGroup, &Config{})
		assert.Equal(t, 6, tr.Open())
		for i := range 50 {
			s.publish(fmt.Sprint(i, ","))
			g.Wake()
		}
		want := "first,"
		for i := range 50 {
			want += fmt.Sprint(i, ",")
		}
		for _, client := range clients {
			read(t, client, want)
		}
		other.publish("only here")
		otherGroup.Wake()
		read(t, elsewhere, "only here")
		for i, client := range clients {
			require.NoError(t, client.Close())
			end := conns[i].end(t)
			assert.ErrorIs(t, end.Cause, ErrGone)
			assert.EqualValues(t, 51, end.Messages)
			assert.EqualValues(t, len(want), end.Bytes)
		}
		require.NoError(t, elsewhere.Close())
		last.end(t)
	})
}

func TestAClientThatReadsSlowlyGetsEverythingInOrder(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		var s source
		var g Group
		server, client := pair(t)
		conn := park(t, tr, server, &s, &g, &Config{WriteTimeout: patience})
		var want bytes.Buffer
		for i := range 40 {
			batch := strings.Repeat(fmt.Sprintf("%04d-", i), 10_000)
			want.WriteString(batch)
			s.publish(batch)
			g.Wake()
		}
		require.NoError(t, client.SetReadDeadline(time.Now().Add(patience)))
		got := make([]byte, want.Len())
		for n := 0; n < len(got); { // in small, odd steps
			m, err := client.Read(got[n:min(n+9_973, len(got))])
			require.NoError(t, err)
			n += m
		}
		assert.True(t, bytes.Equal(want.Bytes(), got))
		require.NoError(t, client.Close())
		assert.EqualValues(t, 40, conn.end(t).Messages)
	})
}

func TestAClientThatNeverReadsIsCutAndDelaysNobody(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		var s source
		var g Group
		config := &Config{WriteTimeout: 100 * time.Millisecond}
		server, stalled := pair(t)
		slow := park(t, tr, server, &s, &g, config)
		server, client := pair(t)
		brisk := park(t, tr, server, &s, &g, config)
		batch := strings.Repeat("x", 1<<20)
		for range 8 {
			s.publish(batch)
			g.Wake()
			read(t, client, batch)
		}
		assert.ErrorIs(t, slow.end(t).Cause, ErrSlow)
		_ = stalled.Close()
		_ = client.Close()
		assert.EqualValues(t, 8, brisk.end(t).Messages)
	})
}

func TestAClientsLeavingIsNoticedAtOnce(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn) error{
		"close":      (*net.TCPConn).Close,
		"half-close": (*net.TCPConn).CloseWrite,
		"reset":      func(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			transports(t, func(t *testing.T, tr Transport) {
				server, client := pair(t)
				conn := park(t, tr, server, &source{}, &Group{}, &Config{})
				require.NoError(t, leave(client))
				assert.ErrorIs(t, conn.end(t).Cause, ErrGone)
			})
		})
	}
}

func TestWhatAClientSendsIsDiscardedWithinReason(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		var s source
		var g Group
		server, client := pair(t)
		conn := park(t, tr, server, &s, &g, &Config{})
		_, err := client.Write(make([]byte, maxGarbage/2))
		require.NoError(t, err)
		s.publish("still here")
		g.Wake()
		read(t, client, "still here")
		_, _ = client.Write(make([]byte, maxGarbage)) // it may be cut while it writes
		assert.ErrorIs(t, conn.end(t).Cause, ErrGone)
	})
}

func TestSilenceIsBridgedByThePulse(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		server, client := pair(t)
		conn := park(t, tr, server, &source{}, &Group{}, &Config{Heartbeat: 40 * time.Millisecond, Pulse: []byte("beat.")})
		read(t, client, "beat.beat.beat.")
		require.NoError(t, client.Close())
		assert.Zero(t, conn.end(t).Messages)
	})
}

func TestAConnectionEndsWithItsCauseAndAFarewell(t *testing.T) {
	failure := errors.New("fell behind")
	closed := errors.New("drained")
	for name, end := range map[string]func(s *source, g *Group, c parked) error{
		"closed":        func(_ *source, _ *Group, c parked) error { c.Close(closed); c.Close(failure); return closed },
		"a failed feed": func(s *source, g *Group, _ parked) error { s.fail(failure); g.Wake(); return failure },
	} {
		t.Run(name, func(t *testing.T) {
			transports(t, func(t *testing.T, tr Transport) {
				var s source
				var g Group
				server, client := pair(t)
				config := &Config{Farewell: func(cause error) []byte { return []byte("bye: " + cause.Error()) }}
				conn := park(t, tr, server, &s, &g, config)
				s.publish("last ")
				g.Wake()
				read(t, client, "last ")
				cause := end(&s, &g, conn)
				rest, err := io.ReadAll(client)
				require.NoError(t, err)
				assert.Equal(t, "bye: "+cause.Error(), string(rest))
				assert.Equal(t, cause, conn.end(t).Cause)
			})
		})
	}
}

func TestAConnectionEndsAtItsAge(t *testing.T) {
	aged := errors.New("aged")
	transports(t, func(t *testing.T, tr Transport) {
		server, client := pair(t)
		ended := make(chan End, 1)
		_, err := tr.Park(server, Parking{
			Config: &Config{Heartbeat: 50 * time.Millisecond, Pulse: []byte(".")}, Group: &Group{}, Feed: &feed{source: &source{}},
			Expires: time.Now().Add(30 * time.Millisecond), Expired: aged, Ended: func(e End) { ended <- e },
		})
		require.NoError(t, err)
		_, err = io.ReadAll(client)
		require.NoError(t, err)
		assert.Equal(t, aged, parked{ended: ended}.end(t).Cause)
	})
}

func TestAConnectionThatCannotBeParkedIsLeftAlone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only the epoll transport needs a descriptor")
	}
	server, client := net.Pipe()
	defer client.Close()
	_, err := New().Park(server, Parking{Config: &Config{}, Group: &Group{}})
	assert.ErrorContains(t, err, "*net.pipe has no descriptor")
	assert.NoError(t, server.Close())
}

// Clients that connect, stall, send, leave and reset at random must leave nothing
// behind, and whoever stays must get all.
func TestChurnLeavesNothingBehind(t *testing.T) {
	clients := 2000
	if testing.Short() {
		clients = 200
	}
	transports(t, func(t *testing.T, tr Transport) {
		files := openFiles(t)
		var s source
		var g Group
		config := &Config{WriteTimeout: 200 * time.Millisecond, Heartbeat: 50 * time.Millisecond, Pulse: []byte("")}
		stop := make(chan struct{})
		publisher := waiting(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					s.publish(fmt.Sprintf("%08d\n", i))
					g.Wake()
				}
			}
		})
		var all sync.WaitGroup
		slots := make(chan struct{}, 64)
		for range clients {
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				churn(t, tr, &s, &g, config)
			})
		}
		all.Wait()
		close(stop)
		require.NoError(t, publisher.wait())
		tr.Wait()
		assert.InDelta(t, files, openFiles(t), 4)
	})
}

func churn(t *testing.T, tr Transport, s *source, g *Group, config *Config) {
	server, client := pair(t)
	conn := park(t, tr, server, s, g, config)
	defer client.Close()
	switch rand.N(5) {
	case 0:
		_ = client.SetLinger(0)
	case 1:
		_, _ = client.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	case 2:
		conn.Close(errors.New("drained"))
	case 3: // reads a while, and checks the order
		want := 0
		for line := make([]byte, 9); want < 5; want++ {
			_ = client.SetReadDeadline(time.Now().Add(patience))
			_, err := io.ReadFull(client, line)
			if !assert.NoError(t, err) || !assert.Equal(t, fmt.Sprintf("%08d\n", want), string(line)) {
				break
			}
		}
	}
	_ = client.Close()
	conn.end(t)
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("counts descriptors in /proc")
	}
	require.NoError(t, err)
	return len(entries)
}

// BenchmarkDeliver writes one message to 100 connections.
func BenchmarkDeliver(b *testing.B) {
	for name, tr := range map[string]Transport{"system": New(), "lean": &Lean{}} {
		b.Run(name, func(b *testing.B) {
			var s source
			var g Group
			var drained sync.WaitGroup
			var conns []parked
			for range 100 {
				server, client := pair(b)
				_ = server.SetWriteBuffer(1 << 20)
				conns = append(conns, park(b, tr, server, &s, &g, &Config{}))
				drained.Go(func() { _, _ = io.Copy(io.Discard, client) })
			}
			batch := strings.Repeat("x", 100)
			for b.Loop() {
				s.publish(batch)
				g.Wake()
			}
			for _, c := range conns {
				c.Close(syscall.ECONNABORTED)
				c.end(b)
			}
			drained.Wait()
		})
	}
}

func TestStatusSaysHowItIsWithAConnection(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		server, client := pair(t)
		remote := client.LocalAddr().String()
		s, g := &source{}, &Group{}
		p := park(t, tr, server, s, g, &Config{})
		s.mu.Lock()
		s.batches = append(s.batches, []byte("hello"))
		s.mu.Unlock()
		g.Wake()
		_, err := io.ReadFull(client, make([]byte, 5))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return p.Status().Messages == 1 }, patience, time.Millisecond)
		status := p.Status()
		assert.Equal(t, Status{Remote: remote, Messages: 1, Bytes: 5}, status)

		s.mu.Lock()
		for range 1000 {
			s.batches = append(s.batches, make([]byte, 64<<10)) // more than the sockets hold
		}
		s.mu.Unlock()
		g.Wake()
		require.Eventually(t, func() bool { return p.Status().Blocked > 0 }, patience, time.Millisecond)
		assert.Positive(t, p.Status().Behind)
		require.NoError(t, client.Close())
		p.end(t)
		assert.NotPanics(t, func() { p.Status() }, "also when it is closed")
	})
}

func TestAClientThatIsListenedToIsAnsweredBetweenBatches(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		server, client := pair(t)
		s, g := &source{}, &Group{}
		over := errors.New("over")
		ended := make(chan End, 1)
		p, err := tr.Park(server, Parking{
			Config: &Config{Farewell: func(cause error) []byte { return []byte(cause.Error()) }},
			Group:  g, Feed: &feed{source: s}, Ended: func(e End) { ended <- e },
			Heard: func(p []byte) ([]byte, error) {
				if p[len(p)-1] == '.' {
					return []byte("bye "), over
				}
				return bytes.ToUpper(p), nil
			},
		})
		require.NoError(t, err)
		_, err = client.Write([]byte("question"))
		require.NoError(t, err)
		read(t, client, "QUESTION")
		// A client that asks without end and takes no answers costs no more than a few.
		s.mu.Lock()
		s.batches = append(s.batches, make([]byte, 4<<20))
		s.mu.Unlock()
		g.Wake()
		require.Eventually(t, func() bool { return p.Status().Blocked > 0 }, patience, time.Millisecond)
		for range 100 {
			_, err = client.Write(make([]byte, 1000))
			require.NoError(t, err)
		}
		_, err = io.ReadFull(client, make([]byte, 4<<20))
		require.NoError(t, err)
		_, err = client.Write([]byte("."))
		require.NoError(t, err)
		rest, err := io.ReadAll(client)
		require.NoError(t, err)
		assert.Less(t, len(rest), 90_000, "what was asked while nothing was taken is mostly not answered")
		assert.True(t, strings.HasSuffix(string(rest), "bye over"), "%q", rest[max(0, len(rest)-20):])
		assert.ErrorIs(t, parked{p, ended}.end(t).Cause, over)
	})
}
