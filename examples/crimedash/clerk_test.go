package main

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// desks is a node over a log in memory, whose clerk has not begun.
func desks(t *testing.T) (dashboard, *clerk) {
	t.Helper()
	return desksOver(t, sse.NewMemoryBroker(1000))
}

func desksOver(t *testing.T, broker sse.Broker) (dashboard, *clerk) {
	t.Helper()
	t.Cleanup(func() { assert.NoError(t, broker.Close()) })
	crimes, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "gotham.db"), store.Options{Empty: true, Log: store.Shared})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, crimes.Close()) })
	hub := sse.NewHub(sse.Over(broker))
	t.Cleanup(func() { assert.NoError(t, hub.Close()) })
	require.NoError(t, hub.Ready(t.Context()))
	c := config{Store: crimes, Hub: hub, Log: store.Shared, Node: node{Name: "gotham"}}
	app, err := newApp(c, redstart.WithLogger(zerolog.Nop()))
	require.NoError(t, err)
	clerk := newClerk(c)
	t.Cleanup(clerk.stop)
	return dashboard{app, crimes, hub}, clerk
}

// elsewhere is a crime that another node has reported and announced.
func elsewhere(t *testing.T, d dashboard, id int64) sse.Ack {
	t.Helper()
	crime := store.Crime{ID: id, Kind: "arson", Severity: "high", District: 3, Place: "elsewhere", Description: "Smoke", Status: store.StatusOpen}
	ack, err := d.hub.Publish(t.Context(), topic, notice(crime))
	require.NoError(t, err)
	return ack
}

// What the hub knows and the database does not yet must come live, behind the position
// that the list came with.
func TestAListDoesNotPromiseWhatIsNotFiled(t *testing.T) {
	d, clerk := desks(t)
	require.NoError(t, clerk.start(t.Context()))
	clerk.stop() // it is slow today
	var ack sse.Ack
	for n := range int64(500) {
		ack = elsewhere(t, d, 1<<40+n)
	}
	require.Eventually(t, func() bool { return d.hub.Cursor() == ack.Cursor }, 10*time.Second, time.Millisecond)

	list := decode[crimeList](t, d.get(t, "/api/crimes"))
	for _, crime := range list.Crimes {
		require.NotEqual(t, "elsewhere", crime.Place)
	}
	stats := decode[store.Stats](t, d.get(t, "/api/stats"))
	assert.Equal(t, list.Cursor, stats.Cursor)
	_, err := d.listen(t, "/live", list.Cursor, func(e streamed) bool {
		require.NotEqual(t, "sse.gap", e.Event)
		require.NotEqual(t, "ping", e.Event, "nothing came")
		return e.Event != "crime_alert"
	})
	require.NoError(t, err)

	require.NoError(t, clerk.start(t.Context()))
	list = decode[crimeList](t, d.get(t, "/api/crimes"))
	require.NotEmpty(t, list.Crimes)
	assert.EqualValues(t, 1<<40+499, list.Crimes[0].ID, "all are filed before the start is over")
	assert.Equal(t, ack.Cursor.String(), list.Cursor)
}

func TestAClerkReadsOnBehindNonsense(t *testing.T) {
	said := hearLog(t)
	d, clerk := desks(t)
	require.NoError(t, clerk.start(t.Context()))
	_, err := d.hub.Publish(t.Context(), topic, sse.Message{Event: "crime_alert", Data: "{"})
	require.NoError(t, err)
	_, err = d.hub.Publish(t.Context(), topic, sse.Message{Event: "weather", Data: "rain"})
	require.NoError(t, err)
	ack := elsewhere(t, d, 1<<40)
	require.NoError(t, clerk.wait(t.Context(), ack.Cursor))
	_, err = d.store.Get(t.Context(), 1<<40)
	require.NoError(t, err)
	assert.Contains(t, said(), "what is no crime")
}

func TestAReportThatIsRepeatedInTheLogIsFiledOnce(t *testing.T) {
	d, clerk := desks(t)
	require.NoError(t, clerk.start(t.Context()))
	elsewhere(t, d, 1<<40)
	ack := elsewhere(t, d, 1<<40)
	require.NoError(t, clerk.wait(t.Context(), ack.Cursor))
	crimes, err := d.store.List(t.Context(), store.Filter{Query: "elsewhere"})
	require.NoError(t, err)
	assert.Len(t, crimes, 1)
}

// forgetful stores what it is given and then, once, does not say so.
type forgetful struct {
	*sse.MemoryBroker
	forgets atomic.Bool
}

func (b *forgetful) Publish(ctx context.Context, topic string, m sse.Message) (sse.Ack, error) {
	ack, err := b.MemoryBroker.Publish(ctx, topic, m)
	if b.forgets.CompareAndSwap(true, false) {
		return sse.Ack{}, errors.New("the line went dead")
	}
	return ack, err
}

func TestALostAnswerDoesNotAnnounceTwice(t *testing.T) {
	said := hearLog(t)
	broker := &forgetful{MemoryBroker: sse.NewMemoryBroker(1000)}
	d, clerk := desksOver(t, broker)
	// Without a clerk that reads, the node does not learn that the log has the crime.
	require.NoError(t, clerk.start(t.Context()))
	clerk.stop()
	broker.forgets.Store(true)
	crime := decode[store.Crime](t, d.ask(t, http.MethodPost, "/api/crimes", jsonType, reportJSON(t, sighting("Pier 19"))))
	assert.Contains(t, said(), "will be announced later: sse: publishing to \"crimes\": the line went dead")
	_, err := clerk.announce(t.Context(), crime)
	require.NoError(t, err)
	state, err := broker.State(t.Context())
	require.NoError(t, err)
	entries, err := broker.Read(t.Context(), 0, int(state.Last))
	require.NoError(t, err)
	alerts := 0
	for _, e := range entries {
		if e.Message.Event == "crime_alert" {
			alerts++
		}
	}
	assert.Equal(t, 1, alerts)
}

func TestOperatorsPagesAreForThisMachine(t *testing.T) {
	d := newDashboard(t)
	for _, path := range []string{"/metrics", "/debug/streams"} {
		assert.Equal(t, 403, d.get(t, path).Code, "httptest asks from 192.0.2.1")
	}
	gotham := newSite(t)
	for _, path := range []string{"/metrics", "/debug/streams", "/readyz", "/livez"} {
		resp, err := gotham.Client().Get(gotham.URL + path)
		require.NoError(t, err)
		assert.NoError(t, resp.Body.Close())
		assert.Equal(t, 200, resp.StatusCode, path)
	}
}

func TestAPageIsToldWhoServesIt(t *testing.T) {
	n := node{Name: "北站", Process: 2, Of: 4}
	assert.Equal(t, "北站, process 2 of 4", n.String())
	assert.False(t, n.first())
	assert.True(t, node{Name: "alone"}.first())
	d := newDashboard(t)
	for query, want := range map[string]string{
		"?page=abc1":                    `served-abc1=eyJub2RlIjoiIiwicHJvY2VzcyI6MCwib2YiOjB9; Path=/; Max-Age=60; SameSite=Strict`,
		"":                              "",
		"?page=" + "x%3B+Domain%3Devil": "",
		"?page=12345678901234567":       "",
	} {
		reply, err := d.listen(t, "/live"+query, "", func(streamed) bool { return false })
		require.NoError(t, err)
		assert.Equal(t, want, reply.header.Get("Set-Cookie"), query)
	}
}
