package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// HealthCheck asks whether something that the application needs is there.
type HealthCheck struct {
	Name string // in the reply, such as "database"
	// Check returns nil when it is there. It must return soon after its context has
	// ended: the reply waits for it. A panic is an error.
	Check func(context.Context) error
	// Timeout bounds the check. The default is a second.
	Timeout time.Duration
}

// HealthOptions refine [Health].
type HealthOptions struct {
	// Live and Ready are the paths, "/livez" and "/readyz" by default.
	Live, Ready string
	// Checks are what readiness depends on.
	Checks []HealthCheck
	// Streams, if set, turn readiness off once they drain, besides the application's
	// own, which always do.
	Streams *sse.Server
	// Serving, if set, is asked at each request, before the checks. An error turns
	// readiness off, for an application that is not warm yet, or about to leave.
	Serving func() error
	// Keep is how long the outcome of the checks may be told again, so that a flood of
	// requests is none of checks. The default is a second, a negative value is never.
	Keep time.Duration
	// InsecureShowErrors tells clients the text of the errors, which may name hosts
	// and users. Otherwise it is in the log only.
	InsecureShowErrors bool
}

// Health answers the questions of whoever runs the application, such as Kubernetes or a
// load balancer. Use it on the App, outermost or nearly so, before what asks for
// credentials, limits requests or closes the site:
//
//	GET /livez     200 as long as the process answers at all: a restart would help if not
//	GET /readyz    200 when all checks pass, else 503: send requests elsewhere
//
// Readiness goes off by itself when the application is told to stop.
//
// The checks run at the same time, once for all who ask at the same moment, and the
// reply has a line for each:
//
//	{"status":"not ready","checks":{"database":{"status":"failed","took_ms":1000}}}
//
// The requests leave no line in the access log, but there is one whenever readiness
// changes. HEAD works as well; other methods and paths go on to the routes. A check
// without a name or a function, and two of one name, panic.
func Health(options ...HealthOptions) redstart.Middleware {
	h := newHealth(given("Health", options))
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			if m := req.Method(); m != http.MethodGet && m != http.MethodHead {
				return next(req)
			}
			switch strings.TrimSuffix(req.Path(), "/") {
			case h.Live:
				req.SkipAccessLog(false)
				return redstart.JSON(healthReport{Status: "live"}).With("Cache-Control", "no-store")
			case h.Ready:
				req.SkipAccessLog(true) // told by a line of its own
				return h.ready(req)
			}
			return next(req)
		}
	}
}

// health is the options prepared, and what was found last.
type health struct {
	HealthOptions
	turn  chan struct{} // held while the checks run, so that they run once for all
	at    time.Time
	found map[string]healthResult
	fails []string // the names of the checks that failed

	told struct {
		sync.Mutex
		ready bool
		once  bool
	}
}

type healthReport struct {
	Status string                  `json:"status"`
	Reason string                  `json:"reason,omitempty"`
	Checks map[string]healthResult `json:"checks,omitempty"`
}

type healthResult struct {
	Status string  `json:"status"`
	TookMS float64 `json:"took_ms"`
	Error  string  `json:"error,omitempty"`
	err    error
}

func newHealth(o HealthOptions) *health {
	h := &health{HealthOptions: o, turn: make(chan struct{}, 1)}
	for _, p := range []struct {
		path     *string
		fallback string
	}{{&h.Live, "/livez"}, {&h.Ready, "/readyz"}} {
		if *p.path == "" {
			*p.path = p.fallback
		}
		if !strings.HasPrefix(*p.path, "/") || strings.HasSuffix(*p.path, "/") {
			misuse("Health", "%q: want a path such as %q", *p.path, p.fallback)
		}
	}
	if h.Live == h.Ready {
		misuse("Health", "Live and Ready are both %q: want two paths", h.Live)
	}
	if h.Keep == 0 {
		h.Keep = time.Second
	}
	names := map[string]bool{}
	h.Checks = append([]HealthCheck(nil), o.Checks...)
	for i := range h.Checks {
		c := &h.Checks[i]
		if c.Name == "" || c.Check == nil || names[c.Name] || c.Timeout < 0 {
			misuse("Health", "check %d, %q: want a name of its own, a function, and a timeout that is not negative", i+1, c.Name)
		}
		names[c.Name] = true
		if c.Timeout == 0 {
			c.Timeout = time.Second
		}
	}
	return h
}

