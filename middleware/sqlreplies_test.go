package middleware_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleOpenSQLReplies() {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	store, err := middleware.OpenSQLReplies(context.Background(), db, "replies")
	if err != nil {
		panic(err)
	}
	paid := 0
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.Idempotency(middleware.IdempotencyOptions{Store: store}))
	app.Post("/payments", func(*redstart.Request) redstart.Response {
		paid++
		return redstart.Text(fmt.Sprint("payment ", paid))
	})
	for range 2 {
		fmt.Println(send(app, "POST", "/payments", "", "Idempotency-Key: 8e03978e").Body)
	}
	// Output:
	// payment 1
	// payment 1
}

// repliesIn opens a store in a file, of which each call has its own connections.
func repliesIn(t *testing.T, file string) (*middleware.SQLReplies, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	store, err := middleware.OpenSQLReplies(t.Context(), db, "replies")
	require.NoError(t, err)
	return store, db
}

// What each store promises.
func TestReplyStores(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) middleware.ReplyStore{
		"memory": func(*testing.T) middleware.ReplyStore { return middleware.NewMemoryReplies(0, 0) },
		"SQL": func(t *testing.T) middleware.ReplyStore {
			store, _ := repliesIn(t, filepath.Join(t.TempDir(), "replies.db"))
			return store
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, ctx := open(t), t.Context()
			claim := func(key, fingerprint string, lease time.Duration) middleware.Claim {
				c, err := store.Claim(ctx, key, fingerprint, lease)
				require.NoError(t, err)
				return c
			}
			first := claim("k", "f", time.Minute)
			assert.True(t, first.Won)
			assert.NotEmpty(t, first.Token)
			assert.Equal(t, middleware.Claim{Fingerprint: "f"}, claim("k", "other", time.Minute), "it is under way")
			assert.True(t, claim("another", "f", time.Minute).Won)

			require.NoError(t, store.Release(ctx, "k", "not its token"))
			require.NoError(t, store.Keep(ctx, "k", "not its token", middleware.StoredReply{Status: 200}, time.Hour))
			assert.Equal(t, middleware.Claim{Fingerprint: "f"}, claim("k", "f", time.Minute))

			reply := middleware.StoredReply{Status: 201, Header: http.Header{"Link": {"<a>", "<b>"}, "X-Place": {"caf\xe9"}}, Body: []byte("\x00paid\xff")}
			require.NoError(t, store.Keep(ctx, "k", first.Token, reply, time.Hour))
			assert.Equal(t, middleware.Claim{Fingerprint: "f", Reply: &reply}, claim("k", "f", time.Minute))
			require.NoError(t, store.Release(ctx, "k", first.Token))
			assert.Equal(t, &reply, claim("k", "f", time.Minute).Reply, "a reply is not released")

			released := claim("r", "f", time.Minute)
			require.NoError(t, store.Release(ctx, "r", released.Token))
			assert.True(t, claim("r", "g", time.Minute).Won)

			late := claim("l", "f", -time.Second)
			next := claim("l", "g", time.Minute)
			assert.True(t, next.Won, "a lease that is over is another's to take")
			require.NoError(t, store.Keep(ctx, "l", late.Token, reply, time.Hour))
			require.NoError(t, store.Release(ctx, "l", late.Token))
			assert.Equal(t, middleware.Claim{Fingerprint: "g"}, claim("l", "g", time.Minute), "who lost it changes nothing")

			require.NoError(t, store.Keep(ctx, "l", next.Token, reply, -time.Second))
			assert.True(t, claim("l", "f", time.Minute).Won, "the reply's time is over")

			large := claim("large", "f", time.Minute)
			require.NoError(t, store.Keep(ctx, "large", large.Token, middleware.StoredReply{Status: 200, Body: make([]byte, 8<<20)}, time.Hour))
			assert.True(t, claim("large", "f", time.Minute).Won, "not kept")

			empty := claim("empty", "f", time.Minute)
			require.NoError(t, store.Keep(ctx, "empty", empty.Token, middleware.StoredReply{Status: 204}, time.Hour))
			assert.Equal(t, 204, claim("empty", "f", time.Minute).Reply.Status)
			assert.Empty(t, claim("empty", "f", time.Minute).Reply.Body)
		})
	}
}

