package jetstream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// payload is what each message of the benchmarks carries.
var payload = strings.Repeat("x", 100)

// BenchmarkLatency is the time from Publish to the delivery by another broker.
func BenchmarkLatency(b *testing.B) {
	for _, store := range []string{"disk", "memory"} {
		b.Run(store, func(b *testing.B) {
			srv := startNATS(b)
			opts := newStream()
			if store == "memory" {
				opts = append(opts, Memory())
			}
			publisher, reader := open(b, srv.ClientURL(), opts...), open(b, srv.ClientURL(), opts...)
			benchmarkLatency(b, publisher, reader)
		})
	}
	b.Run("embedded", func(b *testing.B) {
		broker, err := Embedded(b.TempDir())
		require.NoError(b, err)
		defer broker.Close()
		benchmarkLatency(b, broker, broker)
	})
}

func benchmarkLatency(b *testing.B, publisher, reader *Broker) {
	ctx, cancel := context.WithCancel(b.Context())
	arrived, ended := make(chan time.Time, 1), make(chan struct{})
	go func() {
		defer close(ended)
		_ = reader.Tail(ctx, 0, func(sse.Entry) { arrived <- time.Now() })
	}()
	defer func() { cancel(); <-ended }()
	var delays, acks []time.Duration
	for b.Loop() {
		start := time.Now()
		_, err := publisher.Publish(ctx, "bench", sse.Text(payload))
		require.NoError(b, err)
		acks = append(acks, time.Since(start))
		delays = append(delays, (<-arrived).Sub(start))
	}
	report := func(name string, d []time.Duration) {
		slices.Sort(d)
		b.ReportMetric(float64(d[len(d)/2].Microseconds()), name+"-p50-µs")
		b.ReportMetric(float64(d[len(d)*99/100].Microseconds()), name+"-p99-µs")
	}
	report("deliver", delays)
	report("ack", acks)
}

// BenchmarkPublish is how much one broker takes from many goroutines.
func BenchmarkPublish(b *testing.B) {
	for _, publishers := range []int{1, 16, 128} {
		b.Run(fmt.Sprint(publishers), func(b *testing.B) {
			srv := startNATS(b)
			broker := open(b, srv.ClientURL(), newStream()...)
			b.SetParallelism(max(publishers/2, 1))
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := broker.Publish(b.Context(), "bench", sse.Text(payload)); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}

// BenchmarkTail is how fast a node catches up.
func BenchmarkTail(b *testing.B) {
	broker, n := filled(b)
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		var count atomic.Int64
		_ = broker.Tail(ctx, 0, func(sse.Entry) {
			if count.Add(1) == int64(n) {
				cancel()
			}
		})
		cancel()
	}
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "msgs/s")
}

// BenchmarkRead is what a client costs that was away for longer than its node keeps.
func BenchmarkRead(b *testing.B) {
	broker, n := filled(b)
	b.ReportAllocs()
	var after uint64
	for b.Loop() {
		entries, err := broker.Read(b.Context(), after, 256)
		require.NoError(b, err)
		after = (after + uint64(len(entries))) % uint64(n-256)
	}
	b.ReportMetric(float64(b.N*256)/b.Elapsed().Seconds(), "msgs/s")
}

// filled returns a broker on a stream with messages, and their number.
func filled(b *testing.B) (*Broker, int) {
	const n = 50_000
	broker := open(b, startNATS(b).ClientURL(), newStream()...)
	for i := range n {
		msg := broker.encode("bench", sse.Text(payload))
		_, err := broker.js.PublishMsgAsync(msg)
		require.NoError(b, err)
		if i%500 == 0 {
			<-broker.js.PublishAsyncComplete()
		}
	}
	<-broker.js.PublishAsyncComplete()
	return broker, n
}
