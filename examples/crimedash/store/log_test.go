package store

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shared opens a file of one of several nodes.
func shared(t *testing.T, path string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Options{Empty: true, Log: Shared, Now: now})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

func TestSharedIDs(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := shared(t, filepath.Join(t.TempDir(), "a.db"), func() time.Time { return now })
	report := func() int64 {
		t.Helper()
		crime, err := s.Report(t.Context(), riddle())
		require.NoError(t, err)
		require.True(t, IsShared(crime.ID))
		require.Less(t, crime.ID, int64(1)<<53, "a number of JavaScript")
		return crime.ID
	}
	first := report()
	number := numberOf(first)
	require.NotZero(t, number)
	last := first
	for range 1500 { // more than there are numbers in a second
		id := report()
		require.Greater(t, id, last)
		require.Equal(t, number, numberOf(id))
		last = id
	}
	now = now.Add(-time.Hour)
	id := report()
	assert.Greater(t, id, last, "a clock that is set back")
	now = now.Add(2 * time.Hour)
	later := report()
	assert.Greater(t, later, id+1<<30, "ids follow time")
	now = time.Date(2093, 12, 31, 0, 0, 0, 0, time.UTC)
	assert.Equal(t, number, numberOf(report()))
}

func riddle() NewCrime {
	return NewCrime{Kind: "riddle", Severity: "low", District: 8, Place: "玉龙街17号", Description: "?"}
}

func TestNodesGiveDifferentIDs(t *testing.T) {
	now := at(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	a, b := shared(t, filepath.Join(t.TempDir(), "a.db"), now), shared(t, filepath.Join(t.TempDir(), "b.db"), now)
	first, err := a.Report(t.Context(), riddle())
	require.NoError(t, err)
	_, err = b.File(t.Context(), "log.1", first)
	require.NoError(t, err)
	second, err := b.Report(t.Context(), riddle())
	require.NoError(t, err)
	assert.NotEqual(t, numberOf(first.ID), numberOf(second.ID), "b has seen the number of a")

	// A node whose file was lost and begun anew, or two that drew the same number
	// before they heard of each other.
	foreign := second
	foreign.ID++
	fresh, err := b.File(t.Context(), "log.2", foreign)
	require.NoError(t, err)
	assert.Equal(t, 1, fresh)
	third, err := b.Report(t.Context(), riddle())
	require.NoError(t, err)
	assert.NotContains(t, []int64{numberOf(first.ID), numberOf(foreign.ID)}, numberOf(third.ID), "it draws another")
}

func TestCrimesAreFiledOnce(t *testing.T) {
	s := shared(t, filepath.Join(t.TempDir(), "a.db"), nil)
	crime := Crime{ID: 1 << 40, Kind: "arson", Severity: "high", District: 3, Place: "Tin Alley", Description: "Smoke",
		Status: StatusOpen, CreatedAt: time.Date(2026, 11, 22, 12, 0, 0, 1000, time.UTC)}
	file := func(position string) int {
		t.Helper()
		fresh, err := s.File(t.Context(), position, crime)
		require.NoError(t, err)
		return fresh
	}
	stands := func(want string) {
		t.Helper()
		got, err := s.Position(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	stands("")
	assert.Equal(t, 1, file("x.9"))
	assert.Zero(t, file("x.9"))
	assert.Zero(t, file("x.10"), "told twice by the log itself")
	stands("x.10")
	crime.ID++
	assert.Zero(t, file("x.2"), "done long ago")
	stands("x.10")
	assert.Equal(t, 1, file("y.1"), "another log begins anew")
	stands("y.1")
	require.NoError(t, s.Advance(t.Context(), "y.7"))
	stands("y.7")
	require.NoError(t, s.Advance(t.Context(), "y.6"))
	stands("y.7")
	crime.ID++
	other := crime
	other.ID++
	n, err := s.File(t.Context(), "y.8", crime, other)
	require.NoError(t, err)
	assert.Equal(t, 2, n, "several at one position are filed together")
	got, err := s.Get(t.Context(), crime.ID)
	require.NoError(t, err)
	assert.Equal(t, crime, got)
}

func TestOutbox(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := shared(t, filepath.Join(t.TempDir(), "a.db"), func() time.Time { return now })
	crime, err := s.Report(t.Context(), riddle())
	require.NoError(t, err)
	waiting := func(age time.Duration) []Crime {
		t.Helper()
		crimes, err := s.Unannounced(t.Context(), age)
		require.NoError(t, err)
		return crimes
	}
	assert.Empty(t, waiting(time.Second), "too young")
	now = now.Add(time.Second)
	assert.Equal(t, []Crime{crime}, waiting(time.Second))
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []int64{crime.ID}, stats.Ahead)
	assert.Equal(t, 1, stats.AllTime)

	require.NoError(t, s.Announced(t.Context(), crime.ID, "x.4"))
	assert.Len(t, waiting(0), 1, "what leads up to it is not on file")
	fresh, err := s.File(t.Context(), "x.4", crime)
	require.NoError(t, err)
	assert.Zero(t, fresh)
	assert.Empty(t, waiting(0))
	stats, err = s.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []int64{}, stats.Ahead)
	assert.Equal(t, "x.4", stats.Cursor)

	again, err := s.Report(t.Context(), riddle())
	require.NoError(t, err)
	require.NoError(t, s.Announced(t.Context(), again.ID, "x.3"))
	assert.Empty(t, waiting(0), "the log had it all the time")
}

func TestNumbersInARow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	for id, kind := range []Log{NoLog, Private} {
		s, err := Open(t.Context(), path, Options{Empty: true, Log: kind})
		require.NoError(t, err)
		crime, err := s.Report(t.Context(), riddle())
		require.NoError(t, err)
		assert.EqualValues(t, id+1, crime.ID)
		waiting, err := s.Unannounced(t.Context(), 0)
		require.NoError(t, err)
		assert.Len(t, waiting, id, "without a log nobody waits")
		require.NoError(t, s.Close())
	}
	s := shared(t, path, nil)
	waiting, err := s.Unannounced(t.Context(), 0)
	require.NoError(t, err)
	assert.Empty(t, waiting, "other nodes have crimes with such numbers")
}

