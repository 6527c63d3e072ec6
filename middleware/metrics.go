package middleware

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// MetricsOptions refine [NewMetrics].
type MetricsOptions struct {
	// Registerer is where the metrics are registered. The default is a registry of
	// their own, with the collectors for the Go runtime and the process.
	Registerer prometheus.Registerer
	// Gatherer is what [Metrics.Handler] shows. The default is the Registerer, if it
	// can be asked, as a [prometheus.Registry] can.
	Gatherer prometheus.Gatherer
	// Buckets are the upper bounds of the classic buckets of the requests' duration, in
	// seconds, rising. The default is from 0.5 ms to 10 s.
	Buckets []float64
	// Skip chooses requests that are not counted, such as those of a health check.
	Skip func(*redstart.Request) bool
}

// Metrics counts an application's requests and streams for Prometheus. Make one with
// [NewMetrics]. It is safe for concurrent use.
//
//	metric                           labels                  what
//	http_requests_total              method, route, status   requests whose reply has ended
//	http_request_duration_seconds    method, route           from the arrival to the last byte
//	http_request_size_bytes          method, route           bodies that announce their length
//	http_response_size_bytes         method, route           bodies as sent
//	http_requests_in_flight                                  requests that are being handled
//	http_stream_duration_seconds     route, reason           streams, when they have ended
//	http_stream_events_total         route                   their messages
//	http_stream_sent_bytes_total     route                   their bytes
//
// The route is the pattern, such as /crimes/:id, and "unmatched" where no route
// answers; a method that is not one of the usual is "other"; the status of a reply
// that was never sent, since a panic went on to net/http, is "aborted". So whatever
// clients ask for, there is a bounded number of series.
//
// A stream is counted in http_requests_total when it ends, is never in flight and has
// no part in the durations and sizes of requests, which it would spoil. Streams are event
// streams that have begun, protocols that were switched to, and what a mounted handler
// sends to a client that accepts text/event-stream. What is open now is counted by
// [Metrics.WatchStreams], [Metrics.WatchSockets] and [Metrics.WatchHub].
type Metrics struct {
	o       MetricsOptions
	routes  atomic.Pointer[map[routeKey]*routeMetrics]
	mu      sync.Mutex // guards the growth of routes
	watched watched

	inFlight                        prometheus.Gauge
	requests, events, sent          *prometheus.CounterVec
	duration, received, size, spans *prometheus.HistogramVec
}

// NewMetrics makes metrics and registers them. Names that the registerer has already,
// and a registerer that cannot be asked, when no Gatherer is given, panic, and so do buckets
// that do not rise.
//
//	metrics := middleware.NewMetrics()
//	metrics.WatchStreams("app", app.Streams())
//	metrics.WatchSockets("app", app.Sockets())
//	metrics.WatchHub("crimes", hub)
//	app.Use(metrics.Middleware)
//	app.Mount("/metrics", metrics.Handler())
func NewMetrics(options ...MetricsOptions) *Metrics {
	m := &Metrics{o: given("NewMetrics", options)}
	switch {
	case m.o.Registerer == nil && m.o.Gatherer != nil:
		misuse("NewMetrics", "a Gatherer without a Registerer: it would not show these metrics")
	case m.o.Registerer == nil:
		registry := prometheus.NewRegistry()
		registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		m.o.Registerer, m.o.Gatherer = registry, registry
	case m.o.Gatherer == nil:
		gatherer, ok := m.o.Registerer.(prometheus.Gatherer)
		if !ok {
			misuse("NewMetrics", "the Registerer is a %T, which cannot be asked: give the Gatherer too", m.o.Registerer)
		}
		m.o.Gatherer = gatherer
	}
	if m.o.Buckets == nil {
		m.o.Buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	}
	for i, bound := range m.o.Buckets {
		if math.IsNaN(bound) || i > 0 && bound <= m.o.Buckets[i-1] {
			misuse("NewMetrics", "Buckets: %v does not rise", m.o.Buckets)
		}
	}
	m.routes.Store(&map[routeKey]*routeMetrics{})
	m.define()
	return m
}

func (m *Metrics) define() {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	// Durations are native histograms as well, for servers that ask for those: they
	// are precise at every scale.
	timing := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: 1.1,
			NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
		}, labels)
	}
	size := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(256, 4, 9),
		}, []string{"method", "route"})
	}
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "http_requests_in_flight", Help: "Requests that are being handled, streams not counted.",
	})
	m.requests = counter("http_requests_total", "Requests whose reply has ended.", "method", "route", "status")
	m.duration = timing("http_request_duration_seconds", "Time from a request's arrival to the last byte of its reply, streams not counted.",
		m.o.Buckets, "method", "route")
	m.received = size("http_request_size_bytes", "Sizes of request bodies that announce their length.")
	m.size = size("http_response_size_bytes", "Sizes of reply bodies as sent, streams not counted.")
	m.spans = timing("http_stream_duration_seconds", "Durations of streams that have ended.",
		[]float64{1, 10, 60, 300, 900, 3600, 21600, 86400}, "route", "reason")
	m.events = counter("http_stream_events_total", "Messages of event streams that have ended.", "route")
	m.sent = counter("http_stream_sent_bytes_total", "Bytes sent by streams that have ended.", "route")
	m.watched.describe()
	for _, c := range []prometheus.Collector{
		m.inFlight, m.requests, m.duration, m.received, m.size, m.spans, m.events, m.sent, &m.watched,
	} {
		if err := m.o.Registerer.Register(c); err != nil {
			misuse("NewMetrics", "%v", err)
		}
	}
}

