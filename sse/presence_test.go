package sse

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func present(h *Hub, topic string) string {
	var members []string
	for _, m := range h.Presence(topic) {
		members = append(members, fmt.Sprint(m.Name, " ", m.Connections))
	}
	return strings.Join(members, ", ")
}

// events are the joins and leaves of a topic, in order.
func joinsAndLeaves(t *testing.T, h *Hub, topic string) string {
	var events []string
	for _, m := range visit(t, h.Subscribe(topic).FromStart())[1:] {
		var who struct{ Name string }
		require.NoError(t, m.DecodeJSON(&who))
		events = append(events, strings.TrimPrefix(m.Event, "sse.")+" "+who.Name)
	}
	return strings.Join(events, ", ")
}

func TestPresenceCountsMembersAndTellsOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		assert.Equal(t, []Member{}, h.Presence("cave"))
		batman := h.Join("cave", "Batman")
		phone := h.Join("cave", "Batman")
		h.Join("cave", "")() // does nothing
		h.Join("", "Joker")()
		ctx, leave := context.WithCancel(t.Context())
		done := serving(new(Server), newScreen(), get(t).WithContext(ctx), NewStream(h.Subscribe("cave", "roof").As("Robin")))
		synctest.Wait()
		assert.Equal(t, "Batman 2, Robin 1", present(h, "cave"))
		assert.Equal(t, "Robin 1", present(h, "roof"))
		assert.Equal(t, time.Now(), h.Presence("roof")[0].Since)

		leave()
		<-done
		phone()
		phone() // once is enough
		synctest.Wait()
		assert.Equal(t, "Batman 1, Robin 1", present(h, "cave"), "Robin may come back")
		time.Sleep(DefaultPresenceGrace)
		synctest.Wait()
		assert.Equal(t, "Batman 1", present(h, "cave"))
		batman()
		time.Sleep(DefaultPresenceGrace)
		synctest.Wait()
		assert.Empty(t, h.Presence("cave"))
		events := joinsAndLeaves(t, h, "cave")
		assert.Contains(t, []string{"join Batman, join Robin, leave Robin, leave Batman", "join Robin, join Batman, leave Robin, leave Batman"}, events)
		assert.False(t, h.presence.running, "nobody is left to look after")
	})
}

func TestWhoComesBackSoonHasNotLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(PresenceGrace(time.Minute))
		for range 10 {
			leave := h.Join("cave", "Batman")
			time.Sleep(time.Second)
			leave()
			time.Sleep(59 * time.Second)
		}
		assert.Equal(t, "join Batman", joinsAndLeaves(t, h, "cave"))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, "join Batman, leave Batman", joinsAndLeaves(t, h, "cave"))
	})
}

func TestPresenceOfParkedSubscribers(t *testing.T) {
	hub := NewHub(PresenceGrace(0))
	server := &Server{}
	site := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Handle(w, r, NewStream(hub.Subscribe("cave").As("Batman")))
	}))
	c := site.get(t)
	c.hello()
	m := c.next()
	assert.Equal(t, "sse.join", m.Event)
	assert.Equal(t, "Batman 1", present(hub, "cave"))
	c.cancel()
	require.Eventually(t, func() bool { return present(hub, "cave") == "" }, patience, time.Millisecond)
	require.NoError(t, hub.Close())
}

func TestPresenceIsOneOverAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(0)
		one, two := ready(t, node(t, b)), ready(t, node(t, b))
		first := one.Join("cave", "Batman")
		synctest.Wait()
		second := two.Join("cave", "Batman")
		robin := two.Join("cave", "Robin")
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		three := ready(t, node(t, b))
		for i, h := range []*Hub{one, two, three} {
			assert.Equal(t, "Batman 2, Robin 1", present(h, "cave"), i)
			assert.Equal(t, "join Batman, join Robin", joinsAndLeaves(t, h, "cave"))
		}
		first()
		time.Sleep(2 * DefaultPresenceGrace)
		assert.Equal(t, "Batman 1, Robin 1", present(three, "cave"))
		assert.Equal(t, "join Batman, join Robin", joinsAndLeaves(t, three, "cave"))
		second()
		robin()
		time.Sleep(2 * DefaultPresenceGrace)
		assert.Empty(t, present(three, "cave"))
		events := joinsAndLeaves(t, one, "cave")
		assert.Equal(t, 1, strings.Count(events, "leave Batman"), events)
		assert.Equal(t, 1, strings.Count(events, "leave Robin"), events)
	})
}

