package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Log says whether what is reported is announced in a log, from which it comes back to
// be filed: see [Store.File].
type Log int

const (
	NoLog   Log = iota // nobody else writes crimes down
	Private            // the processes that have this file open share a log
	Shared             // nodes with files of their own do
)

// Position returns up to where in the log everything is on file, or "" if nothing
// of it ever was.
func (s *Store) Position(ctx context.Context) (string, error) {
	var cursor string
	if err := s.read.QueryRowContext(ctx, "SELECT cursor FROM desk").Scan(&cursor); err != nil {
		return "", fmt.Errorf("read the position in the log: %w", err)
	}
	return cursor, nil
}

// File puts crimes on file that stand in the log at the position, unless they are there
// already, and remembers, in the same transaction, that everything up to there is: a
// program that is cut short goes on behind what it has really filed. Filing twice, by
// whatever process, does nothing. It returns how many are new here.
//
// A crime from elsewhere with an id that only this node gives means that two have drawn
// the same number; this node then draws another.
func (s *Store) File(ctx context.Context, position string, crimes ...Crime) (fresh int, err error) {
	if done, err := s.Position(ctx); err != nil || covers(done, position) {
		return 0, err // another process was faster
	}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		fresh = 0
		var number int64
		var done string
		if err := tx.QueryRowContext(ctx, "SELECT number, cursor FROM desk").Scan(&number, &done); err != nil || covers(done, position) {
			return err
		}
		for _, crime := range crimes {
			known, err := fileOne(ctx, tx, crime)
			if err != nil {
				return fmt.Errorf("crime %d: %w", crime.ID, err)
			}
			if known {
				continue
			}
			fresh++
			if IsShared(crime.ID) && numberOf(crime.ID) == number {
				number = 0
			}
		}
		_, err := tx.ExecContext(ctx, "UPDATE desk SET cursor = ?, number = ?", position, number)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("file what stands at %s: %w", position, err)
	}
	return fresh, nil
}

// fileOne says whether the crime was on file already; then nobody has to be told of it
// any more.
func fileOne(ctx context.Context, tx *sql.Tx, crime Crime) (known bool, err error) {
	result, err := tx.ExecContext(ctx, "UPDATE crimes SET outbox = 0 WHERE id = ?", crime.ID)
	if err != nil {
		return false, err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return true, err
	}
	_, err = insert(ctx, tx, crime, false)
	return false, err
}

// Advance remembers a position without a crime. It never goes back in the same log.
func (s *Store) Advance(ctx context.Context, position string) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		var done string
		if err := tx.QueryRowContext(ctx, "SELECT cursor FROM desk").Scan(&done); err != nil || covers(done, position) {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE desk SET cursor = ?", position)
		return err
	})
	if err != nil {
		return fmt.Errorf("remember the position %q: %w", position, err)
	}
	return nil
}

// Unannounced returns crimes that were reported here, at least age ago, and have not
// come back from the log; oldest first, and not all at once. Those that were numbered
// in a row are left out when the log is that of several nodes.
func (s *Store) Unannounced(ctx context.Context, age time.Duration) ([]Crime, error) {
	from := int64(0)
	if s.log == Shared {
		from = firstShared
	}
	crimes, err := s.query(ctx, "WHERE outbox = 1 AND id >= ? AND created_at <= ? ORDER BY id LIMIT ?",
		from, s.now().Add(-age).UnixMicro(), sincePage)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return crimes, nil
}

// Announced takes a crime out of the outbox that the log holds at the position. It does
// nothing if that is still to be filed.
func (s *Store) Announced(ctx context.Context, id int64, position string) error {
	done, err := s.Position(ctx)
	if err != nil || !covers(done, position) {
		return err
	}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE crimes SET outbox = 0 WHERE id = ?", id)
		return err
	})
	if err != nil {
		return fmt.Errorf("take crime %d out of the outbox: %w", id, err)
	}
	return nil
}

// Unwritten says whether the file has no crimes at all.
func (s *Store) Unwritten(ctx context.Context) (bool, error) {
	var id int64
	err := s.read.QueryRowContext(ctx, "SELECT id FROM crimes LIMIT 1").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for crimes: %w", err)
	}
	return false, nil
}

// covers says whether a position is at or behind what is done. Positions are written as
// <log>.<number>; those of different logs cannot be compared.
func covers(done, position string) bool {
	log, number := split(done)
	other, wanted := split(position)
	return log != "" && log == other && cmp.Compare(number, wanted) >= 0
}

func split(position string) (log string, number uint64) {
	dot := strings.LastIndexByte(position, '.')
	number, err := strconv.ParseUint(position[dot+1:], 10, 64)
	if dot < 0 || err != nil {
		return "", 0
	}
	return position[:dot], number
}
