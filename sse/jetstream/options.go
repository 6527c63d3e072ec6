package jetstream

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// What a stream is given that the broker makes, unless told otherwise.
const (
	DefaultStream          = "REDSTART"
	DefaultPrefix          = "redstart"
	DefaultMaxAge          = 24 * time.Hour
	DefaultMaxBytes        = 1 << 30   // of a stream on disk
	DefaultMaxBytesMemory  = 256 << 20 // of a stream in memory
	DefaultDuplicateWindow = 2 * time.Minute
)

// DefaultPatience is how long a call goes on trying while the server does not answer.
const DefaultPatience = 10 * time.Second

// What an embedded server does, unless told otherwise.
const (
	DefaultSync       = time.Second
	DefaultMaxPayload = 8 << 20
)

// Option sets up a [Broker].
type Option func(*settings)

type settings struct {
	stream, prefix string
	patience       time.Duration
	nats           []nats.Option

	// What was asked for is compared with a stream that exists; the rest only
	// serves to make one.
	replicas    int
	memory      bool
	maxAge      asked[time.Duration]
	maxBytes    asked[int64]
	maxMessages asked[int64]
	window      asked[time.Duration]

	sync       asked[time.Duration]
	maxPayload asked[int]
	serverLog  func(slog.Level, string)
}

// asked is a value together with whether somebody chose it.
type asked[T any] struct {
	value T
	set   bool
}

func (a asked[T]) or(other T) T {
	if a.set {
		return a.value
	}
	return other
}

func newSettings(opts []Option) (settings, error) {
	s := settings{stream: DefaultStream, prefix: DefaultPrefix, patience: DefaultPatience}
	for _, opt := range opts {
		opt(&s)
	}
	return s, s.check()
}

func (s *settings) check() error {
	if err := checkStreamName(s.stream); err != nil {
		return err
	}
	if err := checkPrefix(s.prefix); err != nil {
		return err
	}
	switch {
	case s.replicas < 0 || s.replicas > 5:
		return fmt.Errorf("jetstream: Replicas(%d): want 1 to 5", s.replicas)
	case s.patience <= 0:
		return fmt.Errorf("jetstream: Patience(%v): want more than nothing", s.patience)
	case s.maxAge.value < 0 || s.maxBytes.value < 0 || s.maxMessages.value < 0:
		return errors.New("jetstream: a bound is negative; 0 stands for none")
	case s.window.set && s.window.value < 100*time.Millisecond:
		return fmt.Errorf("jetstream: DuplicateWindow(%v): want 100ms at least", s.window.value)
	case s.sync.value < 0:
		return fmt.Errorf("jetstream: Sync(%v): want 0, which is before each acknowledgement, or an interval", s.sync.value)
	case s.maxPayload.set && (s.maxPayload.value < 1<<10 || s.maxPayload.value > 64<<20):
		return fmt.Errorf("jetstream: MaxPayload(%d): want 1 KiB to 64 MiB", s.maxPayload.value)
	}
	return nil
}

// refuseEmbedded fails if there is an option that would do nothing.
func (s *settings) refuseEmbedded() error {
	if s.sync.set || s.maxPayload.set || s.serverLog != nil {
		return errors.New("jetstream: Sync, MaxPayload and ServerLog are for Embedded: they set up a server")
	}
	return nil
}

// Stream names the stream; the default is [DefaultStream]. Nodes that name the same
// one share one log.
func Stream(name string) Option { return func(s *settings) { s.stream = name } }

// Prefix sets what stands before the topic in a subject; the default is
// [DefaultPrefix]. The stream holds the subjects <prefix>.> and no others.
func Prefix(subject string) Option { return func(s *settings) { s.prefix = subject } }

// Replicas sets on how many servers of a cluster the stream is kept; the default is 1.
// With 3, one may be lost.
func Replicas(n int) Option { return func(s *settings) { s.replicas = n } }

// Memory keeps the stream in the server's memory instead of on its disk.
func Memory() Option { return func(s *settings) { s.memory = true } }

// MaxAge bounds how long messages are kept; the default is [DefaultMaxAge], and 0 is no
// bound.
func MaxAge(d time.Duration) Option {
	return func(s *settings) { s.maxAge = asked[time.Duration]{d, true} }
}

// MaxBytes bounds what is kept in bytes; the default is [DefaultMaxBytes], in memory
// [DefaultMaxBytesMemory], and 0 is no bound. The oldest messages go first.
func MaxBytes(n int64) Option { return func(s *settings) { s.maxBytes = asked[int64]{n, true} } }

// MaxMessages bounds how many messages are kept; the default, 0, is no bound.
func MaxMessages(n int64) Option { return func(s *settings) { s.maxMessages = asked[int64]{n, true} } }

// DuplicateWindow sets how long idempotency keys are remembered; the default is
// [DefaultDuplicateWindow], or MaxAge if that is less. The server holds the key of each
// message of the window in memory, about 120 bytes.
func DuplicateWindow(d time.Duration) Option {
	return func(s *settings) { s.window = asked[time.Duration]{d, true} }
}

// Patience sets how long Publish, Read and State go on trying while the server does not
// answer, if their context lets them; the default is [DefaultPatience]. Tail never
// gives up.
func Patience(d time.Duration) Option { return func(s *settings) { s.patience = d } }

// NATS adds options of the connection, such as [nats.UserCredentials], [nats.RootCAs]
// or [nats.Name]. They come last and so win over the package's own.
func NATS(opts ...nats.Option) Option {
	return func(s *settings) { s.nats = append(s.nats, opts...) }
}

// Sync sets how often an embedded server writes what it was given through to the disk;
// the default is [DefaultSync]. A program that is killed loses nothing either way; a
// machine that loses power loses what came since. 0 writes through before each
// acknowledgement, and nothing is ever lost, at the cost of a disk's delay for each.
func Sync(every time.Duration) Option {
	return func(s *settings) { s.sync = asked[time.Duration]{every, true} }
}

// MaxPayload bounds a message of an embedded server in bytes, headers included; the
// default is [DefaultMaxPayload].
func MaxPayload(n int) Option { return func(s *settings) { s.maxPayload = asked[int]{n, true} } }

// ServerLog sets the function that gets the lines an embedded server logs; the default
// throws them away. It is called by many goroutines at a time.
func ServerLog(f func(level slog.Level, line string)) Option {
	return func(s *settings) { s.serverLog = f }
}
