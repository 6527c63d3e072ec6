package requestid

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func assign(s *Source, given ...string) string {
	id := new(ID)
	id.Assign(s, http.Header{Header: given})
	if id.Header[0] != id.Text {
		return "header and text differ"
	}
	return id.Text
}

func TestAssignTakesAFitID(t *testing.T) {
	s := NewSource()
	for _, fit := range []string{"a", "7f3a:b/c+d=.~-_", strings.Repeat("x", 128), "01ARZ3NDEKTSV4RRFFQ69G5FAV"} {
		assert.Equal(t, fit, assign(s, fit))
	}
	for _, unfit := range [][]string{
		nil, {""}, {"a b"}, {"a\n"}, {`"`}, {"<script>"}, {"é"}, {"\x00"}, {strings.Repeat("x", 129)}, {"one", "two"},
	} {
		assert.Regexp(t, `^`+s.prefix+`-[0-9a-v]{4,}$`, assign(s, unfit...), "%q", unfit)
	}
}

func TestIDsAreUnique(t *testing.T) {
	s := NewSource()
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				id := assign(s)
				mu.Lock()
				assert.False(t, seen[id], id)
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	assert.Len(t, seen, 16000)
	assert.NotEqual(t, s.prefix, NewSource().prefix, "processes do not share ids")
}

func TestCounterNeverOverflowsTheBuffer(t *testing.T) {
	s := NewSource()
	s.counter.Store(1<<64 - 2)
	id := assign(s)
	assert.Equal(t, s.prefix+"-fvvvvvvvvvvvv", id)
	s.counter.Store(0)
	assert.Equal(t, s.prefix+"-0001", assign(s))
}

func TestAssignAllocatesNothing(t *testing.T) {
	s, id, h := NewSource(), new(ID), http.Header{}
	assert.Zero(t, testing.AllocsPerRun(100, func() { id.Assign(s, h) }))
}

func FuzzFit(f *testing.F) {
	f.Add("abc-123")
	f.Add("a\r\nb")
	f.Fuzz(func(t *testing.T, id string) {
		if Fit(id) {
			assert.NotContains(t, id, "\n")
			assert.LessOrEqual(t, len(id), 128)
			assert.Equal(t, id, strings.Map(func(r rune) rune {
				if r < '!' || r > '~' || r == '"' || r == '\\' {
					return -1
				}
				return r
			}, id))
		}
	})
}
