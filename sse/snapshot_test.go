package sse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stateOf is a snapshot of a few messages.
func stateOf(data ...string) Func {
	return func(_ context.Context, send Send) error {
		for _, d := range data {
			if err := send(Text(d).WithEvent("state").WithID("ignored")); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestSnapshotIsSentWhenThereIsNoPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Retain(2, 0, 0))
		first := publish(t, h, "a", "1")
		for _, d := range []string{"2", "3", "4"} {
			publish(t, h, "a", d)
		}
		now := h.Cursor().String()
		subscribe := func() *Subscription { return h.Subscribe("a").Snapshot(stateOf("x", "y")) }
		gap := func(reason, from string) string {
			return fmt.Sprintf(`sse.gap {"reason":%q,"from":%q}`, reason, from)
		}
		for _, test := range []struct {
			name string
			sub  *Subscription
			id   string
			want []string
		}{
			{"new", subscribe(), "", []string{"state x", "state y", "sse.snapshot"}},
			{"resumes", subscribe(), now, nil},
			{"evicted", subscribe(), first, []string{gap("evicted", first), "state x", "state y", "sse.snapshot"}},
			{"another life", subscribe(), "abc.7", []string{gap("epoch", "abc.7"), "state x", "state y", "sse.snapshot"}},
			{"nonsense", subscribe(), "seven", []string{gap("invalid", "seven"), "state x", "state y", "sse.snapshot"}},
			{"from a position", subscribe().From(h.Cursor()), "", []string{"sse.hello"}},
			{"from the start", subscribe().FromStart(), "", []string{"sse.hello", "3", "4"}},
			{"the id wins over From", subscribe().From(h.Cursor()), first, []string{gap("evicted", first), "state x", "state y", "sse.snapshot"}},
		} {
			got := visit(t, test.sub, "Last-Event-ID", test.id)
			assert.Equal(t, test.want, names(got), test.name)
			for i, m := range got {
				if m.Event == "sse.snapshot" {
					assert.Equal(t, now, m.ID, test.name)
					assert.Equal(t, len(got)-1, i)
				} else if m.Event == "state" {
					assert.Empty(t, m.ID, "a client that is cut before the end begins again: %s", test.name)
				}
			}
		}
		assert.EqualValues(t, 5, h.Stats().Snapshots)
	})
}

func TestWhatIsPublishedDuringTheSnapshotFollowsIt(t *testing.T) {
	for _, transport := range []Transport{Auto, Lean, Portable} {
		t.Run(fmt.Sprint(transport), func(t *testing.T) {
			h := NewHub()
			publish(t, h, "a", "before")
			server := &Server{Transport: transport}
			site := startSite(t, "http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				server.Handle(w, r, NewStream(h.Subscribe("a").Snapshot(func(_ context.Context, send Send) error {
					publish(t, h, "a", "meanwhile")
					return send(Text("state"))
				})))
			}))
			c := site.get(t)
			for _, want := range []string{"state", "", "meanwhile"} {
				m, err := c.reader.Next()
				require.NoError(t, err)
				assert.Equal(t, want, m.Data)
			}
			publish(t, h, "a", "after")
			m, err := c.reader.Next()
			require.NoError(t, err)
			assert.Equal(t, "after", m.Data)
			require.NoError(t, h.Close())
		})
	}
}

func TestAFailedSnapshotFailsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		for _, f := range []Func{
			func(context.Context, Send) error { return errors.New("no database") },
			func(context.Context, Send) error { panic("no database") },
		} {
			w := newScreen()
			report := new(Server).Serve(w, get(t), NewStream(h.Subscribe("a").Snapshot(f), Heartbeat(0)))
			assert.True(t, report.Abort)
			assert.ErrorContains(t, report.Err, "no database")
			assert.Contains(t, w.text(), "event: error")
			report = new(Server).Serve(newScreen(), get(t), NewStream(h.Subscribe("a").Snapshot(f), LazyCommit()))
			assert.False(t, report.Committed, "there is still time for a status")
			assert.ErrorContains(t, report.Err, "no database")
		}
		assert.Zero(t, h.Subscribers())
	})
}

func TestWhoFallsBehindWithASnapshotIsSentAway(t *testing.T) {
	h := NewHub(Retain(5, 0, 0), OnLag(LagSkip))
	sub, err := h.Subscribe("a").Snapshot(stateOf("x")).attach(start{}, false)
	require.NoError(t, err)
	defer sub.detach()
	for range 10 {
		publish(t, h, "a", "x")
	}
	_, n := sub.fill(nil)
	assert.Zero(t, n)
	assert.True(t, sub.lagging, "it is to come back for a snapshot")
}

func TestASnapshotEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		ctx, leave := context.WithCancel(t.Context())
		done := serving(new(Server), newScreen(), get(t).WithContext(ctx), NewStream(h.Subscribe("a").Snapshot(func(ctx context.Context, send Send) error {
			<-ctx.Done()
			return send(Text("too late"))
		})))
		leave()
		assert.Equal(t, ClientGone, (<-done).Reason)
	})
}

func TestMessagesHoldTheSnapshot(t *testing.T) {
	h := NewHub()
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	enough := errors.New("enough")
	var got []Message
	for m, err := range h.Subscribe("a").Snapshot(stateOf("x")).Messages(ctx) {
		if err != nil {
			assert.ErrorIs(t, err, enough)
			break
		}
		got = append(got, m)
		switch len(got) {
		case 2:
			publish(t, h, "a", "next")
		case 3:
			stop(enough)
		}
	}
	assert.Equal(t, []string{"state x", "sse.snapshot", "next"}, names(got))
	assert.Equal(t, "", got[0].ID)
}
