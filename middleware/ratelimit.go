package middleware

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/headers"
)

// LimitStore keeps the buckets of [RateLimit]. [NewMemoryLimits] makes one for this
// process, [OpenSQLLimits] one that several share. It is used by many goroutines.
type LimitStore interface {
	// Take takes a token from the bucket of a key. Two calls for one key must not
	// take the same token; [Bucket.Take] does the sums. It returns soon after ctx
	// has ended. An error says that the store failed, not that there was no token.
	Take(ctx context.Context, key string, b Bucket) (Taken, error)
}

// RateLimitOptions refine [RateLimit].
type RateLimitOptions struct {
	// Key says whose bucket a request takes its token from: a user's, an API key's, a
	// tenant's. The default is [KeyByIP]. A request with the key "" is not limited.
	Key func(*redstart.Request) string
	// Name of the policy, "default" by default. It is shown to clients, and parts
	// the keys of several limits in one Store.
	Name string
	// Burst is how many requests may come at once after a pause. The default is the
	// limit itself. A smaller one spreads requests over the time.
	Burst int
	// Store keeps the buckets. The default is one of [NewMemoryLimits] for this limit
	// alone, for which several processes each have their own.
	Store LimitStore
	// Wait bounds the time that the Store may take. The default is a second.
	Wait time.Duration
	// FailClosed refuses requests with status 503 while the Store fails. Otherwise they
	// pass, unlimited, since a site without its limits is mostly better than none.
	// Either way the log tells, once in a second.
	FailClosed bool
}

// RateLimit bounds how many requests a client may send, by default each IP address by
// itself. A client that has been quiet may send limit requests at once; after that they
// are let in evenly, one in per/limit. The limit is shared by all routes that the one
// returned value is around; another call is another limit.
//
// A request too many is answered with status 429 and Retry-After, in whole seconds,
// and the handler is not called. All replies tell of the policy and of what is left, as
// the fields RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-10,
// and the 429 is a problem of that draft's type quota-exceeded:
//
//	RateLimit-Policy: "default";q=100;w=60
//	RateLimit: "default";r=42;t=35
//
// What is counted are requests, not connections or events: an event stream takes one
// token when it begins. One too many is answered with status 200, the time to come back
// after, and its end, because an EventSource takes any other status for final.
//
// Behind a proxy every client has the proxy's address unless [redstart.TrustProxies]
// names it. A limit below 1 or a time that is not above zero panics.
func RateLimit(limit int, per time.Duration, options ...RateLimitOptions) redstart.Middleware {
	l := newRateLimit(limit, per, given("RateLimit", options))
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response { return l.handle(req, next) }
	}
}

// rateLimit is the options prepared.
type rateLimit struct {
	RateLimitOptions
	bucket Bucket
	policy string // the value of RateLimit-Policy
	detail string
	logged atomic.Int64 // when a failure was logged last, in nanoseconds since 1970
}

func newRateLimit(limit int, per time.Duration, o RateLimitOptions) *rateLimit {
	l := &rateLimit{RateLimitOptions: o, bucket: bucketOf(limit, per, o.Burst)}
	if l.Key == nil {
		l.Key = KeyByIP
	}
	if l.Name == "" {
		l.Name = "default"
	}
	if !headers.ValidName(l.Name) {
		misuse("RateLimit", "Name %q: want letters, digits and hyphens", l.Name)
	}
	if l.Store == nil {
		l.Store = NewMemoryLimits(0)
	}
	if l.Wait < 0 {
		misuse("RateLimit", "Wait %v: want a time above zero, or none for a second", l.Wait)
	}
	if l.Wait == 0 {
		l.Wait = time.Second
	}
	l.policy = `"` + l.Name + `";q=` + strconv.Itoa(limit)
	if per%time.Second == 0 { // the draft knows whole seconds only
		l.policy += ";w=" + strconv.FormatInt(int64(per/time.Second), 10)
	}
	l.detail = fmt.Sprintf("more than %d requests in %v", limit, per)
	return l
}

func (l *rateLimit) handle(req *redstart.Request, next redstart.Handler) redstart.Response {
	key := l.Key(req)
	if key == "" {
		return next(req)
	}
	taken, err := l.take(req, key)
	if err != nil {
		l.tell(req, err)
		if l.FailClosed {
			return redstart.Fail(redstart.Error(http.StatusServiceUnavailable, "requests cannot be counted at the moment").WithCause(err)).
				With("Retry-After", "1")
		}
		return next(req)
	}
	var resp redstart.Response
	left := taken.Full
	if taken.OK {
		resp = next(req)
	} else {
		left = taken.Wait
		resp = l.refusal(req, taken.Wait)
	}
	state := make([]byte, 0, 64)
	state = append(append(append(state, '"'), l.Name...), `";r=`...)
	state = strconv.AppendInt(state, int64(taken.Remaining), 10)
	state = strconv.AppendInt(append(state, ";t="...), wholeSeconds(left), 10)
	return resp.WithAdded("RateLimit-Policy", l.policy).WithAdded("RateLimit", string(state))
}

func (l *rateLimit) take(req *redstart.Request, key string) (Taken, error) {
	key = l.Name + ":" + key
	if memory, ok := l.Store.(*MemoryLimits); ok {
		return memory.take(key, l.bucket), nil // which never waits: a context for it would be wasted
	}
	ctx, cancel := context.WithTimeout(req.Context(), l.Wait)
	defer cancel()
	return l.Store.Take(ctx, key, l.bucket)
}

func (l *rateLimit) refusal(req *redstart.Request, wait time.Duration) redstart.Response {
	if wantsEvents(req) {
		return comeBack("rate limit", wait)
	}
	seconds := wholeSeconds(wait)
	return redstart.Fail(redstart.Errorf(http.StatusTooManyRequests, "%s: try again in %d s", l.detail, seconds).
		WithField("type", "https://iana.org/assignments/http-problem-types#quota-exceeded").
		WithField("violated-policies", []string{l.Name})).
		With("Retry-After", strconv.FormatInt(seconds, 10))
}

// tell logs a failure of the store, but not each one: there may be thousands.
func (l *rateLimit) tell(req *redstart.Request, err error) {
	now := time.Now().UnixNano()
	if last := l.logged.Load(); now-last >= int64(time.Second) && l.logged.CompareAndSwap(last, now) {
		req.Log().Error().Err(err).Str("policy", l.Name).Bool("refused", l.FailClosed).Msg("the store of a rate limit failed")
	}
}

// wholeSeconds rounds up: a client that comes back earlier is refused again.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// KeyByIP is a key for [RateLimit]: the client's IP address, and for IPv6 its network
// of 64 bits, since whoever has one address there has all of them. Clients without an
// address, as on a unix socket, share a key.
func KeyByIP(req *redstart.Request) string {
	ip := req.IP()
	addr, err := netip.ParseAddr(ip)
	switch {
	case ip == "":
		return "unknown"
	case err != nil || addr.Is4():
		return ip
	case addr.Is4In6():
		return addr.Unmap().String()
	}
	network, _ := addr.WithZone("").Prefix(64) // 64 bits there are
	return network.String()
}
