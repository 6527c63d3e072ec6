package middleware

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// SessionStore keeps the sessions of [Session] on the server. [NewMemorySessions] makes one
// for this process, [OpenSQLSessions] one in a database. It is used by many goroutines. A
// key is a text of 64 letters and digits; data is JSON. Its methods return soon after ctx
// has ended; an error says that the store failed.
type SessionStore interface {
	// Load returns what is stored under a key, nil if there is nothing, or its time is over.
	Load(ctx context.Context, key string) (data []byte, err error)
	// Create stores a new session until its time is over.
	Create(ctx context.Context, key string, data []byte, ends time.Time) error
	// Update replaces what is stored under a key, and says whether there was something: a
	// session that was deleted meanwhile stays so.
	Update(ctx context.Context, key string, data []byte, ends time.Time) (found bool, err error)
	// Delete removes a session, and says whether there was one.
	Delete(ctx context.Context, key string) (found bool, err error)
}

// MemorySessions is a [SessionStore] in this process's memory, which ends with it. Make
// one with [NewMemorySessions].
type MemorySessions struct {
	most, mostBytes int

	mu       sync.Mutex
	sessions map[string]*list.Element
	used     list.List // of *memorySession, the one that was used longest ago first
	bytes    int
}

type memorySession struct {
	key  string
	data []byte
	ends time.Time
}

// ErrSessionTooLarge is the error of a store for one session that takes up too much of it.
var ErrSessionTooLarge = errors.New("middleware: the session is too large for its store")

// NewMemorySessions makes a store that keeps the given number of sessions and bytes at
// most; 0 stands for 100,000 sessions and 64 MiB. Beyond that those go that were not used
// for the longest time; those whose time is over go in passing, without a goroutine. A
// session that is larger than a hundredth of the bytes is an [ErrSessionTooLarge].
func NewMemorySessions(sessions, bytes int) *MemorySessions {
	if sessions < 0 || bytes < 0 {
		misuse(fmt.Sprintf("NewMemorySessions(%d, %d)", sessions, bytes), "want how many sessions and bytes may be kept; 0 for 100000 and 64 MiB")
	}
	if sessions == 0 {
		sessions = 100_000
	}
	if bytes == 0 {
		bytes = 64 << 20
	}
	return &MemorySessions{most: sessions, mostBytes: bytes, sessions: map[string]*list.Element{}}
}

// Load implements [SessionStore].
func (m *MemorySessions) Load(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(key)
	if e == nil {
		return nil, nil
	}
	m.used.MoveToBack(e)
	return e.Value.(*memorySession).data, nil
}

// Create implements [SessionStore].
func (m *MemorySessions) Create(_ context.Context, key string, data []byte, ends time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.put(key, data, ends)
}

// Update implements [SessionStore].
func (m *MemorySessions) Update(_ context.Context, key string, data []byte, ends time.Time) (found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.find(key) == nil {
		return false, nil
	}
	return true, m.put(key, data, ends)
}

// Delete implements [SessionStore].
func (m *MemorySessions) Delete(_ context.Context, key string) (found bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.find(key)
	if e != nil {
		m.forget(e)
	}
	return e != nil, nil
}

// find returns a session whose time is not over.
func (m *MemorySessions) find(key string) *list.Element {
	e := m.sessions[key]
	if e != nil && !time.Now().Before(e.Value.(*memorySession).ends) {
		m.forget(e)
		return nil
	}
	return e
}

func (m *MemorySessions) put(key string, data []byte, ends time.Time) error {
	const part = 100
	if len(data) > m.mostBytes/part {
		return fmt.Errorf("%w: %d bytes, and %d are the most", ErrSessionTooLarge, len(data), m.mostBytes/part)
	}
	if e := m.sessions[key]; e != nil {
		m.forget(e)
	}
	m.makeRoom(len(data))
	m.sessions[key] = m.used.PushBack(&memorySession{key, data, ends})
	m.bytes += len(data)
	return nil
}

// makeRoom forgets sessions until there is room for one more of the given size, and in
// passing some whose time is over: more than are added, so that they do not pile up.
func (m *MemorySessions) makeRoom(size int) {
	now := time.Now()
	const looks = 4
	e := m.used.Front()
	for range looks {
		if e == nil {
			break
		}
		next := e.Next()
		if !now.Before(e.Value.(*memorySession).ends) {
			m.forget(e)
		}
		e = next
	}
	for len(m.sessions) >= m.most || len(m.sessions) > 0 && m.bytes+size > m.mostBytes {
		m.forget(m.used.Front())
	}
}

func (m *MemorySessions) forget(e *list.Element) {
	s := m.used.Remove(e).(*memorySession)
	delete(m.sessions, s.key)
	m.bytes -= len(s.data)
}

// Len returns the number of sessions that are kept.
func (m *MemorySessions) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sessions)
}
