package sse

import (
	"cmp"
	"slices"
	"time"
)

// debugLook is what [DebugHandler] shows.
type debugLook struct {
	Time    time.Time     `json:"time"`
	Server  debugServer   `json:"server"`
	Hubs    []debugHub    `json:"hubs"`
	Streams []debugStream `json:"streams"`
	// Scanned is the number of streams among which those listed were found.
	Scanned int `json:"scanned"`
}

type debugServer struct {
	Open       int              `json:"open"`
	Draining   bool             `json:"draining"`
	Transports map[string]int   `json:"transports"`
	Ended      map[Reason]int64 `json:"ended"`
	Events     int64            `json:"ended_events"`
	Bytes      int64            `json:"ended_bytes"`
	DurationMS float64          `json:"ended_duration_ms"`
}

type debugHub struct {
	Name        string           `json:"name"`
	Subscribers int              `json:"subscribers"`
	Parked      int              `json:"parked"`
	Lean        int              `json:"lean"`
	Portable    int              `json:"portable"`
	Published   int64            `json:"published"`
	Duplicates  int64            `json:"duplicates"`
	Delivered   int64            `json:"delivered"`
	Resumed     int64            `json:"resumed"`
	Lagged      int64            `json:"lagged"`
	Snapshots   int64            `json:"snapshots"`
	Gaps        map[string]int64 `json:"gaps"`
	Latency     debugLatency     `json:"latency"`
	Topics      int              `json:"topics"`
	Records     int              `json:"records"`
	Bytes       int64            `json:"bytes"`
	Oldest      *time.Time       `json:"oldest,omitempty"`
	Cursor      string           `json:"cursor"`
	BrokerLag   uint64           `json:"broker_lag"`
	BrokerError string           `json:"broker_error,omitempty"`
}

// debugLatency is a histogram: Counts has one more than Bounds, for what took longer.
type debugLatency struct {
	Bounds []float64 `json:"bounds_ms"`
	Counts []int64   `json:"counts"`
	SumMS  float64   `json:"sum_ms"`
	P50    float64   `json:"p50_ms"`
	P90    float64   `json:"p90_ms"`
	P99    float64   `json:"p99_ms"`
}

type debugStream struct {
	Remote    string   `json:"remote"`
	Path      string   `json:"path,omitempty"`
	Topics    []string `json:"topics,omitempty"`
	Parked    bool     `json:"parked"`
	AgeMS     float64  `json:"age_ms"`
	Events    int64    `json:"events"`
	Bytes     int64    `json:"bytes"`
	Lag       int64    `json:"lag"` // -1 where it is not known
	BlockedMS float64  `json:"blocked_ms"`
}

// look asks everybody.
func (d *debugger) look(q debugQuery) debugLook {
	now := time.Now()
	server := d.server.Stats()
	look := debugLook{
		Time: now,
		Server: debugServer{
			Open: server.Open, Draining: server.Draining, Ended: server.Ended,
			Events: server.Events, Bytes: server.Bytes, DurationMS: milliseconds(server.Duration),
		},
		Hubs: []debugHub{}, Streams: []debugStream{},
	}
	var parked, lean, portable int
	for _, name := range d.names {
		s := d.hubs[name].Stats()
		parked, lean, portable = parked+s.Parked, lean+s.Lean, portable+s.Portable
		look.Hubs = append(look.Hubs, debugHubOf(name, s))
	}
	look.Server.Transports = map[string]int{
		"parked": parked, "lean": lean, "portable": portable,
		"generated": max(server.Open-parked-lean-portable, 0),
	}
	streams := d.server.Streams(debugScanned)
	look.Scanned = len(streams)
	by := debugOrders[q.sort]
	slices.SortFunc(streams, func(a, b StreamInfo) int {
		// Streams that are equal keep their places from one look to the next.
		return cmp.Or(cmp.Compare(by(b), by(a)), a.Begin.Compare(b.Begin), cmp.Compare(a.Remote, b.Remote))
	})
	for _, s := range streams[:min(len(streams), q.limit)] {
		look.Streams = append(look.Streams, debugStream{
			Remote: s.Remote, Path: s.Path, Topics: s.Topics, Parked: s.Parked, AgeMS: milliseconds(now.Sub(s.Begin)),
			Events: s.Events, Bytes: s.Bytes, Lag: s.Lag, BlockedMS: milliseconds(s.Blocked),
		})
	}
	return look
}

func debugHubOf(name string, s HubStats) debugHub {
	h := debugHub{
		Name: name, Subscribers: s.Subscribers, Parked: s.Parked, Lean: s.Lean, Portable: s.Portable,
		Published: s.Published, Duplicates: s.Duplicates, Delivered: s.Delivered,
		Resumed: s.Resumed, Lagged: s.Lagged, Snapshots: s.Snapshots, Gaps: s.Gaps,
		Latency: debugLatency{
			Counts: s.Latency.Counts, SumMS: milliseconds(s.Latency.Sum), P50: milliseconds(s.Latency.Quantile(.5)),
			P90: milliseconds(s.Latency.Quantile(.9)), P99: milliseconds(s.Latency.Quantile(.99)),
		},
		Topics: s.Topics, Records: s.Records, Bytes: s.Bytes,
		Cursor: s.Cursor.String(), BrokerLag: s.BrokerLag, BrokerError: s.BrokerError,
	}
	for _, bound := range LatencyBuckets {
		h.Latency.Bounds = append(h.Latency.Bounds, milliseconds(bound))
	}
	if !s.Oldest.IsZero() {
		h.Oldest = &s.Oldest
	}
	return h
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
