package jetstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// The first version of the server with batches of direct gets.
const oldestMajor, oldestMinor = 2, 11

// Connect makes a broker on the NATS server at the URL, such as
// "nats://user:password@host:4222", or on several with commas between, and the stream
// if there is none. While no server can be reached, it tries again until ctx ends or
// the [Patience] is at its end. From then on the broker reconnects by itself.
//
// It fails with an [*UnfitError] if there is a stream of that name that is no log of
// messages under the prefix, or that differs from what the options ask for.
func Connect(ctx context.Context, servers string, opts ...Option) (*Broker, error) {
	s, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	if err := s.refuseEmbedded(); err != nil {
		return nil, err
	}
	return connect(ctx, servers, s)
}

func connect(ctx context.Context, servers string, s settings, more ...nats.Option) (*Broker, error) {
	nc, err := dial(ctx, servers, s, more...)
	if err != nil {
		return nil, err
	}
	b, err := newBroker(ctx, nc, true, s)
	if err != nil {
		nc.Close()
	}
	return b, err
}

// dial connects, and tries again for as long as that may help.
func dial(ctx context.Context, servers string, s settings, more ...nats.Option) (*nats.Conn, error) {
	dialer := &boundDialer{}
	dialer.ctx.Store(&ctx)
	opts := append([]nats.Option{
		nats.Name("redstart"),
		nats.SetCustomDialer(dialer),
		nats.Timeout(attemptTimeout),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(reconnectDelay),
		// Nothing is kept for a connection that may come: whoever waits tries again.
		nats.ReconnectBufSize(-1),
		// A server that died without closing the connection is noticed within this.
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		// What goes wrong is returned by the call it concerns.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, more...)
	opts = append(opts, s.nats...)

	start := time.Now()
	patient, cancel := context.WithTimeoutCause(ctx, s.patience, errPatience)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		nc, err := nats.Connect(servers, opts...)
		if err == nil {
			background := context.Background()
			dialer.ctx.Store(&background)
			return nc, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if final(err) {
			return nil, fmt.Errorf("jetstream: connecting to %s: %w", redact(servers), err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-patient.Done():
			timer.Stop()
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if patient.Err() != nil {
			return nil, &unansweredError{"connecting to " + redact(servers), time.Since(start).Round(time.Millisecond).String(), err}
		}
	}
}

// final says whether connecting again is of no use.
func final(err error) bool {
	var name *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &name):
		return false // a container's name may come with it
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout), errors.As(err, &network):
		return false
	}
	for _, reason := range []error{
		nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired,
		nats.ErrSecureConnRequired, nats.ErrSecureConnWanted, nats.ErrNkeysNotSupported, nats.ErrNoUserCB,
	} {
		if errors.Is(err, reason) {
			return true
		}
	}
	var malformed *url.Error
	return errors.As(err, &malformed)
}

// reconnectDelay is the pause after all servers were tried in vain: short at first,
// since a server that restarts is soon back, and different for each node.
func reconnectDelay(rounds int) time.Duration {
	d := min(50*time.Millisecond<<min(rounds, 10), lastPause)
	return d/2 + rand.N(d/2)
}

// boundDialer lets the context of Connect end an attempt that is under way.
type boundDialer struct {
	ctx atomic.Pointer[context.Context]
}

func (d *boundDialer) Dial(network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: attemptTimeout}
	return dialer.DialContext(*d.ctx.Load(), network, address)
}

// redact takes the passwords out of a list of servers.
func redact(servers string) string {
	list := strings.Split(servers, ",")
	for i, server := range list {
		if u, err := url.Parse(strings.TrimSpace(server)); err == nil && u.User != nil {
			if _, both := u.User.Password(); !both {
				u.User = url.User("xxxxx") // a token
			}
			list[i] = u.Redacted()
		}
	}
	return strings.Join(list, ", ")
}

// tooOld says whether a server's version lacks what the package needs. One that cannot
// be read is let through: the first request tells.
func tooOld(version string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major < oldestMajor || major == oldestMajor && minor < oldestMinor
}
