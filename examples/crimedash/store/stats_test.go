package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

func TestStats(t *testing.T) {
	now := noon
	s := open(t, store.Options{Empty: true, Now: func() time.Time { return now }})
	at := func(when time.Time, kind, severity string, district int) {
		now = when
		_, err := s.Report(t.Context(), store.NewCrime{Kind: kind, Severity: severity, District: district, Place: "p", Description: "d"})
		require.NoError(t, err)
	}
	at(noon.Add(-49*time.Hour), "arson", "low", 1)                 // only in all time
	at(noon.Add(-30*time.Hour), "arson", "low", 1)                 // previous window
	at(noon.Add(-24*time.Hour), "arson", "low", 1)                 // exactly a window ago: previous
	at(noon.Add(-23*time.Hour-45*time.Minute), "fraud", "high", 2) // in the window, before the first full hour
	at(noon.Add(-2*time.Hour), "riddle", "critical", 2)
	at(noon.Add(-time.Minute), "riddle", "medium", 10)
	now = noon

	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, noon, stats.Until)
	assert.Equal(t, []int{3, 2, 3, 6}, []int{stats.Total, stats.Previous, stats.Open, stats.AllTime})
	assert.Equal(t, int64(6), stats.LastID)
	assert.Equal(t, map[string]int{"low": 0, "medium": 1, "high": 1, "critical": 1}, stats.BySeverity)
	assert.Equal(t, 2, stats.ByKind["riddle"])
	assert.Len(t, stats.ByKind, len(store.Kinds()))
	require.Len(t, stats.ByDistrict, store.Districts)
	assert.Equal(t, store.DistrictStat{District: 2, Total: 2, Severe: 2}, stats.ByDistrict[1])
	assert.Equal(t, store.DistrictStat{District: 5}, stats.ByDistrict[4])

	require.Len(t, stats.Hours, 24)
	assert.Equal(t, store.Bucket{Start: noon.Truncate(time.Hour), Total: 1}, stats.Hours[23])
	assert.Equal(t, store.Bucket{Start: noon.Truncate(time.Hour).Add(-2 * time.Hour), Total: 1, Severe: 1}, stats.Hours[21])
	assert.Zero(t, stats.Hours[0].Total)

	require.Len(t, stats.Minutes, 60)
	assert.Equal(t, store.Bucket{Start: noon.Add(-time.Minute), Total: 1}, stats.Minutes[58])
	assert.Equal(t, store.Bucket{Start: noon.Add(-59 * time.Minute)}, stats.Minutes[0])
}

func TestStatsOfAnEmptyCity(t *testing.T) {
	stats, err := open(t, store.Options{Empty: true}).Stats(t.Context())
	require.NoError(t, err)
	assert.Zero(t, stats.LastID)
	assert.Zero(t, stats.Total)
}

func TestBulletins(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	for i := range store.Bulletins {
		b, err := s.Bulletin(t.Context(), i)
		require.NoError(t, err)
		want := "低"
		if i%2 == 0 {
			want = "高"
		}
		assert.Equal(t, want, b.Severity)
	}
	b, err := s.Bulletin(t.Context(), 3)
	require.NoError(t, err)
	assert.Equal(t, store.Bulletin{Number: 3, Location: "哥谭市第3区", Severity: "低"}, b)
	_, err = s.Bulletin(t.Context(), store.Bulletins)
	assert.ErrorIs(t, err, store.ErrNotFound)
}

func TestIncidentsAreValidAndRepeatable(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	first, second := store.NewIncidents(7), store.NewIncidents(7)
	differs := false
	other := store.NewIncidents(8)
	for range 300 {
		incident := first.Next()
		require.Equal(t, incident, second.Next())
		differs = differs || incident != other.Next()
		_, err := s.Report(t.Context(), incident)
		require.NoError(t, err)
	}
	assert.True(t, differs)
}
