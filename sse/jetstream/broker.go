package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/redstart-go/redstart/sse"
)

// Broker is a [sse.Broker] on a stream of NATS JetStream. Make one with [Connect], [On]
// or [Embedded]. It is safe for concurrent use.
type Broker struct {
	settings settings
	nc       *nats.Conn
	owned    bool // the connection was made for the broker and ends with it
	js       js.JetStream
	server   *embedded // nil unless this broker started one

	idPrefix string
	ids      atomic.Uint64

	life    context.Context // ends with the broker
	end     context.CancelCauseFunc
	watcher sync.WaitGroup
	status  chan nats.Status

	mu      sync.Mutex
	up      context.Context // ends with the connection; the next connection has another
	down    context.CancelFunc
	back    chan struct{} // closed when the connection is back
	lost    time.Time     // when it was lost
	epoch   string        // as last seen
	seen    uint64        // the highest sequence number known in that epoch
	checked time.Time     // when the epoch was last seen; zero to have it looked at
	told    string        // the epoch that State told last
	window  time.Duration // for which the stream remembers ids
	behind  time.Time     // since when the stream lacks messages that were seen, if it does
	gone    time.Time     // when the stream was found deleted; zero when it is there
}

// On makes a broker on a connection that exists, and the stream if there is none. The
// connection stays open when the broker is closed. It should be set up to reconnect
// for ever ([nats.MaxReconnects] of -1); the broker is of no use any more once the
// connection is closed.
//
// It fails with an [*UnfitError] if there is a stream of that name that is no log of
// messages under the prefix, or that differs from what the options ask for.
func On(ctx context.Context, nc *nats.Conn, opts ...Option) (*Broker, error) {
	s, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	if err := s.refuseEmbedded(); err != nil {
		return nil, err
	}
	if len(s.nats) > 0 {
		return nil, errors.New("jetstream: NATS options are for Connect: the connection given to On is made already")
	}
	return newBroker(ctx, nc, false, s)
}

func newBroker(ctx context.Context, nc *nats.Conn, owned bool, s settings) (*Broker, error) {
	api, err := js.New(nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	b := &Broker{settings: s, nc: nc, owned: owned, js: api, idPrefix: rand.Text()[:16] + "-"}
	b.life, b.end = context.WithCancelCause(context.Background())
	b.up, b.down = context.WithCancel(b.life)
	b.back = make(chan struct{})
	b.status = nc.StatusChanged(nats.CONNECTED, nats.DISCONNECTED, nats.RECONNECTING, nats.CLOSED)
	switch nc.Status() {
	case nats.CONNECTED:
	case nats.CLOSED:
		b.end(nats.ErrConnectionClosed)
	default:
		b.lost = time.Now()
		b.down()
	}
	status := b.status
	b.watcher.Go(func() { b.watch(status) })
	err = b.try(ctx, "opening the stream", func(ctx context.Context) error {
		if version := nc.ConnectedServerVersion(); tooOld(version) {
			return fmt.Errorf("jetstream: the server at %s is version %s: want %d.%d or later",
				nc.ConnectedUrlRedacted(), version, oldestMajor, oldestMinor)
		}
		info, err := b.inspect(ctx)
		if err != nil {
			return err
		}
		b.learn(info)
		b.told = epochOf(info)
		return s.unfit(info.Config)
	})
	if err != nil {
		b.owned = false // whoever made the connection ends it
		b.Close()
		return nil, err
	}
	return b, nil
}

// watch follows the connection until the broker is closed.
func (b *Broker) watch(changes <-chan nats.Status) {
	for status := range changes {
		b.mu.Lock()
		switch status {
		case nats.CONNECTED:
			if b.up.Err() != nil {
				b.up, b.down = context.WithCancel(b.life)
				b.lost = time.Time{}
				close(b.back)
				b.back = make(chan struct{})
			}
		case nats.CLOSED:
			b.end(fmt.Errorf("jetstream: %w", nats.ErrConnectionClosed))
		default:
			if b.up.Err() == nil {
				b.lost = time.Now()
				b.checked = time.Time{}
				b.down()
			}
		}
		b.mu.Unlock()
	}
}

// connection returns a context that ends with the present connection, or has ended
// with the last.
func (b *Broker) connection() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.up
}

// link returns a context that ends with the present connection, and waits for one if
// there is none.
func (b *Broker) link(ctx context.Context) (context.Context, error) {
	for {
		b.mu.Lock()
		up, back := b.up, b.back
		b.mu.Unlock()
		if err := b.ended(ctx); err != nil {
			return nil, err
		}
		if up.Err() == nil {
			return up, nil
		}
		select {
		case <-back:
		case <-ctx.Done():
		case <-b.life.Done():
		}
	}
}

// ended returns why a call has to end that neither failed nor succeeded, or nil.
func (b *Broker) ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if b.life.Err() != nil {
		return context.Cause(b.life)
	}
	return nil
}

// pause waits, and returns early if the connection comes back.
func (b *Broker) pause(ctx context.Context, d time.Duration) error {
	b.mu.Lock()
	back := b.back
	b.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-back:
	case <-ctx.Done():
	case <-b.life.Done():
	}
	return b.ended(ctx)
}

// Healthy returns nil if the broker is connected, and otherwise an error that says
// since when it is not, or that it is closed. It asks nobody: [Broker.State] finds out
// whether the stream answers.
func (b *Broker) Healthy() error {
	if b.life.Err() != nil {
		return context.Cause(b.life)
	}
	if b.nc.IsClosed() {
		return fmt.Errorf("jetstream: %w", nats.ErrConnectionClosed)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost.IsZero() {
		return nil
	}
	err := fmt.Errorf("jetstream: not connected for %v", time.Since(b.lost).Round(time.Millisecond))
	if last := b.nc.LastError(); last != nil {
		err = fmt.Errorf("%w: %w", err, last)
	}
	return err
}

// Close implements [sse.Broker]. It closes the connection if [Connect] made it, and
// ends the server if [Embedded] started it.
func (b *Broker) Close() error {
	b.mu.Lock()
	first := b.status != nil
	status := b.status
	b.status = nil
	b.mu.Unlock()
	if !first {
		b.watcher.Wait()
		return nil
	}
	b.end(sse.ErrBrokerClosed)
	b.nc.RemoveStatusListener(status)
	b.watcher.Wait()
	if b.owned {
		b.nc.Close()
	}
	if b.server != nil {
		return b.server.close()
	}
	return nil
}
