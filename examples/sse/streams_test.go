package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

func TestNotifications(t *testing.T) {
	server := serve(t)
	for i, m := range first(t, server, len(notices)+1, "/notifications", "") {
		assert.Equal(t, "notice", m.Event)
		assert.Equal(t, strconv.Itoa(i), m.ID)
		assert.Equal(t, notices[i%len(notices)], decode[notice](t, m))
	}
	t.Run("resume", func(t *testing.T) {
		assert.Equal(t, "6", first(t, server, 1, "/notifications", "5")[0].ID)
	})
}

func TestFeed(t *testing.T) {
	m := first(t, serve(t), 2, "/feed", "")
	assert.Equal(t, 2*time.Second, m[0].Retry)
	assert.Equal(t, "report", m[1].Event)
	assert.Equal(t, "1", m[1].ID)
	got := decode[report](t, m[1])
	assert.Equal(t, 1, got.Number)
	assert.Equal(t, "Burglary", got.Kind)
	assert.Equal(t, "The Narrows", got.Place)
	assert.WithinDuration(t, time.Now(), got.At, time.Minute)
}

// What a browser does by itself: read until the line drops, come back with the
// last id, and so on. No report may be missing, and none come twice.
func TestFeedIsWholeOverDroppedLines(t *testing.T) {
	server := serve(t)
	next, drops, last := 0, 0, ""
	for drops < 3 {
		resp := open(t, server, "/feed", last)
		failed := false
		for m, err := range sse.Read(resp.Body) {
			switch {
			case err != nil:
				require.True(t, errors.Is(err, io.ErrUnexpectedEOF), "the body must break off: %v", err)
				require.True(t, failed, "the client must be told why")
			case m.Event == "error":
				assert.Equal(t, "the police radio dropped the line", m.Data)
				failed = true
			default:
				require.Equal(t, next, decode[report](t, m).Number)
				last = m.ID
				next++
			}
		}
		require.True(t, failed)
		drops++
	}
	assert.Equal(t, 60, next)
}

func TestProgress(t *testing.T) {
	server := serve(t)
	t.Run("from the beginning to a proper end", func(t *testing.T) {
		var last progress
		n := 0
		for m, err := range sse.Read(open(t, server, "/progress", "").Body) {
			require.NoError(t, err)
			last = decode[progress](t, m)
			require.Equal(t, n, last.Percent)
			if n < 100 {
				require.Equal(t, "progress", m.Event)
			} else {
				require.Equal(t, "done", m.Event)
			}
			n++
		}
		assert.Equal(t, 101, n)
		assert.Equal(t, progress{100, "Done: the prints are the Penguin's"}, last)
	})
	t.Run("a reconnect continues", func(t *testing.T) {
		m := first(t, server, 1, "/progress", "74")[0]
		assert.Equal(t, progress{75, "Comparing with the Arkham register"}, decode[progress](t, m))
	})
	t.Run("a client that saw the end is told to stop", func(t *testing.T) {
		assert.Equal(t, http.StatusNoContent, open(t, server, "/progress", "100").StatusCode)
	})
}

func TestChat(t *testing.T) {
	server := serve(t)
	languages := map[string]bool{}
	for i, m := range first(t, server, len(talk), "/chat", "") {
		assert.Equal(t, "line", m.Event)
		assert.Equal(t, strconv.Itoa(i), m.ID)
		got := decode[line](t, m)
		assert.Equal(t, talk[i], got)
		languages[got.Lang] = true
	}
	assert.Equal(t, map[string]bool{"en": true, "zh-Hans": true}, languages)
	t.Run("resume", func(t *testing.T) {
		assert.Equal(t, talk[4], decode[line](t, first(t, server, 1, "/chat", "3")[0]))
	})
}

func TestDashboard(t *testing.T) {
	server := serve(t)
	first(t, server, 3, "/notifications", "")
	m := first(t, server, 2, "/dashboard", "")[1]
	assert.Equal(t, "figures", m.Event)
	assert.Empty(t, m.ID)
	got := decode[figures](t, m)
	assert.GreaterOrEqual(t, got.Streams, 1)
	assert.EqualValues(t, 2, got.Requests)
	assert.Positive(t, got.Goroutines)
	assert.Positive(t, got.Heap)
}

func TestDashboardCountsEventsOfEndedStreams(t *testing.T) {
	server := serve(t)
	_, err := io.Copy(io.Discard, open(t, server, "/progress", "90").Body)
	require.NoError(t, err)
	resp := open(t, server, "/dashboard", "")
	for m, err := range sse.Read(resp.Body) {
		require.NoError(t, err)
		// The stream has ended for its client a moment before it is counted.
		if decode[figures](t, m).Events == 10 { // 91 to 100
			return
		}
	}
	t.Fatal("the events were not counted")
}

func TestLogTail(t *testing.T) {
	server := serve(t)
	open(t, server, "/answer/200", "")
	open(t, server, "/answer/503", "")
	m := first(t, server, 2+1, "/log", "")[1:] // behind the position that the hub sends first
	type entry struct {
		Level, Method, Path string
		Status              int
	}
	read := func(m sse.Message) (e entry) {
		require.Equal(t, "line", m.Event)
		require.NoError(t, json.Unmarshal([]byte(m.Data), &e), m.Data)
		return e
	}
	assert.Equal(t, entry{"info", "GET", "/answer/200", 200}, read(m[0]))
	assert.Equal(t, entry{"error", "GET", "/answer/503", 503}, read(m[1]))

	t.Run("resume", func(t *testing.T) {
		assert.Equal(t, m[1], first(t, server, 1, "/log", m[0].ID)[0])
	})
}

func TestLogTailOutlivesItsHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tail := newLogTail()
		require.NoError(t, tail.close(t.Context()))
		n, err := tail.Write([]byte("a line\n"))
		assert.NoError(t, err, "the logger must not be bothered")
		assert.Equal(t, 7, n)
	})
}

func TestAnswer(t *testing.T) {
	server := serve(t)
	for _, tc := range []struct {
		path string
		want int
	}{
		{"/answer/200", 200},
		{"/answer/404", 404},
		{"/answer/599", 599},
		{"/answer/201", 400},
		{"/answer/600", 400},
		{"/answer/soon", 400},
	} {
		t.Run(tc.path, func(t *testing.T) { assert.Equal(t, tc.want, open(t, server, tc.path, "").StatusCode) })
	}
}