// Several processes have one file open: each of these is a process as far as SQLite
// can tell.
func TestProcessesShareAFile(t *testing.T) {
	const processes, each = 4, 40
	path := filepath.Join(t.TempDir(), "a.db")
	stores := make([]*Store, processes)
	var opening sync.WaitGroup
	for i := range stores {
		opening.Go(func() {
			s, err := Open(t.Context(), path, Options{Log: Private})
			if assert.NoError(t, err) {
				stores[i] = s
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	var working sync.WaitGroup
	ids := make([][]int64, processes)
	fresh := make([]int, processes)
	for i, s := range stores {
		t.Cleanup(func() { assert.NoError(t, s.Close()) })
		working.Go(func() {
			for range each {
				crime, err := s.Report(t.Context(), riddle())
				assert.NoError(t, err)
				ids[i] = append(ids[i], crime.ID)
			}
		})
		working.Go(func() { // all file the same crimes of others
			for n := range each {
				crime := Crime{ID: 1<<40 + int64(n), Kind: "arson", Severity: "low", District: 1, Place: "x", Description: "x", Status: StatusOpen}
				n, err := s.File(t.Context(), fmt.Sprintf("x.%d", n+1), crime)
				assert.NoError(t, err)
				fresh[i] += n
			}
		})
	}
	working.Wait()
	distinct := map[int64]bool{}
	for _, list := range ids {
		for _, id := range list {
			distinct[id] = true
		}
	}
	assert.Len(t, distinct, processes*each)
	sum := 0
	for _, n := range fresh {
		sum += n
	}
	assert.Equal(t, each, sum, "each was new to one of them")
	stats, err := stores[0].Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, seedCrimes+processes*each+each, stats.AllTime, "and seeded by one")
}

func TestPositions(t *testing.T) {
	for _, test := range []struct {
		done, position string
		want           bool
	}{
		{"", "", false}, {"", "a.1", false}, {"a.1", "a.1", true}, {"a.9", "a.10", false}, {"a.10", "a.9", true},
		{"a.9", "b.1", false}, {"a.b.2", "a.b.1", true}, {"nonsense", "nonsense", false}, {"a.x", "a.1", false}, {"a.1", "", false},
	} {
		assert.Equal(t, test.want, covers(test.done, test.position), "%q and %q", test.done, test.position)
	}
}
