package late

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCall(t *testing.T) {
	for _, tc := range []struct {
		name string
		took time.Duration
		end  func() int
		ok   bool
		want Answer[int]
	}{
		{"in time", time.Second - 1, func() int { return 7 }, true, Answer[int]{Value: 7}},
		{"too late", time.Second + 1, func() int { return 7 }, false, Answer[int]{Value: 7}},
		{"panics in time", 0, func() int { panic("x") }, true, Answer[int]{Panic: "x"}},
		{"panics too late", 2 * time.Second, func() int { panic("x") }, false, Answer[int]{Panic: "x"}},
		{"ends its goroutine", 0, func() int { runtime.Goexit(); return 7 }, true, Answer[int]{Panic: errGoexit}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g Group
				dropped := make(chan Answer[int], 1)
				begin := time.Now()
				answer, ok := Call(&g, time.Second, func() int { time.Sleep(tc.took); return tc.end() }, func(a Answer[int]) { dropped <- a })
				assert.Equal(t, min(tc.took, time.Second), time.Since(begin))
				assert.Equal(t, tc.ok, ok)
				if !ok {
					answer = <-dropped
				}
				require.NoError(t, g.Wait(t.Context()))
				assert.Empty(t, dropped, "late is for what was given up")
				if _, panicked := tc.want.Panic.(string); panicked {
					assert.Contains(t, string(answer.Stack), "TestCall")
				}
				answer.Stack = nil
				assert.Equal(t, tc.want, answer)
			})
		})
	}
}

// At the very moment both sides are ready exactly one of them gets the answer.
func TestCallSettlesOnce(t *testing.T) {
	var g Group
	for range 2000 {
		dropped := make(chan struct{}, 1)
		_, ok := Call(&g, time.Microsecond, func() int { runtime.Gosched(); return 7 }, func(Answer[int]) { dropped <- struct{}{} })
		if !ok {
			<-dropped
		}
		require.NoError(t, g.Wait(t.Context()))
		require.Empty(t, dropped)
	}
}

func TestGroupWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		require.NoError(t, g.Wait(t.Context()), "for nobody")
		for _, d := range []time.Duration{time.Second, 3 * time.Second} {
			g.Go(func() { time.Sleep(d) })
		}
		begin := time.Now()
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("stop")
		time.AfterFunc(2*time.Second, func() { cancel(stop) })
		err := g.Wait(ctx)
		assert.ErrorIs(t, err, stop)
		assert.ErrorContains(t, err, "handlers that were given up still run")
		assert.Equal(t, 2*time.Second, time.Since(begin))
		require.NoError(t, g.Wait(t.Context()))
		assert.Equal(t, 3*time.Second, time.Since(begin))
	})
}
