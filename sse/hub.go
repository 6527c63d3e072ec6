package sse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/redstart-go/redstart/internal/fanout"
	"github.com/redstart-go/redstart/internal/processes"
)

// What a hub retains unless told otherwise.
const (
	DefaultRetainedRecords = 64 << 10
	DefaultRetainedBytes   = 64 << 20
)

// maxTopicLength bounds a topic's name, in bytes.
const maxTopicLength = 255

// ErrHubClosed is returned by Publish, and is how subscriptions end, once the hub
// was closed.
var ErrHubClosed = errors.New("sse: the hub is closed")

// ErrOneOfMany is returned by Publish, and is how subscriptions fail, when the program
// runs as several processes and the hub has no broker: each process would have a hub of
// its own, whose messages reach only those who happen to be connected to it. Put the
// hub [Over] a broker that the processes share, or say [PerProcess] when that is meant.
var ErrOneOfMany = errors.New("sse: the hub of one process among several has no broker: use Over or PerProcess")

// ErrLagging is how a subscription ends that fell behind what the hub retains,
// under [LagDisconnect].
var ErrLagging = errors.New("sse: fell behind what the hub retains")

// Hub is a set of topics with one log of what was published to them. Each
// subscriber is a position in that log, not a queue: publishing waits for nobody,
// a slow client costs nothing but its own delay, and a client that returns with
// the id of the last event it saw continues exactly behind it.
//
// Every message gets the next position of one sequence over all topics, so that a
// single id resumes a subscription to several. What is retained is bounded; a
// client that comes back for what has been dropped is told so by an event named
// "sse.gap", never left to believe that nothing happened.
//
// Make one with [NewHub]. A Hub is safe for concurrent use.
type Hub struct {
	total, perTopic bounds
	onLag           LagPolicy
	authorize       func(context.Context, string) error
	broker          Broker
	onBrokerError   func(error)
	follower        *follower // with a broker
	perProcess      bool
	oneOfMany       bool
	stats           counters
	presence        presence

	mu         sync.RWMutex
	epoch      string
	seq        uint64
	life       uint32   // how often the log was replaced
	epochs     []string // of each life but the present
	topics     map[string]*topicLog
	audiences  map[string]*audience
	arrivals   fifo[arrival]
	keys       map[string]uint64
	records    int
	bytes      int64
	forgotten  uint64 // the highest sequence number evicted from a topic that is not remembered
	remembered memory
	subs       int
	dirty      []*topicLog
	closed     bool
	done       chan struct{}
	wake       chan struct{} // tells the waker that dirty is not empty
	waker      sync.WaitGroup
	stopWaker  chan struct{}

	loops fanout.Transport // for parked subscribers
	lean  fanout.Transport // for those the loops cannot take
}

// HubOption sets up a [Hub].
type HubOption func(*Hub)

// Retain bounds the log over all topics: by the number of records, their size in
// bytes, and their age. Zero is no bound. The oldest go first. Age is looked at
// when something is published or subscribed to.
func Retain(records int, bytes int64, age time.Duration) HubOption {
	return func(h *Hub) { h.total = bounds{records, bytes, age} }
}

// RetainPerTopic bounds each topic besides, so that a busy one does not push out
// the others. Zero is no bound.
func RetainPerTopic(records int, bytes int64) HubOption {
	return func(h *Hub) { h.perTopic = bounds{records: records, bytes: bytes} }
}

// LagPolicy says what becomes of a subscriber that has fallen behind the oldest
// record its topics still retain.
type LagPolicy int

const (
	// LagDisconnect sends the subscriber away. Its client comes back with the last
	// id it saw, and is told of the gap.
	LagDisconnect LagPolicy = iota
	// LagSkip tells it of the gap at once and goes on with what is retained.
	LagSkip
)

// OnLag chooses the policy; the default is [LagDisconnect]. There is none that
// makes the publisher wait.
func OnLag(p LagPolicy) HubOption { return func(h *Hub) { h.onLag = p } }

// Authorize sets a function that is asked, with the request's context, for each topic
// of each subscription that is served, also when a client resumes. Its error is the
// reply, with the status that its StatusCode method says, 403 if it has none. An
// EventSource takes it for final.
func Authorize(f func(ctx context.Context, topic string) error) HubOption {
	return func(h *Hub) { h.authorize = f }
}

