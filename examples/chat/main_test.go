package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quietApp is the app without its log, over a hub that tells at once who has left.
func quietApp() (*redstart.App, *sse.Hub) {
	hub := newHub(sse.PresenceGrace(0))
	return newApp(hub, redstart.WithLogger(zerolog.New(io.Discard))), hub
}

// visitor is a page, as far as the server can tell: it takes whatever comes, at once.
type visitor struct {
	t     *testing.T
	conn  *websocket.Conn
	heard chan websocket.Envelope
	end   error // when heard is closed
}

// visit comes into a room. The position may be empty.
func visit(t *testing.T, app http.Handler, room, name, position string) *visitor {
	t.Helper()
	query := url.Values{"name": {name}}
	if position != "" {
		query.Set("last_event_id", position)
	}
	conn, _, err := websocket.Dial(t.Context(), "ws://gotham.city/rooms/"+room+"/talk?"+query.Encode(), &websocket.DialOptions{Handler: app})
	require.NoError(t, err)
	v := &visitor{t: t, conn: conn, heard: make(chan websocket.Envelope, 1000)}
	go v.listen()
	return v
}

func (v *visitor) listen() {
	defer close(v.heard)
	for {
		var e websocket.Envelope
		if v.end = v.conn.ReadJSON(context.Background(), &e); v.end != nil {
			return
		}
		v.heard <- e
	}
}

// leave closes the connection, and returns when that is done.
func (v *visitor) leave() {
	_ = v.conn.Close(websocket.NormalClosure, "")
	_ = v.cut()
}

// cut waits for the end.
func (v *visitor) cut() error {
	for range v.heard {
	}
	return v.end
}

func (v *visitor) send(in input) {
	v.t.Helper()
	require.NoError(v.t, v.conn.SendJSON(in))
}

// next waits for the next event of that name.
func (v *visitor) next(event string) websocket.Envelope {
	v.t.Helper()
	for e := range v.heard {
		if e.Event == event {
			return e
		}
	}
	require.FailNow(v.t, "the connection has ended", "while waiting for %q: %v", event, v.end)
	return websocket.Envelope{}
}

// hears is next for what somebody says.
func (v *visitor) hears(who, text string) string {
	v.t.Helper()
	e := v.next("line")
	got := decode[line](v.t, e)
	assert.Equal(v.t, [2]string{who, text}, [2]string{got.Who, got.Text})
	return e.ID
}

func decode[T any](t *testing.T, e websocket.Envelope) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(e.Data, &v))
	return v
}

func TestPagesAreServed(t *testing.T) {
	app, _ := quietApp()
	for _, tc := range []struct{ path, contentType, holds string }{
		{"/", "text/html; charset=utf-8", `id="rooms"`},
		{"/wall.html", "text/html; charset=utf-8", "wall.js"},
		{"/socket.js", "text/javascript; charset=utf-8", "new WebSocket"},
		{"/rooms", "application/json", `"id":"kitchen"`},
	} {
		t.Run(tc.path, func(t *testing.T) {
			w := httptest.NewRecorder()
			app.ServeHTTP(w, httptest.NewRequest("GET", tc.path, nil))
			assert.Equal(t, http.StatusOK, w.Code)
			assert.Equal(t, tc.contentType, w.Header().Get("Content-Type"))
			assert.Equal(t, "default-src 'self'", w.Header().Get("Content-Security-Policy"))
			assert.Contains(t, w.Body.String(), tc.holds)
		})
	}
}
