package sse

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// publish publishes, and returns the message's id.
func publish(t *testing.T, h *Hub, topic, data string) string {
	t.Helper()
	ack, err := h.Publish(t.Context(), topic, Text(data))
	require.NoError(t, err)
	return ack.Cursor.String()
}

// visit serves the subscription to a client until it has nothing more to get.
// It has to be called in a bubble.
func visit(t *testing.T, s *Subscription, header ...string) []Message {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	r := get(t).WithContext(ctx)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := newScreen()
	done := serving(new(Server), w, r, NewStream(s, Heartbeat(0)))
	leave()
	<-done
	return w.messages(t)
}

func names(messages []Message) (names []string) {
	for _, m := range messages {
		names = append(names, strings.TrimSpace(m.Event+" "+m.Data))
	}
	return names
}

func TestSubscriberGetsWhatIsPublishedInOrderAcrossTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		w := newScreen()
		ctx, leave := context.WithCancel(t.Context())
		publish(t, h, "a", "before")
		done := serving(new(Server), w, get(t).WithContext(ctx), NewStream(h.Subscribe("a", "b", "a")))
		assert.Equal(t, 1, h.Subscribers())
		var ids []string
		for i := range 300 {
			ids = append(ids, publish(t, h, []string{"a", "b", "other"}[i%3], strconv.Itoa(i)))
			if i%7 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		leave()
		report := <-done
		assert.Zero(t, h.Subscribers())
		messages := w.messages(t)
		require.Len(t, messages, 201)
		assert.EqualValues(t, 201, report.Events)
		assert.Equal(t, "sse.hello", messages[0].Event)
		for i, m := range messages[1:] {
			n := i/2*3 + i%2
			assert.Equal(t, Message{Data: strconv.Itoa(n), ID: ids[n]}, m)
		}
	})
}

func TestAckHoldsTheMessagesID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		ack, err := h.Publish(t.Context(), "x", Text("one"))
		require.NoError(t, err)
		assert.Equal(t, ack.Cursor, h.Cursor())
		messages := visit(t, h.Subscribe("x").FromStart())
		assert.Equal(t, ack.Cursor.String(), messages[1].ID)
	})
}

func TestIdempotencyKeyIsPublishedOnceWhileRetained(t *testing.T) {
	h := NewHub(Retain(2, 0, 0))
	first, err := h.Publish(t.Context(), "x", Text("paid").WithID("order-7"))
	require.NoError(t, err)
	assert.False(t, first.Duplicate)
	again, err := h.Publish(t.Context(), "another topic", Text("paid again").WithID("order-7"))
	require.NoError(t, err)
	assert.Equal(t, Ack{Cursor: first.Cursor, Duplicate: true}, again)
	assert.Equal(t, 1, h.records)
	assert.Len(t, h.topics, 1)
	publish(t, h, "x", "2")
	publish(t, h, "x", "3")
	late, err := h.Publish(t.Context(), "x", Text("paid").WithID("order-7"))
	require.NoError(t, err)
	assert.False(t, late.Duplicate, "it was forgotten with the message")
}

func TestRefusedPublishLeavesNothing(t *testing.T) {
	cause := errors.New("the request is over")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	closed := NewHub()
	require.NoError(t, closed.Close())
	open := NewHub()
	for _, tc := range []struct {
		name  string
		hub   *Hub
		ctx   context.Context
		topic string
		m     Message
		check func(error) bool
	}{
		{"malformed", open, t.Context(), "crimes", Text("x").WithEvent("a\nb"), func(err error) bool {
			var field *FieldError
			return errors.As(err, &field) && strings.Contains(err.Error(), `"crimes"`)
		}},
		{"key that is no id", open, t.Context(), "crimes", Text("x").WithID("a\x00"), func(err error) bool {
			var field *FieldError
			return errors.As(err, &field)
		}},
		{"not JSON", open, t.Context(), "crimes", JSON(func() {}), func(err error) bool { return err != nil }},
		{"context ended", open, ended, "crimes", Text("x"), func(err error) bool { return errors.Is(err, cause) }},
		{"closed", closed, t.Context(), "crimes", Text("x"), func(err error) bool { return errors.Is(err, ErrHubClosed) }},
		{"no topic", open, t.Context(), "", Text("x"), isTopicError},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := tc.hub.Cursor()
			ack, err := tc.hub.Publish(tc.ctx, tc.topic, tc.m)
			assert.True(t, tc.check(err), "%v", err)
			assert.Zero(t, ack)
			assert.Equal(t, before, tc.hub.Cursor())
			assert.Empty(t, tc.hub.topics)
			assert.Empty(t, tc.hub.keys)
			assert.Zero(t, tc.hub.records)
		})
	}
}

