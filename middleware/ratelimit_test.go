package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleRateLimit() {
	app := quiet(redstart.WithoutRequestID())
	app.Post("/login", func(*redstart.Request) redstart.Response { return redstart.Text("welcome") },
		redstart.With(middleware.RateLimit(2, time.Hour)))

	for range 3 {
		reply := send(app, "POST", "/login", "")
		fmt.Printf("%d %s %q\n", reply.Code, reply.Header().Get("RateLimit"), reply.Header()["Retry-After"])
	}
	// Output:
	// 200 "default";r=1;t=1800 []
	// 200 "default";r=0;t=3600 []
	// 429 "default";r=0;t=1800 ["1800"]
}

// limited is an app whose only route is behind the limit.
func limited(limit int, per time.Duration, o middleware.RateLimitOptions) *redstart.App {
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.RateLimit(limit, per, o))
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("in") })
	return app
}

func TestRateLimitOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := limited(60, time.Minute, middleware.RateLimitOptions{Burst: 3})
		for i, step := range []struct {
			wait   time.Duration
			status int
			left   string
			retry  string
		}{
			{0, 200, "r=2;t=1", ""}, {0, 200, "r=1;t=2", ""}, {0, 200, "r=0;t=3", ""},
			{0, 429, "r=0;t=1", "1"},
			{999 * time.Millisecond, 429, "r=0;t=1", "1"},
			{time.Millisecond, 200, "r=0;t=3", ""},
			{2 * time.Second, 200, "r=1;t=2", ""},
			{time.Hour, 200, "r=2;t=1", ""}, // no more than a full bucket comes of waiting
		} {
			time.Sleep(step.wait)
			reply := send(app, "GET", "/", "")
			assert.Equal(t, step.status, reply.Code, i)
			assert.Equal(t, `"default";`+step.left, reply.Header().Get("RateLimit"), i)
			assert.Equal(t, `"default";q=60;w=60`, reply.Header().Get("RateLimit-Policy"), i)
			assert.Equal(t, step.retry, reply.Header().Get("Retry-After"), i)
		}
	})
}

func TestRateLimitRefusal(t *testing.T) {
	app := limited(1, time.Hour, middleware.RateLimitOptions{})
	send(app, "GET", "/", "")
	reply := send(app, "GET", "/", "")
	assert.Equal(t, 429, reply.Code)
	assert.Equal(t, "application/problem+json", reply.Header().Get("Content-Type"))
	assert.JSONEq(t, `{"title":"Too Many Requests","status":429,"detail":"more than 1 requests in 1h0m0s: try again in 3600 s",
		"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","violated-policies":["default"]}`, reply.Body.String())
	assert.Equal(t, 429, send(app, "GET", "/nowhere", "").Code, "the automatic replies are behind it too")
}

func TestRateLimitKeys(t *testing.T) {
	ip := []redstart.Option{redstart.TrustProxies("192.0.2.0/24")}
	from := func(ip string) string { return "X-Forwarded-For: " + ip }
	for _, tc := range []struct {
		name          string
		key           func(*redstart.Request) string
		first, second string
		status        int
	}{
		{"same address", nil, from("203.0.113.1"), from("203.0.113.1"), 429},
		{"another address", nil, from("203.0.113.1"), from("203.0.113.2"), 200},
		{"same IPv6 network", nil, from("2001:db8:0:1::1"), from("2001:db8:0:1:ffff::2"), 429},
		{"another IPv6 network", nil, from("2001:db8:0:1::1"), from("2001:db8:0:2::1"), 200},
		{"own key", func(r *redstart.Request) string { return r.Header("X-Key") }, "X-Key: a", "X-Key: a", 429},
		{"another own key", func(r *redstart.Request) string { return r.Header("X-Key") }, "X-Key: a", "X-Key: b", 200},
		{"no key is no limit", func(r *redstart.Request) string { return r.Header("X-Key") }, "X: a", "X: a", 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet(ip...)
			app.Use(middleware.RateLimit(1, time.Hour, middleware.RateLimitOptions{Key: tc.key}))
			app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("") })
			require.Equal(t, 200, send(app, "GET", "/", "", tc.first).Code)
			assert.Equal(t, tc.status, send(app, "GET", "/", "", tc.second).Code)
		})
	}
}

