package middleware

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstart-go/redstart/websocket"
)

// WatchSockets shows what a server of WebSockets counts, such as [redstart.App.Sockets],
// as metrics with the label server:
//
//	websocket_connections_open             open now
//	websocket_handshakes_accepted_total    connections since the beginning
//	websocket_handshakes_refused_total     those beyond a limit, or in a drain
//	websocket_messages_received_total, _sent_total, _received_bytes_total, _sent_bytes_total
//	                                       of the connections that have ended
//	websocket_messages_dropped_total       what slow clients did not get, by the
//	                                       outbox's policy, the same
//
// They are what [websocket.Server.Stats] says at the moment of asking. A server is watched
// for as long as there are the Metrics. A nil server panics, as does the name of another
// one.
func (m *Metrics) WatchSockets(name string, server *websocket.Server) {
	if server == nil {
		misuse(fmt.Sprintf("Metrics.WatchSockets %q", name), "the server is nil")
	}
	w := &m.watched
	w.mu.Lock()
	defer w.mu.Unlock()
	if other := w.sockets[name]; other != nil && other != server {
		misuse(fmt.Sprintf("Metrics.WatchSockets %q", name), "another server has that name")
	}
	w.sockets[name] = server
}

// socketMetrics are their names, with what they mean.
var socketMetrics = [][]string{
	{"websocket_connections_open", "WebSockets that are open now."},
	{"websocket_handshakes_accepted_total", "WebSockets that were opened."},
	{"websocket_handshakes_refused_total", "WebSockets that were refused, beyond a limit or in a drain."},
	{"websocket_messages_received_total", "Messages received by WebSockets that have ended."},
	{"websocket_messages_sent_total", "Messages sent by WebSockets that have ended."},
	{"websocket_received_bytes_total", "Bytes received by WebSockets that have ended."},
	{"websocket_sent_bytes_total", "Bytes sent by WebSockets that have ended."},
	{"websocket_messages_dropped_total", "Messages dropped by the outbox's policy of WebSockets that have ended."},
}

func (w *watched) collectSockets(ch chan<- prometheus.Metric, name string, s websocket.Stats) {
	w.gauge(ch, "websocket_connections_open", float64(s.Open), name)
	w.counter(ch, "websocket_handshakes_accepted_total", float64(s.Accepted), name)
	w.counter(ch, "websocket_handshakes_refused_total", float64(s.Refused), name)
	w.counter(ch, "websocket_messages_received_total", float64(s.MessagesIn), name)
	w.counter(ch, "websocket_messages_sent_total", float64(s.MessagesOut), name)
	w.counter(ch, "websocket_received_bytes_total", float64(s.BytesIn), name)
	w.counter(ch, "websocket_sent_bytes_total", float64(s.BytesOut), name)
	w.counter(ch, "websocket_messages_dropped_total", float64(s.Dropped), name)
}
