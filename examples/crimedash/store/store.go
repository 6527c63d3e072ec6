// Package store keeps Gotham's crimes in one SQLite file.
//
// The database creates its own schema and, the first time, fills itself with a
// few days of believable history, so that a fresh clone has something to show.
// Kinds, severities and statuses are stored as short codes and districts as
// numbers: what they are called is a matter for the page, which knows the
// reader's language.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite" // the pure Go driver, so that nobody needs a C compiler
	sqlite3 "modernc.org/sqlite/lib"
)

// readers bounds the connections used for queries. SQLite answers from memory
// mapped pages in microseconds; more connections than this only cost memory.
const readers = 4

// Options tunes [Open]. The zero value is what a program wants.
type Options struct {
	// Now is the clock for new crimes and for statistics; time.Now if nil.
	Now func() time.Time
	// Empty leaves a new database without the seeded history.
	Empty bool
	// Log says who else hears of crimes; by default nobody.
	Log Log
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	// Two pools on one file: SQLite allows one writer at a time, so a pool of
	// one connection turns contention into a queue that honours contexts,
	// and readers, which write-ahead logging never blocks, have their own.
	write *sql.DB
	read  *sql.DB
	now   func() time.Time
	log   Log
}

// Open opens the database at path, creating and seeding it if need be. The
// error says which file could not be used and why. The context covers the
// opening only.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	abs, err := checkPath(path)
	if err != nil {
		return nil, fmt.Errorf("open database %q: %w", path, err)
	}
	s := &Store{now: opts.Now, log: opts.Log}
	createPrivate(abs)
	if s.write, err = openPool(abs, "immediate", 1); err == nil {
		err = patiently(ctx, func() error { return s.prepare(ctx, !opts.Empty) })
	}
	if err == nil {
		s.read, err = openPool(abs, "deferred", readers, "query_only(1)")
	}
	if err == nil {
		err = patiently(ctx, func() error { return s.read.PingContext(ctx) })
	}
	if err != nil {
		closed := s.Close() // first: a look at the file would drop the locks SQLite has on it
		return nil, errors.Join(fmt.Errorf("open database %q: %w", path, explainAccess(abs, err)), closed)
	}
	return s, nil
}

// inTx does something to the file in one transaction, alone: other processes may have
// the same file open.
func (s *Store) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	return patiently(ctx, func() error {
		tx, err := s.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // after a commit this does nothing
		if err := do(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// patience is how long an opening, or a change, waits for other programs that have the
// same file open.
const patience = 10 * time.Second

// patiently tries again while the file is busy. SQLite waits by itself for locks,
// but not where two connections switch a new file to write-ahead logging, or the
// last one of another program switches it back: then it gives up at once. And where
// several wait for a lock it has no queue, so that one may be passed over for long.
func patiently(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := do()
		busy, ok := errors.AsType[*sqlite.Error](err)
		if !ok || busy.Code()&0xff != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.read.QueryRowContext(ctx, "SELECT 1 FROM desk").Scan(&one)
}

// Close closes the database. Queries still running fail. Closing twice is
// harmless.
func (s *Store) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{s.read, s.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// DB is the database, for what else wants a table in the same file. Changes are made one
// at a time. It is the store's to close.
func (s *Store) DB() *sql.DB { return s.write }

// checkPath finds the mistakes a person makes with a path, because SQLite
// reports all of them as "unable to open database file".
func checkPath(path string) (string, error) {
	if strings.TrimSpace(path) == "" {
		return "", errors.New("the path is empty")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir, err := os.Stat(filepath.Dir(abs))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("the folder %s does not exist", filepath.Dir(abs))
	case err != nil:
		return "", err
	case !dir.IsDir():
		return "", fmt.Errorf("%s is not a folder", filepath.Dir(abs))
	}
	file, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return abs, nil
	case err != nil:
		return "", err
	case file.IsDir():
		return "", errors.New("it is a folder, not a file")
	case file.Mode().Perm()&0o200 == 0:
		return "", errors.New("the file is read-only")
	}
	return abs, nil
}

// createPrivate makes the file, unless it exists, one that nobody else can read: secrets
// and the hashes of passwords are in it. SQLite would let everybody, and gives its other
// files the permissions of this one. What goes wrong here goes wrong there, too, and is
// explained then.
func createPrivate(abs string) {
	if file, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		file.Close() // nothing was written
	}
}

// openPool describes a pool of at most size connections to the file; nothing
// is opened until the first use.
func openPool(abs, txlock string, size int, pragmas ...string) (*sql.DB, error) {
	query := url.Values{"_txlock": {txlock}}
	query["_pragma"] = append([]string{
		"busy_timeout(5000)", // before the others: they may have to wait for a lock, too
		"journal_mode(WAL)",
		"synchronous(NORMAL)", // with WAL a power cut may lose the last crimes, never the file
		"foreign_keys(1)",
	}, pragmas...)
	slashed := filepath.ToSlash(abs)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive letter
	}
	name := (&url.URL{Scheme: "file", Path: slashed, RawQuery: query.Encode(), OmitHost: true}).String()
	pool, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size) // opening one costs four pragmas and a schema parse
	return pool, nil
}