func TestRateLimitsShareAndPart(t *testing.T) {
	store := middleware.NewMemoryLimits(0)
	one := middleware.RateLimit(1, time.Hour, middleware.RateLimitOptions{Name: "one", Store: store})
	two := middleware.RateLimit(2, 1500*time.Millisecond, middleware.RateLimitOptions{Name: "two", Store: store})
	app := quiet()
	h := func(*redstart.Request) redstart.Response { return redstart.Text("") }
	app.Get("/a", h, redstart.With(one))
	app.Get("/b", h, redstart.With(one))
	app.Get("/c", h, redstart.With(two))
	app.Get("/both", h, redstart.With(two, middleware.RateLimit(5, time.Hour, middleware.RateLimitOptions{Name: "five"})))
	assert.Equal(t, 200, send(app, "GET", "/a", "").Code)
	assert.Equal(t, 429, send(app, "GET", "/b", "").Code, "one limit for both routes")
	assert.Equal(t, 200, send(app, "GET", "/c", "").Code, "the name parts them in one store")
	assert.Equal(t, []string{`"five";q=5;w=3600`, `"two";q=2`}, send(app, "GET", "/both", "").Header()["Ratelimit-Policy"],
		"and a time that is not in whole seconds has no window")
}

// broken is a store that fails, or hangs.
type broken struct{ hangs bool }

func (b broken) Take(ctx context.Context, _ string, _ middleware.Bucket) (middleware.Taken, error) {
	if b.hangs {
		<-ctx.Done()
		return middleware.Taken{}, ctx.Err()
	}
	return middleware.Taken{}, errors.New("no connection")
}

func TestRateLimitWhoseStoreFails(t *testing.T) {
	for _, tc := range []struct {
		name   string
		store  broken
		closed bool
		status int
		took   time.Duration
	}{
		{"open", broken{}, false, 200, 0},
		{"closed", broken{}, true, 503, 0},
		{"open, hangs", broken{hangs: true}, false, 200, 300 * time.Millisecond},
		{"closed, hangs", broken{hangs: true}, true, 503, 300 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app, lines := logged(redstart.WithoutAccessLog())
				app.Use(middleware.RateLimit(1, time.Minute, middleware.RateLimitOptions{Store: tc.store, FailClosed: tc.closed, Wait: 300 * time.Millisecond}))
				app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("in") })
				begin := time.Now()
				reply := send(app, "GET", "/", "")
				assert.Equal(t, tc.took, time.Since(begin))
				assert.Equal(t, tc.status, reply.Code)
				assert.Empty(t, reply.Header().Get("RateLimit"))
				assert.NotContains(t, reply.Body.String(), "connection")
				send(app, "GET", "/", "")
				told := 0
				for _, line := range lines.read(t) {
					if line["message"] == "the store of a rate limit failed" {
						told++
						assert.Equal(t, tc.closed, line["refused"])
					}
				}
				assert.Equal(t, 1, told, "once in a second")
			})
		})
	}
}

func TestRateLimitPassesEveryReplyOn(t *testing.T) {
	app := quiet()
	app.Use(middleware.RateLimit(100, time.Minute))
	for n, kind := range everyReply(app) {
		reply := send(app, kind.method, kind.path, "")
		assert.Equal(t, kind.status, reply.Code, kind.name)
		assert.Contains(t, reply.Header().Get("RateLimit"), fmt.Sprintf(`"default";r=%d;`, 99-n), kind.name)
	}
}

func TestRateLimitPanicsWhenMisconfigured(t *testing.T) {
	for want, f := range map[string]func(){
		"middleware: RateLimit(0, 1s): want at least one request in that time":                                                  func() { middleware.RateLimit(0, time.Second) },
		"middleware: RateLimit(1, 0s): want a time above zero, such as time.Minute":                                             func() { middleware.RateLimit(1, 0) },
		"middleware: RateLimit(2, 1ns): more than one request in a nanosecond is no limit":                                      func() { middleware.RateLimit(2, 1) },
		"middleware: RateLimit(1, 1ns): Burst -1: want how many requests may come at once; 0 for as many as the limit":          func() { middleware.RateLimit(1, 1, middleware.RateLimitOptions{Burst: -1}) },
		`middleware: RateLimit: Name "a b": want letters, digits and hyphens`:                                                   func() { middleware.RateLimit(1, 1, middleware.RateLimitOptions{Name: "a b"}) },
		"middleware: RateLimit: Wait -1ns: want a time above zero, or none for a second":                                        func() { middleware.RateLimit(1, 1, middleware.RateLimitOptions{Wait: -1}) },
		"middleware: RateLimit(1, 1h0m0s): a Burst of 9223372036854775807 at a token in 1h0m0s lasts longer than time can tell": func() { middleware.RateLimit(1, time.Hour, middleware.RateLimitOptions{Burst: 1<<63 - 1}) },
		"middleware: NewMemoryLimits(-1): want how many buckets may be kept; 0 for 100000":                                      func() { middleware.NewMemoryLimits(-1) },
		"middleware: RateLimit: 2 options were given: put them into one struct": func() {
			middleware.RateLimit(1, 1, middleware.RateLimitOptions{}, middleware.RateLimitOptions{})
		},
	} {
		assert.Equal(t, want, refused(t, f))
	}
}

func TestMemoryLimitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := middleware.Bucket{Size: 2, Refill: time.Second}
		store := middleware.NewMemoryLimits(50)
		take := func(key string) bool {
			taken, err := store.Take(t.Context(), key, b)
			require.NoError(t, err)
			return taken.OK
		}
		take("worst")
		take("worst")
		for i := range 1000 {
			take(strconv.Itoa(i))
			assert.LessOrEqual(t, store.Len(), 50)
		}
		assert.False(t, take("worst"), "a flood of keys does not free who has taken the most")

		for i := range 200 { // a look at eight at a time, wherever they are
			time.Sleep(3 * time.Second)
			take("new" + strconv.Itoa(i))
		}
		assert.LessOrEqual(t, store.Len(), 10, "what is full again was forgotten in passing")
	})
}

func TestBucketsThatAreNone(t *testing.T) {
	now := time.Unix(1e9, 0)
	for _, tc := range []struct {
		name   string
		bucket middleware.Bucket
		want   middleware.Taken
	}{
		{"zero", middleware.Bucket{}, middleware.Taken{}},
		{"no tokens", middleware.Bucket{Refill: time.Second}, middleware.Taken{Wait: time.Second}},
		{"always full", middleware.Bucket{Size: 3}, middleware.Taken{OK: true, Remaining: 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			full, taken := tc.bucket.Take(time.Time{}, now)
			assert.Equal(t, tc.want, taken)
			assert.Zero(t, full)
			shared, _ := limitsIn(t, filepath.Join(t.TempDir(), "limits.db"))
			for _, store := range []middleware.LimitStore{middleware.NewMemoryLimits(0), shared} {
				taken, err := store.Take(t.Context(), "k", tc.bucket)
				require.NoError(t, err)
				assert.Equal(t, tc.want, taken, "%T", store)
			}
		})
	}
}

// What names a client is its own word: a long one costs no more than another.
func TestMemoryLimitsKeepNoLongKeys(t *testing.T) {
	const clients, size = 200, 1 << 16
	store := middleware.NewMemoryLimits(0)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range clients {
		key := strings.Repeat("k", size) + strconv.Itoa(i)
		for _, want := range []bool{true, false} {
			taken, err := store.Take(t.Context(), key, middleware.Bucket{Size: 1, Refill: time.Hour})
			require.NoError(t, err)
			assert.Equal(t, want, taken.OK, i)
		}
	}
	assert.Equal(t, clients, store.Len())
	after := heap()
	assert.Less(t, after-min(before, after), uint64(clients*size/4))
	runtime.KeepAlive(store)
}

// However requests are spread, in no stretch of time are more let in than the bucket
// holds and what came back meanwhile.
func FuzzBucket(f *testing.F) {
	f.Add(uint8(3), uint16(1000), []byte{0, 0, 0, 0, 255, 10})
	f.Add(uint8(1), uint16(1), []byte{1, 0, 1, 0})
	f.Fuzz(func(t *testing.T, size uint8, refill uint16, gaps []byte) {
		b := middleware.Bucket{Size: int(size) + 1, Refill: time.Duration(refill) + 1}
		begin := time.Unix(1, 0)
		now, full, in := begin, time.Time{}, 0
		for _, gap := range gaps {
			now = now.Add(time.Duration(gap) * b.Refill / 16)
			next, taken := b.Take(full, now)
			if !taken.OK {
				require.Equal(t, full, next)
				require.Positive(t, taken.Wait)
				_, later := b.Take(full, now.Add(taken.Wait))
				require.True(t, later.OK, "there is a token after the wait")
				_, sooner := b.Take(full, now.Add(taken.Wait-1))
				require.False(t, sooner.OK, "and not before")
				continue
			}
			full = next
			in++
			require.LessOrEqual(t, in, b.Size+int(now.Sub(begin)/b.Refill))
			require.LessOrEqual(t, taken.Remaining, b.Size-1)
		}
	})
}
