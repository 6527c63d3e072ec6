package middleware

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Bucket is a token bucket: each request takes a token, and tokens come back at an
// even pace until the bucket is full. The zero Bucket has none; one without a Refill is
// always full.
type Bucket struct {
	Size   int           // the tokens of a full bucket, which may be taken at once
	Refill time.Duration // in which one token comes back
}

// Taken is what became of a request for a token.
type Taken struct {
	OK        bool
	Remaining int           // tokens that are left
	Full      time.Duration // until the bucket is full again
	Wait      time.Duration // until there is a token, for a request that got none
}

// Take takes a token from a bucket of which only one thing is known: when it will
// be full again if nothing is taken. That is all the state there is (the generic cell
// rate algorithm of ITU-T I.371), so a store keeps one time for each key; a time that
// has passed, the zero time included, is a full bucket, and need not be kept. It
// returns the time to store, the one that was given when there was no token.
func (b Bucket) Take(full, now time.Time) (time.Time, Taken) {
	if b.Refill <= 0 {
		return full, Taken{OK: b.Size > 0, Remaining: max(b.Size-1, 0)}
	}
	whole := time.Duration(b.Size) * b.Refill
	next := now
	if full.After(now) {
		// A time further off than an empty bucket's was stored for a slower limit, or
		// by a clock that was ahead: it shall not lock a client out for longer.
		next = full
		if empty := now.Add(whole); full.After(empty) {
			next = empty
		}
	}
	missing := next.Sub(now) + b.Refill
	if missing > whole {
		return full, Taken{Full: next.Sub(now), Wait: missing - whole}
	}
	return now.Add(missing), Taken{OK: true, Remaining: int((whole - missing) / b.Refill), Full: missing}
}

// boundedKey is a key of the given length at most. What names a client is often its own
// word, and a store of many keys must not be made to keep long ones.
func boundedKey(key string, most int) string {
	if len(key) <= most {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	digest := hex.EncodeToString(sum[:])
	return key[:most-len(digest)] + digest
}

// bucketOf makes the bucket of a limit, or panics.
func bucketOf(limit int, per time.Duration, burst int) Bucket {
	call := fmt.Sprintf("RateLimit(%d, %v)", limit, per)
	switch {
	case limit < 1:
		misuse(call, "want at least one request in that time")
	case per <= 0:
		misuse(call, "want a time above zero, such as time.Minute")
	case per/time.Duration(limit) <= 0:
		misuse(call, "more than one request in a nanosecond is no limit")
	case burst < 0:
		misuse(call, "Burst %d: want how many requests may come at once; 0 for as many as the limit", burst)
	}
	b := Bucket{Size: limit, Refill: per / time.Duration(limit)}
	if burst > 0 {
		b.Size = burst
	}
	if whole := time.Duration(b.Size) * b.Refill; whole/b.Refill != time.Duration(b.Size) || whole < 0 {
		misuse(call, "a Burst of %d at a token in %v lasts longer than time can tell", b.Size, b.Refill)
	}
	return b
}
