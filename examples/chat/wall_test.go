package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

func TestTheWallShowsTheSameWithTheSamePositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, hub := quietApp()
		ada := visit(t, app, "lobby", "Ada", "")
		var ids []string
		for _, text := range []string{"one", "two"} {
			ada.send(input{Do: "say", Key: "key-of-" + text, Text: text})
			ids = append(ids, ada.hears("Ada", text))
		}
		wall := func(position string) (texts, got []string) {
			ctx, leave := context.WithTimeout(t.Context(), time.Second)
			defer leave()
			r := httptest.NewRequestWithContext(ctx, "GET", "/rooms/lobby/events", nil)
			r.Header.Set("Last-Event-ID", position)
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			for m, err := range sse.Read(w.Body) {
				require.NoError(t, err)
				if m.Event == "line" {
					var said line
					require.NoError(t, m.DecodeJSON(&said))
					texts, got = append(texts, said.Text), append(got, m.ID)
				}
			}
			return texts, got
		}
		texts, got := wall("")
		assert.Equal(t, []string{"one", "two"}, texts)
		assert.Equal(t, ids, got)
		texts, _ = wall(ids[0])
		assert.Equal(t, []string{"two"}, texts, "a position of the one is good for the other")
		ada.leave()
		require.NoError(t, hub.Close())
	})
}

func TestThereIsNoWallOfAnUnknownRoom(t *testing.T) {
	app, _ := quietApp()
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/rooms/cellar/events", nil))
	assert.Equal(t, http.StatusNotFound, w.Code)
}
