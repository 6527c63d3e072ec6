package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hurried paces are for streams that are read over a real connection.
var hurried = paces{
	notifications: time.Millisecond, feed: time.Millisecond, progress: time.Millisecond,
	chat: time.Millisecond, dashboard: time.Millisecond,
}

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(newApp(hurried, io.Discard))
	t.Cleanup(server.Close)
	t.Cleanup(server.Client().CloseIdleConnections)
	return server
}

func open(t *testing.T, server *httptest.Server, path, lastEventID string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
	require.NoError(t, err)
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// first reads the first n messages of a stream, from behind an id if one is given.
func first(t *testing.T, server *httptest.Server, n int, path, lastEventID string) []sse.Message {
	t.Helper()
	resp := open(t, server, path, lastEventID)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	var messages []sse.Message
	for m, err := range sse.Read(resp.Body) {
		require.NoError(t, err)
		if messages = append(messages, m); len(messages) == n {
			break
		}
	}
	require.Len(t, messages, n)
	return messages
}

func decode[T any](t *testing.T, m sse.Message) (v T) {
	t.Helper()
	require.NoError(t, m.DecodeJSON(&v))
	return v
}

// streamed runs a handler in a bubble of fake time until the client leaves after d,
// and returns what it sent.
func streamed(t *testing.T, d time.Duration, h redstart.Handler) (messages []sse.Message) {
	t.Helper()
	app := redstart.New(redstart.WithoutAccessLog())
	app.Get("/", h)
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	for m, err := range sse.Read(w.Body) {
		require.NoError(t, err)
		messages = append(messages, m)
	}
	return messages
}

func TestPageIsServed(t *testing.T) {
	server := serve(t)
	for _, tc := range []struct{ path, contentType, holds string }{
		{"/", "text/html; charset=utf-8", `data-stream="/log"`},
		{"/style.css", "text/css; charset=utf-8", "prefers-reduced-motion"},
		{"/app.js", "text/javascript; charset=utf-8", "new EventSource"},
		{"/icon.svg", "image/svg+xml", "<svg"},
	} {
		t.Run(tc.path, func(t *testing.T) {
			resp := open(t, server, tc.path, "")
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.Equal(t, tc.contentType, resp.Header.Get("Content-Type"))
			assert.Equal(t, "default-src 'self'", resp.Header.Get("Content-Security-Policy"))
			assert.Contains(t, string(body), tc.holds)
		})
	}
}

// The policy forbids what these would be, and a browser drops it silently.
func TestPageObeysItsOwnPolicy(t *testing.T) {
	page, err := web.ReadFile("web/index.html")
	require.NoError(t, err)
	for _, forbidden := range []string{" style=", "<style", "<script>", " onclick=", "http://", "https://", "data:"} {
		assert.NotContains(t, string(page), forbidden)
	}
}

// Each stream has a panel on the page, and each panel a stream.
func TestPageShowsEveryStream(t *testing.T) {
	page, err := web.ReadFile("web/index.html")
	require.NoError(t, err)
	var shown, served []string
	for _, match := range regexp.MustCompile(`data-stream="([^"]+)"`).FindAllSubmatch(page, -1) {
		shown = append(shown, string(match[1]))
	}
	for _, r := range newApp(hurried, io.Discard).Routes() {
		if strings.Trim(r.Pattern, "/") != "" && !strings.ContainsAny(r.Pattern, ":*") { // all but the page and /answer
			served = append(served, r.Pattern)
		}
	}
	assert.Len(t, shown, 6)
	assert.ElementsMatch(t, served, shown)
}

// A generator must end when its client leaves, in the middle of its pause.
func TestSourcesKeepPaceAndEndWithTheirClient(t *testing.T) {
	for _, tc := range []struct {
		name    string
		handler redstart.Handler
		want    int // messages in the first 10.5 seconds
	}{
		{"notifications", notifications{pace: 2 * time.Second}.stream, 6},
		{"feed", feed{pace: 2 * time.Second, lineHolds: 100}.stream, 6},
		{"progress", job{pace: 2 * time.Second}.stream, 6},
		{"chat", chat{pace: 2 * time.Second}.stream, 6},
		{"dashboard", (&dashboard{pace: 2 * time.Second, streams: &sse.Server{}, started: time.Now()}).stream, 6},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				messages := streamed(t, 10500*time.Millisecond, tc.handler)
				assert.Len(t, messages, tc.want)
				assert.Equal(t, 10500*time.Millisecond, time.Since(begin))
			})
		})
	}
}

func TestAfter(t *testing.T) {
	for _, tc := range []struct {
		name, id string
		want     int
	}{
		{"nothing seen", "", 0},
		{"the first", "0", 1},
		{"a later one", "41", 42},
		{"nonsense", "abc", 0},
		{"negative", "-7", 0},
		{"beyond what there is", "1073741825", 0},
		{"would overflow", "9223372036854775807", 0},
		{"longer than any number", "99999999999999999999", 0},
	} {
		t.Run(tc.name, func(t *testing.T) { assert.Equal(t, tc.want, after(tc.id)) })
	}
}
