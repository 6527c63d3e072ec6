package supervisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/processes"
	"github.com/redstart-go/redstart/internal/serving"
)

var errCrash = errors.New("crash")

// fake is a process that does what the test says.
type fake struct {
	number, slot int
	born         time.Duration // since the start of the stage
	events       chan<- event
	told         []string
}

func (f *fake) pid() int { return f.number }
func (f *fake) command(what ...byte) {
	word := string(what[:1])
	for _, slot := range what[1:] {
		word += fmt.Sprint(slot)
	}
	f.told = append(f.told, word)
}
func (f *fake) terminate() { f.told = append(f.told, "SIGTERM") }
func (f *fake) kill() {
	f.told = append(f.told, "SIGKILL")
	go func() { f.events <- event{from: f, ended: true, err: errors.New("signal: killed")} }()
}

// stage is a crew of fakes, inside a bubble of testing/synctest. Processes are
// numbered in the order of their start.
type stage struct {
	t                     *testing.T
	crew                  *crew
	born                  time.Time
	fakes                 []*fake
	startErr              error
	abandoned             bool
	announced             [][]int
	stop                  context.CancelFunc
	force, reload, hungUp chan struct{}
	result                chan error
	log                   bytes.Buffer
}

// play runs a test on a stage with n slots and ends it in order.
func play(t *testing.T, n int, test func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, born: time.Now(), force: make(chan struct{}), reload: make(chan struct{}), hungUp: make(chan struct{}), result: make(chan error, 1)}
		s.crew = newCrew(n, zerolog.New(&s.log))
		s.crew.adopts = true
		s.crew.patience = 35 * time.Second
		s.crew.abandon = func() { s.abandoned = true }
		s.crew.started = func(pids []int) { s.announced = append(s.announced, pids) }
		s.crew.start = func(slot int) (process, error) {
			if s.startErr != nil {
				return nil, s.startErr
			}
			f := &fake{number: len(s.fakes) + 1, slot: slot, born: time.Since(s.born), events: s.crew.events}
			s.fakes = append(s.fakes, f)
			return f, nil
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		s.stop = stop
		go func() { s.result <- s.crew.run(ctx, s.force, s.reload, s.hungUp) }()
		synctest.Wait()
		test(s)
	})
}

func (s *stage) does(number int, e event) {
	s.t.Helper()
	require.LessOrEqual(s.t, number, len(s.fakes), "process %d was not started", number)
	e.from = s.fakes[number-1]
	s.crew.events <- e
	synctest.Wait()
}

func (s *stage) ready(numbers ...int) {
	s.t.Helper()
	for _, n := range numbers {
		s.does(n, event{report: processes.Ready})
	}
}

func (s *stage) ends(number int, err error) {
	s.t.Helper()
	s.does(number, event{ended: true, err: err})
}

// told returns what a process was told since the last time.
func (s *stage) told(number int) string {
	s.t.Helper()
	require.LessOrEqual(s.t, number, len(s.fakes), "process %d was not started", number)
	words := s.fakes[number-1].told
	s.fakes[number-1].told = nil
	return strings.Join(words, " ")
}

func (s *stage) wait(d time.Duration) {
	s.crew.events <- event{} // of nobody: what the test did until now came before what the crew does next
	time.Sleep(d)
	synctest.Wait()
}

// drain stops the crew and lets these processes end.
func (s *stage) drain(numbers ...int) {
	s.t.Helper()
	s.stop()
	synctest.Wait()
	for _, n := range numbers {
		s.ends(n, nil)
	}
	assert.NoError(s.t, <-s.result)
}

func TestBackoff(t *testing.T) {
	for ends, want := range map[int]time.Duration{
		1: 0, 2: 100 * time.Millisecond, 3: 200 * time.Millisecond, 6: 1600 * time.Millisecond, 8: 6400 * time.Millisecond,
		9: 10 * time.Second, 70: 10 * time.Second, 1 << 40: 10 * time.Second,
	} {
		seen := map[time.Duration]bool{}
		for range 50 {
			got := backoff(ends)
			seen[got] = true
			assert.LessOrEqual(t, got, want)
			assert.GreaterOrEqual(t, got, want-want/4)
		}
		assert.Equal(t, want > 0, len(seen) > 1, "jitter after %d", ends)
	}
}

