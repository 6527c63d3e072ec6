package fanout

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// endless is a feed that always has more, as under constant publishing.
type endless struct{}

func (endless) Next() ([]byte, int, error) { return []byte("more,"), 1, nil }
func (endless) Behind() int64              { return 0 }

// busy parks enough endless connections to keep every loop busy, and returns them.
func busy(t *testing.T, tr Transport, g *Group) (conns []parked) {
	var drained sync.WaitGroup
	var clients []net.Conn
	for range 2 * runtime.GOMAXPROCS(0) {
		server, client := pair(t)
		ended := make(chan End, 1)
		p, err := tr.Park(server, Parking{Config: &Config{}, Group: g, Feed: endless{}, Ended: func(e End) { ended <- e }})
		require.NoError(t, err)
		g.Wake()
		drained.Go(func() { _, _ = io.Copy(io.Discard, client) })
		conns, clients = append(conns, parked{p, ended}), append(clients, client)
	}
	t.Cleanup(func() {
		for _, c := range clients {
			_ = c.Close()
		}
		drained.Wait()
	})
	return conns
}

// However fast a group is published to, all else goes on.
func TestABusyGroupStarvesNobody(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		var g, other Group
		conns := busy(t, tr, &g)

		s := &source{}
		s.publish("hello,")
		config := &Config{Heartbeat: 50 * time.Millisecond, Pulse: []byte("beat,")}
		aged := errors.New("aged")
		var quiet []parked
		for range 2 * runtime.GOMAXPROCS(0) {
			server, client := pair(t)
			quiet = append(quiet, park(t, tr, server, s, &other, config))
			read(t, client, "hello,beat,")
		}
		for range runtime.GOMAXPROCS(0) {
			server, client := pair(t)
			ended := make(chan End, 1)
			_, err := tr.Park(server, Parking{
				Config: &Config{}, Group: &g, Feed: endless{},
				Expires: time.Now().Add(20 * time.Millisecond), Expired: aged, Ended: func(e End) { ended <- e },
			})
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, client)
			assert.Equal(t, aged, parked{ended: ended}.end(t).Cause)
		}
		drained := errors.New("drained")
		for _, c := range append(conns, quiet...) {
			c.Close(drained)
			assert.Equal(t, drained, c.end(t).Cause)
		}
	})
}

// Whoever is told of an end may take his time.
func TestNobodyWaitsForWhoIsToldOfAnEnd(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		var s source
		var g Group
		told, hold := make(chan struct{}, 100), make(chan struct{})
		var leaving []Parked
		for range 2 * runtime.GOMAXPROCS(0) { // on every loop
			server, _ := pair(t)
			p, err := tr.Park(server, Parking{
				Config: &Config{}, Group: &g, Feed: &feed{source: &s}, Ended: func(End) { told <- struct{}{}; <-hold },
			})
			require.NoError(t, err)
			leaving = append(leaving, p)
		}
		server, client := pair(t)
		conn := park(t, tr, server, &s, &g, &Config{})
		for _, p := range leaving {
			p.Close(errors.New("drained"))
		}
		for range runtime.GOMAXPROCS(0) { // one from every loop
			<-told
		}
		s.publish("for who stays")
		g.Wake()
		read(t, client, "for who stays")
		close(hold)
		require.NoError(t, client.Close())
		conn.end(t)
	})
}

func TestAStalledConnectionWithoutATimeoutCanBeClosed(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		var s source
		var g Group
		server, _ := pair(t)
		conn := park(t, tr, server, &s, &g, &Config{Farewell: func(error) []byte { return []byte("bye") }})
		s.publish(strings.Repeat("x", 8<<20))
		g.Wake()
		drained := errors.New("drained")
		conn.Close(drained)
		end := conn.end(t)
		assert.Equal(t, drained, end.Cause)
		assert.Zero(t, end.Messages)
	})
}

// counted is a connection of a program that wants to know what is written to it.
type counted struct{ *net.TCPConn }

func TestAWrappedConnectionIsNotBypassed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only the epoll transport needs a descriptor")
	}
	server, _ := pair(t)
	_, err := New().Park(counted{server}, Parking{Config: &Config{}, Group: &Group{}})
	assert.ErrorContains(t, err, "fanout.counted has no descriptor of its own")
	assert.NoError(t, server.Close())
}

func TestAConnectionNeverOutlivesItsAge(t *testing.T) {
	aged := errors.New("aged")
	transports(t, func(t *testing.T, tr Transport) {
		server, client := pair(t)
		ended := make(chan End, 1)
		begin := time.Now()
		_, err := tr.Park(server, Parking{
			Config: &Config{}, Group: &Group{}, Feed: &feed{source: &source{}}, // nothing else sets the loop's pace
			Expires: begin.Add(320 * time.Millisecond), Expired: aged, Ended: func(e End) { ended <- e },
		})
		require.NoError(t, err)
		_, err = io.ReadAll(client)
		require.NoError(t, err)
		assert.Equal(t, aged, parked{ended: ended}.end(t).Cause)
		assert.GreaterOrEqual(t, time.Since(begin), 300*time.Millisecond)
		assert.Less(t, time.Since(begin), 900*time.Millisecond, "the default pace would be seconds")
	})
}