func isTopicError(err error) bool {
	var topic *TopicError
	return errors.As(err, &topic) && topic.StatusCode() == http.StatusBadRequest
}

func TestTopicNamesAreChecked(t *testing.T) {
	for _, tc := range []struct {
		name, topic string
		ok          bool
	}{
		{"plain", "crimes", true},
		{"path", "districts/3/crimes", true},
		{"Chinese", "警报", true},
		{"longest", strings.Repeat("x", 255), true},
		{"empty", "", false},
		{"too long", strings.Repeat("x", 256), false},
		{"too long, cut within a character", strings.Repeat("警", 100), false},
		{"line break", "a\nb", false},
		{"delete", "a\x7f", false},
		{"not UTF-8", "\xff", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := NewHub()
			_, err := h.Publish(t.Context(), tc.topic, Text("x"))
			assert.Equal(t, tc.ok, err == nil)
			w, report := show(t, &Server{MaxAge: 1}, NewStream(h.Subscribe("fine", tc.topic)))
			if !tc.ok {
				assert.True(t, isTopicError(err), "%v", err)
				assert.True(t, isTopicError(report.Err), "before the first byte")
				assert.False(t, report.Committed)
				assert.Empty(t, w.text())
			}
		})
	}
	_, report := show(t, new(Server), NewStream(NewHub().Subscribe()))
	assert.True(t, isTopicError(report.Err))
	assert.ErrorContains(t, report.Err, "at least one")
}

func TestPublishWaitsForNoSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		stalled := newScreen()
		release := make(chan struct{})
		stalled.onWrite = func([]byte) error { <-release; return nil }
		ctx, leave := context.WithCancel(t.Context())
		stuck := serving(new(Server), stalled, get(t).WithContext(ctx), NewStream(h.Subscribe("x"), WriteTimeout(0)))
		var screens []*screen
		var reports []<-chan Report
		for range 49 {
			w := newScreen()
			screens = append(screens, w)
			reports = append(reports, serving(new(Server), w, get(t).WithContext(ctx), NewStream(h.Subscribe("x"))))
		}
		begin := time.Now()
		for i := range 2000 {
			publish(t, h, "x", strconv.Itoa(i))
		}
		synctest.Wait() // all who can be are done
		for _, w := range screens {
			messages := w.messages(t)
			require.Len(t, messages, 2001)
			assert.Equal(t, "1999", messages[2000].Data)
		}
		assert.Empty(t, stalled.text())
		assert.Zero(t, time.Since(begin))
		leave()
		for _, r := range reports {
			<-r
		}
		close(release)
		<-stuck
	})
}

func TestStalledSubscriberLosesNothingThatIsRetained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		w := newScreen()
		release := make(chan struct{})
		w.onWrite = func([]byte) error { <-release; return nil }
		ctx, leave := context.WithCancel(t.Context())
		done := serving(new(Server), w, get(t).WithContext(ctx), NewStream(h.Subscribe("x"), WriteTimeout(0)))
		for i := range 5000 {
			publish(t, h, "x", strconv.Itoa(i))
		}
		close(release)
		synctest.Wait()
		leave()
		<-done
		assert.Len(t, w.messages(t), 5001)
		writes, _ := w.counts()
		assert.Less(t, writes, 20, "what has gathered goes out together")
	})
}

func TestLaggingSubscriberIsSentAwayOrToldOfTheGap(t *testing.T) {
	for _, tc := range []struct {
		policy LagPolicy
		reason Reason
		events []string
	}{
		{LagDisconnect, Lagging, []string{"sse.hello", "", "sse.bye"}},
		{LagSkip, ClientGone, []string{"sse.hello", "", "sse.gap", "", "", ""}},
	} {
		t.Run(string(tc.reason), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := NewHub(Retain(3, 0, 0), OnLag(tc.policy))
				w := newScreen()
				release := make(chan struct{})
				w.onWrite = func(p []byte) error {
					if strings.Contains(string(p), "data: 0") {
						<-release
					}
					return nil
				}
				ctx, leave := context.WithCancel(t.Context())
				done := serving(new(Server), w, get(t).WithContext(ctx), NewStream(h.Subscribe("x"), WriteTimeout(0)))
				var ids []string
				for i := range 10 {
					ids = append(ids, publish(t, h, "x", strconv.Itoa(i)))
					synctest.Wait()
				}
				close(release)
				synctest.Wait()
				leave()
				report := <-done
				assert.Equal(t, tc.reason, report.Reason)
				assert.NoError(t, report.Err)
				assert.False(t, report.Abort)
				messages := w.messages(t)
				var events []string
				for _, m := range messages {
					events = append(events, m.Event)
				}
				assert.Equal(t, tc.events, events)
				if tc.policy == LagSkip {
					assert.JSONEq(t, fmt.Sprintf(`{"reason":"evicted","from":%q}`, ids[0]), messages[2].Data)
					assert.Equal(t, ids[6], messages[2].ID)
					assert.Equal(t, []string{"7", "8", "9"}, names(messages[3:]))
				} else {
					assert.Equal(t, "lagging", messages[2].Data)
				}
			})
		})
	}
}