func (h *health) ready(req *redstart.Request) redstart.Response {
	report, causes := healthReport{Status: "ready"}, []error(nil)
	if err := h.serving(req); err != nil {
		causes = append(causes, err)
		report.Reason = "not serving"
		if h.InsecureShowErrors || errors.Is(err, sse.ErrDraining) {
			report.Reason = err.Error()
		}
	} else {
		checks, failed, err := h.check(req.Context())
		if err != nil { // nobody is there for a reply
			return redstart.Fail(err)
		}
		report.Checks = checks
		for _, name := range failed {
			causes = append(causes, fmt.Errorf("%s: %w", name, checks[name].err))
		}
	}
	if causes != nil {
		report.Status = "not ready"
	}
	h.tell(req, causes)
	reply := redstart.JSON(report).With("Cache-Control", "no-store")
	if causes != nil {
		reply = reply.WithStatus(http.StatusServiceUnavailable)
	}
	return reply
}

// serving says whether the application wants requests at all.
func (h *health) serving(req *redstart.Request) error {
	if req.Draining() || h.Streams != nil && h.Streams.Stats().Draining {
		return sse.ErrDraining
	}
	if h.Serving != nil {
		return h.Serving()
	}
	return nil
}

// check returns what the checks have found, not longer ago than may be.
func (h *health) check(ctx context.Context) (found map[string]healthResult, failed []string, err error) {
	if len(h.Checks) == 0 {
		return nil, nil, nil
	}
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	if h.found != nil && time.Since(h.at) < h.Keep {
		return h.found, h.fails, nil
	}
	// The outcome is for others as well: it does not end with who asked first.
	ctx = context.WithoutCancel(ctx)
	results := make([]healthResult, len(h.Checks))
	var wg sync.WaitGroup
	for i, c := range h.Checks {
		wg.Go(func() { results[i] = c.run(ctx) })
	}
	wg.Wait()
	h.at, h.found, h.fails = time.Now(), make(map[string]healthResult, len(results)), nil
	for i, c := range h.Checks {
		if results[i].err != nil {
			h.fails = append(h.fails, c.Name)
			if h.InsecureShowErrors {
				results[i].Error = results[i].err.Error()
			}
		}
		h.found[c.Name] = results[i]
	}
	return h.found, h.fails, nil
}

func (c *HealthCheck) run(ctx context.Context) (result healthResult) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	begin := time.Now()
	defer func() {
		if v := recover(); v != nil {
			result.err = fmt.Errorf("panic: %v", v)
		}
		result.TookMS = float64(time.Since(begin).Microseconds()) / 1000
		result.Status = "ok"
		if result.err != nil {
			result.Status = "failed"
		}
	}()
	result.err = c.Check(ctx)
	if late := ctx.Err(); result.err == nil && late != nil {
		result.err = fmt.Errorf("it took longer than %v", c.Timeout)
	}
	return result
}

// tell writes a line when readiness has changed, and one if it is off at first.
func (h *health) tell(req *redstart.Request, causes []error) {
	h.told.Lock()
	defer h.told.Unlock()
	ready := causes == nil
	changed := h.told.ready != ready || !h.told.once
	first := !h.told.once
	h.told.ready, h.told.once = ready, true
	switch {
	case !changed || ready && first:
	case ready:
		req.Log().Info().Msg("ready again")
	default:
		req.Log().Error().Errs("errors", causes).Msg("not ready")
	}
}
