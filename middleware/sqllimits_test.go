package middleware_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleOpenSQLLimits() {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	store, err := middleware.OpenSQLLimits(context.Background(), db, "rate_limits")
	if err != nil {
		panic(err)
	}
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.RateLimit(1, time.Hour, middleware.RateLimitOptions{Store: store, Name: "api"}))
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("in") })

	fmt.Println(send(app, "GET", "/", "").Code, send(app, "GET", "/", "").Code)
	// Output: 200 429
}

// limitsIn opens a store in a file, of which each call has its own connections.
func limitsIn(t *testing.T, file string) (*middleware.SQLLimits, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	store, err := middleware.OpenSQLLimits(t.Context(), db, "limits")
	require.NoError(t, err)
	return store, db
}

func TestSQLLimitsAreSharedToTheToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "limits.db")
	one, _ := limitsIn(t, file)
	two, _ := limitsIn(t, file)
	b := middleware.Bucket{Size: 20, Refill: time.Hour}
	var in atomic.Int64
	var wg sync.WaitGroup
	for _, store := range []*middleware.SQLLimits{one, two, one, two} {
		wg.Go(func() {
			for range 10 {
				taken, err := store.Take(t.Context(), "k", b)
				if assert.NoError(t, err) && taken.OK {
					in.Add(1)
				}
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 20, in.Load())
}

// The statement does what the function does.
func TestSQLLimitsAreBuckets(t *testing.T) {
	store, db := limitsIn(t, filepath.Join(t.TempDir(), "limits.db"))
	b := middleware.Bucket{Size: 3, Refill: time.Minute}
	for _, tc := range []struct {
		name   string
		full   time.Duration // from now, of the row
		ok     bool
		remain int
		wait   time.Duration
		after  time.Duration // the bucket is full after
	}{
		{"full long since", -time.Hour, true, 2, 0, time.Minute},
		{"one taken", time.Minute, true, 1, 0, 2 * time.Minute},
		{"two taken and a bit", 90 * time.Second, true, 0, 0, 150 * time.Second},
		{"almost empty", 121 * time.Second, false, 0, time.Second, 121 * time.Second},
		{"empty", 3 * time.Minute, false, 0, time.Minute, 3 * time.Minute},
		{"emptier than empty", time.Hour, false, 0, time.Minute, 3 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			now := time.Now()
			_, err := db.Exec(`INSERT OR REPLACE INTO limits (bucket, full_at) VALUES ('k', ?)`, now.Add(tc.full).UnixMicro())
			require.NoError(t, err)
			got, err := store.Take(t.Context(), "k", b)
			require.NoError(t, err)
			_, want := b.Take(now.Add(tc.full), now)
			assert.Equal(t, tc.ok, got.OK)
			assert.Equal(t, tc.remain, got.Remaining)
			assert.InDelta(t, tc.wait, got.Wait, float64(900*time.Millisecond))
			assert.InDelta(t, tc.after, got.Full, float64(900*time.Millisecond))
			assert.Equal(t, want.OK, got.OK)
			assert.InDelta(t, want.Wait, got.Wait, float64(900*time.Millisecond))
			assert.InDelta(t, want.Full, got.Full, float64(900*time.Millisecond))
		})
	}
}

func TestSQLLimitsTakeAnyKey(t *testing.T) {
	store, _ := limitsIn(t, filepath.Join(t.TempDir(), "limits.db"))
	b := middleware.Bucket{Size: 1, Refill: time.Hour}
	long := strings.Repeat("é", 200)
	for _, key := range []string{"", "'; DROP TABLE limits; --", "a\x00b", "a\x00c", "\xff", long + "1", long + "2"} {
		for _, want := range []bool{true, false} {
			taken, err := store.Take(t.Context(), key, b)
			require.NoError(t, err)
			assert.Equal(t, want, taken.OK, "%q", key)
		}
	}
}

func TestSQLLimitsAreCleared(t *testing.T) {
	store, db := limitsIn(t, filepath.Join(t.TempDir(), "limits.db"))
	_, err := db.Exec(`INSERT INTO limits (bucket, full_at) VALUES ('old', 1)`)
	require.NoError(t, err)
	for range 1000 {
		_, err := store.Take(t.Context(), "k", middleware.Bucket{Size: 1, Refill: time.Hour})
		require.NoError(t, err)
	}
	var rows int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM limits`).Scan(&rows))
	assert.Equal(t, 1, rows)
}

func TestSQLLimitsFail(t *testing.T) {
	_, err := middleware.OpenSQLLimits(t.Context(), nil, "limits")
	assert.EqualError(t, err, "middleware: OpenSQLLimits: the database is nil")
	store, db := limitsIn(t, filepath.Join(t.TempDir(), "limits.db"))
	for _, name := range []string{"", "a b", "1a", `x"; DROP TABLE y`, strings.Repeat("x", 51)} {
		_, err := middleware.OpenSQLLimits(t.Context(), db, name)
		assert.ErrorContains(t, err, "is not the name of a table")
	}
	require.NoError(t, db.Close())
	_, err = middleware.OpenSQLLimits(t.Context(), db, "limits")
	assert.ErrorContains(t, err, "making the table limits")
	_, err = store.Take(t.Context(), "k", middleware.Bucket{Size: 1, Refill: time.Hour})
	assert.ErrorContains(t, err, "middleware: taking from a rate limit")
}
