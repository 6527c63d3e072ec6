package sse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/processes"
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

func TestAckAsJSON(t *testing.T) {
	for want, ack := range map[string]Ack{
		`{"cursor":"e.7"}`:                  {Cursor: Cursor{"e", 7}},
		`{"cursor":"e.7","duplicate":true}`: {Cursor: Cursor{"e", 7}, Duplicate: true},
	} {
		got, err := json.Marshal(ack)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
		var back Ack
		require.NoError(t, json.Unmarshal(got, &back))
		assert.Equal(t, ack, back)
	}
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

func TestMessagePublishedJustBeforeCloseIsDelivered(t *testing.T) {
	h := NewHub()
	sub, err := h.Subscribe("x").attach(start{silent: true}, false)
	require.NoError(t, err)
	defer sub.detach()
	calls := 0
	err = sub.follow(t.Context(), func() (int, error) {
		_, n := sub.fill(nil)
		if calls++; calls == 1 { // between the look and the wait
			publish(t, h, "x", "the last word")
			go h.Close() // waits for the waker only
			<-h.done
		} else if calls == 2 {
			assert.Equal(t, 1, n)
		}
		return n, nil
	})
	assert.ErrorIs(t, err, ErrHubClosed)
	assert.Equal(t, 3, calls)
}

func TestHubWithoutSubscribersHasNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails when one is left
		h := NewHub()
		for range 20 {
			publish(t, h, "x", "nobody listens")
			sub, err := h.Subscribe("x", "y").attach(start{silent: true}, false)
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

func TestAHubOfOneProcessAmongSeveralNeedsABroker(t *testing.T) {
	slot = func() (int, int, bool) { return 2, 4, true }
	defer func() { slot = processes.Slot }()
	h := NewHub()
	_, err := h.Publish(t.Context(), "a", Text("x"))
	assert.ErrorIs(t, err, ErrOneOfMany)
	w := httptest.NewRecorder()
	NewStream(h.Subscribe("a")).ServeHTTP(w, get(t))
	assert.Equal(t, 500, w.Code)

	publish(t, NewHub(PerProcess()), "a", "x")
	publish(t, ready(t, node(t, NewMemoryBroker(0))), "a", "x")
	slot = func() (int, int, bool) { return 0, 0, false }
	publish(t, NewHub(), "a", "x")
}
