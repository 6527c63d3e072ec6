package middleware

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// MemoryLimits is a [LimitStore] in this process's memory. Make one with
// [NewMemoryLimits].
type MemoryLimits struct {
	most int
	born time.Time // times are kept as what has passed since: 8 bytes, and monotonic
	mu   sync.Mutex
	full map[string]time.Duration
}

// NewMemoryLimits makes a store that keeps the given number of buckets at most, about
// 100 bytes each; 0 stands for 100,000. A bucket that is full again is forgotten in
// passing, without a goroutine. When there are still too many, the fullest of a few
// makes room: a flood of new keys may give some clients their tokens back early, but
// does not free those who have taken the most.
func NewMemoryLimits(most int) *MemoryLimits {
	if most < 0 {
		misuse(fmt.Sprintf("NewMemoryLimits(%d)", most), "want how many buckets may be kept; 0 for 100000")
	}
	if most == 0 {
		most = 100_000
	}
	return &MemoryLimits{most: most, born: time.Now(), full: map[string]time.Duration{}}
}

// Take implements [LimitStore]. It neither waits nor fails.
func (m *MemoryLimits) Take(_ context.Context, key string, b Bucket) (Taken, error) {
	return m.take(key, b), nil
}

func (m *MemoryLimits) take(key string, b Bucket) Taken {
	const longest = 128
	key = boundedKey(key, longest)
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	var full time.Time
	since, known := m.full[key]
	if known {
		full = m.born.Add(since)
	}
	full, taken := b.Take(full, now)
	if !taken.OK {
		return taken
	}
	if !known {
		m.makeRoom(now.Sub(m.born))
		key = strings.Clone(key) // not a part of a cookie that is kept with it
	}
	m.full[key] = full.Sub(m.born)
	return taken
}

// makeRoom forgets buckets that are full again: several for each that is added, so
// that those which nobody asks for do not pile up. The order of a map is random.
func (m *MemoryLimits) makeRoom(now time.Duration) {
	const looks = 8
	looked, fullest, soonest := 0, "", time.Duration(1<<63-1)
	for key, full := range m.full {
		if full <= now {
			delete(m.full, key)
		} else if full < soonest {
			fullest, soonest = key, full
		}
		if looked++; looked == looks {
			break
		}
	}
	if len(m.full) >= m.most {
		delete(m.full, fullest)
	}
}

// Len returns the number of buckets that are kept.
func (m *MemoryLimits) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.full)
}
