package middleware

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/gob"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// SQLReplies is a [ReplyStore] in a table of a database, which several processes and
// machines share. Open one with [OpenSQLReplies].
type SQLReplies struct {
	db                                *sql.DB
	claim, look, keep, release, clear string
	claims                            atomic.Uint64
}

// OpenSQLReplies makes a store of a database: SQLite from 3.35 on, or PostgreSQL, by
// whatever driver; see [OpenSQLLimits] for what SQLite has to be told. The table, such as
// "replies", is created if it is missing, with the columns claim, fingerprint, token,
// until_at, status, header and body; the database stays the caller's to close. Who can
// read the table cannot use the keys, which are hashed, but can read the replies.
//
// A request with a new key costs two statements, one that is repeated two as well. Rows
// whose time is over are deleted with every thousandth key. A reply of more than a MiB is
// not kept: another try is a new request. Times are those of the machine that asks:
// clocks that differ make leases differ as much.
func OpenSQLReplies(ctx context.Context, db *sql.DB, table string) (*SQLReplies, error) {
	err := makeTable(ctx, "OpenSQLReplies", db, table,
		// A status of 0 is a request under way. BYTEA is PostgreSQL's name, and to SQLite a
		// column like another, which keeps bytes as they are.
		`CREATE TABLE IF NOT EXISTS `+table+` (claim VARCHAR(255) PRIMARY KEY, fingerprint VARCHAR(64) NOT NULL,
			token VARCHAR(64) NOT NULL, until_at BIGINT NOT NULL, status INTEGER NOT NULL, header BYTEA, body BYTEA)`,
		`CREATE INDEX IF NOT EXISTS `+table+`_until_at ON `+table+` (until_at)`,
	)
	if err != nil {
		return nil, err
	}
	return &SQLReplies{
		db: db,
		// One statement, so that of two for one key one wins.
		claim: `INSERT INTO ` + table + ` AS t (claim, fingerprint, token, until_at, status, header) VALUES ($1, $2, $3, $4, 0, NULL)
			ON CONFLICT (claim) DO UPDATE SET fingerprint = excluded.fingerprint, token = excluded.token,
				until_at = excluded.until_at, status = 0, header = NULL, body = NULL
			WHERE t.until_at <= $5 RETURNING token`,
		look:    `SELECT fingerprint, status, header, body FROM ` + table + ` WHERE claim = $1 AND until_at > $2`,
		keep:    `UPDATE ` + table + ` SET status = $1, header = $2, body = $3, until_at = $4 WHERE claim = $5 AND token = $6 AND status = 0`,
		release: `DELETE FROM ` + table + ` WHERE claim = $1 AND token = $2 AND status = 0`,
		clear:   `DELETE FROM ` + table + ` WHERE until_at <= $1`,
	}, nil
}

// Claim implements [ReplyStore].
func (s *SQLReplies) Claim(ctx context.Context, key, fingerprint string, lease time.Duration) (Claim, error) {
	if s.claims.Add(1)%sweepEvery == 0 {
		if _, err := s.db.ExecContext(ctx, s.clear, time.Now().UnixMicro()); err != nil {
			return Claim{}, fmt.Errorf("middleware: clearing replies: %w", err)
		}
	}
	for {
		now, token := time.Now(), rand.Text()
		var won string
		err := s.db.QueryRowContext(ctx, s.claim, key, fingerprint, token, now.Add(lease).UnixMicro(), now.UnixMicro()).Scan(&won)
		if err == nil {
			return Claim{Won: true, Token: token, Fingerprint: fingerprint}, nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return Claim{}, fmt.Errorf("middleware: claiming an Idempotency-Key: %w", err)
		}
		held, err := s.held(ctx, key, now)
		if !errors.Is(err, sql.ErrNoRows) { // none: it was released in between
			return held, err
		}
	}
}

// held says who has a key.
func (s *SQLReplies) held(ctx context.Context, key string, now time.Time) (Claim, error) {
	var claim Claim
	var reply StoredReply
	var header []byte
	err := s.db.QueryRowContext(ctx, s.look, key, now.UnixMicro()).Scan(&claim.Fingerprint, &reply.Status, &header, &reply.Body)
	if err != nil {
		return Claim{}, fmt.Errorf("middleware: reading a reply: %w", err)
	}
	if reply.Status != 0 {
		if err := gob.NewDecoder(bytes.NewReader(header)).Decode(&reply.Header); err != nil {
			return Claim{}, fmt.Errorf("middleware: reading a reply's header: %w", err)
		}
		claim.Reply = &reply
	}
	return claim, nil
}

// Keep implements [ReplyStore].
func (s *SQLReplies) Keep(ctx context.Context, key, token string, reply StoredReply, ttl time.Duration) error {
	const most = 1 << 20
	if len(reply.Body) > most {
		return s.Release(ctx, key, token)
	}
	var header bytes.Buffer
	err := gob.NewEncoder(&header).Encode(reply.Header) // to the byte: not all of it need be UTF-8
	if err == nil {
		_, err = s.db.ExecContext(ctx, s.keep, reply.Status, header.Bytes(), reply.Body, time.Now().Add(ttl).UnixMicro(), key, token)
	}
	if err != nil {
		return fmt.Errorf("middleware: keeping a reply: %w", err)
	}
	return nil
}

// Release implements [ReplyStore].
func (s *SQLReplies) Release(ctx context.Context, key, token string) error {
	if _, err := s.db.ExecContext(ctx, s.release, key, token); err != nil {
		return fmt.Errorf("middleware: releasing an Idempotency-Key: %w", err)
	}
	return nil
}
