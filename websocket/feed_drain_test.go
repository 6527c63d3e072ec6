package websocket

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// A loop that hears a client needs the feed's lock, and the drain needs the loop's.
func TestADrainDoesNotHoldWhatTheLoopNeeds(t *testing.T) {
	hub, server := sse.NewHub(), &Server{}
	begun, release := make(chan struct{}), make(chan struct{})
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Handle(w, r, NewFeed(hub.Subscribe("cave").Filter(func(string, sse.Message) bool {
			close(begun) // the loop is held up here
			<-release
			return true
		})))
	}))
	defer site.Close()
	defer hub.Close()
	c := connectTo(t, site.URL, nil)
	envelope(t, c)
	_, err := hub.Publish(t.Context(), "cave", sse.Text("x"))
	require.NoError(t, err)
	<-begun
	var l *listener
	server.mu.Lock()
	for l = range server.feeds {
	}
	server.mu.Unlock()
	dismissed := make(chan struct{})
	go func() { defer close(dismissed); l.dismiss(0) }()
	assert.Eventually(t, func() bool {
		if !l.mu.TryLock() {
			return false
		}
		defer l.mu.Unlock()
		return l.early != nil
	}, 5*time.Second, time.Millisecond)
	close(release)
	<-dismissed
	await(t, func() bool { return server.Open() == 0 })
}

func TestADrainGivesUpWhatAFeedIsStillSent(t *testing.T) {
	hub, server := sse.NewHub(), &Server{}
	begun := make(chan struct{})
	reports := make(chan Report, 1)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sub := hub.Subscribe("cave").Snapshot(func(ctx context.Context, _ sse.Send) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		})
		server.Handle(w, r, NewFeed(sub, OnEnd(func(r Report) { reports <- r })))
	}))
	defer site.Close()
	defer hub.Close()
	c := connectTo(t, site.URL, nil)
	<-begun
	require.NoError(t, server.Drain(t.Context()))
	_, err := c.Read(t.Context())
	var end *CloseError
	require.ErrorAs(t, err, &end)
	assert.Equal(t, GoingAway, end.Code)
	assert.Equal(t, Drained, (<-reports).Reason)
}

func TestAFeedWhoseClientTakesNoSnapshotIsCut(t *testing.T) {
	hub, server := sse.NewHub(), &Server{}
	reports := make(chan Report, 1)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sub := hub.Subscribe("cave").Snapshot(func(_ context.Context, send sse.Send) error {
			for {
				if err := send(sse.Text(strings.Repeat("x", 1<<20))); err != nil {
					return err
				}
			}
		})
		server.Handle(w, r, NewFeed(sub, WriteTimeout(50*time.Millisecond), OnEnd(func(r Report) { reports <- r })))
	}))
	defer site.Close()
	defer hub.Close()
	connectTo(t, site.URL, nil)
	select {
	case report := <-reports:
		assert.Equal(t, Slow, report.Reason)
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for the client for ever")
	}
}
