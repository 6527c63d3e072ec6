package middleware_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

func ExampleMetrics() {
	metrics := middleware.NewMetrics()
	app := quiet()
	app.Use(metrics.Middleware)
	app.Get("/crimes/:id", func(*redstart.Request) redstart.Response { return redstart.Text("a riddle") })
	app.Mount("/metrics", metrics.Handler())

	send(app, "GET", "/crimes/7", "")
	send(app, "GET", "/crimes/8", "")
	send(app, "GET", "/wp-admin", "")
	for line := range strings.Lines(send(app, "GET", "/metrics", "").Body.String()) {
		if strings.HasPrefix(line, "http_requests_total") {
			fmt.Print(line)
		}
	}
	// Output:
	// http_requests_total{method="GET",route="/crimes/:id",status="200"} 2
	// http_requests_total{method="GET",route="unmatched",status="404"} 1
}

// measured makes metrics in a registry of their own that has nothing else.
func measured(options ...middleware.MetricsOptions) (*middleware.Metrics, *prometheus.Registry) {
	registry := prometheus.NewRegistry()
	var o middleware.MetricsOptions
	if len(options) > 0 {
		o = options[0]
	}
	o.Registerer = registry
	return middleware.NewMetrics(o), registry
}

// series are the values of all metrics, by name and labels; of histograms the counts.
func series(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			name := strings.Join(append([]string{family.GetName()}, labels...), " ")
			switch {
			case m.GetHistogram() != nil:
				values[name] = float64(m.GetHistogram().GetSampleCount())
			case m.GetCounter() != nil:
				values[name] = m.GetCounter().GetValue()
			default:
				values[name] = m.GetGauge().GetValue()
			}
		}
	}
	return values
}

func TestMetricsCountEveryReply(t *testing.T) {
	app := quiet()
	metrics, registry := measured()
	app.Use(metrics.Middleware)
	patterns := map[string]string{
		"static": "/static", "mount": "/mount/*rest", "not found": "unmatched", "not allowed": "unmatched", "automatic OPTIONS": "unmatched",
	}
	for _, kind := range everyReply(app) {
		t.Run(kind.name, func(t *testing.T) {
			pattern := kind.path
			if p, other := patterns[kind.name]; other {
				pattern = p
			}
			before := series(t, registry)
			reply := send(app, kind.method, kind.path, "")
			after := series(t, registry)
			added := map[string]float64{}
			for name, value := range after {
				if value != before[name] {
					added[name] = value - before[name]
				}
			}
			route := kind.method + " " + pattern
			want := map[string]float64{
				fmt.Sprintf("http_requests_total %s %d", route, kind.status): 1,
				"http_request_duration_seconds " + route:                     1,
				"http_response_size_bytes " + route:                          1,
			}
			if kind.name == "events" {
				want = map[string]float64{
					"http_requests_total GET /events 200":            1,
					"http_stream_duration_seconds completed /events": 1,
					"http_stream_events_total /events":               1,
					"http_stream_sent_bytes_total /events":           float64(reply.Body.Len()),
				}
			}
			assert.Equal(t, want, added)
			assert.Zero(t, after["http_requests_in_flight"])
		})
	}
}

func TestMetricsHaveBoundedLabels(t *testing.T) {
	app := quiet()
	metrics, registry := measured()
	app.Use(metrics.Middleware)
	app.Get("/crimes/:id", func(*redstart.Request) redstart.Response { return redstart.NoContent() })
	var visitors sync.WaitGroup
	for worker := range 4 {
		visitors.Go(func() {
			for i := range 50 {
				send(app, fmt.Sprintf("M%d", i), fmt.Sprintf("/crimes/%d", i*worker), "")
				send(app, "GET", fmt.Sprintf("/crimes/%d", i*worker), "")
				send(app, "GET", fmt.Sprintf("/%d", i*worker), "")
			}
		})
	}
	visitors.Wait()
	requests := map[string]float64{}
	for name, value := range series(t, registry) {
		if strings.HasPrefix(name, "http_requests_total") {
			requests[name] = value
		}
	}
	assert.Equal(t, map[string]float64{
		"http_requests_total GET /crimes/:id 204": 200,
		"http_requests_total GET unmatched 404":   200,
		"http_requests_total other unmatched 405": 200,
	}, requests)
}