func TestCloseEndsSubscriptionsAfterWhatWasPublished(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			h := NewHub()
			w := newScreen()
			done := serving(new(Server), w, get(t), NewStream(h.Subscribe("x")))
			publish(t, h, "x", "the last word")
			require.NoError(t, h.Close())
			require.NoError(t, h.Close(), "twice")
			report := <-done
			assert.Equal(t, HubClosed, report.Reason)
			assert.NoError(t, report.Err)
			assert.Equal(t, []string{"sse.hello", "the last word", "sse.bye hub closed"}, names(w.messages(t)))

			late, report := show(t, new(Server), NewStream(h.Subscribe("x")))
			assert.Equal(t, HubClosed, report.Reason)
			assert.Equal(t, http.StatusOK, late.status, "it may be open again when the client returns")
			assert.Equal(t, []string{"sse.bye hub closed"}, names(late.messages(t)))
		})
	}
}

func TestHubWithoutSubscribersHasNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails when one is left
		h := NewHub()
		for range 20 {
			publish(t, h, "x", "nobody listens")
			sub, err := h.Subscribe("x", "y").attach("", false)
			require.NoError(t, err)
			publish(t, h, "y", "somebody does")
			sub.detach()
		}
	})
}

func TestWakeUpsSurviveTheWakersRestarts(t *testing.T) {
	// Subscribers come and go so that the waker is stopped and started all the
	// time; one that waits must get its message each time.
	h := NewHub()
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			topic := fmt.Sprint("t", c%2)
			for range 300 {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				next := h.Subscribe(topic).Messages(ctx)
				if _, err := h.Publish(ctx, topic, Text("x")); err != nil {
					t.Error(err)
				}
				got := false
				for _, err := range next {
					got = err == nil
					break
				}
				cancel()
				if !assert.True(t, got) {
					return
				}
			}
		})
	}
	clients.Wait()
	assert.Zero(t, h.Subscribers())
	require.NoError(t, h.Close())
	assert.Zero(t, len(h.topics["t0"].subs)+len(h.topics["t1"].subs))
}

func TestPublishersSubscribersAndCloseMayRace(t *testing.T) {
	for range 20 {
		h := NewHub(Retain(50, 0, 0), RetainPerTopic(20, 0), OnLag(LagSkip))
		var all sync.WaitGroup
		for p := range 3 {
			all.Go(func() {
				for i := range 300 {
					_, err := h.Publish(t.Context(), fmt.Sprint("t", (p+i)%3), Text("x").WithID(fmt.Sprint(i%40)))
					if err != nil {
						assert.ErrorIs(t, err, ErrHubClosed)
						return
					}
				}
			})
		}
		for range 8 {
			all.Go(func() {
				for range 30 {
					n := 0
					for _, err := range h.Subscribe("t0", "t1").FromStart().Messages(t.Context()) {
						if n++; err != nil || n > 20 {
							break
						}
					}
				}
			})
		}
		all.Go(func() {
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
			assert.NoError(t, h.Close())
		})
		all.Wait()
		assert.Zero(t, h.Subscribers())
	}
}

// reader is a client that remembers where it was. It keeps the rules of an
// EventSource, and checks that it misses nothing without being told.
type reader struct {
	topics   []string
	id       string
	position uint64 // everything up to it was seen, or reported as missed
	gaps     map[string]int
}

func (r *reader) take(t *testing.T, m Message, published []modelRecord) {
	t.Helper()
	cursor, err := ParseCursor(m.ID)
	require.NoError(t, err)
	r.id = m.ID
	switch m.Event {
	case "sse.hello":
	case "sse.gap":
		var gap struct{ Reason string }
		require.NoError(t, m.DecodeJSON(&gap))
		r.gaps[gap.Reason]++
	default:
		require.Equal(t, m.Data, strconv.FormatUint(cursor.seq, 10))
		require.Greater(t, cursor.seq, r.position, "no duplicate, no reordering")
		require.Equal(t, cursor.seq, r.due(published), "no loss without a gap")
	}
	r.position = cursor.seq
}