// Handler shows the metrics in the format that the client asks for: Prometheus's text
// or protobuf, or OpenMetrics. It belongs at /metrics, where not everybody can read it.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.o.Gatherer, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// Middleware is the [redstart.Middleware] that counts. Use it outermost, for the whole
// App: a reply that middleware further out replaces is not counted, and if it was a
// download, stays in flight.
func (m *Metrics) Middleware(next redstart.Handler) redstart.Handler {
	return func(req *redstart.Request) redstart.Response {
		if m.o.Skip != nil && m.o.Skip(req) {
			return next(req)
		}
		route := m.route(req)
		if size := req.HTTP().ContentLength; size > 0 {
			route.received().Observe(float64(size))
		}
		m.inFlight.Inc()
		returned, goesOn := false, false
		defer func() {
			if !goesOn {
				m.inFlight.Dec()
			}
			if !returned { // a panic goes through here, and there is no reply
				route.count(0)
			}
		}()
		resp := next(req)
		returned = true
		switch {
		case !resp.Streams():
			return resp.WithDone(route.onReply)
		case isStream(req, resp):
			return resp.WithDone(route.onStream)
		}
		goesOn = true // a file, a generated body, a mounted handler: most is still to be done
		return resp.WithDone(route.onTransfer)
	}
}

// isStream says whether a body that is produced while it is sent is a stream of events.
// What a mounted handler will send is not known, but an EventSource always says what it
// expects (WHATWG HTML section 9.2.2).
func isStream(req *redstart.Request, resp redstart.Response) bool {
	if content := resp.Header().Get("Content-Type"); content != "" {
		return content == "text/event-stream"
	}
	return strings.Contains(req.Header("Accept"), "text/event-stream")
}

// routeKey names the series of a route.
type routeKey struct{ method, pattern string }

// route returns the series of the request's route, which are looked up once.
func (m *Metrics) route(req *redstart.Request) *routeMetrics {
	key := routeKey{req.Method(), req.Pattern()}
	if r := (*m.routes.Load())[key]; r != nil {
		return r
	}
	if !slices.Contains(knownMethods, key.method) {
		key.method = "other"
		if r := (*m.routes.Load())[key]; r != nil {
			return r
		}
	}
	return m.add(key)
}

// add makes the series of a route, unless they are there by now. The table is copied,
// so that nobody waits for it.
func (m *Metrics) add(key routeKey) *routeMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := *m.routes.Load()
	if r := old[key]; r != nil {
		return r
	}
	pattern := cmp.Or(key.pattern, "unmatched")
	series := func(vec *prometheus.HistogramVec) func() prometheus.Observer {
		return sync.OnceValue(func() prometheus.Observer { return vec.WithLabelValues(key.method, pattern) })
	}
	r := &routeMetrics{
		metrics: m, method: key.method, pattern: pattern,
		duration: series(m.duration), received: series(m.received), size: series(m.size),
	}
	r.onReply, r.onTransfer, r.onStream = r.replied, r.transferred, r.streamed
	grown := maps.Clone(old)
	grown[key] = r
	m.routes.Store(&grown)
	return r
}

// routeMetrics are the series of a method and a route. The functions for WithDone are
// made once: one for each request would be an allocation for each.
type routeMetrics struct {
	metrics                       *Metrics
	method, pattern               string
	duration, received, size      func() prometheus.Observer // made when there is something to observe
	onReply, onTransfer, onStream func(redstart.Outcome)
	byStatus                      atomic.Pointer[[]statusCount]
}

type statusCount struct {
	status  int
	counter prometheus.Counter
}

// count counts a reply. A route has few statuses, so that they are searched one by one.
func (r *routeMetrics) count(status int) {
	known := r.byStatus.Load()
	if known != nil {
		for _, s := range *known {
			if s.status == status {
				s.counter.Inc()
				return
			}
		}
	}
	label := "aborted"
	if status != 0 {
		label = strconv.Itoa(status)
	}
	counter := r.metrics.requests.WithLabelValues(r.method, r.pattern, label)
	counter.Inc()
	var grown []statusCount
	if known != nil {
		grown = slices.Clone(*known)
	}
	grown = append(grown, statusCount{status, counter})
	r.byStatus.CompareAndSwap(known, &grown) // else another time
}

func (r *routeMetrics) replied(o redstart.Outcome) {
	r.count(o.Status)
	r.duration().Observe(o.Duration.Seconds())
	r.size().Observe(float64(o.Bytes))
}

func (r *routeMetrics) transferred(o redstart.Outcome) {
	r.metrics.inFlight.Dec()
	if o.Status == http.StatusSwitchingProtocols {
		r.streamed(o)
		return
	}
	r.replied(o)
}

func (r *routeMetrics) streamed(o redstart.Outcome) {
	if o.Reason == "" || o.Reason == string(sse.Unstarted) || o.Status >= http.StatusBadRequest {
		r.replied(o) // no stream came of it
		return
	}
	r.count(o.Status)
	r.metrics.spans.WithLabelValues(r.pattern, o.Reason).Observe(o.Duration.Seconds())
	r.metrics.events.WithLabelValues(r.pattern).Add(float64(o.Events))
	r.metrics.sent.WithLabelValues(r.pattern).Add(float64(o.Bytes))
}