func TestMetricsOfSizes(t *testing.T) {
	app := quiet()
	metrics, registry := measured()
	app.Use(metrics.Middleware)
	app.Post("/", func(*redstart.Request) redstart.Response { return redstart.Text(strings.Repeat("x", 3000)) })
	send(app, "POST", "/", strings.Repeat("x", 300))
	families, err := registry.Gather()
	require.NoError(t, err)
	sums := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if h := m.GetHistogram(); h != nil {
				sums[family.GetName()] = h.GetSampleSum()
			}
		}
	}
	assert.EqualValues(t, 300, sums["http_request_size_bytes"])
	assert.EqualValues(t, 3000, sums["http_response_size_bytes"])
}

func TestMetricsInFlight(t *testing.T) {
	app := quiet()
	metrics, registry := measured()
	app.Use(metrics.Middleware)
	seen := map[string]float64{}
	look := func(name string) { seen[name] = series(t, registry)["http_requests_in_flight"] }
	app.Get("/plain", func(*redstart.Request) redstart.Response { look("plain"); return redstart.NoContent() })
	app.Get("/download", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/csv", func(yield func(string) bool) { look("download"); yield("a") })
	})
	app.Get("/events", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(func(redstart.SSEMessage) bool) { look("events") })
	})
	app.Mount("/mount", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { look("mount") }))
	for _, path := range []string{"/plain", "/download", "/events", "/mount"} {
		send(app, "GET", path, "")
	}
	assert.Equal(t, map[string]float64{"plain": 1, "download": 1, "events": 0, "mount": 1}, seen)
	look("after")
	assert.Zero(t, seen["after"])
}

func TestMetricsOfAPanicThatGoesOn(t *testing.T) {
	app := quiet(redstart.WithoutRecover())
	metrics, registry := measured()
	app.Use(metrics.Middleware)
	app.Get("/", func(*redstart.Request) redstart.Response { panic("the Joker") })
	assert.Panics(t, func() { send(app, "GET", "/", "") })
	got := series(t, registry)
	assert.EqualValues(t, 1, got["http_requests_total GET / aborted"])
	assert.Zero(t, got["http_requests_in_flight"])
}

func TestMetricsSkip(t *testing.T) {
	app := quiet()
	metrics, registry := measured(middleware.MetricsOptions{
		Skip: func(req *redstart.Request) bool { return req.Path() == "/livez" },
	})
	app.Use(metrics.Middleware)
	send(app, "GET", "/livez", "")
	assert.Equal(t, map[string]float64{"http_requests_in_flight": 0}, series(t, registry))
}

// What a mounted handler streams must not be in the durations of requests, and a stream
// that was refused is a request like others.
func TestMetricsTellStreamsFromRequests(t *testing.T) {
	app := quiet()
	metrics, registry := measured()
	app.Use(metrics.Middleware)
	app.Mount("/mounted", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sse.NewStream(func(yield func(sse.Message) bool) { yield(sse.Text("x")) }).ServeHTTP(w, r)
	}))
	app.Get("/refused", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(func(sse.Message, error) bool) {}, sse.Status(http.StatusNoContent))
	})
	send(app, "GET", "/mounted", "", "Accept: text/event-stream")
	send(app, "GET", "/refused", "", "Accept: text/event-stream")
	got := series(t, registry)
	assert.EqualValues(t, 1, got["http_stream_duration_seconds completed /mounted/"], got)
	assert.NotZero(t, got["http_stream_sent_bytes_total /mounted/"])
	assert.NotContains(t, got, "http_request_duration_seconds GET /mounted/")
	assert.Zero(t, got["http_requests_in_flight"])
	assert.EqualValues(t, 1, got["http_requests_total GET /refused 204"])
	assert.EqualValues(t, 1, got["http_request_duration_seconds GET /refused"])
	assert.NotContains(t, got, "http_stream_duration_seconds unstarted /refused")
}