// PerProcess says that a hub without a broker is meant to be that of one process alone,
// also when the program runs as several. See [ErrOneOfMany].
func PerProcess() HubOption { return func(h *Hub) { h.perProcess = true } }

// slot says which of several processes this is.
var slot = processes.Slot

// NewHub makes a hub: in memory, unless it is put [Over] a broker.
func NewHub(opts ...HubOption) *Hub {
	h := &Hub{
		total:  bounds{records: DefaultRetainedRecords, bytes: DefaultRetainedBytes},
		epoch:  newEpoch(),
		topics: map[string]*topicLog{}, audiences: map[string]*audience{},
		loops: fanout.New(), lean: &fanout.Lean{},
		keys: map[string]uint64{},
		done: make(chan struct{}),
		wake: make(chan struct{}, 1),
	}
	h.presence.init(h)
	for _, opt := range opts {
		opt(h)
	}
	if _, _, child := slot(); child && h.broker == nil && !h.perProcess {
		h.oneOfMany = true
	}
	if h.broker != nil {
		h.epoch = ""
		h.follower = newFollower(h)
		h.follower.start()
	}
	return h
}

// Ack is what [Hub.Publish] returns. As JSON it is {"cursor":"<epoch>.<sequence>"},
// with "duplicate":true if it is one.
type Ack struct {
	// Cursor is the message's position; its text is the message's event id.
	Cursor Cursor `json:"cursor"`
	// Duplicate says that a message with the same idempotency key is retained,
	// and that this one was not published again.
	Duplicate bool `json:"duplicate,omitempty"`
}

// Publish appends the message to the topic and wakes its subscribers. It never
// waits for any of them; a hub [Over] a broker waits until that has stored the message,
// which reaches the subscribers from there. The hub chooses the event id; an ID that the message
// carries is its idempotency key: as long as a message with that key is retained,
// in whatever topic, another is acknowledged as a duplicate and not published.
//
// It fails on a malformed message or topic, on a message larger than all that may
// be retained ([ErrTooLong]), when ctx has ended, and with [ErrHubClosed]; then
// nothing was published. A broker may fail besides; the message may have been stored
// then, and can be published again if it has an idempotency key.
func (h *Hub) Publish(ctx context.Context, topic string, m Message) (Ack, error) {
	if err := context.Cause(ctx); err != nil {
		return Ack{}, err
	}
	if err := checkTopic(topic); err != nil {
		return Ack{}, err
	}
	if err := m.Validate(); err != nil {
		return Ack{}, fmt.Errorf("sse: publishing to %q: %w", topic, err)
	}
	for _, b := range []bounds{h.perTopic, h.total} {
		if size := int64(frameSize(&m)) + recordOverhead; b.bytes > 0 && size > b.bytes {
			return Ack{}, fmt.Errorf("sse: publishing to %q: %w", topic, &TooLongError{Limit: int(b.bytes)})
		}
	}
	if h.oneOfMany {
		return Ack{}, ErrOneOfMany
	}
	if h.broker != nil {
		return h.publishOver(ctx, topic, m)
	}
	m.ID = strings.Clone(m.ID) // it may be a small part of a large body

	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return Ack{}, ErrHubClosed
	}
	if m.ID != "" {
		if seq, ok := h.keys[m.ID]; ok {
			h.stats.duplicates.Add(1)
			return Ack{Cursor: Cursor{h.epoch, seq}, Duplicate: true}, nil
		}
	}
	position := Cursor{h.epoch, h.seq + 1}
	h.stats.published.Add(1)
	now := time.Now().UnixNano()
	h.storeLocked(topic, newRecord(position, &m, now), now)
	return Ack{Cursor: position}, nil
}

// newRecord encodes a message for all subscribers.
func newRecord(position Cursor, m *Message, at int64) record {
	r := record{seq: position.seq, at: at, key: m.ID, state: strings.Clone(m.stateKey)}
	bare := *m
	bare.ID = ""
	var id [maxCursorLength]byte
	r.frame = appendFrame(make([]byte, 0, frameSize(m)), &bare, position.append(id[:0]))
	return r
}

