package middleware

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// ReplyStore keeps what [Idempotency] has to remember. [NewMemoryReplies] makes one for
// this process, [OpenSQLReplies] one that several share. It is used by many goroutines.
// Its methods return soon after ctx has ended; an error says that the store failed.
type ReplyStore interface {
	// Claim takes a key for a request with this fingerprint, unless it is taken: of
	// several calls at the same moment one wins. It says how things stand. A claim
	// whose lease is over may be won by another.
	Claim(ctx context.Context, key, fingerprint string, lease time.Duration) (Claim, error)
	// Keep stores the reply for a key that was won, for the given time. It does
	// nothing if the claim was lost meanwhile, which the token tells.
	Keep(ctx context.Context, key, token string, reply StoredReply, ttl time.Duration) error
	// Release gives up a key that was won, so that it can be claimed again, also by
	// another request. It does nothing if the claim was lost meanwhile.
	Release(ctx context.Context, key, token string) error
}

// Claim is what became of a call of [ReplyStore] by that name.
type Claim struct {
	Won         bool         // by this call: the request is to be done
	Token       string       // of who has won, and of nobody else
	Fingerprint string       // of the request that has the key
	Reply       *StoredReply // the reply to it, nil while it is under way
}

// StoredReply is a reply that can be sent again.
type StoredReply struct {
	Status int
	Header http.Header
	Body   []byte
}

// MemoryReplies is a [ReplyStore] in this process's memory. Make one with
// [NewMemoryReplies].
type MemoryReplies struct {
	most, mostBytes int

	mu       sync.Mutex
	claims   map[string]*list.Element
	underWay list.List // of *keptReply, the oldest first
	replied  list.List // the same
	bytes    int       // of the replies
	tokens   uint64
}

type keptReply struct {
	key   string
	claim Claim
	until time.Time // the lease, or the reply's time
	size  int
}

// ErrRepliesFull is the error of a [MemoryReplies] whose room is taken by requests that
// are under way.
var ErrRepliesFull = errors.New("middleware: too many requests with an Idempotency-Key are under way")

// NewMemoryReplies makes a store that keeps the given number of replies and bytes at
// most; 0 stands for 10,000 replies and 64 MiB. Beyond that the oldest replies are
// forgotten before their time, and those whose time is over are in passing, without a
// goroutine. A reply that is larger than a tenth of the bytes is not kept: another try
// is a new request.
func NewMemoryReplies(replies, bytes int) *MemoryReplies {
	if replies < 0 || bytes < 0 {
		misuse(fmt.Sprintf("NewMemoryReplies(%d, %d)", replies, bytes), "want how many replies and bytes may be kept; 0 for 10000 and 64 MiB")
	}
	if replies == 0 {
		replies = 10_000
	}
	if bytes == 0 {
		bytes = 64 << 20
	}
	return &MemoryReplies{most: replies, mostBytes: bytes, claims: map[string]*list.Element{}}
}

// Claim implements [ReplyStore].
func (m *MemoryReplies) Claim(_ context.Context, key, fingerprint string, lease time.Duration) (Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if e, taken := m.claims[key]; taken {
		held := e.Value.(*keptReply)
		if now.Before(held.until) {
			claim := held.claim
			claim.Won, claim.Token = false, ""
			return claim, nil
		}
		m.forget(e)
	}
	m.makeRoom(now, 0)
	if len(m.claims) >= m.most {
		return Claim{}, ErrRepliesFull
	}
	m.tokens++
	won := Claim{Won: true, Token: strconv.FormatUint(m.tokens, 36), Fingerprint: fingerprint}
	m.claims[key] = m.underWay.PushBack(&keptReply{key: key, claim: won, until: now.Add(lease)})
	return won, nil
}

// Keep implements [ReplyStore].
func (m *MemoryReplies) Keep(_ context.Context, key, token string, reply StoredReply, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.held(key, token)
	if e == nil {
		return nil
	}
	size := len(key) + len(reply.Body)
	for name, values := range reply.Header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if size > m.mostBytes/10 {
		m.forget(e)
		return nil
	}
	now := time.Now()
	m.makeRoom(now, size)
	if m.held(key, token) == nil { // its own lease was over
		return nil
	}
	held := m.underWay.Remove(e).(*keptReply)
	held.claim.Reply, held.until, held.size = &reply, now.Add(ttl), size
	m.bytes += size
	m.claims[key] = m.replied.PushBack(held)
	return nil
}

// Release implements [ReplyStore].
func (m *MemoryReplies) Release(_ context.Context, key, token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.held(key, token); e != nil {
		m.forget(e)
	}
	return nil
}

// held returns the claim that a token is of, if it was not lost.
func (m *MemoryReplies) held(key, token string) *list.Element {
	e := m.claims[key]
	if e == nil || e.Value.(*keptReply).claim.Token != token || e.Value.(*keptReply).claim.Reply != nil {
		return nil
	}
	return e
}

// makeRoom forgets what is over, and then the oldest replies, until there is room for
// one more of the given size. Requests under way stay.
func (m *MemoryReplies) makeRoom(now time.Time, size int) {
	for e := m.underWay.Front(); e != nil && !now.Before(e.Value.(*keptReply).until); e = m.underWay.Front() {
		m.forget(e)
	}
	for e := m.replied.Front(); e != nil; e = m.replied.Front() {
		full := m.bytes+size > m.mostBytes || size == 0 && len(m.claims) >= m.most
		if now.Before(e.Value.(*keptReply).until) && !full {
			return
		}
		m.forget(e)
	}
}

func (m *MemoryReplies) forget(e *list.Element) {
	held := e.Value.(*keptReply)
	m.underWay.Remove(e) // each does nothing for an element of the other
	m.replied.Remove(e)
	delete(m.claims, held.key)
	m.bytes -= held.size
}

// Len returns the number of replies that are kept and of requests under way.
func (m *MemoryReplies) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.claims)
}
