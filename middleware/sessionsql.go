package middleware

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// SQLSessions is a [SessionStore] in a table of a database, which several processes and
// machines share. Open one with [OpenSQLSessions].
type SQLSessions struct {
	db                                    *sql.DB
	load, create, update, remove, cleanup string
	writes                                atomic.Uint64
}

// OpenSQLSessions makes a store of a database: SQLite, or PostgreSQL, by whatever driver.
// The table, such as "sessions", is created if it is missing, with the columns id, data and
// ends_at; the database stays the caller's to close. An id is a hash: who can read the
// table cannot use the sessions, but can read what they hold.
//
// A request with a session costs one statement, and one more if it changes it. Rows whose
// time is over are deleted with every thousandth write. Times are those of the machine that
// asks, in seconds.
func OpenSQLSessions(ctx context.Context, db *sql.DB, table string) (*SQLSessions, error) {
	err := makeTable(ctx, "OpenSQLSessions", db, table,
		`CREATE TABLE IF NOT EXISTS `+table+` (id VARCHAR(64) PRIMARY KEY, data TEXT NOT NULL, ends_at BIGINT NOT NULL)`,
		`CREATE INDEX IF NOT EXISTS `+table+`_ends_at ON `+table+` (ends_at)`,
	)
	if err != nil {
		return nil, err
	}
	return &SQLSessions{
		db:      db,
		load:    `SELECT data FROM ` + table + ` WHERE id = $1 AND ends_at > $2`,
		create:  `INSERT INTO ` + table + ` (id, data, ends_at) VALUES ($1, $2, $3)`,
		update:  `UPDATE ` + table + ` SET data = $2, ends_at = $3 WHERE id = $1`,
		remove:  `DELETE FROM ` + table + ` WHERE id = $1`,
		cleanup: `DELETE FROM ` + table + ` WHERE ends_at <= $1`,
	}, nil
}

// Load implements [SessionStore].
func (s *SQLSessions) Load(ctx context.Context, key string) ([]byte, error) {
	var data string
	err := s.db.QueryRowContext(ctx, s.load, key, time.Now().Unix()).Scan(&data)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("middleware: reading a session: %w", err)
	}
	return []byte(data), nil
}

// Create implements [SessionStore].
func (s *SQLSessions) Create(ctx context.Context, key string, data []byte, ends time.Time) error {
	if s.writes.Add(1)%sweepEvery == 0 {
		if _, err := s.db.ExecContext(ctx, s.cleanup, time.Now().Unix()); err != nil {
			return fmt.Errorf("middleware: clearing sessions: %w", err)
		}
	}
	if _, err := s.db.ExecContext(ctx, s.create, key, string(data), ends.Unix()); err != nil {
		return fmt.Errorf("middleware: creating a session: %w", err)
	}
	return nil
}

// Update implements [SessionStore].
func (s *SQLSessions) Update(ctx context.Context, key string, data []byte, ends time.Time) (found bool, err error) {
	if found, err = s.change(ctx, s.update, key, string(data), ends.Unix()); err != nil {
		return false, fmt.Errorf("middleware: writing a session: %w", err)
	}
	return found, nil
}

// Delete implements [SessionStore].
func (s *SQLSessions) Delete(ctx context.Context, key string) (found bool, err error) {
	if found, err = s.change(ctx, s.remove, key); err != nil {
		return false, fmt.Errorf("middleware: deleting a session: %w", err)
	}
	return found, nil
}

// change does a statement, and says whether it has found its row.
func (s *SQLSessions) change(ctx context.Context, statement string, args ...any) (found bool, err error) {
	result, err := s.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows > 0, err
}
