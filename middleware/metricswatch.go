package middleware

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

// WatchHub shows what a hub counts, as metrics with the label hub:
//
//	sse_hub_subscribers                   served now, by transport
//	sse_hub_topics, _retained_records,    what the hub holds
//	  _retained_bytes, _oldest_record_timestamp_seconds
//	sse_hub_published_total, _duplicates_total, _delivered_total,
//	  _resumed_total, _lagged_total, _snapshots_total
//	sse_hub_gaps_total                    by reason
//	sse_hub_latency_seconds               from the hub's log to its subscribers
//	sse_hub_broker_up                     0 while the hub does not hear from its broker
//	sse_hub_broker_lag_records            by how many messages it is behind
//
// They are what [sse.Hub.Stats] says at the moment of asking; nothing runs in between.
// A hub without a broker is always up. A hub that was closed is let go of, and its
// metrics end. A nil hub panics, as does the name of another hub that is open.
func (m *Metrics) WatchHub(name string, hub *sse.Hub) {
	if hub == nil {
		misuse(fmt.Sprintf("Metrics.WatchHub %q", name), "the hub is nil")
	}
	w := &m.watched
	w.mu.Lock()
	defer w.mu.Unlock()
	if other := w.hubs[name]; other != nil && other != hub && !isClosed(other) {
		misuse(fmt.Sprintf("Metrics.WatchHub %q", name), "another hub has that name")
	}
	w.hubs[name] = hub
}

// WatchStreams shows what a server of streams counts, such as [redstart.App.Streams],
// as metrics with the label server:
//
//	sse_streams_open                open now, whatever their source
//	sse_streams_ended_total         by reason, those included that never began
//	sse_streams_events_total, _sent_bytes_total, _duration_seconds_total
//	                                of the streams that have ended
//	sse_streams_draining            1 when no more are taken
//
// They are what [sse.Server.Stats] says at the moment of asking. A server is watched
// for as long as there are the Metrics. A nil server panics, as does the name of
// another one.
func (m *Metrics) WatchStreams(name string, server *sse.Server) {
	if server == nil {
		misuse(fmt.Sprintf("Metrics.WatchStreams %q", name), "the server is nil")
	}
	w := &m.watched
	w.mu.Lock()
	defer w.mu.Unlock()
	if other := w.servers[name]; other != nil && other != server {
		misuse(fmt.Sprintf("Metrics.WatchStreams %q", name), "another server has that name")
	}
	w.servers[name] = server
}

// endedContext is a context that has ended, so that nothing waits under it.
var endedContext = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func isClosed(hub *sse.Hub) bool { return errors.Is(hub.Ready(endedContext), sse.ErrHubClosed) }

// watched is the [prometheus.Collector] of hubs, and of servers of streams and sockets.
type watched struct {
	mu      sync.Mutex
	hubs    map[string]*sse.Hub
	servers map[string]*sse.Server
	sockets map[string]*websocket.Server
	descs   map[string]*prometheus.Desc
}

func (w *watched) describe() {
	w.hubs, w.servers, w.sockets = map[string]*sse.Hub{}, map[string]*sse.Server{}, map[string]*websocket.Server{}
	w.descs = map[string]*prometheus.Desc{}
	for _, d := range [][]string{
		{"sse_hub_subscribers", "Subscribers that are served now.", "hub", "transport"},
		{"sse_hub_topics", "Topics that the hub knows.", "hub"},
		{"sse_hub_retained_records", "Messages that the hub retains.", "hub"},
		{"sse_hub_retained_bytes", "Size of the messages that the hub retains.", "hub"},
		{"sse_hub_oldest_record_timestamp_seconds", "Time of the oldest message that the hub retains, since the Unix epoch.", "hub"},
		{"sse_hub_published_total", "Messages that were published here and stored.", "hub"},
		{"sse_hub_duplicates_total", "Messages that were published here again and not stored.", "hub"},
		{"sse_hub_delivered_total", "Messages handed to subscribers, one for each of them.", "hub"},
		{"sse_hub_resumed_total", "Subscribers that came with a position and missed nothing.", "hub"},
		{"sse_hub_lagged_total", "Subscribers that were sent away for falling behind.", "hub"},
		{"sse_hub_snapshots_total", "Snapshots that were sent.", "hub"},
		{"sse_hub_gaps_total", "Times that a subscriber was told that it has missed messages.", "hub", "reason"},
		{"sse_hub_latency_seconds", "Time from the hub's log to its subscribers, by sample.", "hub"},
		{"sse_hub_broker_up", "Whether the hub hears from its broker, as far as it knows.", "hub"},
		{"sse_hub_broker_lag_records", "Messages by which the hub is known to be behind its broker.", "hub"},
		{"sse_streams_open", "Streams that are open now.", "server"},
		{"sse_streams_ended_total", "Streams that have ended.", "server", "reason"},
		{"sse_streams_events_total", "Messages of the streams that have ended.", "server"},
		{"sse_streams_sent_bytes_total", "Bytes of the streams that have ended.", "server"},
		{"sse_streams_duration_seconds_total", "Durations of the streams that have ended, in all.", "server"},
		{"sse_streams_draining", "Whether no streams are taken any more.", "server"},
	} {
		w.descs[d[0]] = prometheus.NewDesc(d[0], d[1], d[2:], nil)
	}
	for _, d := range socketMetrics {
		w.descs[d[0]] = prometheus.NewDesc(d[0], d[1], []string{"server"}, nil)
	}
}

