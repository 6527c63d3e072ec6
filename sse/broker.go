package sse

import (
	"context"
	"errors"
	"time"
)

// Broker orders and keeps what the hubs of several processes or machines publish, so
// that a subscriber of any of them gets the messages of all, in one order, and
// resumes on any other. A hub is put above one by [Over]; package sse/jetstream has
// one for NATS. A hub without a broker is one by itself.
//
// A hub reads its broker once, whatever the number of its subscribers, and serves
// these from a log of its own. A broker therefore never waits for a subscriber.
//
// Implementations have to be safe for concurrent use, and to pass the tests of
// package sse/brokertest.
type Broker interface {
	// Publish stores m behind all that was stored before, and returns its position
	// once it will not be lost any more. The message and the topic are valid. An ID
	// of the message is its idempotency key: as long as the broker remembers a
	// message with that key, in whatever topic, it stores no other one but returns
	// the position of the first, as a duplicate. After an error the message may or
	// may not have been stored: only a key makes it safe to try again.
	Publish(ctx context.Context, topic string, m Message) (Ack, error)

	// Tail calls deliver with each entry behind the sequence number after, in order,
	// one at a time, and goes on with those that are stored later, until ctx ends.
	// It outlasts failures of the connection by itself, without a loss or a
	// repetition. Where entries in between are no longer kept, it goes on with the
	// first that is. When the log itself is replaced by another, as its epoch says,
	// Tail delivers the entries of the new one from its start, or returns. It always
	// returns an error: the cause of ctx, or why it cannot go on. deliver does not
	// wait for anything.
	Tail(ctx context.Context, after uint64, deliver func(Entry)) error

	// Read returns at most limit entries behind the sequence number after, in
	// order; none means that there are none. It does not wait for new ones.
	Read(ctx context.Context, after uint64, limit int) ([]Entry, error)

	// State says what the broker keeps.
	State(ctx context.Context) (BrokerState, error)

	// Close lets go of what the broker holds. Calls that are under way end with an
	// error. Closing twice does nothing.
	Close() error
}

// Entry is one message as a [Broker] keeps it.
type Entry struct {
	// Cursor is the position. Sequence numbers grow from entry to entry; a number
	// that is left out stands for an entry that is no longer kept.
	Cursor Cursor
	Topic  string
	// Time is when it was stored.
	Time time.Time
	// Message is what was published. Its ID, the idempotency key, may be missing.
	Message Message
}

// BrokerState says what a [Broker] keeps.
type BrokerState struct {
	// Epoch names the life of the log. A log that was lost, or begun anew, has
	// another: positions of one mean nothing in the other. See [NewCursor] for what
	// it may be made of.
	Epoch string
	// First and Last are the lowest and the highest sequence number that is kept.
	// When nothing is kept, Last is the highest that ever was, or 0, and First is
	// Last + 1.
	First, Last uint64
}

// ErrBrokerClosed is returned by a [Broker] that was closed.
var ErrBrokerClosed = errors.New("sse: the broker is closed")

// Over puts the hub above a broker: what is published goes to the broker, and what
// comes back from it to the subscribers. The hub keeps of it what [Retain] says, for
// subscribers that resume; whoever was away for longer is served from the broker.
//
// The hub reads the broker on goroutines of its own from now on, until it is closed;
// see [Hub.Ready]. The broker is not closed with it.
func Over(b Broker) HubOption { return func(h *Hub) { h.broker = b } }

// OnBrokerError sets the function that is told when the hub loses its broker, each
// time it fails to find it again, and of entries of the broker that are no valid
// messages. It is called by one goroutine at a time and should not wait. The default
// writes to the standard logger.
func OnBrokerError(f func(error)) HubOption { return func(h *Hub) { h.onBrokerError = f } }
