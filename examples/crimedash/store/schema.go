package store

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations bring the file from one version to the next. A step, once
// released, is never edited: files that have taken it exist.
var migrations = [...]string{
	`
	CREATE TABLE crimes (
		id          INTEGER PRIMARY KEY AUTOINCREMENT,
		kind        TEXT    NOT NULL,
		severity    TEXT    NOT NULL,
		district    INTEGER NOT NULL,
		place       TEXT    NOT NULL,
		description TEXT    NOT NULL,
		reporter    TEXT    NOT NULL,
		status      TEXT    NOT NULL,
		created_at  INTEGER NOT NULL -- microseconds since 1970, UTC
	) STRICT;
	CREATE INDEX crimes_by_time ON crimes (created_at, severity, district, kind);

	CREATE TABLE bulletins (
		number   INTEGER PRIMARY KEY,
		location TEXT NOT NULL,
		severity TEXT NOT NULL
	) STRICT;

	CREATE TABLE milestones (
		name       TEXT PRIMARY KEY,
		reached_at INTEGER NOT NULL
	) STRICT;
	`,
	`
	-- 1: nobody has been told of it yet, as far as this file knows.
	ALTER TABLE crimes ADD COLUMN outbox INTEGER NOT NULL DEFAULT 0;
	CREATE INDEX crimes_outbox ON crimes (id) WHERE outbox = 1;

	-- What this node knows of itself; see ids.go and log.go.
	CREATE TABLE desk (
		one     INTEGER PRIMARY KEY CHECK (one = 1),
		number  INTEGER NOT NULL DEFAULT 0,
		last_id INTEGER NOT NULL DEFAULT 0,
		cursor  TEXT    NOT NULL DEFAULT ''
	) STRICT;
	INSERT INTO desk (one) VALUES (1);
	`,
	`
	ALTER TABLE crimes ADD COLUMN photo TEXT NOT NULL DEFAULT ''; -- its name, see photos.go
	ALTER TABLE crimes ADD COLUMN badge TEXT NOT NULL DEFAULT ''; -- the user who reported it, if one had logged in
	CREATE INDEX crimes_by_photo ON crimes (photo) WHERE photo <> '';

	CREATE TABLE users (
		name TEXT PRIMARY KEY,
		full TEXT NOT NULL, -- for people
		role TEXT NOT NULL,
		hash TEXT NOT NULL  -- bcrypt
	) STRICT;

	CREATE TABLE secrets (
		name  TEXT PRIMARY KEY,
		value BLOB NOT NULL
	) STRICT;
	`,
	`
	CREATE TABLE photos (
		name    TEXT PRIMARY KEY, -- see photos.go
		content BLOB NOT NULL
	) STRICT;
	`,
}

// prepare migrates the file and seeds it. Everything happens in one immediate
// transaction: of two programs starting on a new file one does the work and
// the other finds it done, and a crash in between leaves an empty file.
func (s *Store) prepare(ctx context.Context, seed bool) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit this does nothing
	if err := migrate(ctx, tx); err != nil {
		return err
	}
	if err := s.seedBulletins(ctx, tx); err != nil {
		return fmt.Errorf("write the bulletins: %w", err)
	}
	if err := s.seedUsers(ctx, tx); err != nil {
		return fmt.Errorf("write the users: %w", err)
	}
	if seed {
		if err := s.seedCrimes(ctx, tx); err != nil {
			return fmt.Errorf("write the first crimes: %w", err)
		}
	}
	return tx.Commit()
}

func migrate(ctx context.Context, tx *sql.Tx) error {
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("the file has schema version %d, this program knows up to %d: use a newer program", version, len(migrations))
	}
	for ; version < len(migrations); version++ {
		if _, err := tx.ExecContext(ctx, migrations[version]); err != nil {
			return fmt.Errorf("migrate to schema version %d: %w", version+1, err)
		}
	}
	// A pragma takes no placeholders; the value is our own number.
	_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
	return err
}

// once runs do the first time it is asked for name, over the file's lifetime.
func (s *Store) once(ctx context.Context, tx *sql.Tx, name string, do func() error) error {
	result, err := tx.ExecContext(ctx,
		"INSERT INTO milestones (name, reached_at) VALUES (?, ?) ON CONFLICT DO NOTHING", name, s.now().UnixMicro())
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return do()
}
