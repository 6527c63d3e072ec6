package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// commandLine is the variable that makes a process of the test binary the program
// itself, with these arguments, in JSON.
const commandLine = "CRIMEDASH_TEST_ARGS"

func TestMain(m *testing.M) {
	if line := os.Getenv(commandLine); line != "" {
		var args []string
		if err := json.Unmarshal([]byte(line), &args); err != nil {
			panic(err)
		}
		os.Exit(run(args, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// dashboard is the whole program but its listener, over an empty city.
type dashboard struct {
	*redstart.App
	store *store.Store
	hub   *sse.Hub
}

// newDashboard logs nothing, unless an option gives it another logger.
func newDashboard(t *testing.T, opts ...redstart.Option) dashboard {
	t.Helper()
	crimes, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "gotham.db"), store.Options{Empty: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, crimes.Close()) })
	hub := sse.NewHub()
	t.Cleanup(func() { assert.NoError(t, hub.Close()) })
	app, err := newApp(config{Store: crimes, Hub: hub, LabPace: 20 * time.Millisecond}, append([]redstart.Option{redstart.WithLogger(zerolog.Nop())}, opts...)...)
	require.NoError(t, err)
	return dashboard{App: app, store: crimes, hub: hub}
}

// ask sends one request and returns the whole reply.
func (d dashboard) ask(t *testing.T, method, target, contentType, body string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	reply := httptest.NewRecorder()
	d.ServeHTTP(reply, req)
	return reply
}

func (d dashboard) get(t *testing.T, target string) *httptest.ResponseRecorder {
	t.Helper()
	return d.ask(t, http.MethodGet, target, "", "")
}

func decode[T any](t *testing.T, reply *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(reply.Body.Bytes(), &v), reply.Body.String())
	return v
}

// streamed is an event and when it arrived.
type streamed struct {
	sse.Message
	after time.Duration
}

// listen opens a stream and calls got with each event until it returns false,
// which is the client leaving, or until the stream ends, and then waits for the
// handler. It returns the reply, and the error the body ended with.
func (d dashboard) listen(t *testing.T, target, lastEventID string, got func(streamed) bool) (*wire, error) {
	t.Helper()
	body, end := io.Pipe()
	reply := &wire{header: http.Header{}, body: end}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	// As if from a server: the app cuts the connection of a stream that failed.
	ctx, leave := context.WithCancel(context.WithValue(t.Context(), http.ServerContextKey, &http.Server{}))
	defer leave()
	req = req.WithContext(ctx)
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	start := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer end.Close()
		defer func() {
			if recover() != nil { // how net/http is told to cut a connection
				end.CloseWithError(http.ErrAbortHandler)
			}
		}()
		d.ServeHTTP(reply, req)
	}()
	var failure error
	for message, err := range sse.Read(body) {
		if err != nil {
			failure = err
			break
		}
		if !got(streamed{Message: message, after: time.Since(start)}) {
			break
		}
	}
	leave()
	go io.Copy(io.Discard, body) // what is still in the pipe must not hold up the handler
	<-done
	return reply, failure
}

// all listens until the stream ends.
func (d dashboard) all(t *testing.T, target, lastEventID string) []streamed {
	t.Helper()
	var events []streamed
	_, err := d.listen(t, target, lastEventID, func(e streamed) bool {
		events = append(events, e)
		return true
	})
	require.NoError(t, err)
	return events
}

// wire is a connection whose client reads as the events are sent.
type wire struct {
	header http.Header
	status int
	body   *io.PipeWriter
}

func (w *wire) Header() http.Header              { return w.header }
func (w *wire) WriteHeader(status int)           { w.status = status }
func (w *wire) Write(p []byte) (int, error)      { return w.body.Write(p) }
func (w *wire) FlushError() error                { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) EnableFullDuplex() error          { return nil }
