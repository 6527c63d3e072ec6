package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

func TestReportAndGet(t *testing.T) {
	s := open(t, store.Options{Empty: true, Now: func() time.Time { return noon }})
	given := store.NewCrime{Kind: " riddle ", Severity: "low", District: 8, Place: " 玉龙街17号 ",
		Description: "line one\r\nline two", Reporter: " 陈警官 "}
	crime, err := s.Report(t.Context(), given)
	require.NoError(t, err)
	assert.Equal(t, store.Crime{ID: 1, Kind: "riddle", Severity: "low", District: 8, Place: "玉龙街17号",
		Description: "line one\nline two", Reporter: "陈警官", Status: store.StatusOpen, CreatedAt: noon}, crime)

	got, err := s.Get(t.Context(), crime.ID)
	require.NoError(t, err)
	assert.Equal(t, crime, got)
	_, err = s.Get(t.Context(), 99)
	assert.ErrorIs(t, err, store.ErrNotFound)
}

func TestReportNamesEveryWrongField(t *testing.T) {
	type want map[string]string // field to code
	all := func(change func(*store.NewCrime)) store.NewCrime {
		c := report()
		change(&c)
		return c
	}
	tests := map[string]struct {
		give store.NewCrime
		want want
	}{
		"nothing given": {store.NewCrime{}, want{"kind": store.CodeRequired, "severity": store.CodeRequired,
			"district": store.CodeRequired, "place": store.CodeRequired, "description": store.CodeRequired}},
		"only blanks":        {all(func(c *store.NewCrime) { c.Place, c.Description = " \t", "\n" }), want{"place": store.CodeRequired, "description": store.CodeRequired}},
		"unknown codes":      {all(func(c *store.NewCrime) { c.Kind, c.Severity = "tickling", "HIGH" }), want{"kind": store.CodeUnknown, "severity": store.CodeUnknown}},
		"district below":     {all(func(c *store.NewCrime) { c.District = -1 }), want{"district": store.CodeUnknown}},
		"district above":     {all(func(c *store.NewCrime) { c.District = 11 }), want{"district": store.CodeUnknown}},
		"too long":           {all(func(c *store.NewCrime) { c.Place, c.Reporter = strings.Repeat("塔", 81), strings.Repeat("x", 61) }), want{"place": store.CodeTooLong, "reporter": store.CodeTooLong}},
		"description":        {all(func(c *store.NewCrime) { c.Description = strings.Repeat("x", 501) }), want{"description": store.CodeTooLong}},
		"control characters": {all(func(c *store.NewCrime) { c.Place, c.Description = "a\nb", "bell \a" }), want{"place": store.CodeInvalid, "description": store.CodeInvalid}},
		"not UTF-8":          {all(func(c *store.NewCrime) { c.Reporter = "\xff" }), want{"reporter": store.CodeInvalid}},
	}
	s := open(t, store.Options{Empty: true})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := s.Report(t.Context(), test.give)
			var invalid *store.ValidationError
			require.ErrorAs(t, err, &invalid)
			got := want{}
			for _, f := range invalid.Fields {
				got[f.Field] = f.Code
				assert.ErrorContains(t, err, f.Field+" "+f.Detail)
			}
			assert.Equal(t, test.want, got)
		})
	}
	crimes, err := s.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	assert.Empty(t, crimes, "nothing invalid is stored")
}

func TestLimitsAreCountedInCharacters(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	c := report()
	c.Place = strings.Repeat("塔", store.MaxPlace)
	_, err := s.Report(t.Context(), c)
	assert.NoError(t, err)
}