func TestMetricsOfAStreamEndWithIt(t *testing.T) {
	for name, transport := range map[string]sse.Transport{"taken over": sse.Auto, "portable": sse.Portable} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := sse.NewHub()
				defer hub.Close()
				app := quiet(redstart.WithStreams(&sse.Server{Transport: transport, Heartbeat: -1}))
				metrics, registry := measured()
				app.Use(metrics.Middleware)
				metrics.WatchHub("crimes", hub)
				metrics.WatchStreams("app", app.Streams())
				app.Get("/live", func(*redstart.Request) redstart.Response { return redstart.SSEResponse(hub.Subscribe("crimes")) })
				client := inMemory(t, app)
				ctx, leave := context.WithCancel(t.Context())
				r, err := http.NewRequestWithContext(ctx, "GET", "http://gotham/live", nil)
				require.NoError(t, err)
				reply, err := client.Do(r)
				require.NoError(t, err)
				defer func() { _ = reply.Body.Close() }()
				events := sse.NewReader(bufio.NewReader(reply.Body))
				_, err = events.Next() // the greeting
				require.NoError(t, err)
				_, err = hub.Publish(ctx, "crimes", sse.Text("a riddle"))
				require.NoError(t, err)
				_, err = events.Next()
				require.NoError(t, err)
				time.Sleep(time.Minute)
				synctest.Wait()

				got := series(t, registry)
				open := map[sse.Transport]string{sse.Auto: "lean", sse.Portable: "portable"}[transport]
				assert.EqualValues(t, 1, got["sse_hub_subscribers crimes "+open]+got["sse_hub_subscribers crimes parked"])
				assert.EqualValues(t, 1, got["sse_hub_published_total crimes"])
				assert.EqualValues(t, 2, got["sse_hub_delivered_total crimes"], "with the greeting")
				assert.EqualValues(t, 1, got["sse_hub_latency_seconds crimes"])
				assert.EqualValues(t, 1, got["sse_hub_broker_up crimes"])
				assert.EqualValues(t, 1, got["sse_hub_retained_records crimes"])
				assert.NotZero(t, got["sse_hub_oldest_record_timestamp_seconds crimes"])
				assert.EqualValues(t, 1, got["sse_streams_open app"])
				assert.Zero(t, got["http_requests_in_flight"])
				assert.NotContains(t, got, "http_requests_total GET /live 200", "it goes on")

				leave()
				synctest.Wait()
				got = series(t, registry)
				assert.EqualValues(t, 1, got["http_requests_total GET /live 200"])
				assert.EqualValues(t, 1, got["http_stream_duration_seconds gone /live"], got)
				assert.EqualValues(t, 2, got["http_stream_events_total /live"])
				assert.NotContains(t, got, "http_request_duration_seconds GET /live")
				assert.Zero(t, got["sse_streams_open app"])
				assert.EqualValues(t, 1, got["sse_streams_ended_total gone app"])
				assert.GreaterOrEqual(t, got["sse_streams_duration_seconds_total app"], 60.0)
				assert.Contains(t, got, "sse_streams_ended_total panic app", "from the start, for rates")
			})
		})
	}
}

func TestMetricsOfSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		metrics, registry := measured()
		app.Use(metrics.Middleware)
		metrics.WatchSockets("app", app.Sockets())
		metrics.WatchSockets("app", app.Sockets()) // once more is the same
		app.WebSocket("/talk", func(*redstart.Request) redstart.Response {
			return redstart.Socket(func(conn *websocket.Conn) error {
				for message, err := range conn.Messages() {
					if err != nil {
						return err
					}
					if err := conn.Send(message); err != nil {
						return err
					}
				}
				return nil
			})
		})
		conn := app.TestClient(t).WebSocket("/talk", nil)
		require.NoError(t, conn.SendText("hello"))
		_, err := conn.Read(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, 1, series(t, registry)["websocket_connections_open app"])
		require.NoError(t, conn.Close(websocket.NormalClosure, ""))
		synctest.Wait() // for what the server counts of it
		got := series(t, registry)
		for name, want := range map[string]float64{
			"connections_open": 0, "handshakes_accepted_total": 1, "handshakes_refused_total": 0, "messages_received_total": 1,
			"messages_sent_total": 1, "messages_dropped_total": 0,
		} {
			value, there := got["websocket_"+name+" app"]
			assert.True(t, there, name)
			assert.Equal(t, want, value, name)
		}
		for _, name := range []string{"received_bytes_total", "sent_bytes_total"} {
			assert.GreaterOrEqual(t, got["websocket_"+name+" app"], 5.0, name)
		}
	})
}

