package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// Who may do what, by a session and by a token.
func TestRoles(t *testing.T) {
	d := newDashboard(t)
	tests := []struct {
		name                   string // "" for nobody
		patch, remove, csvFile int
	}{
		{"", 401, 401, 401},
		{"robin", 403, 403, 200},
		{"batman", 200, 403, 200},
		{"gordon", 200, 204, 200},
	}
	for _, test := range tests {
		for _, way := range []string{"session", "token"} {
			client := d.browser(t)
			if test.name != "" && way == "session" {
				client = d.as(t, test.name)
			} else if test.name != "" {
				client.Header.Set("Authorization", d.bearer(t, test.name))
			}
			_, err := d.store.DB().ExecContext(t.Context(), "DELETE FROM rate_limits") // this is not about them
			require.NoError(t, err)
			crime, err := d.store.Report(t.Context(), sighting("Pier 19"))
			require.NoError(t, err)
			path := fmt.Sprintf("/api/crimes/%d", crime.ID)

			assert.Equal(t, test.patch, client.Patch(path, map[string]string{"status": "closed"}).Status, "%s by %s", test.name, way)
			after, err := d.store.Get(t.Context(), crime.ID)
			require.NoError(t, err)
			assert.Equal(t, test.patch == 200, after.Status == store.StatusClosed, "%s by %s", test.name, way)

			assert.Equal(t, test.remove, client.Delete(path).Status, "%s by %s", test.name, way)
			_, err = d.store.Get(t.Context(), crime.ID)
			assert.Equal(t, test.remove == 204, err != nil, "%s by %s", test.name, way)

			assert.Equal(t, test.csvFile, client.Get("/api/crimes.csv").Status, "%s by %s", test.name, way)
			assert.Equal(t, http.StatusOK, client.Get("/api/crimes").Status, "everybody may read")
		}
	}
}

func TestAChangeReachesListeners(t *testing.T) {
	d := newDashboard(t)
	crime, err := d.store.Report(t.Context(), sighting("Pier 19"))
	require.NoError(t, err)
	gordon := d.as(t, "gordon")
	before := d.hub.Cursor()

	var moved store.Crime
	require.NoError(t, gordon.Patch("/api/crimes/1", map[string]string{"status": "responding"}).JSON(&moved))
	assert.Equal(t, store.StatusResponding, moved.Status)
	require.Equal(t, http.StatusNoContent, gordon.Delete("/api/crimes/1").Status)

	var changes []store.Change
	_, err = d.listen(t, "/live", before.String(), func(e streamed) bool {
		if e.Event == changeEvent {
			var change store.Change
			require.NoError(t, e.DecodeJSON(&change))
			changes = append(changes, change)
		}
		return len(changes) < 2
	})
	require.NoError(t, err)
	assert.Equal(t, []store.Change{
		{ID: 1, CreatedAt: crime.CreatedAt, Status: store.StatusResponding, By: "gordon"},
		{ID: 1, CreatedAt: crime.CreatedAt, Removed: true, By: "gordon"},
	}, changes)
}

func TestChangesThatAreRefused(t *testing.T) {
	d := newDashboard(t)
	_, err := d.store.Report(t.Context(), sighting("Pier 19"))
	require.NoError(t, err)
	gordon := d.as(t, "gordon")
	before := d.hub.Cursor()
	for body, status := range map[string]int{
		`{"status":"solved"}`: 422, `{}`: 422, `{"status":""}`: 422, `{"status":null}`: 422, `{"status":1}`: 400, `{`: 400,
	} {
		reply := gordon.Patch("/api/crimes/1", body, "Content-Type", jsonType)
		assert.Equal(t, status, reply.Status, "%s: %s", body, reply.Body)
	}
	assert.Equal(t, http.StatusNotFound, gordon.Patch("/api/crimes/7", map[string]string{"status": "closed"}).Status)
	assert.Equal(t, http.StatusNotFound, gordon.Delete("/api/crimes/7").Status)
	assert.Equal(t, http.StatusBadRequest, gordon.Delete("/api/crimes/seven").Status)
	assert.Equal(t, before, d.hub.Cursor(), "nobody was told of anything")
}

// With a log a change is done where it is read, in the same order everywhere.
func TestAChangeGoesThroughTheLog(t *testing.T) {
	broker := sse.NewMemoryBroker(1000)
	d, clerk := desksOver(t, broker)
	require.NoError(t, clerk.start(t.Context()))
	desk := &desk{store: d.store, hub: d.hub, clerk: clerk}
	crime, err := desk.file(t.Context(), sighting("Pier 19"))
	require.NoError(t, err)

	err = desk.change(t.Context(), crime.ID, store.StatusClosed, "gordon")
	for err != nil && strings.Contains(err.Error(), "try again") { // the clerk has not filed it yet
		err = desk.change(t.Context(), crime.ID, store.StatusClosed, "gordon")
	}
	require.NoError(t, err)
	closed, err := d.store.Get(t.Context(), crime.ID)
	require.NoError(t, err)
	assert.Equal(t, store.StatusClosed, closed.Status)

	// Another node, with a file of its own, and the same log.
	other, reader := desksOver(t, broker)
	require.NoError(t, reader.start(t.Context()))
	there, err := other.store.Get(t.Context(), crime.ID)
	require.NoError(t, err)
	assert.Equal(t, closed, there)

	require.NoError(t, desk.change(t.Context(), crime.ID, "", "gordon"))
	require.Eventually(t, func() bool {
		_, err := other.store.Get(t.Context(), crime.ID)
		return err != nil
	}, 10*time.Second, time.Millisecond)
	_, err = d.store.Get(t.Context(), crime.ID)
	assert.ErrorIs(t, err, store.ErrNotFound)
}

// While the log is out of reach nothing is changed here, which the others would not hear of.
func TestAChangeWithoutTheLogIsRefused(t *testing.T) {
	d, clerk := desks(t)
	require.NoError(t, clerk.start(t.Context()))
	crime, err := d.store.Report(t.Context(), sighting("Pier 19")) // not announced
	require.NoError(t, err)
	gordon := d.as(t, "gordon")
	reply := gordon.Patch(fmt.Sprintf("/api/crimes/%d", crime.ID), map[string]string{"status": "closed"})
	assert.Equal(t, http.StatusServiceUnavailable, reply.Status)
	still, err := d.store.Get(t.Context(), crime.ID)
	require.NoError(t, err)
	assert.Equal(t, store.StatusOpen, still.Status)
}
