package middleware

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// SQLLimits is a [LimitStore] in a table of a database, which several processes and
// machines share. Open one with [OpenSQLLimits].
type SQLLimits struct {
	db                 *sql.DB
	take, look, forget string
	takes              atomic.Uint64
}

// sweepEvery is how many takes there are between two that clear the table.
const sweepEvery = 1000

// OpenSQLLimits makes a store of a database: SQLite from 3.35 on, or PostgreSQL, by
// whatever driver. The table, such as "rate_limits", is created if it is missing, with
// the columns bucket and full_at; the database stays the caller's to close.
//
// SQLite has to be told to wait its turn, or a request that comes at the same moment as
// another counts as one that the store has failed for: with modernc.org/sqlite, by the
// parameters _pragma=busy_timeout(1000)&_pragma=journal_mode(WAL) of the file's name.
//
// A request costs one statement, which locks one row, and one more when it is refused.
// Rows of buckets that are full again are deleted every thousandth time. Times are
// those of the machine that asks, in microseconds: machines whose clocks differ differ
// by as much in when they give a token.
func OpenSQLLimits(ctx context.Context, db *sql.DB, table string) (*SQLLimits, error) {
	err := makeTable(ctx, "OpenSQLLimits", db, table,
		`CREATE TABLE IF NOT EXISTS `+table+` (bucket VARCHAR(255) PRIMARY KEY, full_at BIGINT NOT NULL)`,
		`CREATE INDEX IF NOT EXISTS `+table+`_full_at ON `+table+` (full_at)`,
	)
	if err != nil {
		return nil, err
	}
	// What Bucket.Take does, as one statement, so that two of them for one row follow
	// each other: a bucket that is full counts from now on, none is emptier than empty,
	// and when there is no token, no row is changed. Both databases know numbered
	// parameters of this form, PostgreSQL wants to be told their types, and of GREATEST
	// and the MAX of two values neither knows both.
	replace := strings.NewReplacer(
		"{table}", table,
		"{from}", `CASE WHEN t.full_at < {now} THEN {now} WHEN t.full_at > {now} + {whole} THEN {now} + {whole} ELSE t.full_at END`,
	)
	types := strings.NewReplacer(
		"{now}", "CAST($2 AS BIGINT)", "{refill}", "CAST($3 AS BIGINT)", "{whole}", "CAST($4 AS BIGINT)",
	)
	return &SQLLimits{
		db: db,
		take: types.Replace(replace.Replace(`INSERT INTO {table} AS t (bucket, full_at) VALUES ($1, {now} + {refill})
			ON CONFLICT (bucket) DO UPDATE SET full_at = {from} + {refill}
			WHERE {from} + {refill} <= {now} + {whole} RETURNING full_at`)),
		look:   `SELECT full_at FROM ` + table + ` WHERE bucket = $1`,
		forget: `DELETE FROM ` + table + ` WHERE full_at < $1`,
	}, nil
}

// Take implements [LimitStore].
func (s *SQLLimits) Take(ctx context.Context, key string, b Bucket) (Taken, error) {
	now := time.Now()
	if b.Size < 1 || b.Refill <= 0 { // no row would tell of it
		_, taken := b.Take(time.Time{}, now)
		return taken, nil
	}
	const longest = 200
	key = fitForText(boundedKey(key, longest))
	if s.takes.Add(1)%sweepEvery == 0 {
		if _, err := s.db.ExecContext(ctx, s.forget, now.UnixMicro()); err != nil {
			return Taken{}, fmt.Errorf("middleware: clearing rate limits: %w", err)
		}
	}
	// A refill is at least a microsecond here, which is what a row can tell.
	refill := max(b.Refill.Microseconds(), 1)
	size := int64(b.Size) * refill
	var full int64
	err := s.db.QueryRowContext(ctx, s.take, key, now.UnixMicro(), refill, size).Scan(&full)
	switch {
	case err == nil:
		missing := full - now.UnixMicro()
		return Taken{OK: true, Remaining: int((size - missing) / refill), Full: micros(missing)}, nil
	case !errors.Is(err, sql.ErrNoRows):
		return Taken{}, fmt.Errorf("middleware: taking from a rate limit: %w", err)
	}
	err = s.db.QueryRowContext(ctx, s.look, key).Scan(&full)
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // none: it became full in between
		return Taken{}, fmt.Errorf("middleware: looking at a rate limit: %w", err)
	}
	missing := min(max(full-now.UnixMicro(), 0), size)
	return Taken{Full: micros(missing), Wait: micros(max(missing+refill-size, 1))}, nil
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// fitForText replaces what a text column may refuse, and PostgreSQL does: NUL and
// bytes that are not UTF-8. The key is the client's as likely as not.
func fitForText(key string) string {
	for _, r := range key {
		if r == 0 || r == utf8.RuneError {
			sum := sha256.Sum256([]byte(key))
			return hex.EncodeToString(sum[:])
		}
	}
	return key
}
