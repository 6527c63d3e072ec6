package sse

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type sighting struct {
	Who   string `json:"who"`
	Where string `json:"where"`
}

func TestATypedTopicCarriesValues(t *testing.T) {
	hub := NewHub()
	sightings := NewTopic[sighting](hub, "sightings").WithEvent("seen")
	assert.Equal(t, "sightings", sightings.Name())
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	enough := errors.New("enough")
	sub := sightings.Subscribe()
	ack, err := sightings.PublishOnce(t.Context(), "key", sighting{"Joker", "docks"})
	require.NoError(t, err)
	again, err := sightings.PublishOnce(t.Context(), "key", sighting{"Joker", "docks"})
	require.NoError(t, err)
	assert.Equal(t, Ack{ack.Cursor, true}, again)
	publish(t, hub, "sightings", "no JSON")
	_, err = sightings.Publish(t.Context(), sighting{"Riddler", "bank"})
	require.NoError(t, err)

	var got []sighting
	var faults []error
	for v, err := range values[sighting](ctx, sub) {
		if errors.Is(err, enough) {
			break
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if got = append(got, v); len(got) == 2 {
			stop(enough)
		}
	}
	assert.Equal(t, []sighting{{"Joker", "docks"}, {"Riddler", "bank"}}, got)
	require.Len(t, faults, 1)
	fault, ok := errors.AsType[*ValueError](faults[0])
	require.True(t, ok)
	assert.Equal(t, "no JSON", fault.Message.Data)
	assert.ErrorContains(t, fault, "cannot be decoded as JSON")
}

func TestATypedTopicTellsOfAGap(t *testing.T) {
	hub := NewHub(Retain(1, 0, 0))
	topic := NewTopic[sighting](hub, "a")
	sub := topic.Subscribe()
	for range 3 {
		_, err := topic.Publish(t.Context(), sighting{"Joker", "docks"})
		require.NoError(t, err)
	}
	for _, err := range values[sighting](t.Context(), sub) {
		gap, ok := errors.AsType[*GapError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, "evicted", gap.Reason)
		assert.ErrorContains(t, gap, "were missed: evicted")
		break
	}
}

func TestAStateTopicBeginsWithAllStates(t *testing.T) {
	hub := NewHub()
	topic := NewStateTopic(hub, "sightings", func(s sighting) string { return s.Who }).WithEvent("seen")
	assert.Equal(t, "sightings", topic.Name())
	for _, s := range []sighting{{"Joker", "docks"}, {"Riddler", "bank"}, {"Joker", "park"}} {
		_, err := topic.Publish(t.Context(), s)
		require.NoError(t, err)
	}
	var got []sighting
	for v, err := range topic.Values(t.Context()) {
		require.NoError(t, err)
		if got = append(got, v); len(got) == 2 {
			break
		}
	}
	assert.Equal(t, []sighting{{"Riddler", "bank"}, {"Joker", "park"}}, got)
}

func TestAValueWithoutJSONIsNotPublished(t *testing.T) {
	hub := NewHub()
	_, err := NewTopic[float64](hub, "a").Publish(t.Context(), math.NaN())
	require.Error(t, err)
	assert.ErrorContains(t, err, "cannot be encoded as JSON")
	assert.Zero(t, hub.Cursor().seq)
}

func TestABadTopicPanicsWhereItIsMade(t *testing.T) {
	assert.PanicsWithError(t, `sse: topic "" is empty`, func() { NewTopic[int](NewHub(), "") })
	assert.Panics(t, func() { NewTopic[int](NewHub(), "a").WithEvent("a\nb") })
}
