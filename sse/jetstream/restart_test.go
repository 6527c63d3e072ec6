package jetstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// A server is restarted three times while two nodes publish and follow. Nothing that
// was acknowledged may be lost, nothing may come twice, and no call may fail.
func TestServerRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	srv := startNATS(t)
	opts := newStream()
	a, b := open(t, srv.ClientURL(), opts...), open(t, srv.ClientURL(), opts...)
	fromA, _ := follow(t, a, 0)
	fromB, _ := follow(t, b, 0)
	c := startCrowd(t, 6, a, b)
	for range 3 {
		c.more(t, 300)
		srv.stop()
		require.Error(t, awaitHealth(t, a, false))
		srv = srv.restart(t)
		c.more(t, 1)
	}
	c.more(t, 300)
	require.NoError(t, a.Healthy())
	c.requireAll(t, fromA, fromB)
}

// The connection breaks again and again while the server goes on.
func TestConnectionBreaksUnderLoad(t *testing.T) {
	t.Parallel()
	srv := startNATS(t)
	opts := newStream()
	a, b := open(t, srv.ClientURL(), opts...), open(t, srv.ClientURL(), opts...)
	fromA, _ := follow(t, a, 0)
	fromB, _ := follow(t, b, 0)
	c := startCrowd(t, 4, a, b)
	for range 10 {
		c.more(t, 100)
		cut(t, srv, a)
		c.more(t, 20)
		cut(t, srv, b)
	}
	c.requireAll(t, fromA, fromB)
}

// What matters to people: how long after the server is back the next message arrives.
func TestDeliversSoonAfterServerIsBack(t *testing.T) {
	t.Parallel()
	srv := startNATS(t)
	opts := newStream()
	b := open(t, srv.ClientURL(), opts...)
	entries, _ := follow(t, b, 0)
	publish(t, b, "crimes", "before")
	require.Equal(t, "before", next(t, entries).Message.Data)
	srv.stop()
	require.Error(t, awaitHealth(t, b, false))

	published := make(chan error, 1)
	go func() {
		_, err := b.Publish(patient(t), "crimes", sse.Text("after"))
		published <- err
	}()
	srv.restart(t)
	back := time.Now()
	require.Equal(t, "after", next(t, entries).Message.Data)
	took := time.Since(back)
	t.Logf("first message %v after the server was back", took.Round(time.Millisecond))
	assert.Less(t, took, 5*time.Second)
	require.NoError(t, <-published)
	assert.NoError(t, b.Healthy())
}

// A stream in memory is gone when its server was restarted. It is made again, as
// another one.
func TestStreamInMemoryIsMadeAgain(t *testing.T) {
	t.Parallel()
	srv := startNATS(t)
	b := open(t, srv.ClientURL(), append(newStream(), Memory())...)
	old := publish(t, b, "crimes", "before")
	entries, ended := follow(t, b, 0)
	next(t, entries)
	srv.stop()
	srv.restart(t)

	var replaced *ReplacedError
	require.ErrorAs(t, <-ended, &replaced)
	assert.Equal(t, old.Epoch(), replaced.Was)
	state, err := b.State(patient(t))
	require.NoError(t, err)
	assert.Equal(t, state.Epoch, replaced.Now)
	assert.Zero(t, state.Last)
	entries, _ = follow(t, b, 0)
	now := publish(t, b, "crimes", "after")
	assert.Equal(t, state.Epoch, now.Epoch())
	assert.Equal(t, now, next(t, entries).Cursor)
}