func TestListFilters(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	for _, c := range []store.NewCrime{
		{Kind: "arson", Severity: "high", District: 3, Place: "Tin Alley", Description: "smoke"},              // 1
		{Kind: "riddle", Severity: "low", District: 9, Place: "Hall of Mirrors", Description: "100% puzzled"}, // 2
		{Kind: "arson", Severity: "low", District: 9, Place: "Boardwalk", Description: "bonfire"},             // 3
		{Kind: "fraud", Severity: "high", District: 8, Place: "金门茶楼", Description: "伪造债券", Reporter: "陈警官"},   // 4
	} {
		_, err := s.Report(t.Context(), c)
		require.NoError(t, err)
	}
	tests := map[string]struct {
		filter store.Filter
		want   []int64
	}{
		"all, newest first":     {store.Filter{}, []int64{4, 3, 2, 1}},
		"kind":                  {store.Filter{Kind: "arson"}, []int64{3, 1}},
		"severity":              {store.Filter{Severity: "high"}, []int64{4, 1}},
		"district":              {store.Filter{District: 9}, []int64{3, 2}},
		"together":              {store.Filter{Kind: "arson", District: 9}, []int64{3}},
		"text ignores case":     {store.Filter{Query: "BOARDwalk"}, []int64{3}},
		"every word must match": {store.Filter{Query: "hall puzzled"}, []int64{2}},
		"Chinese text":          {store.Filter{Query: "茶楼"}, []int64{4}},
		"reporter":              {store.Filter{Query: "陈警官"}, []int64{4}},
		"percent is no magic":   {store.Filter{Query: "%"}, []int64{2}},
		"underline is no magic": {store.Filter{Query: "_"}, []int64{}},
		"quotes are no magic":   {store.Filter{Query: `' OR 1=1 --`}, []int64{}},
		"page":                  {store.Filter{Before: 4, Limit: 2}, []int64{3, 2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			crimes, err := s.List(t.Context(), test.filter)
			require.NoError(t, err)
			got := []int64{}
			for _, c := range crimes {
				got = append(got, c.ID)
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestListLimits(t *testing.T) {
	s := open(t, store.Options{})
	for limit, want := range map[int]int{0: store.DefaultLimit, 7: 7, store.MaxLimit: 120} {
		crimes, err := s.List(t.Context(), store.Filter{Limit: limit})
		require.NoError(t, err)
		assert.Len(t, crimes, want)
	}
}

func TestListRefusesNonsense(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	for name, filter := range map[string]store.Filter{
		"kind":            {Kind: "tickling"},
		"severity":        {Severity: "extreme"},
		"district":        {District: 42},
		"q":               {Query: strings.Repeat("x", store.MaxQuery+1)},
		"q not in UTF-8":  {Query: "\xff"},
		"limit":           {Limit: -1},
		"limit too large": {Limit: store.MaxLimit + 1},
		"before":          {Before: -1},
	} {
		field, _, _ := strings.Cut(name, " ")
		_, err := s.List(t.Context(), filter)
		var invalid *store.ValidationError
		require.ErrorAs(t, err, &invalid, name)
		assert.Equal(t, field, invalid.Fields[0].Field, name)
		assert.ErrorContains(t, err, "invalid filter: "+field+" ")
	}
}

func TestSince(t *testing.T) {
	s := open(t, store.Options{}) // 120 crimes: two pages
	next := int64(31)
	for crime, err := range s.Since(t.Context(), 30) {
		require.NoError(t, err)
		require.Equal(t, next, crime.ID)
		next++
	}
	assert.Equal(t, int64(121), next)

	for crime, err := range s.Since(t.Context(), 0) {
		require.NoError(t, err)
		assert.Equal(t, int64(1), crime.ID)
		break // leaving early must leave nothing open: Close waits for it
	}
}

func TestSinceStopsWithItsContext(t *testing.T) {
	s := open(t, store.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen, failed := 0, 0
	for _, err := range s.Since(ctx, 0) {
		if err != nil {
			assert.ErrorIs(t, err, context.Canceled)
			failed++
			continue
		}
		cancel()
		seen++
	}
	assert.Equal(t, 1, failed, "the error ends the sequence")
	assert.Equal(t, 64, seen, "the page already read is delivered")
}

func TestConcurrentWriters(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	const writers, each = 8, 15
	ids := make(chan int64, writers*each)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				crime, err := s.Report(t.Context(), report())
				if assert.NoError(t, err) {
					ids <- crime.ID
				}
				_, err = s.List(t.Context(), store.Filter{Limit: 5})
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	close(ids)
	distinct := map[int64]bool{}
	for id := range ids {
		distinct[id] = true
	}
	assert.Len(t, distinct, writers*each)
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, writers*each, stats.AllTime)
}

func TestEveryQueryHonoursItsContext(t *testing.T) {
	s := open(t, store.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, query := range map[string]func() error{
		"Report":   func() error { _, err := s.Report(ctx, report()); return err },
		"Get":      func() error { _, err := s.Get(ctx, 1); return err },
		"List":     func() error { _, err := s.List(ctx, store.Filter{}); return err },
		"Stats":    func() error { _, err := s.Stats(ctx); return err },
		"Bulletin": func() error { _, err := s.Bulletin(ctx, 1); return err },
	} {
		assert.ErrorIs(t, query(), context.Canceled, name)
	}
}
