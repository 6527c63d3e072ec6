package jetstream

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	js "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

func streamConfig(t *testing.T, b *Broker) js.StreamConfig {
	t.Helper()
	stream, err := b.js.Stream(patient(t), b.settings.stream)
	require.NoError(t, err)
	return stream.CachedInfo().Config
}

func TestStreamIsMade(t *testing.T) {
	srv := startNATS(t)
	for name, test := range map[string]struct {
		opts  []Option
		check func(*testing.T, js.StreamConfig)
	}{
		"with defaults": {nil, func(t *testing.T, c js.StreamConfig) {
			assert.Equal(t, js.FileStorage, c.Storage)
			assert.Equal(t, 1, c.Replicas)
			assert.Equal(t, 24*time.Hour, c.MaxAge)
			assert.EqualValues(t, 1<<30, c.MaxBytes)
			assert.EqualValues(t, -1, c.MaxMsgs)
			assert.Equal(t, 2*time.Minute, c.Duplicates)
			assert.Equal(t, js.DiscardOld, c.Discard)
		}},
		"with all options": {
			[]Option{Memory(), MaxAge(time.Hour), MaxBytes(1 << 20), MaxMessages(7), DuplicateWindow(time.Minute)},
			func(t *testing.T, c js.StreamConfig) {
				assert.Equal(t, js.MemoryStorage, c.Storage)
				assert.Equal(t, time.Hour, c.MaxAge)
				assert.EqualValues(t, 1<<20, c.MaxBytes)
				assert.EqualValues(t, 7, c.MaxMsgs)
				assert.Equal(t, time.Minute, c.Duplicates)
			}},
		"without bounds": {[]Option{MaxAge(0), MaxBytes(0), MaxMessages(0)}, func(t *testing.T, c js.StreamConfig) {
			assert.Zero(t, c.MaxAge)
			assert.EqualValues(t, -1, c.MaxBytes)
		}},
		"with an age below the duplicate window": {[]Option{MaxAge(time.Minute)}, func(t *testing.T, c js.StreamConfig) {
			assert.Equal(t, time.Minute, c.Duplicates)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			opts := append(newStream(), test.opts...)
			config := streamConfig(t, open(t, srv.ClientURL(), opts...))
			test.check(t, config)
			// The same options fit what they have made.
			assert.Equal(t, config, streamConfig(t, open(t, srv.ClientURL(), opts...)))
		})
	}
}

func TestNodesMakeTheStreamTogether(t *testing.T) {
	srv := startNATS(t)
	opts := newStream()
	var nodes sync.WaitGroup
	epochs := make([]string, 8)
	for i := range epochs {
		nodes.Go(func() {
			b, err := Connect(context.Background(), srv.ClientURL(), opts...)
			if assert.NoError(t, err) {
				epochs[i] = b.told
				assert.NoError(t, b.Close())
			}
		})
	}
	nodes.Wait()
	for _, epoch := range epochs {
		assert.Equal(t, epochs[0], epoch)
	}
}

func TestExistingStream(t *testing.T) {
	srv := startNATS(t)
	admin := open(t, srv.ClientURL())
	for want, test := range map[string]struct {
		change func(*js.StreamConfig)
		opts   []Option
	}{
		"": {func(c *js.StreamConfig) { c.MaxAge, c.MaxMsgs, c.Duplicates = time.Hour, 100, time.Minute }, nil},
		"it holds the subjects s.>, other instead of s.> alone": {
			func(c *js.StreamConfig) { c.Subjects = append(c.Subjects, "other") }, nil},
		"it does not allow direct gets (nats stream edit S --allow-direct)": {
			func(c *js.StreamConfig) { c.AllowDirect = false }, nil},
		"its retention policy is Interest instead of limits": {
			func(c *js.StreamConfig) { c.Retention = js.InterestPolicy }, nil},
		"it does not acknowledge what is published": {func(c *js.StreamConfig) { c.NoAck = true }, nil},
		"it changes the subjects of messages": {
			func(c *js.StreamConfig) {
				c.SubjectTransform = &js.SubjectTransformConfig{Source: "s.>", Destination: "s.x.>"}
			}, nil},
		"it keeps messages for 1h0m0s instead of 2h0m0s; it keeps 0 messages instead of 9": {
			func(c *js.StreamConfig) { c.MaxAge = time.Hour }, []Option{MaxAge(2 * time.Hour), MaxMessages(9)}},
		"it has 1 replicas instead of 3": {func(*js.StreamConfig) {}, []Option{Replicas(3)}},
		"it is kept on disk instead of in memory; it keeps 1073741824 bytes instead of 7; its duplicate window is 2m0s instead of 1m0s": {
			func(*js.StreamConfig) {}, []Option{Memory(), MaxBytes(7), DuplicateWindow(time.Minute)}},
	} {
		t.Run(want, func(t *testing.T) {
			opts := append([]Option{Stream("S"), Prefix("s")}, test.opts...)
			made, err := newSettings(opts[:2])
			require.NoError(t, err)
			config := made.config()
			test.change(&config)
			_, err = admin.js.CreateStream(patient(t), config)
			require.NoError(t, err)
			defer func() { require.NoError(t, admin.js.DeleteStream(patient(t), "S")) }()
			before, err := admin.js.Stream(patient(t), "S")
			require.NoError(t, err)

			b, err := Connect(patient(t), srv.ClientURL(), opts...)
			if want == "" {
				require.NoError(t, err)
				publish(t, b, "crimes", "x")
				require.NoError(t, b.Close())
			} else {
				require.EqualError(t, err, `jetstream: stream "S" exists but does not fit: `+want)
				var unfit *UnfitError
				assert.ErrorAs(t, err, &unfit)
			}
			after, err := admin.js.Stream(patient(t), "S")
			require.NoError(t, err)
			assert.Equal(t, before.CachedInfo().Config, after.CachedInfo().Config, "the stream was altered")
		})
	}
}

