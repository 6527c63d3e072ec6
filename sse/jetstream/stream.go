package jetstream

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/redstart-go/redstart/sse"
)

// metadataLife counts, in the stream's metadata, how often the stream lost its latest
// messages and began to give their numbers to others.
const metadataLife = "redstart-life"

// epochOf names the life of a stream: by when it was made, which every server knows
// and keeps, and by how often it lost messages since.
func epochOf(info *js.StreamInfo) string {
	return digest(fmt.Sprintf("%s %d %s", info.Config.Name, info.Created.UnixNano(), info.Config.Metadata[metadataLife]))
}

// digest shortens a text to 13 letters and digits.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:8]))
}

// State implements [sse.Broker]. A stream that is gone, as one in memory is when its
// server was restarted, is made again.
func (b *Broker) State(ctx context.Context) (sse.BrokerState, error) {
	var state sse.BrokerState
	err := b.try(ctx, "asking for the state", func(ctx context.Context) error {
		info, epoch, err := b.look(ctx)
		if err != nil {
			return err
		}
		state = sse.BrokerState{Epoch: epoch, First: info.State.FirstSeq, Last: info.State.LastSeq}
		if info.State.Msgs == 0 {
			state.First = state.Last + 1
		}
		return nil
	})
	if err == nil {
		b.mu.Lock()
		b.told = state.Epoch
		b.mu.Unlock()
	}
	return state, err
}

// For how long a stream has to be without messages that were known to be there, until
// it counts as another. The leader of a stream with replicas may be about to be replaced
// by one that has them.
const (
	lossAfter           = 500 * time.Millisecond
	lossAfterReplicated = 5 * time.Second
)

var errBehind = errors.New("the stream lacks messages that it had")

// madeAfter is how long a stream that was deleted stays away before it is made again. A
// server may remove its files only after it has said that it did, by the stream's name:
// one that was made meanwhile would lose its own, and no message of it be stored any more.
const madeAfter = 500 * time.Millisecond

var errGone = errors.New("the stream was deleted a moment ago")

// look asks what there is, and what life of the stream it belongs to. If the stream
// has lost messages that were known to be there, it begins another life.
func (b *Broker) look(ctx context.Context) (*js.StreamInfo, string, error) {
	b.mu.Lock()
	epoch, seen := b.epoch, b.seen
	b.mu.Unlock()
	info, err := b.inspect(ctx)
	if err != nil {
		return nil, "", err
	}
	now := epochOf(info)
	if now != epoch || info.State.LastSeq >= seen {
		b.learn(info)
		return info, now, nil
	}
	wait := lossAfter
	if info.Config.Replicas > 1 {
		wait = lossAfterReplicated
	}
	b.mu.Lock()
	if b.behind.IsZero() {
		b.behind = time.Now()
	}
	lost := time.Since(b.behind) > wait
	b.mu.Unlock()
	if !lost {
		return nil, "", errBehind
	}
	if err := b.beginLife(ctx, info); err != nil {
		return nil, "", fmt.Errorf("jetstream: stream %q has lost the messages from %d to %d, and cannot be marked as another: %w",
			b.settings.stream, info.State.LastSeq+1, seen, err)
	}
	return nil, "", errBehind // the next look finds it in its new life
}

// beginLife gives the stream another epoch. Nodes that do so at the same time give it
// the same.
func (b *Broker) beginLife(ctx context.Context, info *js.StreamInfo) error {
	config := info.Config
	lives, _ := strconv.Atoi(config.Metadata[metadataLife])
	config.Metadata = maps.Clone(config.Metadata)
	if config.Metadata == nil {
		config.Metadata = map[string]string{}
	}
	config.Metadata[metadataLife] = strconv.Itoa(lives + 1)
	_, err := b.js.UpdateStream(ctx, config)
	return err
}

// learn remembers what is known of the stream.
func (b *Broker) learn(info *js.StreamInfo) {
	epoch := epochOf(info)
	b.mu.Lock()
	defer b.mu.Unlock()
	if epoch != b.epoch {
		b.epoch, b.seen = epoch, 0
	}
	b.seen = max(b.seen, info.State.LastSeq)
	b.window = info.Config.Duplicates
	b.behind, b.gone = time.Time{}, time.Time{}
	b.checked = time.Now()
}

// inspect asks once, and makes the stream if there is none.
func (b *Broker) inspect(ctx context.Context) (*js.StreamInfo, error) {
	stream, err := b.js.Stream(ctx, b.settings.stream)
	if errors.Is(err, js.ErrStreamNotFound) {
		if b.justGone() {
			return nil, errGone
		}
		stream, err = b.js.CreateStream(ctx, b.settings.config())
		if errors.Is(err, js.ErrStreamNameAlreadyInUse) { // another node was faster
			stream, err = b.js.Stream(ctx, b.settings.stream)
		}
	}
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, errNoAPI
	case err != nil:
		return nil, fmt.Errorf("jetstream: stream %q: %w%s", b.settings.stream, err, b.settings.room(err))
	}
	return stream.CachedInfo(), nil
}