// due is the first message behind the reader's position, or 0.
func (r *reader) due(published []modelRecord) uint64 {
	// The sequence is dense, so that a position is an index.
	for _, p := range published[r.position:] {
		if slices.Contains(r.topics, p.topic) {
			return p.seq
		}
	}
	return 0
}

func TestResumeIsExactWhateverHappens(t *testing.T) {
	gaps := 0
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 11))
		h := NewHub(Retain(5+random.IntN(100), int64(random.IntN(2)*20_000), 0), RetainPerTopic(random.IntN(2)*30, 0), OnLag(LagPolicy(random.IntN(2))))
		var published []modelRecord
		var clients []*reader
		subs := map[*reader]*subscriber{}
		for i := range 6 {
			topics := []string{"t0", "t1", "t2", "t3"}
			random.Shuffle(4, func(i, j int) { topics[i], topics[j] = topics[j], topics[i] })
			clients = append(clients, &reader{topics: topics[:1+i%3], gaps: map[string]int{}})
		}
		catchUp := func(c *reader, cut bool) {
			sub := subs[c]
			if sub == nil {
				s := h.Subscribe(c.topics...)
				if c.id == "" {
					c.position = s.from.seq
				}
				var err error
				sub, err = s.attach(c.id, true)
				require.NoError(t, err)
				subs[c] = sub
			}
			frames, n := sub.fill(nil)
			if n == 0 && sub.lagging {
				cut = true
			}
			if cut && len(frames) > 0 { // the connection breaks anywhere
				frames = frames[:random.IntN(len(frames))]
			}
			for m, err := range Read(strings.NewReader(string(frames))) {
				require.NoError(t, err)
				c.take(t, m, published)
			}
			if cut {
				sub.detach()
				delete(subs, c)
			}
		}
		for range 800 {
			switch c := clients[random.IntN(len(clients))]; random.IntN(10) {
			case 0:
				catchUp(c, true)
			case 1, 2:
				catchUp(c, false)
			default:
				topic := fmt.Sprint("t", random.IntN(5))
				data := strconv.FormatUint(h.Cursor().seq+1, 10)
				ack, err := h.Publish(t.Context(), topic, Text(data))
				require.NoError(t, err)
				published = append(published, modelRecord{topic, record{seq: ack.Cursor.seq}})
			}
		}
		for _, c := range clients {
			for range 3 {
				catchUp(c, false)
			}
			require.Zero(t, c.due(published), "in the end each has everything")
			require.NotContains(t, c.gaps, "invalid")
			require.NotContains(t, c.gaps, "epoch")
			require.NotContains(t, c.gaps, "future")
			gaps += c.gaps["evicted"]
			subs[c].detach()
		}
		require.NoError(t, h.Close())
	}
	assert.Greater(t, gaps, 50, "the test is not vacuous")
}

func TestChurnOverHTTPLosesNothing(t *testing.T) {
	const total = 3000
	h := NewHub()
	server := new(Server)
	site := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Handle(w, r, NewStream(h.Subscribe("a", "b").FromStart()))
	}))
	var clients sync.WaitGroup
	for c := range 10 {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(uint64(c), 3))
			id, next := "", 0
			for next < total {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				req, _ := http.NewRequestWithContext(ctx, http.MethodGet, site.url, nil)
				if id != "" {
					req.Header.Set("Last-Event-ID", id)
				}
				resp, err := site.client.Do(req)
				if !assert.NoError(t, err) {
					cancel()
					return
				}
				until := next + 1 + random.IntN(600)
				for m, err := range Read(resp.Body) {
					if !assert.NoError(t, err) || !assert.NotEqual(t, "sse.gap", m.Event) {
						cancel()
						return
					}
					id = m.ID
					if m.Event == "sse.hello" {
						continue
					}
					if !assert.Equal(t, strconv.Itoa(next), m.Data) {
						cancel()
						return
					}
					if next++; next >= min(until, total) {
						break
					}
				}
				cancel()
				_ = resp.Body.Close()
			}
		})
	}
	for i := range total {
		publish(t, h, []string{"a", "b"}[i%2], strconv.Itoa(i))
	}
	clients.Wait()
	require.NoError(t, h.Close())
	require.NoError(t, server.Drain(t.Context()))
	assert.Zero(t, h.Subscribers())
}
