package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

func TestApplyIsDoneOnceForAPosition(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	crime, err := s.Report(t.Context(), store.NewCrime{Kind: "arson", Severity: "low", District: 1, Place: "p", Description: "d"})
	require.NoError(t, err)
	status := func() string {
		c, err := s.Get(t.Context(), crime.ID)
		require.NoError(t, err)
		return c.Status
	}
	apply := func(position, status string, at time.Time) {
		require.NoError(t, s.Apply(t.Context(), position, store.Change{ID: crime.ID, CreatedAt: at, Status: status}))
	}
	apply("log.5", store.StatusClosed, crime.CreatedAt)
	assert.Equal(t, store.StatusClosed, status())
	apply("log.5", store.StatusOpen, crime.CreatedAt)
	apply("log.4", store.StatusOpen, crime.CreatedAt)
	assert.Equal(t, store.StatusClosed, status(), "that was done before")
	apply("log.6", store.StatusOpen, crime.CreatedAt.Add(time.Second))
	assert.Equal(t, store.StatusClosed, status(), "it is another node's crime of the same number")
	position, err := s.Position(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "log.6", position)
	apply("log.7", store.StatusOpen, crime.CreatedAt)
	assert.Equal(t, store.StatusOpen, status())
	require.NoError(t, s.Apply(t.Context(), "log.8", store.Change{ID: 99, Removed: true}), "nothing is removed")
}

func TestPlanRefusesWhatOthersHaveNotHeardOf(t *testing.T) {
	s := open(t, store.Options{Empty: true, Log: store.Private})
	crime, err := s.Report(t.Context(), store.NewCrime{Kind: "arson", Severity: "low", District: 1, Place: "p", Description: "d"})
	require.NoError(t, err)
	_, err = s.Plan(t.Context(), crime.ID, store.StatusClosed, "gordon")
	assert.ErrorIs(t, err, store.ErrUnannounced)
	_, err = s.File(t.Context(), "log.1", crime)
	require.NoError(t, err)
	change, err := s.Plan(t.Context(), crime.ID, "", "gordon")
	require.NoError(t, err)
	assert.Equal(t, store.Change{ID: crime.ID, CreatedAt: crime.CreatedAt, Removed: true, By: "gordon"}, change)
	_, err = s.Plan(t.Context(), crime.ID, "solved", "gordon")
	assert.ErrorContains(t, err, "invalid change: status must be one of open, responding, closed")
	_, err = s.Plan(t.Context(), 99, "", "gordon")
	assert.ErrorIs(t, err, store.ErrNotFound)
}

func TestMatchingYieldsAll(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	for i := range 2*store.MaxLimit + 1 {
		_, err := s.Report(t.Context(), store.NewCrime{Kind: "arson", Severity: "low", District: 1 + i%2, Place: fmt.Sprint(i), Description: "d"})
		require.NoError(t, err)
	}
	want := int64(2*store.MaxLimit + 1)
	for crime, err := range s.Matching(t.Context(), store.Filter{Limit: 1}) {
		require.NoError(t, err)
		require.Equal(t, want, crime.ID)
		want--
	}
	assert.Zero(t, want)
	n := 0
	for crime, err := range s.Matching(t.Context(), store.Filter{District: 2}) {
		require.NoError(t, err)
		require.Equal(t, 2, crime.District)
		n++
	}
	assert.Equal(t, store.MaxLimit, n)
	for _, err := range s.Matching(t.Context(), store.Filter{Kind: "pun"}) {
		require.ErrorContains(t, err, "invalid filter")
	}
}
