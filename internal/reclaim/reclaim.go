// Package reclaim gives memory back to the system after a rush of connections that were
// taken over from net/http.
package reclaim

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// A connection that is taken over leaves the buffers behind with which net/http served
// its request: about this much garbage, many times what the connection needs from then
// on. The collector would come to it when the heap has doubled, which for a program
// that mostly holds idle connections is never.
const garbage = 12 << 10

// Reclaimer gives the memory back after a rush of connections. Its zero value is ready.
// It is safe for concurrent use.
type Reclaimer struct {
	mu     sync.Mutex
	parked int
	timer  *time.Timer

	live    func() uint64 // nil for liveHeap
	collect func()        // nil for collect
}

// calm is how long after the last connection of a rush the collector is called.
const calm = 100 * time.Millisecond

// Noted counts one more connection.
func (r *Reclaimer) Noted() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parked++
	if r.parked*garbage < 1<<20 {
		return
	}
	if r.timer == nil {
		r.timer = time.AfterFunc(calm, r.reclaim)
	} else {
		r.timer.Reset(calm)
	}
}

// reclaim collects, if the yield will be worth it: an eighth of what is alive, so that
// a program with a large heap is left alone.
func (r *Reclaimer) reclaim() {
	r.mu.Lock()
	live, free := r.live, r.collect
	if live == nil {
		live, free = liveHeap, collect
	}
	if uint64(r.parked)*garbage < live()/8 {
		r.mu.Unlock()
		return
	}
	r.parked = 0
	r.mu.Unlock()
	free()
}

func collect() {
	runtime.GC() // pools hold on to their buffers for one collection
	debug.FreeOSMemory()
}

// liveHeap is what the last collection found alive, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