func TestMetricsOfTheHubsLatency(t *testing.T) {
	hub := sse.NewHub()
	defer hub.Close()
	metrics, registry := measured()
	metrics.WatchHub("crimes", hub)
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != "sse_hub_latency_seconds" {
			continue
		}
		got := family.GetMetric()[0].GetHistogram().GetBucket()
		require.Len(t, got, len(sse.LatencyBuckets))
		for i, bound := range sse.LatencyBuckets {
			assert.InDelta(t, bound.Seconds(), got[i].GetUpperBound(), 1e-9)
		}
		return
	}
	t.Fatal("there is no sse_hub_latency_seconds")
}

func TestMetricsOfABrokerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub(sse.Over(awayBroker{}), sse.OnBrokerError(func(error) {}))
		defer hub.Close()
		metrics, registry := measured()
		metrics.WatchHub("crimes", hub)
		synctest.Wait()
		assert.Zero(t, series(t, registry)["sse_hub_broker_up crimes"])
	})
}

// awayBroker cannot be reached.
type awayBroker struct{ sse.Broker }

func (awayBroker) State(context.Context) (sse.BrokerState, error) {
	return sse.BrokerState{}, context.DeadlineExceeded
}
func (awayBroker) Close() error { return nil }

func TestMetricsLetGoOfAClosedHub(t *testing.T) {
	metrics, registry := measured()
	first, second := sse.NewHub(), sse.NewHub()
	defer second.Close()
	metrics.WatchHub("crimes", first)
	metrics.WatchHub("crimes", first)
	assert.Panics(t, func() { metrics.WatchHub("crimes", second) }, "the name is taken")
	assert.Contains(t, series(t, registry), "sse_hub_topics crimes")
	require.NoError(t, first.Close())
	assert.NotContains(t, series(t, registry), "sse_hub_topics crimes")
	metrics.WatchHub("crimes", second)
	assert.Contains(t, series(t, registry), "sse_hub_topics crimes")
}

// The names follow Prometheus's conventions, as its linter knows them.
func TestMetricsAreLinted(t *testing.T) {
	hub := sse.NewHub()
	defer hub.Close()
	app := quiet()
	metrics, registry := measured()
	metrics.WatchHub("crimes", hub)
	metrics.WatchStreams("app", app.Streams())
	metrics.WatchSockets("app", app.Sockets())
	app.Use(metrics.Middleware)
	for _, kind := range everyReply(app) {
		send(app, kind.method, kind.path, "")
	}
	families, err := registry.Gather()
	require.NoError(t, err)
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func TestMetricsHandler(t *testing.T) {
	app := quiet()
	app.Mount("/metrics", middleware.NewMetrics().Handler())
	plain := send(app, "GET", "/metrics", "")
	assert.Equal(t, 200, plain.Code)
	assert.Contains(t, plain.Header().Get("Content-Type"), "text/plain")
	for _, name := range []string{"http_requests_in_flight", "go_goroutines", "process_cpu_seconds_total"} {
		assert.Contains(t, plain.Body.String(), "\n"+name+" ")
	}
	open := send(app, "GET", "/metrics", "", "Accept: application/openmetrics-text;version=1.0.0")
	assert.Contains(t, open.Header().Get("Content-Type"), "application/openmetrics-text")
	assert.True(t, strings.HasSuffix(open.Body.String(), "# EOF\n"))
}

func TestMetricsRefuseWhatIsWrong(t *testing.T) {
	registry := prometheus.NewRegistry()
	middleware.NewMetrics(middleware.MetricsOptions{Registerer: registry})
	metrics, _ := measured()
	metrics.WatchStreams("app", &sse.Server{})
	metrics.WatchSockets("app", &websocket.Server{})
	for name, tc := range map[string]struct {
		f    func()
		want string
	}{
		"twice":          {func() { middleware.NewMetrics(middleware.MetricsOptions{Registerer: registry}) }, "duplicate"},
		"gatherer alone": {func() { middleware.NewMetrics(middleware.MetricsOptions{Gatherer: registry}) }, "a Gatherer without a Registerer"},
		"cannot be asked": {func() {
			middleware.NewMetrics(middleware.MetricsOptions{Registerer: prometheus.WrapRegistererWithPrefix("x_", registry)})
		}, "give the Gatherer too"},
		"nil hub":           {func() { metrics.WatchHub("crimes", nil) }, `WatchHub "crimes": the hub is nil`},
		"nil server":        {func() { metrics.WatchStreams("app", nil) }, `WatchStreams "app": the server is nil`},
		"name of a server":  {func() { metrics.WatchStreams("app", &sse.Server{}) }, "another server has that name"},
		"nil sockets":       {func() { metrics.WatchSockets("app", nil) }, `WatchSockets "app": the server is nil`},
		"name of sockets":   {func() { metrics.WatchSockets("app", &websocket.Server{}) }, "another server has that name"},
		"buckets that fall": {func() { measured(middleware.MetricsOptions{Buckets: []float64{2, 1}}) }, "Buckets: [2 1] does not rise"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, refused(t, tc.f), tc.want)
		})
	}
	// A prefix is fine where the gatherer is given.
	prefixed := middleware.NewMetrics(middleware.MetricsOptions{Registerer: prometheus.WrapRegistererWithPrefix("x_", registry), Gatherer: registry})
	assert.Contains(t, send(prefixed.Handler(), "GET", "/", "").Body.String(), "x_http_requests_in_flight 0")
}

