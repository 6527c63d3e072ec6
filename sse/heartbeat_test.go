package sse

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHeartbeatBreaksEverySilence(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			w := newWatched()
			new(Server).Serve(w, get(t), NewStream(Func(func(ctx context.Context, send Send) error {
				pause(ctx, 95*time.Second)
				return nil
			}), Heartbeat(10*time.Second)))
			require.GreaterOrEqual(t, len(w.at), 3)
			first := w.at[1]
			seen[first] = true
			assert.Zero(t, w.at[0], "the first bytes")
			assert.GreaterOrEqual(t, first, 5*time.Second)
			assert.LessOrEqual(t, first, 10*time.Second)
			for i, at := range w.at[1:] {
				assert.Equal(t, first+time.Duration(i)*10*time.Second, at, "then each interval")
				assert.Equal(t, ":\n", w.what[i+1])
			}
			assert.Greater(t, w.at[len(w.at)-1], 85*time.Second, "until the end")
		})
	}
	assert.Greater(t, len(seen), 40, "streams opened together do not beat together")
}

func TestHeartbeatDefaultsToFifteenSecondsAndCanBeTurnedOff(t *testing.T) {
	for _, tc := range []struct {
		name     string
		server   time.Duration
		options  []Option
		min, max int // heartbeats in a minute
	}{
		{"default", 0, nil, 4, 4},
		{"server's", 30 * time.Second, nil, 2, 2},
		{"server's off", -1, nil, 0, 0},
		{"option", -1, []Option{Heartbeat(20 * time.Second)}, 3, 3},
		{"option off", 0, []Option{Heartbeat(0)}, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newScreen()
				(&Server{Heartbeat: tc.server}).Serve(w, get(t), NewStream(Func(func(ctx context.Context, send Send) error {
					pause(ctx, time.Minute)
					return nil
				})).With(tc.options...))
				beats := w.writes - 1
				assert.GreaterOrEqual(t, beats, tc.min)
				assert.LessOrEqual(t, beats, tc.max)
			})
		})
	}
}

func TestHeartbeatKeepsSilentWhileMessagesFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newScreen()
		_ = new(Server).Serve(w, get(t), NewStream(Func(func(ctx context.Context, send Send) error {
			for range 100 {
				pause(ctx, 4*time.Second)
				if err := send(Text("x")); err != nil {
					return err
				}
			}
			return nil
		}), Heartbeat(10*time.Second)))
		assert.Equal(t, ":\n"+strings.Repeat("data: x\n\n", 100), w.text())
	})
}

func TestHeartbeatComesWithinItsIntervalAfterAMessage(t *testing.T) {
	for range 30 {
		synctest.Test(t, func(t *testing.T) {
			w := newWatched()
			new(Server).Serve(w, get(t), NewStream(Func(func(ctx context.Context, send Send) error {
				for _, after := range []time.Duration{13, 27, 16, 44} {
					pause(ctx, after*time.Second)
					if err := send(Text("x")); err != nil {
						return err
					}
				}
				pause(ctx, 30*time.Second)
				return nil
			}), Heartbeat(10*time.Second)))
			for i := 1; i < len(w.at); i++ {
				silence := w.at[i] - w.at[i-1]
				require.LessOrEqual(t, silence, 10*time.Second)
				if w.what[i] == ":\n" {
					require.GreaterOrEqual(t, silence, 5*time.Second)
				}
			}
		})
	}
}

func TestNoHeartbeatBeforeALazyCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newScreen()
		new(Server).Serve(w, get(t), NewStream(Func(func(ctx context.Context, send Send) error {
			pause(ctx, time.Hour)
			writes, _ := w.counts()
			assert.Zero(t, writes)
			err := send(Text("x"))
			pause(ctx, 10*time.Second)
			synctest.Wait()
			writes, _ = w.counts()
			assert.Equal(t, 2, writes, "after it they come")
			return err
		}), LazyCommit(), Heartbeat(10*time.Second)))
	})
}

func TestVisibleHeartbeatIsAnEmptyEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newScreen()
		report := new(Server).Serve(w, get(t), NewStream(Func(func(ctx context.Context, send Send) error {
			pause(ctx, 11*time.Second)
			return nil
		}), VisibleHeartbeat(10*time.Second, "ping")))
		assert.Equal(t, Message{Event: "ping"}, w.messages(t)[0])
		assert.Zero(t, report.Events, "heartbeats are not counted")
	})
}
