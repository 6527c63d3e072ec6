package websocket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// envelope reads the next envelope.
func envelope(t testing.TB, c *Conn) Envelope {
	t.Helper()
	var e Envelope
	require.NoError(t, json.Unmarshal([]byte(read(t, c)), &e))
	return e
}

// member joins the room that the path names, and broadcasts what its client says.
func member(hub *sse.Hub) func(*Conn) error {
	return func(c *Conn) error {
		room, err := c.JoinAs(hub, strings.Trim(c.Request().URL.Path, "/"), c.Request().URL.Query().Get("name"))
		if err != nil {
			return err
		}
		for m, err := range c.Messages() {
			if err != nil {
				return err
			}
			if err := room.Broadcast(m); err != nil {
				return err
			}
		}
		return nil
	}
}

func enter(t testing.TB, h http.Handler, url string, opts ...func(*DialOptions)) *Conn {
	t.Helper()
	options := &DialOptions{Handler: h}
	for _, opt := range opts {
		opt(options)
	}
	c, _, err := Dial(t.Context(), "ws://gotham.city"+url, options)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(NormalClosure, "") })
	return c
}

func TestAConversationInARoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub()
		server := &Server{}
		h, reports := serve(server, member(hub))
		batman, robin := enter(t, h, "/cave"), enter(t, h, "/cave")
		elsewhere := enter(t, h, "/roof")
		for _, c := range []*Conn{batman, robin, elsewhere} {
			hello := envelope(t, c)
			assert.Equal(t, "sse.hello", hello.Event)
			assert.NotEmpty(t, hello.ID)
		}
		require.NoError(t, batman.SendText("to the batmobile"))
		require.NoError(t, robin.SendText(`{"holy":"smoke"}`))
		for _, c := range []*Conn{batman, robin} {
			got := map[string]string{}
			for range 2 {
				e := envelope(t, c)
				assert.Equal(t, "cave", e.Topic)
				got[string(e.Data)] = e.ID
			}
			assert.Contains(t, got, `"to the batmobile"`)
			assert.Contains(t, got, `{"holy":"smoke"}`)
		}
		// Who is sent events gets the same messages, with the same positions.
		var events []sse.Message
		for m, err := range hub.Subscribe("cave").FromStart().Messages(t.Context()) {
			require.NoError(t, err)
			if events = append(events, m); len(events) == 2 {
				break
			}
		}
		for _, c := range []*Conn{batman, robin, elsewhere} {
			require.NoError(t, c.Close(NormalClosure, ""))
			report := <-reports
			assert.Equal(t, Closed, report.Reason)
		}
		synctest.Wait() // a conversation is taken off the register behind its report
		assert.Zero(t, hub.Subscribers())
		assert.Zero(t, server.Open())

		back := enter(t, h, "/cave?last_event_id="+events[0].ID)
		e := envelope(t, back)
		assert.Equal(t, events[1].ID, e.ID, "only what was missed, and no greeting")
		require.NoError(t, back.Close(NormalClosure, ""))
		lost := enter(t, h, "/cave?last_event_id=of.9")
		e = envelope(t, lost)
		assert.Equal(t, "sse.gap", e.Event)
		assert.JSONEq(t, `{"reason":"epoch","from":"of.9"}`, string(e.Data))
		require.NoError(t, lost.Close(NormalClosure, ""))
		require.NoError(t, hub.Close())
	})
}

func TestPresenceInARoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(sse.PresenceGrace(0))
		h, _ := serve(&Server{}, member(hub))
		batman := enter(t, h, "/cave?name=Batman")
		assert.Equal(t, "sse.hello", envelope(t, batman).Event)
		join := envelope(t, batman)
		assert.Equal(t, "sse.join", join.Event)
		assert.JSONEq(t, `{"name":"Batman"}`, string(join.Data))
		robin := enter(t, h, "/cave?name=Robin")
		assert.JSONEq(t, `{"name":"Robin"}`, string(envelope(t, batman).Data))
		assert.Len(t, hub.Presence("cave"), 2)
		require.NoError(t, robin.Close(NormalClosure, ""))
		assert.Equal(t, "sse.leave", envelope(t, batman).Event)
		require.NoError(t, batman.Close(NormalClosure, ""))
		synctest.Wait()
		assert.Empty(t, hub.Presence("cave"))
		require.NoError(t, hub.Close())
	})
}

func TestLeavingARoomAndJoiningSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub()
		var two, one *Room
		joined := make(chan struct{})
		h, _ := serve(&Server{}, func(c *Conn) (err error) {
			if two, err = c.Follow(hub.Subscribe("b", "a").FromStart(), ""); err != nil {
				return err
			}
			assert.Equal(t, "a", two.Topic())
			if one, err = c.Reachable(hub); err != nil {
				return err
			}
			close(joined)
			_, err = c.Read(c.Context())
			return err
		})
		c := enter(t, h, "/")
		<-joined
		var hellos int
		for range 2 {
			if envelope(t, c).Event == "sse.hello" {
				hellos++
			}
		}
		assert.Equal(t, 2, hellos)
		publish := func(topic, data string) {
			_, err := hub.Publish(t.Context(), topic, sse.Text(data))
			require.NoError(t, err)
			synctest.Wait()
		}
		publish("a", "1")
		publish("b", "2")
		require.NoError(t, two.BroadcastJSON("state", []string(nil)))
		synctest.Wait()
		for _, want := range []string{"a: 1", "b: 2", "a:state []", Inbox(one.conn.ID()) + ": for you alone"} {
			if strings.HasPrefix(want, "inbox") { // one room knows nothing of the order in another
				require.NoError(t, Direct(t.Context(), hub, one.conn.ID(), sse.Text("for you alone")))
			}
			e := envelope(t, c)
			assert.Equal(t, want, e.Topic+":"+e.Event+" "+e.Text())
		}
		two.Leave()
		two.Leave()
		publish("a", "not for us")
		require.NoError(t, Direct(t.Context(), hub, one.conn.ID(), sse.Text("still here")))
		assert.Equal(t, "still here", envelope(t, c).Text())
		require.NoError(t, c.Close(NormalClosure, ""))
		synctest.Wait()
		assert.Zero(t, hub.Subscribers())
	})
}

func TestARoomThatCannotBeJoined(t *testing.T) {
	refused := errors.New("badge, please")
	hub := sse.NewHub(sse.Authorize(func(_ context.Context, topic string) error {
		if topic == "secret" {
			return refused
		}
		return nil
	}))
	errs := make(chan error, 10)
	h, _ := serve(&Server{}, func(c *Conn) error {
		for _, topic := range []string{"", "sse.presence", "secret"} {
			_, err := c.Join(hub, topic)
			errs <- err
		}
		room, err := c.Join(hub, "cave")
		require.NoError(t, err)
		errs <- room.Broadcast(BinaryMessage([]byte{1}))
		errs <- room.BroadcastJSON("", func() {})
		errs <- room.Publish(sse.Text("x").WithEvent("a\nb"))
		require.NoError(t, hub.Close())
		_, err = c.Join(hub, "cave")
		errs <- err
		return nil
	})
	c := enter(t, h, "/")
	for _, want := range []string{"is empty", "is reserved", "badge, please", "text messages only", "encoding a message", "line break", "hub is closed"} {
		err := <-errs
		require.Error(t, err)
		assert.Contains(t, err.Error(), want)
	}
	_, err := c.Join(sse.NewHub(), "cave")
	assert.ErrorIs(t, err, errDialed)
	for {
		if _, err = c.Read(t.Context()); err != nil {
			break
		}
	}
	end, _ := errors.AsType[*CloseError](err)
	assert.Contains(t, []Code{GoingAway, NormalClosure}, end.Code)
}

func TestWhoFallsBehindInARoomIsToComeBack(t *testing.T) {
	hub := sse.NewHub(sse.Retain(50, 0, 0))
	h, reports := serve(&Server{}, member(hub))
	site := httptest.NewServer(h)
	defer site.Close()
	slow, _, err := Dial(t.Context(), site.URL+"/cave", nil)
	require.NoError(t, err)
	fast, _, err := Dial(t.Context(), site.URL+"/cave", nil)
	require.NoError(t, err)
	assert.Equal(t, "sse.hello", envelope(t, fast).Event)
	await(t, func() bool { return hub.Subscribers() == 2 })
	large := strings.Repeat("x", 64<<10)
	for range 300 { // more than the sockets hold
		ack, err := hub.Publish(t.Context(), "cave", sse.Text(large))
		require.NoError(t, err)
		require.Equal(t, ack.Cursor.String(), envelope(t, fast).ID, "the others get all")
	}
	for err = nil; err == nil; {
		_, err = slow.Read(t.Context())
	}
	end, ok := errors.AsType[*CloseError](err)
	require.True(t, ok)
	assert.Equal(t, TryAgainLater, end.Code, "it is to come back with the last id it saw")
	report := <-reports
	assert.Equal(t, Slow, report.Reason)
	assert.Equal(t, TryAgainLater, report.Code)
	_ = fast.Close(NormalClosure, "")
	<-reports
	require.NoError(t, hub.Close())
}

