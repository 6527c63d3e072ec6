package servers

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listen serves the server for as long as the tests run, and returns its URL.
func listen(t *testing.T, name string) (Server, string) {
	t.Helper()
	server, err := New(name)
	require.NoError(t, err)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() { _ = server.Serve(l) }()
	return server, "http://" + l.Addr().String()
}

func body(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode, "%s", text)
	return string(text)
}

func TestServersAnswerTheSame(t *testing.T) {
	user, err := json.Marshal(userOf("4711"))
	require.NoError(t, err)
	assert.InDelta(t, 1024, len(OrderJSON()), 150, "an order of about one kilobyte")
	for _, name := range Names(HTTP) {
		t.Run(name, func(t *testing.T) {
			server, url := listen(t, name)
			resp, err := http.Get(url + "/plaintext")
			assert.Equal(t, Greeting, body(t, resp, err))
			assert.Equal(t, "text/plain; charset=utf-8", strings.ToLower(resp.Header.Get("Content-Type")))
			resp, err = http.Get(url + "/users/4711")
			assert.JSONEq(t, string(user), body(t, resp, err))
			resp, err = http.Post(url+"/orders", "application/json", strings.NewReader(OrderJSON()))
			assert.JSONEq(t, OrderJSON(), body(t, resp, err))

			again := server.Exchange("POST", "/orders", OrderJSON())
			for range 3 {
				assert.Equal(t, 200, again(), "the body is there each time")
			}
			assert.Equal(t, 404, server.Exchange("GET", "/nowhere", "")(), "the status is the handler's")
		})
	}
}

func TestStreamsHaveAMarkForEachEvent(t *testing.T) {
	for _, name := range Names(Stream) {
		t.Run(name, func(t *testing.T) {
			_, url := listen(t, name)
			resp, err := http.Get(url + "/stream?n=50")
			text := body(t, resp, err)
			assert.Equal(t, 50, strings.Count(text, string(Mark)))
			assert.Equal(t, 50, strings.Count(text, "\nid:")+strings.Count(text[:3], "id:"), "each has an id")
		})
	}
}

// marks subscribes and returns a function that reads events until n of them had data.
func marks(t *testing.T, url, lastEventID string) func(n int) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/events", nil)
	require.NoError(t, err)
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	require.Equal(t, 200, resp.StatusCode)
	lines := bufio.NewScanner(resp.Body)
	return func(n int) (data []string) {
		for len(data) < n && lines.Scan() {
			if _, text, found := strings.Cut(lines.Text(), string(Mark)); found {
				data = append(data, text)
			}
		}
		require.NoError(t, lines.Err())
		return data
	}
}

func TestSubscribersGetWhatIsPublishedAndResume(t *testing.T) {
	for _, name := range Names(Hub) {
		t.Run(name, func(t *testing.T) {
			server, url := listen(t, name)
			first := server.Publish(string(Mark) + "first")
			var want []string
			for i := range 100 {
				want = append(want, fmt.Sprint(i))
				server.Publish(string(Mark) + want[i])
			}
			read := marks(t, url, first)
			assert.Equal(t, want, read(100), "all behind the id, and nothing before")
			// It has read what was missed, so it is subscribed, or will be with nothing lost.
			server.Publish(string(Mark) + "live")
			assert.Equal(t, []string{"live"}, read(1))
		})
	}
}

func TestNewNamesTheServersThereAre(t *testing.T) {
	_, err := New("nginx")
	require.Error(t, err)
	for _, name := range []string{`"nginx"`, "raw", "go-sse"} {
		assert.ErrorContains(t, err, name)
	}
}

func TestTheFirstIsWhatOthersAreComparedTo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		topics Topic
		want   string
	}{
		{"everything", 0, "raw"},
		{"events", Hub, "raw"},
		{"streams", Stream, "raw"},
		{"requests", HTTP, "raw"},
		{"conversations", Talk, "gorilla"},
		{"rooms", Room, "gorilla"},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, Names(tt.topics)[0]) })
	}
}
