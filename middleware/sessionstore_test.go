package middleware_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/middleware"
)

func ExampleOpenSQLSessions() {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	store, err := middleware.OpenSQLSessions(context.Background(), db, "sessions")
	if err != nil {
		panic(err)
	}
	b := newBrowser(visits(middleware.SessionOptions{Store: store}))
	fmt.Println(b.get("/"), b.get("/"), b.get("/"))
	// Output: 1 2 3
}

func sessionsIn(t testing.TB, file string) (*middleware.SQLSessions, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	store, err := middleware.OpenSQLSessions(t.Context(), db, "sessions")
	require.NoError(t, err)
	return store, db
}

func TestSessionStores(t *testing.T) {
	sqlStore, _ := sessionsIn(t, filepath.Join(t.TempDir(), "sessions.db"))
	for name, store := range map[string]middleware.SessionStore{"memory": middleware.NewMemorySessions(0, 0), "SQL": sqlStore} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			load := func(key string) string {
				data, err := store.Load(ctx, key)
				require.NoError(t, err)
				return string(data)
			}
			later := time.Now().Add(time.Hour)
			key := strings.Repeat("a", 64)
			assert.Empty(t, load(key))
			found, err := store.Update(ctx, key, []byte("{}"), later)
			require.NoError(t, err)
			assert.False(t, found)
			assert.Empty(t, load(key), "changing what is not there makes nothing")
			require.NoError(t, store.Create(ctx, key, []byte(`{"v":"\u0000 é"}`), later))
			assert.Equal(t, `{"v":"\u0000 é"}`, load(key))
			found, err = store.Update(ctx, key, []byte(`{"v":2}`), later)
			require.NoError(t, err)
			assert.True(t, found)
			assert.Equal(t, `{"v":2}`, load(key))
			found, err = store.Delete(ctx, key)
			require.NoError(t, err)
			assert.True(t, found)
			found, err = store.Delete(ctx, key)
			require.NoError(t, err)
			assert.False(t, found)
			assert.Empty(t, load(key))
			require.NoError(t, store.Create(ctx, "old", []byte("{}"), time.Now().Add(-time.Second)))
			assert.Empty(t, load("old"), "its time is over")
		})
	}
}

func TestMemorySessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		m := middleware.NewMemorySessions(3, 1000)
		later := time.Now().Add(time.Hour)
		names := func() (there string) {
			for _, key := range []string{"a", "b", "c", "d", "e"} {
				if data, err := m.Load(ctx, key); err == nil && data != nil {
					there += key
				}
			}
			return there
		}
		for _, key := range []string{"a", "b", "c"} {
			require.NoError(t, m.Create(ctx, key, []byte("12345"), later))
		}
		_, _ = m.Load(ctx, "a") // b is the one that was not used for longest
		require.NoError(t, m.Create(ctx, "d", []byte("12345"), later))
		assert.Equal(t, "acd", names())
		require.NoError(t, m.Create(ctx, "c", []byte("1"), later))
		assert.Equal(t, "acd", names(), "the same once more")
		assert.ErrorIs(t, m.Create(ctx, "e", make([]byte, 11), later), middleware.ErrSessionTooLarge)
		found, err := m.Update(ctx, "a", make([]byte, 11), later)
		assert.True(t, found)
		assert.ErrorIs(t, err, middleware.ErrSessionTooLarge)

		small := middleware.NewMemorySessions(1000, 1000)
		for i := range 200 {
			require.NoError(t, small.Create(ctx, fmt.Sprint(i), make([]byte, 10), later))
		}
		assert.Equal(t, 100, small.Len(), "as many as there are bytes for")

		// Those whose time is over go when others come.
		m = middleware.NewMemorySessions(0, 0)
		for i := range 100 {
			require.NoError(t, m.Create(ctx, fmt.Sprint("old", i), []byte("{}"), time.Now().Add(time.Minute)))
		}
		time.Sleep(time.Minute)
		for i := range 50 {
			require.NoError(t, m.Create(ctx, fmt.Sprint("new", i), []byte("{}"), time.Now().Add(time.Minute)))
		}
		assert.Equal(t, 50, m.Len())
	})
}

func TestSQLSessionsAreShared(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	one, db := sessionsIn(t, file)
	two, _ := sessionsIn(t, file)
	b := newBrowser(visits(middleware.SessionOptions{Store: one}))
	assert.Equal(t, "1", b.get("/"))
	b.app = visits(middleware.SessionOptions{Store: two})
	assert.Equal(t, "2", b.get("/"))
	value := b.cookies["session"].Value
	var id, data string
	require.NoError(t, db.QueryRow(`SELECT id, data FROM sessions`).Scan(&id, &data))
	assert.Len(t, id, 64)
	assert.NotContains(t, id+data, value, "who reads the table cannot use the session")
	b.get("/clear")
	b.app = visits(middleware.SessionOptions{Store: one})
	assert.Equal(t, "[]", send(b.app, "GET", "/look", "", "Cookie: session="+value).Body.String())
}

func TestSQLSessionsAreCleared(t *testing.T) {
	store, db := sessionsIn(t, filepath.Join(t.TempDir(), "sessions.db"))
	_, err := db.Exec(`INSERT INTO sessions (id, data, ends_at) VALUES ('old', '{}', 1)`)
	require.NoError(t, err)
	tx := time.Now().Add(time.Hour)
	for i := range 1000 {
		require.NoError(t, store.Create(t.Context(), fmt.Sprint(i), []byte("{}"), tx))
	}
	var rows int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM sessions`).Scan(&rows))
	assert.Equal(t, 1000, rows)
}

func TestSQLSessionsFail(t *testing.T) {
	_, err := middleware.OpenSQLSessions(t.Context(), nil, "sessions")
	assert.EqualError(t, err, "middleware: OpenSQLSessions: the database is nil")
	store, db := sessionsIn(t, filepath.Join(t.TempDir(), "sessions.db"))
	_, err = middleware.OpenSQLSessions(t.Context(), db, `x"; DROP TABLE y`)
	assert.ErrorContains(t, err, "is not the name of a table")
	require.NoError(t, store.Create(t.Context(), "a", nil, time.Now()))
	assert.ErrorContains(t, store.Create(t.Context(), "a", nil, time.Now()), "middleware: creating a session")
	require.NoError(t, db.Close())
	_, err = middleware.OpenSQLSessions(t.Context(), db, "sessions")
	assert.ErrorContains(t, err, "making the table sessions")
	_, err = store.Load(t.Context(), "a")
	assert.ErrorContains(t, err, "middleware: reading a session")
	_, err = store.Update(t.Context(), "a", nil, time.Now())
	assert.ErrorContains(t, err, "middleware: writing a session")
	_, err = store.Delete(t.Context(), "a")
	assert.ErrorContains(t, err, "middleware: deleting a session")
}