// Describe implements [prometheus.Collector].
func (w *watched) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range w.descs {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (w *watched) Collect(ch chan<- prometheus.Metric) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, hub := range w.hubs {
		if isClosed(hub) {
			delete(w.hubs, name)
			continue
		}
		w.collectHub(ch, name, hub.Stats())
	}
	for name, server := range w.servers {
		w.collectServer(ch, name, server.Stats())
	}
	for name, server := range w.sockets {
		w.collectSockets(ch, name, server.Stats())
	}
}

func (w *watched) gauge(ch chan<- prometheus.Metric, name string, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(w.descs[name], prometheus.GaugeValue, value, labels...)
}

func (w *watched) counter(ch chan<- prometheus.Metric, name string, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(w.descs[name], prometheus.CounterValue, value, labels...)
}

func (w *watched) collectHub(ch chan<- prometheus.Metric, name string, s sse.HubStats) {
	for transport, n := range map[string]int{"parked": s.Parked, "lean": s.Lean, "portable": s.Portable} {
		w.gauge(ch, "sse_hub_subscribers", float64(n), name, transport)
	}
	w.gauge(ch, "sse_hub_topics", float64(s.Topics), name)
	w.gauge(ch, "sse_hub_retained_records", float64(s.Records), name)
	w.gauge(ch, "sse_hub_retained_bytes", float64(s.Bytes), name)
	if !s.Oldest.IsZero() {
		w.gauge(ch, "sse_hub_oldest_record_timestamp_seconds", float64(s.Oldest.UnixMilli())/1000, name)
	}
	w.counter(ch, "sse_hub_published_total", float64(s.Published), name)
	w.counter(ch, "sse_hub_duplicates_total", float64(s.Duplicates), name)
	w.counter(ch, "sse_hub_delivered_total", float64(s.Delivered), name)
	w.counter(ch, "sse_hub_resumed_total", float64(s.Resumed), name)
	w.counter(ch, "sse_hub_lagged_total", float64(s.Lagged), name)
	w.counter(ch, "sse_hub_snapshots_total", float64(s.Snapshots), name)
	for reason, n := range s.Gaps {
		w.counter(ch, "sse_hub_gaps_total", float64(n), name, reason)
	}
	up := 1.0
	if s.BrokerError != "" {
		up = 0
	}
	w.gauge(ch, "sse_hub_broker_up", up, name)
	w.gauge(ch, "sse_hub_broker_lag_records", float64(s.BrokerLag), name)

	// Prometheus's buckets are cumulative.
	total, buckets := uint64(0), make(map[float64]uint64, len(sse.LatencyBuckets))
	for i, n := range s.Latency.Counts {
		if total += uint64(n); i < len(sse.LatencyBuckets) {
			buckets[sse.LatencyBuckets[i].Seconds()] = total
		}
	}
	ch <- prometheus.MustNewConstHistogram(w.descs["sse_hub_latency_seconds"], total, s.Latency.Sum.Seconds(), buckets, name)
}

// streamReasons are those that have a series from the start: the first stream that ends by
// one of them would be missing from a rate otherwise.
var streamReasons = []sse.Reason{
	sse.Completed, sse.ClientGone, sse.SlowClient, sse.Failed, sse.Panicked, sse.Drained,
	sse.Aged, sse.Refused, sse.Unstarted, sse.Lagging, sse.HubClosed,
}

func (w *watched) collectServer(ch chan<- prometheus.Metric, name string, s sse.ServerStats) {
	w.gauge(ch, "sse_streams_open", float64(s.Open), name)
	for _, reason := range streamReasons {
		w.counter(ch, "sse_streams_ended_total", float64(s.Ended[reason]), name, string(reason))
	}
	w.counter(ch, "sse_streams_events_total", float64(s.Events), name)
	w.counter(ch, "sse_streams_sent_bytes_total", float64(s.Bytes), name)
	w.counter(ch, "sse_streams_duration_seconds_total", s.Duration.Seconds(), name)
	draining := 0.0
	if s.Draining {
		draining = 1
	}
	w.gauge(ch, "sse_streams_draining", draining, name)
}
