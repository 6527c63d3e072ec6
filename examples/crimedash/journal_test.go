package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// Who may, sees each request as it is logged, those from before included, and resumes.
func TestTheJournalIsRead(t *testing.T) {
	console := make(consoleLines, 100)
	hub := sse.NewHub()
	app, err := newApp(config{Store: emptyCity(t), Hub: hub, Console: console})
	require.NoError(t, err)
	d := dashboard{App: app, hub: hub}
	t.Cleanup(func() { assert.NoError(t, hub.Close()) })
	gordon := d.as(t, "gordon")
	gordon.Get("/api/crimes/99?<b>")

	stream := gordon.Stream("/log/live")
	read := func() (sse.Message, map[string]any) {
		for {
			message := stream.Next()
			if message.Event != journalEvent {
				continue
			}
			var line map[string]any
			require.NoError(t, json.Unmarshal([]byte(message.Data), &line))
			return message, line
		}
	}
	_, line := read()
	assert.Equal(t, "/login", line["path"])
	at, line := read()
	assert.Equal(t, []any{"GET", "/api/crimes/99", 404.0}, []any{line["method"], line["path"], line["status"]})
	gordon.Get("/api/stats")
	_, line = read()
	assert.Equal(t, "/api/stats", line["path"])
	stream.Close()
	stream = gordon.Stream("/log/live", "Last-Event-ID", at.ID)
	_, line = read()
	assert.Equal(t, "/api/stats", line["path"], "it resumes behind what was seen")
	stream.Close()
	assert.Contains(t, <-console, `"path":"/login"`, "the console has it, too")
}

// consoleLines is a console whose lines can be read while others are written.
type consoleLines chan string

func (c consoleLines) Write(line []byte) (int, error) {
	c <- string(line)
	return len(line), nil
}

// It names clients, so that it is not for everybody.
func TestWhoMayReadTheJournal(t *testing.T) {
	d := newDashboard(t)
	for _, path := range []string{"/log", "/log/live"} {
		assert.Equal(t, http.StatusUnauthorized, d.browser(t).Get(path).Status, path)
		for _, name := range []string{"robin", "batman"} {
			reply := d.as(t, name).Get(path)
			assert.Equal(t, http.StatusForbidden, reply.Status, path)
			assert.Contains(t, reply.Body, scopeLog, path)
		}
	}
	reply := d.browser(t).Get("/log", "Accept", asBrowser)
	assert.Equal(t, "/login?next=%2Flog", reply.Header.Get("Location"))
	page := d.as(t, "gordon").Get("/log")
	assert.Equal(t, http.StatusOK, page.Status)
	assert.Contains(t, page.Body, `<a href="/log" aria-current="page"`)
	assert.NotContains(t, d.as(t, "batman").Get("/").Body, `href="/log"`)
}
