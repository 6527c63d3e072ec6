package jetstream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// attemptTimeout is how long one request may take. It bounds how long a server that
// died without closing its connections is believed to be at work.
const attemptTimeout = 2 * time.Second

// firstAttempt is how long the first may take of those that are likely to get lost when
// a stream changes its leader, and cheap to make again. Each next one may take twice as
// long, so that servers which are merely slow are not given more to do.
const firstAttempt = 500 * time.Millisecond

// How long to wait before the next attempt: at first, and at most.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)

// try does something until it succeeds, fails for good, ctx ends or the patience is at
// its end. What it does has to be harmless when done twice.
func (b *Broker) try(ctx context.Context, doing string, f func(context.Context) error) error {
	return b.tryFor(ctx, b.settings.patience, attemptTimeout, doing, f)
}

// tryFor is try with a patience of its own, and a time that the first attempt may take.
func (b *Broker) tryFor(ctx context.Context, patience, limit time.Duration, doing string, f func(context.Context) error) error {
	start := time.Now()
	err := b.ended(ctx)
	if err == nil {
		err = b.attemptOver(ctx, b.connection(), limit, f)
	}
	if err == nil || !passing(err) {
		return err
	}
	patient, cancel := context.WithTimeoutCause(ctx, patience-time.Since(start), errPatience)
	defer cancel()
	noAPI := 0
	for pause := firstPause; passing(err); pause = min(2*pause, lastPause) {
		// Servers of a cluster that starts need a moment, but one without JetStream
		// answers so for ever.
		if errors.Is(err, errNoAPI) {
			if noAPI++; noAPI > 6 {
				break
			}
		}
		if stop := b.pause(patient, pause); stop != nil {
			if errors.Is(stop, errPatience) {
				break
			}
			return stop
		}
		limit = min(2*limit, attemptTimeout)
		next := b.attempt(patient, limit, f)
		if errors.Is(next, errPatience) {
			break // what came before says more
		}
		err = next
	}
	if err == nil || !passing(err) {
		return err
	}
	if violation := b.nc.LastError(); errors.Is(violation, nats.ErrPermissionViolation) {
		err = violation
	}
	return &unansweredError{doing, time.Since(start).Round(time.Millisecond).String(), err}
}

var errPatience = errors.New("out of patience")

// attempt waits for a connection and does something once.
func (b *Broker) attempt(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	up, err := b.link(ctx)
	if err != nil {
		return err
	}
	return b.attemptOver(ctx, up, limit, f)
}

// attemptOver does something once, for at most so long and as long as the connection
// lasts.
func (b *Broker) attemptOver(ctx, up context.Context, limit time.Duration, f func(context.Context) error) error {
	if up.Err() != nil {
		return errLinkLost
	}
	once, cancel := context.WithTimeout(ctx, limit)
	stop := context.AfterFunc(up, cancel)
	err := f(once)
	stop()
	cancel()
	if err == nil {
		return nil
	}
	if why := b.ended(ctx); why != nil {
		return why
	}
	if up.Err() != nil && passing(err) {
		return errLinkLost
	}
	return err
}