// justGone says whether the stream was there, and is to be missed for a little longer.
func (b *Broker) justGone() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone.IsZero() && b.epoch != "" {
		b.gone = time.Now()
	}
	return time.Since(b.gone) < madeAfter
}

// room says what to do about a server that has less room than the stream asks for: it
// sets the whole of that apart when the stream is made.
func (s *settings) room(err error) string {
	api, limit := apiError(err), "max_file_store"
	switch {
	case api != nil && api.ErrorCode == codeMemoryExceeded:
		limit = "max_memory_store"
	case api == nil || api.ErrorCode != codeStorageExceeded:
		return ""
	}
	return fmt.Sprintf(" for the %d bytes that it may keep: ask for less by MaxBytes, or give the server more (%s)", s.config().MaxBytes, limit)
}

// subjects is what the stream holds, and nothing else.
func (s *settings) subjects() string { return s.prefix + ".>" }

// config is the stream to make.
func (s *settings) config() js.StreamConfig {
	c := js.StreamConfig{
		Name:        s.stream,
		Description: "Messages of live event streams",
		Subjects:    []string{s.subjects()},
		Retention:   js.LimitsPolicy,
		Discard:     js.DiscardOld,
		Storage:     js.FileStorage,
		Replicas:    max(s.replicas, 1),
		MaxAge:      s.maxAge.or(DefaultMaxAge),
		MaxBytes:    s.maxBytes.or(DefaultMaxBytes),
		MaxMsgs:     s.maxMessages.value,
		Duplicates:  s.window.or(DefaultDuplicateWindow),
		AllowDirect: true,
	}
	if s.memory {
		c.Storage = js.MemoryStorage
		c.MaxBytes = s.maxBytes.or(DefaultMaxBytesMemory)
	}
	if c.MaxAge > 0 && !s.window.set {
		c.Duplicates = min(c.Duplicates, c.MaxAge)
	}
	// For the server, less than nothing is no bound.
	if c.MaxBytes == 0 {
		c.MaxBytes = -1
	}
	if c.MaxMsgs == 0 {
		c.MaxMsgs = -1
	}
	return c
}

// unfit says why an existing stream cannot be used, or is not what was asked for.
func (s *settings) unfit(c js.StreamConfig) error {
	var reasons []string
	require := func(ok bool, format string, args ...any) {
		if !ok {
			reasons = append(reasons, fmt.Sprintf(format, args...))
		}
	}
	subjects := "it holds the subjects " + strings.Join(c.Subjects, ", ")
	if c.Mirror != nil {
		subjects = "it mirrors " + c.Mirror.Name
	}
	require(len(c.Subjects) == 1 && c.Subjects[0] == s.subjects(), "%s instead of %s alone", subjects, s.subjects())
	require(len(c.Sources) == 0, "it takes messages from other streams")
	require(c.Retention == js.LimitsPolicy, "its retention policy is %v instead of limits", c.Retention)
	require(c.AllowDirect, "it does not allow direct gets (nats stream edit %s --allow-direct)", s.stream)
	require(!c.NoAck, "it does not acknowledge what is published")
	require(!c.Sealed, "it is sealed")
	require(c.SubjectTransform == nil, "it changes the subjects of messages")

	require(s.replicas == 0 || s.replicas == c.Replicas, "it has %d replicas instead of %d", c.Replicas, s.replicas)
	require(!s.memory || c.Storage == js.MemoryStorage, "it is kept on disk instead of in memory")
	require(!s.maxAge.set || s.maxAge.value == c.MaxAge, "it keeps messages for %v instead of %v", c.MaxAge, s.maxAge.value)
	require(!s.maxBytes.set || s.maxBytes.value == max(c.MaxBytes, 0), "it keeps %d bytes instead of %d", max(c.MaxBytes, 0), s.maxBytes.value)
	require(!s.maxMessages.set || s.maxMessages.value == max(c.MaxMsgs, 0), "it keeps %d messages instead of %d", max(c.MaxMsgs, 0), s.maxMessages.value)
	require(!s.window.set || s.window.value == c.Duplicates, "its duplicate window is %v instead of %v", c.Duplicates, s.window.value)
	if len(reasons) == 0 {
		return nil
	}
	return &UnfitError{Stream: s.stream, Reasons: reasons}
}