func TestADeletedStreamIsNotMadeAgainAtOnce(t *testing.T) {
	t.Parallel()
	b := open(t, startNATS(t).ClientURL(), newStream()...)
	before := publish(t, b, "a", "lost")
	require.NoError(t, b.js.DeleteStream(patient(t), b.settings.stream))
	_, _, err := b.look(patient(t))
	require.ErrorIs(t, err, errGone)
	require.True(t, passing(err), "who asks waits for it")
	after := publish(t, b, "a", "of another stream")
	require.NotEqual(t, before.Epoch(), after.Epoch())
	require.Equal(t, uint64(1), after.Sequence())
}

func TestAServerWithLessRoomThanAskedFor(t *testing.T) {
	t.Parallel()
	srv := startNATS(t, func(o *server.Options) { o.JetStreamMaxStore, o.JetStreamMaxMemory = 1<<20, 1<<20 })
	for _, tc := range []struct {
		name string
		opts []Option
		want string
	}{
		{"disk", nil, "for the 1073741824 bytes that it may keep: ask for less by MaxBytes, or give the server more (max_file_store)"},
		{"memory", []Option{Memory(), MaxBytes(2 << 20)}, "for the 2097152 bytes that it may keep: ask for less by MaxBytes, or give the server more (max_memory_store)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Connect(patient(t), srv.ClientURL(), append(newStream(), tc.opts...)...)
			require.ErrorContains(t, err, tc.want)
		})
	}
	open(t, srv.ClientURL(), append(newStream(), MaxBytes(1<<19))...)
}

func TestBoundsMoveTheFirst(t *testing.T) {
	srv := startNATS(t)
	b := open(t, srv.ClientURL(), append(newStream(), MaxMessages(3))...)
	for range 10 {
		publish(t, b, "crimes", "x")
	}
	state, err := b.State(patient(t))
	require.NoError(t, err)
	assert.EqualValues(t, 8, state.First)
	assert.EqualValues(t, 10, state.Last)
}

// Messages that were deleted one by one leave holes, which are no losses.
func TestHoles(t *testing.T) {
	srv := startNATS(t)
	b := open(t, srv.ClientURL(), newStream()...)
	for _, data := range []string{"1", "2", "3", "4", "5"} {
		publish(t, b, "crimes", data)
	}
	stream, err := b.js.Stream(patient(t), b.settings.stream)
	require.NoError(t, err)
	for _, seq := range []uint64{2, 3, 5} {
		require.NoError(t, stream.DeleteMsg(patient(t), seq))
	}
	entries, _ := follow(t, b, 0)
	assert.Equal(t, "1", next(t, entries).Message.Data)
	assert.Equal(t, "4", next(t, entries).Message.Data)
	read, err := b.Read(patient(t), 1, 10)
	require.NoError(t, err)
	require.Len(t, read, 1)
	assert.Equal(t, "4", read[0].Message.Data)
	assert.EqualValues(t, 6, publish(t, b, "crimes", "6").Sequence())
	assert.Equal(t, "6", next(t, entries).Message.Data)
}

func TestDuplicateWindow(t *testing.T) {
	srv := startNATS(t)
	b := open(t, srv.ClientURL(), append(newStream(), DuplicateWindow(100*time.Millisecond))...)
	first, err := b.Publish(patient(t), "crimes", sse.Text("x").WithID("key"))
	require.NoError(t, err)
	for ctx := patient(t); ; {
		ack, err := b.Publish(ctx, "crimes", sse.Text("x").WithID("key"))
		require.NoError(t, err)
		if !ack.Duplicate { // the key was forgotten
			assert.Equal(t, first.Cursor.Sequence()+1, ack.Cursor.Sequence())
			return
		}
		require.Equal(t, first.Cursor, ack.Cursor)
	}
}

// A server that comes back without its latest messages gives their numbers to others.
// That has to be another epoch, on every node, although the stream is the same.
func TestLostMessagesBeginAnotherEpoch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := startNATS(t, inDir(dir))
	opts := newStream()
	b := open(t, srv.ClientURL(), opts...)
	for range 5 {
		publish(t, b, "crimes", "x")
	}
	srv.stop()
	older := t.TempDir()
	require.NoError(t, os.CopyFS(older, os.DirFS(dir)))
	srv = srv.restart(t)
	entries, ended := follow(t, b, 0)
	old := publish(t, b, "crimes", "lost")
	for range 6 {
		next(t, entries)
	}
	srv.stop()
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "jetstream")))
	require.NoError(t, os.CopyFS(dir, os.DirFS(older)))
	srv.restart(t)

	var replaced *ReplacedError
	require.ErrorAs(t, <-ended, &replaced)
	assert.Equal(t, old.Epoch(), replaced.Was)
	_, err := b.Read(patient(t), 0, 10)
	require.ErrorAs(t, err, &replaced, "positions of the other epoch mean nothing until the state was asked for")
	for _, node := range []*Broker{b, open(t, srv.ClientURL(), opts...)} {
		state, err := node.State(patient(t))
		require.NoError(t, err)
		assert.Equal(t, sse.BrokerState{Epoch: replaced.Now, First: 1, Last: 5}, state)
	}
	now := publish(t, b, "crimes", "in its place")
	assert.Equal(t, replaced.Now, now.Epoch())
	assert.Equal(t, old.Sequence(), now.Sequence())
}