func TestANodeThatEndsTakesItsMembersAlong(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(h *Hub, b *moody)
		wait time.Duration
	}{
		{"closed", func(h *Hub, _ *moody) { _ = h.Close() }, DefaultPresenceGrace + presenceBeat},
		{"dies", func(h *Hub, b *moody) {
			b.replace(NewMemoryBroker(0)) // nothing of it arrives any more
			h.follower.cancel(nil)
		}, presenceLimit + presenceBeat},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &moody{Broker: NewMemoryBroker(0)}
				doomed := node(t, b)
				one, two := ready(t, node(t, b.Broker)), ready(t, node(t, b.Broker))
				ready(t, doomed)
				doomed.Join("cave", "Robin")
				one.Join("cave", "Batman")
				time.Sleep(time.Second)
				synctest.Wait()
				require.Equal(t, "Batman 1, Robin 1", present(two, "cave"))
				test.end(doomed, b)
				time.Sleep(time.Second)
				assert.Equal(t, "Batman 1, Robin 1", present(two, "cave"), "it may be restarted")
				time.Sleep(test.wait)
				synctest.Wait()
				assert.Equal(t, "Batman 1", present(two, "cave"))
				assert.Equal(t, 1, strings.Count(joinsAndLeaves(t, one, "cave"), "leave Robin"))
			})
		})
	}
}

func TestANodeThatWasBelievedDeadSaysThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(0)
		one, two := ready(t, node(t, b)), ready(t, node(t, b))
		one.Join("cave", "Batman")
		two.Join("cave", "Robin")
		time.Sleep(time.Second)
		require.True(t, two.presence.publish(presenceNote{By: two.presence.node, Total: 1, Drop: one.presence.node}))
		time.Sleep(2 * presenceBeat)
		synctest.Wait()
		for _, h := range []*Hub{one, two} {
			assert.Equal(t, "Batman 1, Robin 1", present(h, "cave"))
		}
		assert.Equal(t, 2, strings.Count(joinsAndLeaves(t, one, "cave"), "join Batman"))
	})
}

func TestANodeAsksForWhatTheBrokerHasForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(20)
		one := ready(t, node(t, b))
		for i := range 450 {
			one.Join("cave", fmt.Sprint("bat ", i))
		}
		time.Sleep(time.Second)
		for range 30 {
			publish(t, one, "noise", "x")
		}
		two := ready(t, node(t, b))
		require.Empty(t, two.Presence("cave"))
		time.Sleep(2 * presenceBeat)
		synctest.Wait()
		assert.Len(t, two.Presence("cave"), 450)
	})
}

func TestPresenceOutlastsAFailingBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(0)
		m := &deaf{MemoryBroker: b}
		h := ready(t, node(t, m))
		m.fail.Store(true)
		h.Join("cave", "Batman")
		time.Sleep(time.Minute)
		assert.Empty(t, present(h, "cave"))
		m.fail.Store(false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, "Batman 1", present(h, "cave"))
		assert.Equal(t, "join Batman", joinsAndLeaves(t, h, "cave"))
	})
}

func TestReservedTopicsAreRefused(t *testing.T) {
	h := NewHub()
	_, err := h.Publish(t.Context(), "sse.presence", Text("{}"))
	assert.ErrorContains(t, err, "is reserved")
	assert.ErrorContains(t, h.Subscribe("sse.presence").err, "is reserved")
}