func TestACrashIsStartedAgain(t *testing.T) {
	for name, err := range map[string]error{"crash": errCrash, "exit status 0": nil} {
		t.Run(name, func(t *testing.T) {
			play(t, 2, func(s *stage) {
				s.ready(1, 2)
				s.ends(1, err)
				require.Len(t, s.fakes, 3, "at once")
				assert.Equal(t, 1, s.fakes[2].slot)
				s.ready(3)
				s.ends(3, err)
				assert.Len(t, s.fakes, 3, "not at once the second time")
				s.wait(100 * time.Millisecond)
				require.Len(t, s.fakes, 4)
				s.ready(4)
				s.wait(steady)
				s.ends(4, err)
				assert.Len(t, s.fakes, 5, "at once: it has lived long enough")
				assert.Contains(t, s.log.String(), `process 1 (pid 4): `)
				s.drain(2, 5)
			})
		})
	}
}

func TestSiblingsStandIn(t *testing.T) {
	play(t, 3, func(s *stage) {
		s.ready(2)
		assert.Equal(t, "a1 a3", s.told(2), "for those that have yet to start")
		s.ready(1)
		assert.Equal(t, "x1", s.told(2))
		s.ready(3)
		assert.Equal(t, "x3", s.told(2))
		s.ends(1, errCrash) // 4 starts
		assert.Equal(t, "a1", s.told(2)+s.told(3))
		s.ends(2, errCrash) // 5 starts
		assert.Equal(t, "a1 a2", s.told(3), "also for whom the crashed one stood in")
		s.ready(4)
		assert.Equal(t, "x1", s.told(3))
		assert.Empty(t, s.told(4))
		s.ready(5)
		assert.Equal(t, "x2", s.told(3))
		s.drain(3, 4, 5)
	})
	play(t, 2, func(s *stage) {
		s.crew.adopts = false // they all accept on one socket
		s.ready(2)
		assert.Empty(t, s.told(2))
		s.drain(1, 2)
	})
}

func TestAnnouncedOnceAllServe(t *testing.T) {
	play(t, 3, func(s *stage) {
		s.ready(3, 1)
		assert.Empty(t, s.announced)
		s.ready(2)
		assert.Equal(t, [][]int{{1, 2, 3}}, s.announced)
		s.ends(1, errCrash)
		s.ready(4)
		assert.Len(t, s.announced, 1)
		s.drain(2, 3, 4)
	})
	play(t, 2, func(s *stage) {
		s.ready(1)
		s.ends(2, errCrash)
		assert.Equal(t, [][]int{{1}}, s.announced, "one that cannot start is no reason to say nothing")
		s.drain(1, 3)
	})
}

func TestGivesUp(t *testing.T) {
	t.Run("one that never served", func(t *testing.T) {
		play(t, 2, func(s *stage) {
			for n := range 5 {
				s.ends(n+1, errCrash)
				s.wait(10 * time.Second)
			}
			require.Len(t, s.fakes, 7)
			assert.Equal(t, 1, s.fakes[6].slot)
			s.ends(6, errCrash) // the third of slot 2, too
			assert.True(t, s.abandoned)
			assert.Equal(t, "d SIGTERM", s.told(7), "who still tries is stopped")
			s.ends(7, errors.New("signal: terminated"))
			err := <-s.result
			assert.ErrorIs(t, err, errGivenUp)
			assert.ErrorIs(t, err, errCrash)
			assert.EqualError(t, err, "redstart: none of the processes gets to serve: 3 tries each; the last was process 2 (pid 6): crash: its log says why")
			assert.Empty(t, s.announced)
		})
	})
	t.Run("one that has served", func(t *testing.T) {
		play(t, 1, func(s *stage) {
			s.ready(1)
			s.ends(1, errCrash)
			for n := 2; n <= 10; n++ {
				s.ends(n, errCrash)
				s.wait(10 * time.Second)
			}
			s.ends(11, errCrash)
			assert.ErrorIs(t, <-s.result, errGivenUp)
		})
	})
	t.Run("not while another serves", func(t *testing.T) {
		play(t, 2, func(s *stage) {
			s.ready(1)
			for n := 2; n <= 30; n++ {
				s.ends(n, errCrash)
				s.wait(10 * time.Second)
			}
			s.drain(1, 31)
		})
	})
	t.Run("one that cannot be executed", func(t *testing.T) {
		play(t, 2, func(s *stage) {
			s.ready(1, 2)
			s.startErr = errors.New("no such file")
			s.ends(1, errCrash)
			s.wait(time.Hour)
			s.ends(2, errCrash)
			err := <-s.result
			assert.ErrorIs(t, err, s.startErr)
		})
	})
}

