package middleware_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/memnet"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

func ExampleHealth() {
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.Health(middleware.HealthOptions{
		Serving: func() error { return errors.New("still reading the map of the city") },
		Checks:  []middleware.HealthCheck{{Name: "database", Check: func(context.Context) error { return nil }}},
	}))

	fmt.Println(send(app, "GET", "/livez", "").Body)
	fmt.Println(send(app, "GET", "/readyz", "").Body)
	// Output:
	// {"status":"live"}
	// {"status":"not ready","reason":"not serving"}
}

// report is what readiness replies.
type report struct {
	Status, Reason string
	Checks         map[string]struct {
		Status, Error string
		TookMS        float64 `json:"took_ms"`
	}
}

func readiness(t *testing.T, app *redstart.App) (status int, r report) {
	t.Helper()
	reply := send(app, "GET", "/readyz", "")
	require.NoError(t, json.Unmarshal(reply.Body.Bytes(), &r))
	assert.Equal(t, "no-store", reply.Header().Get("Cache-Control"))
	return reply.Code, r
}

func TestHealthChecksRunTogetherAndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context) error {
			select {
			case <-time.After(900 * time.Millisecond):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		app := quiet()
		app.Use(middleware.Health(middleware.HealthOptions{
			InsecureShowErrors: true,
			Checks: []middleware.HealthCheck{
				{Name: "quick", Check: func(context.Context) error { return nil }},
				{Name: "slow", Check: slow},
				{Name: "late", Check: slow, Timeout: 500 * time.Millisecond},
				{Name: "deaf", Check: func(context.Context) error { time.Sleep(600 * time.Millisecond); return nil }, Timeout: 500 * time.Millisecond},
				{Name: "panics", Check: func(context.Context) error { panic("the Joker") }},
				{Name: "broken", Check: func(context.Context) error { return errors.New("no connection") }},
			},
		}))
		begin := time.Now()
		status, got := readiness(t, app)
		assert.Equal(t, 900*time.Millisecond, time.Since(begin), "all at the same time")
		assert.Equal(t, 503, status)
		assert.Equal(t, "not ready", got.Status)
		for name, want := range map[string]struct {
			error string
			took  float64
		}{
			"quick": {"", 0}, "slow": {"", 900}, "late": {"context deadline exceeded", 500}, "deaf": {"it took longer than 500ms", 600},
			"panics": {"panic: the Joker", 0}, "broken": {"no connection", 0},
		} {
			assert.Equal(t, want.error, got.Checks[name].Error, name)
			assert.Equal(t, want.error != "", got.Checks[name].Status == "failed", name)
			assert.InDelta(t, want.took, got.Checks[name].TookMS, 0.01, name)
		}
	})
}

func TestHealthChecksRunOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		app := quiet()
		app.Use(middleware.Health(middleware.HealthOptions{
			Keep: 10 * time.Second,
			Checks: []middleware.HealthCheck{{Name: "database", Check: func(context.Context) error {
				runs++
				time.Sleep(time.Second / 2)
				return nil
			}}},
		}))
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				status, _ := readiness(t, app)
				assert.Equal(t, 200, status)
			})
		}
		wg.Wait()
		assert.Equal(t, 1, runs)
		time.Sleep(10 * time.Second)
		readiness(t, app)
		assert.Equal(t, 2, runs)
	})
}

func TestHealthWhenWhoAskedFirstLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		app.Use(middleware.Health(middleware.HealthOptions{Checks: []middleware.HealthCheck{{Name: "database", Check: func(ctx context.Context) error {
			select {
			case <-time.After(time.Second / 2):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}}}))
		ctx, leave := context.WithCancel(t.Context())
		for range 2 { // one runs the check, one waits for it
			go app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/readyz", nil))
		}
		synctest.Wait()
		leave()
		status, _ := readiness(t, app)
		assert.Equal(t, 200, status, "the outcome is for others as well")
	})
}

func TestHealthHidesErrorsAndLogsChanges(t *testing.T) {
	app, lines := logged()
	var serving, database error
	app.Use(middleware.Health(middleware.HealthOptions{
		Keep:    -1,
		Serving: func() error { return serving },
		Checks:  []middleware.HealthCheck{{Name: "database", Check: func(context.Context) error { return database }}},
	}))
	ask := func(want int) report {
		status, r := readiness(t, app)
		assert.Equal(t, want, status)
		readiness(t, app)
		return r
	}
	ask(200)
	database = errors.New("dial 10.0.0.5: refused")
	r := ask(503)
	assert.Equal(t, "failed", r.Checks["database"].Status)
	assert.Empty(t, r.Checks["database"].Error)
	serving = errors.New("draining")
	assert.Equal(t, "not serving", ask(503).Reason)
	serving, database = nil, nil
	ask(200)
	got := lines.read(t)
	require.Len(t, got, 2, "one line for each change, and none for the requests")
	assert.Equal(t, "not ready", got[0]["message"])
	assert.Equal(t, []any{"database: dial 10.0.0.5: refused"}, got[0]["errors"])
	assert.Equal(t, "ready again", got[1]["message"])
}