// await polls, for what happens on the network.
func await(t testing.TB, ready func() bool) {
	t.Helper()
	require.Eventually(t, ready, 20*time.Second, 100*time.Microsecond)
}

// A crowd of which everybody talks, with clients that come and go: everybody gets all,
// once, in one order, also between fragments and answers of the conversations' own.
func TestARoomIsOneOrderForAll(t *testing.T) {
	hub := sse.NewHub()
	h, _ := serve(&Server{Compression: true}, func(c *Conn) error {
		room, err := c.Join(hub, "cave")
		if err != nil {
			return err
		}
		for m, err := range c.Messages() {
			if err != nil {
				return err
			}
			if strings.HasPrefix(m.Text(), "fragments") {
				w, err := c.Writer(Text)
				if err != nil {
					return err
				}
				for range 3 {
					if _, err := fmt.Fprint(w, strings.Repeat("f", 700)); err != nil {
						return err
					}
				}
				if err := w.Close(); err != nil {
					return err
				}
			}
			if err := room.Broadcast(m); err != nil {
				return err
			}
		}
		return nil
	})
	site := httptest.NewServer(h)
	defer site.Close()
	const clients, each = 12, 200
	orders := make([][]string, clients)
	var running sync.WaitGroup
	var joined sync.WaitGroup
	joined.Add(clients)
	for i := range clients {
		running.Go(func() {
			c, _, err := Dial(t.Context(), site.URL+"/cave", &DialOptions{Compression: i%2 == 0})
			if !assert.NoError(t, err) {
				joined.Done()
				return
			}
			defer c.Close(NormalClosure, "")
			m, err := c.Read(t.Context())
			joined.Done()
			if !assert.NoError(t, err) || !assert.Contains(t, m.Text(), "sse.hello") {
				return
			}
			joined.Wait()
			var sending sync.WaitGroup
			sending.Go(func() {
				for n := range each {
					text := fmt.Sprintf("client %d says %d %s", i, n, strings.Repeat("z", n*5))
					if n%50 == 0 {
						text = fmt.Sprintf("fragments of %d, %d", i, n)
					}
					if !assert.NoError(t, c.SendText(text)) {
						return
					}
				}
			})
			for len(orders[i]) < clients*each {
				m, err := c.Read(t.Context())
				if !assert.NoError(t, err) {
					break
				}
				if strings.HasPrefix(m.Text(), "ffff") {
					assert.Len(t, m.Data, 2100)
					continue
				}
				var e Envelope
				if !assert.NoError(t, json.Unmarshal(m.Data, &e)) {
					break
				}
				orders[i] = append(orders[i], e.ID)
			}
			sending.Wait()
		})
	}
	running.Wait()
	for i := range orders {
		require.Len(t, orders[i], clients*each)
		require.Equal(t, orders[0], orders[i])
	}
	await(t, func() bool { return hub.Subscribers() == 0 })
	require.NoError(t, hub.Close())
}

// What is published while the line is in use goes out when it is free again, though
// nothing else is published then.
func TestARoomThatFoundTheLineBusyIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub()
		h, _ := serve(&Server{}, func(c *Conn) error {
			if _, err := c.Join(hub, "cave"); err != nil {
				return err
			}
			synctest.Wait() // the greeting is out
			w, err := c.Writer(Text)
			if err != nil {
				return err
			}
			if _, err := w.Write([]byte("a long ")); err != nil {
				return err
			}
			if _, err := hub.Publish(c.Context(), "cave", sse.Text("meanwhile")); err != nil {
				return err
			}
			synctest.Wait()
			if _, err := w.Write([]byte("message")); err != nil {
				return err
			}
			if err := w.Close(); err != nil {
				return err
			}
			_, err = c.Read(c.Context())
			return err
		})
		c := enter(t, h, "/")
		assert.Equal(t, "sse.hello", envelope(t, c).Event)
		assert.Equal(t, "a long message", read(t, c))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		m, err := c.Read(ctx)
		require.NoError(t, err)
		assert.Contains(t, m.Text(), "meanwhile")
		require.NoError(t, c.Close(NormalClosure, ""))
		require.NoError(t, hub.Close())
	})
}
