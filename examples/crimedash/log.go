package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse/jetstream"
)

// The log that processes and nodes share. It is small enough to be kept for good, so
// that a node which joins late gets the whole story.
const (
	logName   = "GOTHAM"
	logPrefix = "gotham"
)

// keysFor is how long a log that others run remembers what it was given. A crime that
// had to be announced again, because the answer was lost in an outage, is then still
// the same. The program's own log has no outages that the program outlives.
const keysFor = 24 * time.Hour

func logOptions(more ...jetstream.Option) []jetstream.Option {
	return append([]jetstream.Option{jetstream.Stream(logName), jetstream.Prefix(logPrefix), jetstream.MaxAge(0)}, more...)
}

// kind says what log the settings ask for.
func (s settings) kind() store.Log {
	switch {
	case s.nats != "":
		return store.Shared
	case s.embedded():
		return store.Private
	}
	return store.NoLog
}

// embedded says whether the program runs a broker of its own. The first of its processes
// has to open it, before it starts the others, and keep it open.
func (s settings) embedded() bool { return s.nats == "" && (s.broker != "" || s.processes > 1) }

// openBroker opens the log, or returns nil if there is none.
func openBroker(ctx context.Context, set settings) (*jetstream.Broker, error) {
	switch {
	case set.nats != "":
		broker, err := jetstream.Connect(ctx, set.nats, logOptions(
			jetstream.DuplicateWindow(keysFor), jetstream.NATS(nats.Name("crimedash "+self(set.node).String())))...)
		if err != nil {
			return nil, fmt.Errorf("--nats: %w", err)
		}
		return broker, nil
	case set.embedded():
		broker, err := jetstream.Embedded(set.broker, logOptions()...)
		if err != nil {
			return nil, fmt.Errorf("--broker: %w", err)
		}
		return broker, nil
	}
	return nil, nil
}
