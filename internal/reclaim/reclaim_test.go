package reclaim

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMemoryIsGivenBackOnceAfterARush(t *testing.T) {
	for _, test := range []struct {
		name        string
		rushes      []int // connections, with a pause behind them
		live        uint64
		collections int
	}{
		{"a few connections", []int{10, 10}, 1 << 20, 0},
		{"one rush", []int{10_000}, 1 << 20, 1},
		{"many", []int{1000, 1000, 1000}, 1 << 20, 3},
		{"a trickle adds up", []int{40, 40, 40}, 1 << 20, 1},
		{"a large heap is left alone", []int{1000, 1000}, 1 << 30, 0},
		{"until it is worth it", []int{6000, 6000}, 1 << 30, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				collections := 0
				r := Reclaimer{live: func() uint64 { return test.live }, collect: func() { collections++ }}
				for _, n := range test.rushes {
					for range n {
						r.Noted()
						time.Sleep(time.Microsecond)
					}
					time.Sleep(2 * calm)
					synctest.Wait()
				}
				assert.Equal(t, test.collections, collections)
			})
		})
	}
}

func TestTheLiveHeapIsKnown(t *testing.T) {
	collect()
	assert.Greater(t, liveHeap(), uint64(1000))
}