// A request costs what WithDone costs, and nothing else is allocated.
func TestMetricsAllocateNothing(t *testing.T) {
	measure := func(mw redstart.Middleware) float64 {
		app := quiet(redstart.WithoutAccessLog())
		app.Use(mw)
		app.Post("/crimes/:id", func(*redstart.Request) redstart.Response { return redstart.Text("text") })
		r := httptest.NewRequest("POST", "/crimes/7", strings.NewReader("riddle"))
		w := discard{http.Header{}}
		return testing.AllocsPerRun(500, func() {
			clear(w.header)
			app.ServeHTTP(w, r)
		})
	}
	metrics, _ := measured()
	done := func(redstart.Outcome) {}
	bare := measure(func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response { return next(req).WithDone(done) }
	})
	assert.Equal(t, bare, measure(metrics.Middleware))
}

func BenchmarkMetrics(b *testing.B) {
	b.Run("with", func(b *testing.B) {
		metrics, _ := measured()
		benchmark(b, metrics.Middleware)
	})
	b.Run("without", func(b *testing.B) { benchmark(b) })
}

// The page of package sse works below any prefix, behind other middleware, and its
// stream is none of the requests whose duration is measured.
func TestMetricsOfAMountedDebugPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		metrics, registry := measured()
		app.Use(metrics.Middleware, middleware.SecureHeaders(), middleware.Compress(middleware.CompressOptions{MinSize: 1}))
		app.Mount("/debug/streams", sse.DebugHandler(app.Streams(), nil))
		client := inMemory(t, app)
		page := get(t, client, "GET", "/debug/streams", "Accept", "text/html")
		assert.Equal(t, 200, page.StatusCode)
		assert.Contains(t, page.Header.Get("Content-Security-Policy"), "script-src 'sha256-")
		_, err := io.Copy(io.Discard, page.Body)
		require.NoError(t, err)

		begin := time.Now()
		stream := get(t, client, "GET", "/debug/streams", "Accept", "text/event-stream", "Accept-Encoding", "gzip")
		events := sse.NewReader(bufio.NewReader(stream.Body))
		for second := range 3 {
			m, err := events.Next()
			require.NoError(t, err)
			assert.Equal(t, "stats", m.Event)
			assert.Contains(t, m.Data, `"path":"/debug/streams"`)
			assert.Equal(t, time.Duration(second)*time.Second, time.Since(begin))
		}
		require.NoError(t, stream.Body.Close())
		synctest.Wait()
		got := series(t, registry)
		assert.EqualValues(t, 1, got["http_request_duration_seconds GET /debug/streams/"], "the page")
		assert.EqualValues(t, 1, got["http_stream_duration_seconds completed /debug/streams/"], "to the app a handler that returns has completed")
		assert.Zero(t, got["http_requests_in_flight"])
	})
}
