package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 14, 12, 30, 0, 0, time.UTC)

func open(t *testing.T, opts store.Options) *store.Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "gotham.db"), opts)
}

func openAt(t *testing.T, path string, opts store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, opts)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func report() store.NewCrime {
	return store.NewCrime{Kind: "arson", Severity: "high", District: 3, Place: "Tin Alley", Description: "Smoke over the roofs."}
}

func TestSeedIsRepeatableAndBelievable(t *testing.T) {
	opts := store.Options{Now: func() time.Time { return noon }}
	first, err := open(t, opts).List(t.Context(), store.Filter{Limit: store.MaxLimit})
	require.NoError(t, err)
	second, err := open(t, opts).List(t.Context(), store.Filter{Limit: store.MaxLimit})
	require.NoError(t, err)
	assert.Equal(t, first, second, "the same clock must tell the same story")

	require.Len(t, first, 120)
	districts, kinds := map[int]bool{}, map[string]bool{}
	for i, c := range first {
		districts[c.District], kinds[c.Kind] = true, true
		assert.False(t, c.CreatedAt.After(noon))
		assert.True(t, c.CreatedAt.After(noon.Add(-72*time.Hour)))
		if i > 0 {
			assert.False(t, c.CreatedAt.After(first[i-1].CreatedAt), "ids follow time")
		}
	}
	assert.Len(t, districts, store.Districts)
	assert.Len(t, kinds, len(store.Kinds()))
}

func TestSeededOnceOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gotham.db")
	s, err := store.Open(t.Context(), path, store.Options{})
	require.NoError(t, err)
	_, err = s.Report(t.Context(), report())
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closing twice is harmless")

	raw, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = raw.Exec("DELETE FROM crimes WHERE id <= 100")
	require.NoError(t, err)
	require.NoError(t, raw.Close())

	stats, err := openAt(t, path, store.Options{}).Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 21, stats.AllTime, "a file that lost its history does not get it back")
}

func TestOpenedByManyAtOnceIsSeededOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gotham.db")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			s, err := store.Open(t.Context(), path, store.Options{})
			if assert.NoError(t, err) {
				assert.NoError(t, s.Close())
			}
		})
	}
	group.Wait()
	stats, err := openAt(t, path, store.Options{}).Stats(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 120, stats.AllTime)
}

func TestOpenSaysWhyItCannot(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(file, []byte("This is not a database, it is a note to Alfred about the tea."), 0o600))
	locked := filepath.Join(dir, "locked.db")
	require.NoError(t, os.WriteFile(locked, nil, 0o400))

	future := filepath.Join(dir, "future.db")
	raw, err := sql.Open("sqlite", future)
	require.NoError(t, err)
	_, err = raw.Exec("PRAGMA user_version = 99")
	require.NoError(t, err)
	require.NoError(t, raw.Close())

	tests := map[string]struct{ path, want string }{
		"empty":             {" ", "the path is empty"},
		"missing folder":    {filepath.Join(dir, "nowhere", "gotham.db"), "nowhere does not exist"},
		"a folder":          {dir, "it is a folder, not a file"},
		"below a file":      {filepath.Join(file, "gotham.db"), "notes.txt"},
		"not a database":    {file, "not a database"},
		"read-only":         {locked, "the file is read-only"},
		"of a later schema": {future, "schema version 99"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(t.Context(), test.path, store.Options{})
			require.Error(t, err)
			assert.ErrorContains(t, err, "open database")
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestOpenTakesAnyFileName(t *testing.T) {
	for _, name := range []string{"crimes ?#%41&x=y.db", "哥谭市.db"} {
		path := filepath.Join(t.TempDir(), name)
		openAt(t, path, store.Options{})
		assert.FileExists(t, path)
	}
}

func TestOpenHonoursItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Open(ctx, filepath.Join(t.TempDir(), "gotham.db"), store.Options{})
	assert.ErrorIs(t, err, context.Canceled)
}