// storeLocked appends a record at the next position and wakes who listens.
func (h *Hub) storeLocked(topic string, r record, now int64) {
	h.seq = r.seq
	t := h.topicLocked(topic)
	h.appendLocked(t, r, now)
	h.wakeLocked(t)
}

// frameSize is room for the encoded message: the data and the start of each of
// its lines, and the other fields with what appendFrame asks for them. What is
// retained for long shall not be twice as large as it counts.
func frameSize(m *Message) int {
	const lineStart = len("data: \n")
	lines := strings.Count(m.Data, "\n") + strings.Count(m.Data, "\r")
	return len(m.Data) + len(m.Event) + lines*lineStart + 88
}

// Cursor returns the position of the last message published, as far as this hub
// knows. A page that renders a state read after Cursor was taken, and subscribes from
// it, misses nothing. It is the zero Cursor until a hub [Over] a broker is [Hub.Ready].
func (h *Hub) Cursor() Cursor {
	if !h.inStep() {
		return Cursor{}
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	return Cursor{h.epoch, h.seq}
}

// Subscribers returns how many subscriptions are being served now.
func (h *Hub) Subscribers() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.subs
}

// Close ends all subscriptions, telling their clients to come back later, and
// makes Publish fail with [ErrHubClosed]. It returns when the hub's goroutines have
// ended. Closing twice does nothing. A broker below the hub stays open.
func (h *Hub) Close() error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
	audiences := slices.Collect(maps.Values(h.audiences))
	h.mu.Unlock()
	for _, a := range audiences {
		a.parked.Wake() // each member finds that the hub is closed
	}
	if h.follower != nil {
		h.follower.stop()
	}
	h.presence.close()
	h.waker.Wait()
	return nil
}

func (h *Hub) isClosed() bool {
	select {
	case <-h.done:
		return true
	default:
		return false
	}
}

func (h *Hub) topicLocked(name string) *topicLog {
	t := h.topics[name]
	if t == nil {
		t = &topicLog{name: name, evicted: h.evictedLocked(name)}
		h.topics[name] = t
	}
	return t
}

// wakeLocked hands the topic to the waker, so that the publisher's cost does not
// grow with the subscribers.
func (h *Hub) wakeLocked(t *topicLog) {
	if t.dirty || !t.heard() {
		return
	}
	t.dirty = true
	h.dirty = append(h.dirty, t)
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// runWaker wakes the subscribers of topics that were published to. It runs while
// there are subscribers. It holds the lock only for copying who they are, since
// publishers wait for that.
func (h *Hub) runWaker(stop <-chan struct{}) {
	var subs []*subscriber
	var audiences []*audience
	for {
		select {
		case <-h.wake:
		case <-stop:
			return
		case <-h.done:
			return
		}
		h.mu.Lock()
		for _, t := range h.dirty {
			t.dirty = false
			subs = append(subs, t.subs...)
			audiences = append(audiences, t.audiences...)
		}
		clear(h.dirty)
		h.dirty = h.dirty[:0]
		h.mu.Unlock()
		for _, sub := range subs {
			sub.notify()
		}
		for _, a := range audiences {
			a.parked.Wake()
		}
		clear(subs)
		clear(audiences)
		subs, audiences = subs[:0], audiences[:0]
	}
}

// TopicError says what is wrong with the name of a topic.
type TopicError struct{ Topic, Reason string }

func (e *TopicError) Error() string { return fmt.Sprintf("sse: topic %q %s", e.Topic, e.Reason) }

// StatusCode is 400: names of topics often come with the request.
func (e *TopicError) StatusCode() int { return 400 }

func checkTopic(name string) error {
	switch {
	case name == "":
		return &TopicError{name, "is empty"}
	case len(name) > maxTopicLength:
		return &TopicError{name[:32] + "...", fmt.Sprintf("is longer than %d bytes", maxTopicLength)}
	case !utf8.ValidString(name):
		return &TopicError{name, "is not valid UTF-8"}
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return &TopicError{name, "holds a control character"}
	case strings.HasPrefix(name, "sse."):
		return &TopicError{name, `is reserved: "sse." is for the hub itself`}
	}
	return nil
}
