package websocket

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkFrames is what an echo costs without the network.
func BenchmarkFrames(b *testing.B) {
	for _, size := range []int{16, 128, 4096, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := scripted(frame{first: fin | 1, payload: strings.Repeat("x", size)})
			buf := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				m, err := c.ReadInto(context.Background(), buf)
				if err != nil {
					b.Fatal(err)
				}
				if err := c.Send(m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEcho is a round trip over TCP, many at a time.
func BenchmarkEcho(b *testing.B) {
	h, _ := serve(&Server{}, echo)
	message := frame{first: fin | 1, payload: strings.Repeat("x", 128)}.bytes()
	b.RunParallel(func(pb *testing.PB) {
		c := rawDial(b, h)
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Time{})
		answer := make([]byte, 130)
		for pb.Next() {
			if _, err := c.Write(message); err != nil {
				b.Fatal(err)
			}
			for n := 0; n < len(answer); {
				m, err := c.r.Read(answer[n:])
				if err != nil {
					b.Fatal(err)
				}
				n += m
			}
		}
	})
}

// BenchmarkPost is a broadcast to a thousand connections.
func BenchmarkPost(b *testing.B) {
	const count = 1000
	var conns []*Conn
	for range count {
		c := scripted(frame{})
		c.nc = tcpPair(b)
		conns = append(conns, c)
	}
	data := []byte(strings.Repeat("x", 100))
	for b.Loop() {
		p, err := Prepare(Message{Text, data})
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range conns {
			_ = c.PostPrepared(p)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/delivery")
}

// BenchmarkIdle is what a conversation keeps of the machine while it waits: its own
// memory, its goroutine, its socket and what is left of the request.
func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(float64(idleBytes(b, 2000)), "B/conn")
	}
}

// TestIdleMemory holds the figure to its bound: 8 KiB, with the client's end of the
// socket in the same process.
func TestIdleMemory(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("the race detector has memory of its own")
	}
	if perConn := idleBytes(t, 1000); perConn > 8<<10 {
		t.Errorf("%d bytes for an idle conversation", perConn)
	}
}

func idleBytes(t testing.TB, count int) int {
	h, reports := serve(&Server{}, echo)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: h}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	go func() { // the reports of conversations that have ended
		for range count {
			<-reports
		}
	}()
	before := inUse()
	conns := make([]net.Conn, count)
	answer := make([]byte, 4096)
	for i := range conns {
		nc, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		_, err = nc.Write([]byte("GET / HTTP/1.1\r\nHost: gotham.city\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Origin: http://gotham.city\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
			"Cookie: session=0123456789abcdef0123456789abcdef\r\nAccept-Language: en-US,en;q=0.9\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"))
		require.NoError(t, err)
		_, err = nc.Read(answer)
		require.NoError(t, err)
		conns[i] = nc
	}
	perConn := (inUse() - before) / count
	for _, nc := range conns {
		_ = nc.Close()
	}
	_ = server.Close()
	serving.Wait()
	return perConn
}

// inUse is the memory of heap and stacks.
func inUse() int {
	debug.FreeOSMemory()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