func TestRollingRestart(t *testing.T) {
	play(t, 2, func(s *stage) {
		s.ready(1, 2)
		s.told(1)
		s.reload <- struct{}{}
		synctest.Wait()
		require.Len(t, s.fakes, 3, "one after the other")
		assert.Equal(t, 1, s.fakes[2].slot)
		s.reload <- struct{}{} // while it is under way: once more after it
		synctest.Wait()
		require.Len(t, s.fakes, 3)
		assert.Empty(t, s.told(1), "it serves until the new one does")
		s.ready(3)
		assert.Equal(t, "d", s.told(1))
		s.does(1, event{report: processes.Leaving})
		s.wait(20 * time.Second)
		require.Len(t, s.fakes, 3, "the next slot when the old process has drained")
		s.ends(1, nil)
		require.Len(t, s.fakes, 4)
		assert.Equal(t, 2, s.fakes[3].slot)
		s.ready(4)
		assert.Equal(t, "d", s.told(2))
		s.ends(2, errCrash) // badly drained, and replaced already
		assert.Contains(t, s.log.String(), `"message":"rolling restart is over"`)
		require.Len(t, s.fakes, 5, "once more")
		s.ready(5)
		s.ends(3, nil)
		s.ready(6)
		s.ends(4, nil)
		s.wait(time.Hour)
		assert.Len(t, s.fakes, 6)
		assert.Empty(t, s.told(5)+s.told(6), "nobody had to stand in, nobody is killed")
		s.drain(5, 6)
	})
}

func TestABadReleaseKeepsTheOld(t *testing.T) {
	for name, fail := range map[string]func(s *stage){
		"ends":         func(s *stage) { s.ends(3, errCrash) },
		"exits with 0": func(s *stage) { s.ends(3, nil) },
		"never ready":  func(s *stage) { s.wait(readyTime); assert.Equal(s.t, "SIGKILL", s.told(3)) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, 2, func(s *stage) {
				s.ready(1, 2)
				s.told(1)
				s.reload <- struct{}{}
				synctest.Wait()
				fail(s)
				s.wait(time.Hour)
				assert.Len(t, s.fakes, 3)
				assert.Empty(t, s.told(1)+s.told(2))
				assert.Contains(t, s.log.String(), "the old ones stay")
				s.drain(1, 2)
			})
		})
	}
	t.Run("not executable", func(t *testing.T) {
		play(t, 1, func(s *stage) {
			s.ready(1)
			s.startErr = errors.New("permission denied")
			s.reload <- struct{}{}
			synctest.Wait()
			assert.Contains(t, s.log.String(), "permission denied")
			s.startErr = nil
			s.reload <- struct{}{}
			synctest.Wait()
			s.ready(2)
			assert.Equal(t, "d", s.told(1))
			s.ends(1, nil)
			s.drain(2)
		})
	})
}

func TestACrashDuringARollingRestart(t *testing.T) {
	t.Run("of the old one", func(t *testing.T) {
		play(t, 2, func(s *stage) {
			s.ready(1, 2)
			s.told(2)
			s.reload <- struct{}{}
			synctest.Wait()
			s.ends(1, errCrash)
			assert.Len(t, s.fakes, 3, "its successor starts already")
			assert.Equal(t, "a1", s.told(2))
			s.ready(3)
			assert.Equal(t, "x1", s.told(2))
			require.Len(t, s.fakes, 4, "nobody has to drain")
			s.ready(4)
			s.ends(2, nil)
			s.drain(3, 4)
		})
	})
	t.Run("of both", func(t *testing.T) {
		play(t, 2, func(s *stage) {
			s.ready(1, 2)
			s.reload <- struct{}{}
			synctest.Wait()
			s.ends(1, errCrash)
			s.ends(3, errCrash)
			s.wait(time.Second)
			require.Len(t, s.fakes, 4, "the slot does not stay empty")
			s.ready(4)
			s.drain(2, 4)
		})
	})
	t.Run("of one that waits for its restart", func(t *testing.T) {
		play(t, 1, func(s *stage) {
			s.ready(1)
			s.ends(1, errCrash)
			s.ends(2, errCrash) // 3 would start later
			s.reload <- struct{}{}
			synctest.Wait()
			require.Len(t, s.fakes, 3, "now")
			s.wait(time.Second)
			assert.Len(t, s.fakes, 3, "and once only")
			s.ready(3)
			assert.Contains(t, s.log.String(), "rolling restart is over")
			s.drain(3)
		})
	})
}

