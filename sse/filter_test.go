package sse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFilterLeavesOutWhatItIsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		for i := range 1000 {
			_, err := h.Publish(t.Context(), []string{"a", "b", "c"}[i%3], Text(fmt.Sprintf("%d\nsecond line", i)).WithEvent("tick"))
			require.NoError(t, err)
		}
		var topics []string
		got := visit(t, h.Subscribe("a", "b").FromStart().Filter(func(topic string, m Message) bool {
			assert.Equal(t, "tick", m.Event)
			assert.NotEmpty(t, m.ID)
			keep := strings.HasPrefix(m.Data, "33") && strings.HasSuffix(m.Data, "\nsecond line")
			if keep {
				topics = append(topics, topic)
			}
			return keep
		}))
		assert.Equal(t, []string{"sse.hello", "tick 33\nsecond line", "tick 330\nsecond line", "tick 331\nsecond line", "tick 333\nsecond line", "tick 334\nsecond line", "tick 336\nsecond line", "tick 337\nsecond line", "tick 339\nsecond line"}, names(got))
		assert.Equal(t, []string{"a", "a", "b", "a", "b", "a", "b", "a"}, topics)
	})
}

func TestFilterOverAllTransports(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			hub := NewHub()
			server := &Server{Transport: transport}
			site := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				want := r.URL.Query().Get("want")
				server.Handle(w, r, NewStream(hub.Subscribe("a").Filter(func(_ string, m Message) bool { return m.Data == want || m.Data == "all" })))
			}))
			odd, even, all := site.path("?want=odd").get(t), site.path("?want=even").get(t), site.path("?want=all").get(t)
			for _, c := range []*conversation{odd, even, all} {
				c.hello()
			}
			for _, data := range []string{"odd", "even", "even", "odd", "all"} {
				publish(t, hub, "a", data)
			}
			for c, want := range map[*conversation][]string{odd: {"odd", "odd", "all"}, even: {"even", "even", "all"}, all: {"all"}} {
				for _, data := range want {
					assert.Equal(t, data, c.next().Data)
				}
			}
			require.NoError(t, hub.Close())
		})
	}
}

func TestAFilterThatKeepsNothingStillMovesThePosition(t *testing.T) {
	h := NewHub(Retain(100, 0, 0), OnLag(LagSkip))
	sub, err := h.Subscribe("busy").Filter(func(string, Message) bool { return false }).attach(start{}, false)
	require.NoError(t, err)
	defer sub.detach()
	frames, n := sub.fill(nil)
	require.Equal(t, 1, n)
	last := frameMessage(frames).ID // of the greeting
	for i := range 1000 {
		publish(t, h, "busy", "x")
		if frames, n = sub.fill(nil); n > 0 {
			m := frameMessage(frames)
			require.Equal(t, "sse.hello", m.Event)
			last = m.ID
		}
		_, reason := h.locateLocked(Cursor{}, last, h.topics["busy"].evicted)
		require.Empty(t, reason, "after %d messages the client could not resume without a gap", i)
	}
}

func TestAFilterThatPanicsFailsTheStream(t *testing.T) {
	for _, transport := range []Transport{Auto, Portable} {
		t.Run(fmt.Sprint(transport), func(t *testing.T) {
			hub := NewHub()
			reports := make(chan Report, 1)
			server := &Server{Transport: transport}
			site := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sub := hub.Subscribe("a").Filter(func(string, Message) bool { panic("what is this?") })
				server.Handle(w, r, NewStream(sub, OnEnd(func(r Report) { reports <- r })))
			}))
			c := site.get(t)
			c.hello()
			publish(t, hub, "a", "x")
			m, err := c.reader.Next()
			require.NoError(t, err)
			assert.Equal(t, "error", m.Event)
			_, err = c.reader.Next()
			require.Error(t, err)
			assert.NotErrorIs(t, err, errors.ErrUnsupported)
			report := <-reports
			assert.Equal(t, Panicked, report.Reason)
			assert.ErrorContains(t, report.Err, "what is this?")
			require.NoError(t, hub.Close())
		})
	}
}

type refusal int

func (r refusal) Error() string   { return "badge, please" }
func (r refusal) StatusCode() int { return int(r) }

func TestAuthorizeIsAskedForEachTopicOnEachConnect(t *testing.T) {
	type key struct{}
	var asked []string
	hub := NewHub(Authorize(func(ctx context.Context, topic string) error {
		asked = append(asked, topic)
		if topic == "secret" && ctx.Value(key{}) != "batman" {
			return refusal(401)
		}
		if topic == "never" {
			return errors.New("nobody")
		}
		return nil
	}))
	serve := func(who, id string, topics ...string) (*screen, Report) {
		r := get(t)
		ctx, cancel := context.WithCancel(context.WithValue(r.Context(), key{}, who))
		cancel()
		r = r.WithContext(ctx)
		r.Header.Set("Last-Event-ID", id)
		w := newScreen()
		return w, new(Server).Serve(w, r, NewStream(hub.Subscribe(topics...)))
	}
	_, report := serve("robin", hub.Cursor().String(), "open", "secret")
	assert.False(t, report.Committed)
	assert.ErrorIs(t, report.Err, refusal(401))
	assert.ErrorContains(t, report.Err, `topic "secret": badge, please`)
	coded, _ := errors.AsType[interface {
		error
		StatusCode() int
	}](report.Err)
	assert.Equal(t, 401, coded.StatusCode())
	_, report = serve("batman", "", "open", "secret")
	assert.Equal(t, ClientGone, report.Reason, "it was let in")
	_, report = serve("batman", "", "never")
	coded, _ = errors.AsType[interface {
		error
		StatusCode() int
	}](report.Err)
	assert.Equal(t, 403, coded.StatusCode())
	assert.Equal(t, []string{"open", "secret", "open", "secret", "never"}, asked)
}
