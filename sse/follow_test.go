package sse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// moody is a broker whose parts can be made to fail or wait, and that can be replaced.
type moody struct {
	Broker
	mu                sync.Mutex
	state, read, tail atomic.Pointer[func() error]
	reads, states     atomic.Int32
}

func (m *moody) replace(b Broker) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Broker = b
}

func (m *moody) present() Broker {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Broker
}

func (m *moody) Publish(ctx context.Context, topic string, msg Message) (Ack, error) {
	return m.present().Publish(ctx, topic, msg)
}

func (m *moody) mood(p *atomic.Pointer[func() error], f func() error) {
	if f == nil {
		p.Store(nil)
	} else {
		p.Store(&f)
	}
}

func ask(p *atomic.Pointer[func() error]) error {
	if f := p.Load(); f != nil {
		return (*f)()
	}
	return nil
}

func (m *moody) State(ctx context.Context) (BrokerState, error) {
	m.states.Add(1)
	if err := ask(&m.state); err != nil {
		return BrokerState{}, err
	}
	return m.present().State(ctx)
}

func (m *moody) Read(ctx context.Context, after uint64, limit int) ([]Entry, error) {
	m.reads.Add(1)
	if err := ask(&m.read); err != nil {
		return nil, err
	}
	return m.present().Read(ctx, after, limit)
}

func (m *moody) Tail(ctx context.Context, after uint64, deliver func(Entry)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return m.present().Tail(ctx, after, func(e Entry) {
		if err := ask(&m.tail); err != nil {
			cancel(err)
		}
		if ctx.Err() != nil {
			return
		}
		deliver(e)
	})
}

// node is a hub above the broker, which is closed with the test.
func node(t *testing.T, b Broker, opts ...HubOption) *Hub {
	h := NewHub(append([]HubOption{Over(b)}, opts...)...)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

func ready(t *testing.T, h *Hub) *Hub {
	t.Helper()
	require.NoError(t, h.Ready(t.Context()))
	return h
}

func TestHubsAboveOneBrokerAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(0)
		one, two := ready(t, node(t, b)), ready(t, node(t, b))
		id := publish(t, one, "a", "1")
		publish(t, two, "b", "2")
		publish(t, one, "a", "3")
		synctest.Wait()
		assert.Equal(t, one.Cursor(), two.Cursor())
		for _, h := range []*Hub{one, two} {
			assert.Equal(t, []string{"2", "3"}, names(visit(t, h.Subscribe("a", "b"), "Last-Event-ID", id)))
			assert.Equal(t, []string{"3"}, names(visit(t, h.Subscribe("a"), "Last-Event-ID", id)))
		}
		assert.EqualValues(t, 2, one.Stats().Published)
	})
}

func TestANewNodeKnowsWhatWasBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(0)
		one := ready(t, node(t, b))
		var ids []string
		for i := range 3000 {
			ids = append(ids, publish(t, one, "a", fmt.Sprint(i)))
		}
		two := node(t, b)
		got := visit(t, two.Subscribe("a"), "Last-Event-ID", ids[2997])
		assert.Equal(t, []string{"2998", "2999"}, names(got), "it waits until the hub is ready")
		assert.Equal(t, 3000, two.Stats().Records)
	})
}

func TestASubscriptionThatIsOlderThanItsHubBeginsNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(0)
		publish(t, ready(t, node(t, b)), "a", "old")
		h := node(t, b)
		got := visit(t, h.Subscribe("a"))
		assert.Equal(t, []string{"sse.hello"}, names(got))
		assert.Equal(t, h.Cursor().String(), got[0].ID)
	})
}

func TestAClientMayBeAheadOfItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &moody{Broker: NewMemoryBroker(0)}
		ahead, behind := ready(t, node(t, b.Broker)), ready(t, node(t, b))
		resume := make(chan struct{})
		b.mood(&b.tail, func() error { <-resume; return nil })
		publish(t, ahead, "a", "1")
		id := publish(t, ahead, "a", "2")
		synctest.Wait()
		require.Zero(t, behind.Cursor().seq)

		w := newScreen()
		ctx, leave := context.WithCancel(t.Context())
		r := get(t).WithContext(ctx)
		r.Header.Set("Last-Event-ID", id)
		done := serving(new(Server), w, r, NewStream(behind.Subscribe("a"), Heartbeat(0)))
		publish(t, ahead, "a", "3")
		close(resume)
		synctest.Wait()
		leave()
		<-done
		assert.Equal(t, []string{"3"}, names(w.messages(t)), "neither a gap nor a repetition")

		future := Cursor{behind.epoch, 100}.String()
		got := visit(t, behind.Subscribe("a"), "Last-Event-ID", future)
		assert.Equal(t, []string{`sse.gap {"reason":"future","from":"` + future + `"}`}, names(got))
	})
}

func TestWhoIsAheadIsBelievedWhileTheBrokerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &moody{Broker: NewMemoryBroker(0)}
		h := ready(t, node(t, b))
		b.mood(&b.state, func() error { return errors.New("away") })
		got := visit(t, h.Subscribe("a"), "Last-Event-ID", Cursor{h.epoch, 3}.String())
		assert.Empty(t, got)
	})
}

func TestPositionsFromClientsDoNotMakeANodeAskForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &moody{Broker: NewMemoryBroker(0)}
		h := ready(t, node(t, b))
		id := publish(t, h, "a", "x")
		synctest.Wait()
		before := b.states.Load()
		for range 100 {
			visit(t, h.Subscribe("a"), "Last-Event-ID", id)
		}
		assert.Equal(t, before, b.states.Load(), "what the node knows it need not ask")
	})
}

func TestWhatOnlyTheBrokerKeepsIsReadFromThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &moody{Broker: NewMemoryBroker(0)}
		h := ready(t, node(t, b, Retain(10, 0, 0)))
		var ids []string
		for i := range 1000 {
			ids = append(ids, publish(t, h, []string{"a", "b"}[i%2], fmt.Sprint(i)))
		}
		synctest.Wait()
		require.Equal(t, 10, h.Stats().Records)
		b.reads.Store(0)
		visit(t, h.Subscribe("a"), "Last-Event-ID", ids[995])
		assert.Zero(t, b.reads.Load(), "the node's own log is enough")

		got := visit(t, h.Subscribe("a"), "Last-Event-ID", ids[101])
		require.Len(t, got, 449)
		for i, m := range got {
			require.Equal(t, fmt.Sprint(102+2*i), m.Data)
			require.Equal(t, ids[102+2*i], m.ID)
		}
		assert.Positive(t, b.reads.Load())
		assert.Len(t, visit(t, h.Subscribe("a", "b").FromStart()), 1000, "from the broker's start")
		odd := visit(t, h.Subscribe("a", "b").Filter(func(topic string, m Message) bool { return topic == "b" && m.ID != "" }), "Last-Event-ID", ids[99])
		assert.Len(t, odd, 450)
		var n int
		for m, err := range h.Subscribe("a").From(Cursor{h.epoch, 1}).Messages(t.Context()) {
			require.NoError(t, err)
			require.Equal(t, ids[2+2*n], m.ID)
			if n++; n == 499 {
				break
			}
		}
		assert.Empty(t, h.Stats().Gaps["evicted"])
	})
}

func TestABrokerThatCannotBeReadIsNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &moody{Broker: NewMemoryBroker(0)}
		h := ready(t, node(t, b, Retain(10, 0, 0)))
		id := publish(t, h, "a", "0")
		for range 20 {
			publish(t, h, "a", "x")
		}
		synctest.Wait()
		b.mood(&b.read, func() error { return errors.New("away") })
		r := get(t)
		r.Header.Set("Last-Event-ID", id)
		report := new(Server).Serve(newScreen(), r, NewStream(h.Subscribe("a")))
		assert.Equal(t, Failed, report.Reason, "it returns with the same position")
		assert.ErrorContains(t, report.Err, "away")
	})
}

func TestWhatTheBrokerHasLostIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &moody{Broker: NewMemoryBroker(5)}
		h := ready(t, node(t, b))
		id := publish(t, h, "a", "0")
		synctest.Wait()
		w := newScreen()
		ctx, leave := context.WithCancel(t.Context())
		done := serving(new(Server), w, get(t).WithContext(ctx), NewStream(h.Subscribe("quiet"), Heartbeat(0)))
		// The node hears nothing while more is published than the broker keeps.
		b.mood(&b.tail, func() error { return errors.New("cut") })
		for i := range 10 {
			_, err := b.Publish(t.Context(), "a", Text(fmt.Sprint(i+1)))
			require.NoError(t, err)
		}
		b.mood(&b.tail, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		leave()
		assert.Equal(t, Lagging, (<-done).Reason, "it cannot be known what the quiet topic has missed")
		gap := fmt.Sprintf(`sse.gap {"reason":"evicted","from":"%s"}`, id)
		assert.Equal(t, []string{gap, "6", "7", "8", "9", "10"}, names(visit(t, h.Subscribe("a"), "Last-Event-ID", id)))
	})
}

func TestAnotherLogIsAnotherEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := NewMemoryBroker(0), NewMemoryBroker(0)
		b := &moody{Broker: first}
		h := ready(t, node(t, b))
		id := publish(t, h, "a", "old")
		synctest.Wait()
		screens := map[string]*screen{}
		ctx, leave := context.WithCancel(t.Context())
		var done []<-chan Report
		for name, sub := range map[string]*Subscription{"plain": h.Subscribe("a"), "snapshot": h.Subscribe("a").Snapshot(stateOf("x"))} {
			screens[name] = newScreen()
			done = append(done, serving(new(Server), screens[name], get(t).WithContext(ctx), NewStream(sub, Heartbeat(0))))
		}
		_, err := second.Publish(t.Context(), "a", Text("new"))
		require.NoError(t, err)
		b.replace(second)
		require.NoError(t, first.Close())
		time.Sleep(time.Second)
		synctest.Wait()
		leave()
		for _, d := range done {
			<-d
		}
		gap := fmt.Sprintf(`sse.gap {"reason":"epoch","from":"%s"}`, id)
		assert.Equal(t, []string{"sse.hello", gap, "new"}, names(screens["plain"].messages(t)))
		assert.Equal(t, []string{"state x", "sse.snapshot", "sse.bye lagging"}, names(screens["snapshot"].messages(t)))
		assert.Equal(t, []string{gap, "new"}, names(visit(t, h.Subscribe("a"), "Last-Event-ID", id)))
	})
}

func TestALogThatLostItsEndIsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(0)
		m := &moody{Broker: b}
		h := ready(t, node(t, m))
		publish(t, h, "a", "1")
		id := publish(t, h, "a", "lost")
		synctest.Wait()
		w := newScreen()
		ctx, leave := context.WithCancel(t.Context())
		done := serving(new(Server), w, get(t).WithContext(ctx), NewStream(h.Subscribe("a"), Heartbeat(0)))
		cut := NewMemoryBroker(0)
		cut.epoch = b.epoch
		_, err := cut.Publish(t.Context(), "a", Text("1"))
		require.NoError(t, err)
		m.replace(cut)
		require.NoError(t, b.Close())
		time.Sleep(time.Second)
		publish(t, h, "a", "another")
		synctest.Wait()
		leave()
		<-done
		gap := fmt.Sprintf(`sse.gap {"reason":"epoch","from":"%s"}`, id)
		assert.Equal(t, []string{"sse.hello", gap, "1", "another"}, names(w.messages(t)))
	})
}

func TestAHubWaitsForItsBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &moody{Broker: NewMemoryBroker(0)}
		b.mood(&b.state, func() error { return errors.New("no route to host") })
		var told []error
		h := node(t, b, OnBrokerError(func(err error) { told = append(told, err) }))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := h.Ready(ctx)
		synctest.Wait()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "no route to host")
		assert.ErrorContains(t, h.BrokerError(), "no route to host")
		assert.NotEmpty(t, h.Stats().BrokerError)
		assert.Less(t, len(told), 40, "with pauses that grow")
		assert.Greater(t, len(told), 10)
		b.mood(&b.state, nil)
		ready(t, h)
		synctest.Wait()
		assert.NoError(t, h.BrokerError())
	})
}

func TestAHubThatIsClosedWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &moody{Broker: NewMemoryBroker(0)}
		b.mood(&b.state, func() error { return errors.New("away") })
		h := NewHub(Over(b), OnBrokerError(func(error) {}))
		waiting := make(chan error)
		go func() { waiting <- h.Ready(context.Background()) }()
		synctest.Wait()
		require.NoError(t, h.Close())
		assert.ErrorIs(t, <-waiting, ErrHubClosed)
		_, err := h.Publish(t.Context(), "a", Text("x"))
		assert.ErrorIs(t, err, ErrHubClosed)
	})
}

func TestEntriesThatAreNoMessagesAreReportedAndSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(0)
		var told []string
		h := ready(t, node(t, b, Retain(0, 1000, 0), OnBrokerError(func(err error) { told = append(told, err.Error()) })))
		id := h.Cursor().String()
		for _, m := range []Message{Text("1"), Text("\xff"), Text("2").WithEvent("a\nb"), Text("3")} {
			_, err := b.Publish(t.Context(), "a", m)
			require.NoError(t, err)
		}
		_, err := b.Publish(t.Context(), "a\n", Text("4"))
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, []string{"1", "3"}, names(visit(t, h.Subscribe("a"), "Last-Event-ID", id)))
		require.Len(t, told, 3)
		assert.Contains(t, told[0], "is not valid UTF-8")
		assert.Contains(t, told[1], "event contains a line break")
		assert.Contains(t, told[2], "control character")
		assert.EqualValues(t, 5, h.Cursor().seq)

		_, err = b.Publish(t.Context(), "a", Text(string(make([]byte, 2000))))
		require.NoError(t, err)
		synctest.Wait()
		require.Len(t, told, 4)
		assert.Contains(t, told[3], "subscribers will miss it")
		got := visit(t, h.Subscribe("a"), "Last-Event-ID", Cursor{h.epoch, 5}.String())
		require.Len(t, got, 1, "what the hub has no room for is read from the broker")
		assert.Len(t, got[0].Data, 2000)
	})
}

func TestDuplicatesAreTheBrokersAffair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewMemoryBroker(0)
		one, two := ready(t, node(t, b)), ready(t, node(t, b))
		first, err := one.Publish(t.Context(), "a", Text("x").WithID("key"))
		require.NoError(t, err)
		again, err := two.Publish(t.Context(), "a", Text("x").WithID("key"))
		require.NoError(t, err)
		assert.Equal(t, Ack{Cursor: first.Cursor, Duplicate: true}, again)
		assert.EqualValues(t, 1, two.Stats().Duplicates)
	})
}

func TestPublishOverABrokerReportsItsFailure(t *testing.T) {
	b := NewMemoryBroker(0)
	h := node(t, b, OnBrokerError(func(error) {}))
	ready(t, h)
	require.NoError(t, b.Close())
	_, err := h.Publish(t.Context(), "a", Text("x"))
	require.ErrorIs(t, err, ErrBrokerClosed)
	assert.ErrorContains(t, err, `sse: publishing to "a"`)
}

// deaf is a broker that does not take anything for a while.
type deaf struct {
	*MemoryBroker
	fail atomic.Bool
}

func (d *deaf) Publish(ctx context.Context, topic string, m Message) (Ack, error) {
	if d.fail.Load() {
		return Ack{}, errors.New("away")
	}
	return d.MemoryBroker.Publish(ctx, topic, m)
}
