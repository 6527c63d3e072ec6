package serving

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart/internal/memnet"
)

func nothing(context.Context) error { return nil }

// config serves a handler that waits for release.
func config(release <-chan struct{}) *Config {
	return &Config{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}),
		Logger: zerolog.New(new(bytes.Buffer)), DrainTimeout: 10 * time.Second,
		Drain: nothing, Join: nothing, Started: func(string) {},
	}
}

// run serves a request, tells the server to stop while it is under way, calls
// during, and returns how long the server took and its error.
func run(t *testing.T, c *Config, during func(force chan struct{})) (took time.Duration, err error) {
	t.Helper()
	l := memnet.Listen()
	ctx, cancel := context.WithCancel(t.Context())
	force, done := make(chan struct{}), make(chan error)
	go func() { done <- c.Serve(ctx, force, l) }()
	transport := &http.Transport{DialContext: l.DialContext}
	defer transport.CloseIdleConnections()
	replied := make(chan struct{})
	go func() {
		defer close(replied)
		if resp, err := (&http.Client{Transport: transport}).Get("http://x"); err == nil {
			resp.Body.Close()
		}
	}()
	synctest.Wait()
	start := time.Now()
	cancel()
	during(force)
	err = <-done
	took = time.Since(start)
	<-replied
	return took, err
}

func TestDrain(t *testing.T) {
	boom := errors.New("boom")
	tests := map[string]struct {
		change func(*Config)
		during func(release, force chan struct{})
		took   time.Duration // at most
		want   string
	}{
		"finishes": {func(*Config) {}, func(release, _ chan struct{}) { time.Sleep(3 * time.Second); close(release) }, 4 * time.Second, ""},
		"too late": {func(*Config) {}, func(_, _ chan struct{}) {}, 10 * time.Second, "redstart: requests were cut: not drained after 10s"},
		"forced": {func(*Config) {}, func(_, force chan struct{}) { time.Sleep(2 * time.Second); close(force) }, 2 * time.Second,
			"redstart: stopped by a second signal before the drain was over"},
		"no bound": {func(c *Config) { c.DrainTimeout = 0 }, func(release, _ chan struct{}) { time.Sleep(time.Hour); close(release) },
			time.Hour + time.Second, ""},
		"streams that stay": {func(c *Config) {
			c.Drain = func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
		}, func(release, _ chan struct{}) { close(release) }, 10 * time.Second, "redstart: requests were cut: not drained after 10s"},
		"what was left behind": {func(c *Config) { c.Join = func(context.Context) error { return boom } },
			func(release, _ chan struct{}) { close(release) }, time.Second, "boom"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				c := config(release)
				stopped := false
				c.OnStop = append(c.OnStop, func(ctx context.Context) error {
					stopped = true
					assert.Equal(t, name == "forced", ctx.Err() != nil)
					return nil
				})
				tt.change(c)
				took, err := run(t, c, func(force chan struct{}) { tt.during(release, force) })
				assert.LessOrEqual(t, took, tt.took)
				if tt.want == "" {
					assert.NoError(t, err)
				} else {
					assert.EqualError(t, err, tt.want)
				}
				assert.True(t, stopped)
			})
		})
	}
}

func TestForceEndsTheContextOfOnStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		close(release)
		c := config(release)
		c.OnStop = append(c.OnStop, func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
		took, err := run(t, c, func(force chan struct{}) { time.Sleep(3 * time.Second); close(force) })
		assert.Equal(t, 3*time.Second, took)
		assert.ErrorIs(t, err, ErrForced)
	})
}

func TestOnStopHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(nil)
		c.OnStop = append(c.OnStop, func(ctx context.Context) error {
			assert.NoError(t, ctx.Err())
			<-ctx.Done()
			return context.Cause(ctx)
		})
		took, err := run(t, c, func(chan struct{}) {})
		assert.ErrorIs(t, err, errNotDrained)
		assert.ErrorIs(t, err, errNotStopped)
		assert.Equal(t, 20*time.Second, took)
	})
}

func TestAnOnStopThatPanicsKeepsNoOtherFromRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		close(release)
		c := config(release)
		var log bytes.Buffer
		c.Logger = zerolog.New(&log)
		stopped := false
		c.OnStop = append(c.OnStop,
			func(context.Context) error { stopped = true; return nil },
			func(context.Context) error { panic(errors.New("boom")) })
		_, err := run(t, c, func(chan struct{}) {})
		assert.EqualError(t, err, "redstart: OnStop: panic: boom")
		assert.True(t, stopped)
		assert.Contains(t, log.String(), `"error":"panic: boom"`)
		assert.Contains(t, log.String(), "TestAnOnStopThatPanics", "the place")
	})
}