func TestOneThatWasToldToLeaveBySomebodyElse(t *testing.T) {
	play(t, 2, func(s *stage) {
		s.ready(1, 2)
		s.told(2)
		s.does(1, event{report: processes.Leaving})
		assert.Equal(t, "a1", s.told(2))
		assert.Len(t, s.fakes, 2)
		s.wait(firstDelay)
		require.Len(t, s.fakes, 3, "though the old one has not drained")
		s.ready(3)
		s.ends(1, nil)
		assert.Len(t, s.fakes, 3)
		s.drain(2, 3)
	})
}

func TestStop(t *testing.T) {
	t.Run("by a signal", func(t *testing.T) {
		play(t, 3, func(s *stage) {
			s.ready(1, 2)
			s.ends(2, errCrash) // 4 starts
			s.told(1)
			s.stop()
			synctest.Wait()
			assert.True(t, s.abandoned)
			assert.Equal(t, "d", s.told(1))
			assert.Equal(t, "d SIGTERM", s.told(3), "it may not hear yet, and has nothing to finish")
			assert.Equal(t, "d SIGTERM", s.told(4))
			s.does(1, event{report: processes.Leaving})
			s.ends(3, errCrash)
			s.does(4, event{report: processes.Ready}) // too late
			s.ends(4, nil)
			s.reload <- struct{}{}
			s.ends(1, nil)
			assert.NoError(t, <-s.result, "what was stopped before it served does not matter")
			assert.Len(t, s.fakes, 4)
		})
	})
	t.Run("by the end of the terminal", func(t *testing.T) {
		play(t, 1, func(s *stage) {
			s.ready(1)
			close(s.hungUp)
			synctest.Wait()
			assert.Equal(t, "d", s.told(1))
			s.ends(1, nil)
			assert.NoError(t, <-s.result)
		})
	})
	t.Run("badly drained", func(t *testing.T) {
		play(t, 2, func(s *stage) {
			s.ready(1, 2)
			s.stop()
			synctest.Wait()
			s.ends(1, errors.New("exit status 1"))
			s.ends(2, nil)
			assert.EqualError(t, <-s.result, "redstart: process 1 (pid 1): exit status 1: its log says why")
		})
	})
	t.Run("not drained", func(t *testing.T) {
		play(t, 1, func(s *stage) {
			s.ready(1)
			begin := time.Now()
			s.stop()
			assert.EqualError(t, <-s.result, "redstart: process 1 (pid 1): signal: killed: its log says why")
			assert.Equal(t, s.crew.patience, time.Since(begin))
		})
	})
	t.Run("without bound", func(t *testing.T) {
		play(t, 2, func(s *stage) {
			s.crew.patience = 0
			s.ready(1, 2)
			s.reload <- struct{}{}
			synctest.Wait() // 3 starts, and would be killed if it did not get ready
			s.stop()
			s.wait(24 * time.Hour)
			assert.NotContains(t, s.told(1)+s.told(2)+s.told(3), "SIGKILL")
			s.ends(1, nil)
			s.ends(2, nil)
			s.ends(3, nil)
			assert.NoError(t, <-s.result)
		})
	})
	t.Run("forced", func(t *testing.T) {
		play(t, 2, func(s *stage) {
			s.ready(1, 2)
			s.told(1)
			s.stop()
			synctest.Wait()
			close(s.force)
			synctest.Wait()
			assert.Equal(t, "d f", s.told(1))
			s.ends(1, nil)
			s.wait(forceTime)
			assert.Contains(t, s.told(2), "d f SIGKILL")
			assert.ErrorIs(t, <-s.result, serving.ErrForced)
		})
	})
}

func TestPatience(t *testing.T) {
	assert.Zero(t, Patience(0), "for ever")
	assert.Equal(t, 35*time.Second, Patience(15*time.Second), "the drain, the OnStop functions, and the program's own end")
}
