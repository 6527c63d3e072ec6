package redstart_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/memnet"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		runChild(mode) // never returns
	}
	if mode := os.Getenv(programMode); mode != "" {
		runProgram(mode) // the same
	}
	goleak.VerifyTestMain(m)
}

// logbook keeps the lines that an app logs.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// lines returns the log lines that have this message.
func (l *logbook) lines(t *testing.T, message string) (lines []map[string]any) {
	t.Helper()
	for text := range strings.Lines(l.String()) {
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		if line["message"] == message {
			lines = append(lines, line)
		}
	}
	return lines
}

// line returns the one log line that has this message.
func (l *logbook) line(t *testing.T, message string) map[string]any {
	t.Helper()
	lines := l.lines(t, message)
	require.Len(t, lines, 1, "lines %q in the log:\n%s", message, l)
	return lines[0]
}

// newApp makes an app that logs into a book.
func newApp(opts ...redstart.Option) (*redstart.App, *logbook) {
	log := &logbook{}
	return redstart.New(append([]redstart.Option{redstart.WithLogger(zerolog.New(log))}, opts...)...), log
}

// ask sends one request to a handler, in process. Headers are pairs of name and
// value; "Host" is the request's host.
func ask(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		r.Body = http.NoBody
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	return ask(h, http.MethodGet, target, "", header...)
}

// text is a handler that always says the same.
func text(s string) redstart.Handler {
	return func(*redstart.Request) redstart.Response { return redstart.Text(s) }
}

// fails is a handler that always fails.
func fails(err error) redstart.Handler {
	return func(*redstart.Request) redstart.Response { return redstart.Fail(err) }
}

// mark is a middleware that leaves its name in the header Trace, on the way out.
func mark(name string) redstart.Middleware {
	return redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		return resp.WithAdded("Trace", name)
	})
}

// serve serves an app on a listener until the test ends, which fails when the
// serving does.
func serve(t *testing.T, app *redstart.App, l net.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
}

// online serves an app on a port of its own and returns its address and a client.
func online(t *testing.T, app *redstart.App) (addr string, client *http.Client) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	serve(t, app, l)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return l.Addr().String(), &http.Client{Transport: transport}
}

// inMemory serves an app inside a bubble of testing/synctest.
func inMemory(t *testing.T, app *redstart.App) (l *memnet.Listener, client *http.Client) {
	t.Helper()
	l = memnet.Listen()
	serve(t, app, l)
	transport := &http.Transport{DialContext: l.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return l, &http.Client{Transport: transport}
}

// noEvents is the source of a stream without messages.
func noEvents(func(redstart.SSEMessage) bool) {}

func contextWith(req *redstart.Request, key, value any) context.Context {
	return context.WithValue(req.Context(), key, value)
}
