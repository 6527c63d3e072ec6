package supervisor

import (
	"math/rand/v2"
	"time"
)

const (
	firstDelay = 100 * time.Millisecond
	lastDelay  = 10 * time.Second
	// steady is how long a process has to live for its end to count as the first one.
	steady = 10 * time.Second
)

// backoff returns how long to wait after so many ends in a row: nothing after the
// first, and from then on twice as long each time. Up to a quarter is taken off at
// random, so that processes that failed together do not start together for ever.
func backoff(ends int) time.Duration {
	if ends <= 1 {
		return 0
	}
	d := lastDelay
	if doublings := ends - 2; doublings < 7 {
		d = min(firstDelay<<doublings, lastDelay)
	}
	return d - rand.N(d/4)
}