func TestHealthWhileDraining(t *testing.T) {
	app := quiet()
	others := &sse.Server{}
	app.Use(middleware.Health(middleware.HealthOptions{Streams: others}))
	for name, streams := range map[string]*sse.Server{"another server": others, "the application": app.Streams()} {
		require.NoError(t, streams.Drain(t.Context()))
		status, got := readiness(t, app)
		assert.Equal(t, 503, status, name)
		assert.Equal(t, "sse: the server is draining", got.Reason, name)
		assert.Equal(t, 200, send(app, "GET", "/livez", "").Code, "a restart would not help")
	}
}

// Readiness goes off with the signal to stop, while a request is still under way.
func TestHealthOfAnAppThatIsToldToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		app.Use(middleware.Health())
		release := make(chan struct{})
		app.Get("/", func(*redstart.Request) redstart.Response { <-release; return redstart.Text("done") })
		l := memnet.Listen()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- app.Serve(ctx, l) }()
		ask := func(conn net.Conn, path string) *http.Response {
			_, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: gotham\r\n\r\n")
			require.NoError(t, err)
			reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, reply.Body)
			require.NoError(t, err)
			return reply
		}
		asker, err := l.DialContext(ctx, "", "")
		require.NoError(t, err)
		worker, err := l.DialContext(ctx, "", "")
		require.NoError(t, err)
		assert.Equal(t, 200, ask(asker, "/readyz").StatusCode)
		worked := make(chan int, 1)
		go func() { worked <- ask(worker, "/").StatusCode }()
		synctest.Wait()
		stop()
		synctest.Wait()
		assert.Equal(t, 503, ask(asker, "/readyz").StatusCode)
		close(release)
		assert.Equal(t, 200, <-worked)
		require.NoError(t, <-ended)
		_, _ = asker.Close(), worker.Close()
	})
}

func TestHealthAnswersItsPathsOnly(t *testing.T) {
	app := quiet()
	app.Use(middleware.Health(middleware.HealthOptions{Live: "/up"}))
	kinds := everyReply(app)
	app.Post("/readyz", func(*redstart.Request) redstart.Response { return redstart.Text("mine") })
	for _, kind := range kinds {
		assert.Equal(t, kind.status, send(app, kind.method, kind.path, "").Code, kind.name)
	}
	for _, tc := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/up", 200}, {"HEAD", "/up", 200}, {"GET", "/up/", 200}, {"GET", "/livez", 404}, {"GET", "/up/x", 404},
		{"HEAD", "/readyz", 200}, {"POST", "/readyz", 200}, {"POST", "/up", 404},
	} {
		reply := send(app, tc.method, tc.path, "")
		assert.Equal(t, tc.status, reply.Code, tc)
		if tc.method == "POST" && tc.status == 200 {
			assert.Equal(t, "mine", reply.Body.String())
		}
	}
}

func TestHealthPanicsWhenMisconfigured(t *testing.T) {
	ok := func(context.Context) error { return nil }
	for want, o := range map[string]middleware.HealthOptions{
		`middleware: Health: Live and Ready are both "/healthz": want two paths`:                                   {Live: "/healthz", Ready: "/healthz"},
		`middleware: Health: "livez": want a path such as "/livez"`:                                                {Live: "livez"},
		`middleware: Health: "/": want a path such as "/readyz"`:                                                   {Ready: "/"},
		`middleware: Health: check 1, "": want a name of its own, a function, and a timeout that is not negative`:  {Checks: []middleware.HealthCheck{{Check: ok}}},
		`middleware: Health: check 1, "a": want a name of its own, a function, and a timeout that is not negative`: {Checks: []middleware.HealthCheck{{Name: "a"}}},
		`middleware: Health: check 2, "b": want a name of its own, a function, and a timeout that is not negative`: {Checks: []middleware.HealthCheck{{Name: "b", Check: ok}, {Name: "b", Check: ok}}},
	} {
		assert.Equal(t, want, refused(t, func() { middleware.Health(o) }))
	}
}