// Of all who send one key at the same moment, to several processes, one is served.
func TestSQLRepliesAreShared(t *testing.T) {
	file := filepath.Join(t.TempDir(), "replies.db")
	var calls, replays atomic.Int64
	var apps []*redstart.App
	for range 3 {
		store, _ := repliesIn(t, file)
		app := quiet()
		app.Use(middleware.Idempotency(middleware.IdempotencyOptions{Store: store, Wait: time.Minute}))
		app.Post("/", func(*redstart.Request) redstart.Response { return redstart.Text(fmt.Sprint("paid ", calls.Add(1))) })
		apps = append(apps, app)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			for {
				reply := send(apps[i%len(apps)], "POST", "/", "", keyed)
				if reply.Code == http.StatusConflict {
					continue
				}
				assert.Equal(t, 200, reply.Code)
				assert.Equal(t, "paid 1", reply.Body.String())
				if reply.Header().Get("Idempotency-Replayed") != "" {
					replays.Add(1)
				}
				return
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, calls.Load())
	assert.EqualValues(t, 11, replays.Load())
}

func TestSQLRepliesAreCleared(t *testing.T) {
	store, db := repliesIn(t, filepath.Join(t.TempDir(), "replies.db"))
	_, err := db.Exec(`INSERT INTO replies VALUES ('old', 'f', 't', 1, 200, '{}', NULL)`)
	require.NoError(t, err)
	_, err = store.Claim(t.Context(), "new", "f", time.Hour)
	require.NoError(t, err)
	for range 999 {
		_, err = store.Claim(t.Context(), "new", "f", time.Hour)
		require.NoError(t, err)
	}
	var rows int
	require.NoError(t, db.QueryRow(`SELECT COUNT(*) FROM replies`).Scan(&rows))
	assert.Equal(t, 1, rows)
}

func TestSQLRepliesFail(t *testing.T) {
	_, err := middleware.OpenSQLReplies(t.Context(), nil, "replies")
	assert.EqualError(t, err, "middleware: OpenSQLReplies: the database is nil")
	store, db := repliesIn(t, filepath.Join(t.TempDir(), "replies.db"))
	_, err = middleware.OpenSQLReplies(t.Context(), db, "re plies; --")
	assert.ErrorContains(t, err, `"re plies; --" is not the name of a table`)

	claim, err := store.Claim(t.Context(), "broken", "f", time.Hour)
	require.NoError(t, err)
	require.NoError(t, store.Keep(t.Context(), "broken", claim.Token, middleware.StoredReply{Status: 200}, time.Hour))
	_, err = db.Exec(`UPDATE replies SET header = '{'`)
	require.NoError(t, err)
	_, err = store.Claim(t.Context(), "broken", "f", time.Hour)
	assert.ErrorContains(t, err, "middleware: reading a reply's header: ")

	require.NoError(t, db.Close())
	_, err = store.Claim(t.Context(), "k", "f", time.Hour)
	assert.ErrorContains(t, err, "middleware: claiming an Idempotency-Key: ")
	assert.ErrorContains(t, store.Keep(t.Context(), "k", "t", middleware.StoredReply{}, time.Hour), "middleware: keeping a reply: ")
	assert.ErrorContains(t, store.Release(t.Context(), "k", "t"), "middleware: releasing an Idempotency-Key: ")
	_, err = middleware.OpenSQLReplies(t.Context(), db, "replies")
	assert.ErrorContains(t, err, "middleware: OpenSQLReplies: making the table replies: ")
}
