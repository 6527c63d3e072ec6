package sse

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestResumeWorksFromEveryPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		ids := []string{h.Cursor().String()}
		for i := range 20 {
			ids = append(ids, publish(t, h, []string{"a", "b"}[i%2], strconv.Itoa(i+1)))
		}
		for i, id := range ids {
			var want, onlyA []string
			for n := i + 1; n <= 20; n++ {
				want = append(want, strconv.Itoa(n))
				if n%2 == 1 {
					onlyA = append(onlyA, strconv.Itoa(n))
				}
			}
			assert.Equal(t, want, names(visit(t, h.Subscribe("b", "a"), "Last-Event-ID", id)), "no hello, no gap")
			assert.Equal(t, onlyA, names(visit(t, h.Subscribe("a"), "Last-Event-ID", id)))

			ctx, leave := context.WithCancel(t.Context())
			r := get(t).WithContext(ctx)
			r.URL.RawQuery = "lastEventID=" + id
			w := newScreen()
			done := serving(new(Server), w, r, NewStream(h.Subscribe("a", "b")))
			leave()
			<-done
			assert.Equal(t, want, names(w.messages(t)), "by the query")
		}
	})
}

func TestClientWithoutAPositionIsGreetedWithOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		ids := []string{h.Cursor().String()}
		for i := range 3 {
			ids = append(ids, publish(t, h, "x", strconv.Itoa(i+1)))
		}
		for _, tc := range []struct {
			name string
			s    *Subscription
			id   string
			want []string
		}{
			{"from now", h.Subscribe("x"), ids[3], nil},
			{"from a position", h.Subscribe("x").From(Cursor{h.epoch, 2}), ids[2], []string{"3"}},
			{"from the start", h.Subscribe("x").FromStart(), ids[0], []string{"1", "2", "3"}},
		} {
			messages := visit(t, tc.s)
			require.NotEmpty(t, messages, tc.name)
			assert.Equal(t, Message{Event: "sse.hello", ID: tc.id}, messages[0], tc.name)
			assert.Equal(t, tc.want, names(messages[1:]), tc.name)
		}
		// It is the moment of the call that counts, not that of the serving.
		s := h.Subscribe("x")
		publish(t, h, "x", "4")
		assert.Equal(t, []string{"sse.hello", "4"}, names(visit(t, s)))
	})
}

func TestGapIsToldWithItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Retain(3, 0, 0))
		var ids []string
		for i := range 5 {
			ids = append(ids, publish(t, h, "x", strconv.Itoa(i+1)))
		}
		retained := []string{"3", "4", "5"}
		for _, tc := range []struct {
			name, id, reason, position string
			follow                     []string
		}{
			{"evicted", ids[0], "evicted", ids[1], retained},
			{"just not evicted", ids[1], "", "", retained},
			{"another life", "other.5", "epoch", ids[1], retained},
			{"another life, far ahead", "other.999", "epoch", ids[1], retained},
			{"future", Cursor{h.epoch, 6}.String(), "future", ids[4], nil},
			{"nonsense", "<script>", "invalid", ids[4], nil},
			{"nonsense and long", strings.Repeat("x", 1000), "invalid", ids[4], nil},
			{"not UTF-8", "\xff\xfe", "invalid", ids[4], nil},
			{"number of another system", "42", "invalid", ids[4], nil},
		} {
			messages := visit(t, h.Subscribe("x"), "Last-Event-ID", tc.id)
			if tc.reason == "" {
				assert.Equal(t, tc.follow, names(messages), tc.name)
				continue
			}
			require.NotEmpty(t, messages, tc.name)
			assert.Equal(t, "sse.gap", messages[0].Event, tc.name)
			assert.Equal(t, tc.position, messages[0].ID, tc.name)
			var gap struct{ Reason, From string }
			require.NoError(t, messages[0].DecodeJSON(&gap))
			assert.Equal(t, tc.reason, gap.Reason, tc.name)
			assert.LessOrEqual(t, len(gap.From), maxCursorLength+2)
			assert.Equal(t, tc.follow, names(messages[1:]), tc.name)
		}
	})
}

func TestPositionOfTheProgramsFromAnotherLifeIsAGapToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		messages := visit(t, NewHub().Subscribe("x").From(Cursor{"other", 3}))
		assert.Len(t, messages, 1)
		assert.Equal(t, "sse.gap", messages[0].Event)
	})
}

func TestTopicThatWasForgottenIsAGapOnlyForThoseBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Retain(2, 0, 0))
		var ids []string
		for i := range 6 {
			ids = append(ids, publish(t, h, fmt.Sprint("t", i), strconv.Itoa(i+1)))
		}
		assert.Len(t, h.topics, 2, "those of which nothing is left are gone")
		assert.Equal(t, "sse.gap", visit(t, h.Subscribe("t1"), "Last-Event-ID", ids[0])[0].Event, "its message 2 was missed")
		assert.Empty(t, visit(t, h.Subscribe("t1"), "Last-Event-ID", ids[3]), "nothing was missed")
		assert.Equal(t, []string{"6"}, names(visit(t, h.Subscribe("t5"), "Last-Event-ID", ids[3])))
		assert.Len(t, h.topics, 2, "nor do visitors leave topics behind")
	})
}

func TestRetryOfASubscriptionTravelsWithItsFirstMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		id := publish(t, h, "x", "one")
		for _, tc := range []struct {
			name, id string
			event    string
		}{
			{"hello", "", "sse.hello"},
			{"gap", "other.1", "sse.gap"},
			{"message", id, ""},
		} {
			ctx, leave := context.WithCancel(t.Context())
			r := get(t).WithContext(ctx)
			r.Header.Set("Last-Event-ID", tc.id)
			w := newScreen()
			done := serving(new(Server), w, r, NewStream(h.Subscribe("x"), Retry(3*time.Second)))
			publish(t, h, "x", "two")
			synctest.Wait()
			leave()
			<-done
			messages := w.messages(t)
			require.NotEmpty(t, messages, tc.name)
			assert.Equal(t, tc.event, messages[0].Event, tc.name)
			assert.Equal(t, 3*time.Second, messages[0].Retry, tc.name)
			assert.Equal(t, 1, strings.Count(w.text(), "retry:"), tc.name)
		}
	})
}

func TestMessagesYieldsWhatIsPublishedUntilTheEnd(t *testing.T) {
	cause := errors.New("enough")
	for _, tc := range []struct {
		name string
		end  func(*Hub, context.CancelCauseFunc)
		want error
	}{
		{"context", func(_ *Hub, cancel context.CancelCauseFunc) { cancel(cause) }, cause},
		{"hub", func(h *Hub, _ context.CancelCauseFunc) { _ = h.Close() }, ErrHubClosed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := NewHub()
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				first := publish(t, h, "x", "one")
				s := h.Subscribe("x").FromStart()
				var got []Message
				done := make(chan error)
				go func() {
					var last error
					for m, err := range s.Messages(ctx) {
						if last = err; err == nil {
							got = append(got, m)
						}
					}
					done <- last
				}()
				synctest.Wait()
				second := publish(t, h, "x", "two")
				synctest.Wait()
				tc.end(h, cancel)
				assert.ErrorIs(t, <-done, tc.want)
				assert.Equal(t, []Message{{Data: "one", ID: first}, {Data: "two", ID: second}}, got)
				assert.Zero(t, h.Subscribers())
			})
		})
	}
}

func TestMessagesTakesTheLargestMessage(t *testing.T) {
	h := NewHub()
	large := strings.Repeat("x", 3<<20)
	publish(t, h, "x", large)
	for m, err := range h.Subscribe("x").FromStart().Messages(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, large, m.Data)
		break
	}
}

func TestMessagesEndsWithItsContextThoughThereIsMore(t *testing.T) {
	h := NewHub()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	publish(t, h, "x", "x")
	for _, err := range h.Subscribe("x").FromStart().Messages(ctx) {
		if err != nil {
			assert.ErrorIs(t, err, context.Canceled)
			break
		}
		cancel()
		publish(t, h, "x", "and always more")
		n++
		require.Less(t, n, 100)
	}
}

func TestMessagesSaysThatItLags(t *testing.T) {
	h := NewHub(Retain(2, 0, 0))
	publish(t, h, "x", "0")
	var last error
	for _, err := range h.Subscribe("x").FromStart().Messages(t.Context()) {
		if last = err; err == nil {
			for range 5 {
				publish(t, h, "x", "x")
			}
		}
	}
	assert.ErrorIs(t, last, ErrLagging)
}

func TestMessagesOfABadTopicIsItsError(t *testing.T) {
	for _, err := range NewHub().Subscribe("").Messages(t.Context()) {
		assert.True(t, isTopicError(err))
	}
}

func TestSubscriptionMayBeServedOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		s := h.Subscribe("x").FromStart()
		publish(t, h, "x", "one")
		for range 3 {
			assert.Equal(t, []string{"sse.hello", "one"}, names(visit(t, s)))
		}
	})
}

func TestLongReplayComesInPieces(t *testing.T) {
	for _, topics := range [][]string{{"a"}, {"a", "b", "c"}} {
		h := NewHub()
		for i := range 3000 {
			publish(t, h, topics[i%len(topics)], fmt.Sprintf("%04d%s", i, strings.Repeat("x", 96)))
		}
		sub, err := h.Subscribe(topics...).FromStart().attach(start{silent: true}, false)
		require.NoError(t, err)
		total, fills := 0, 0
		for {
			frames, n := sub.fill(nil)
			if n == 0 {
				break
			}
			assert.Less(t, len(frames), fillLimit+200)
			for m, err := range Read(strings.NewReader(string(frames))) {
				require.NoError(t, err)
				require.Equal(t, fmt.Sprintf("%04d", total), m.Data[:4])
				total++
			}
			fills++
		}
		assert.Equal(t, 3000, total)
		assert.Greater(t, fills, 3)
		sub.detach()
		require.NoError(t, h.Close())
	}
}
