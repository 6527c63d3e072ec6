package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"
)

const columns = "id, kind, severity, district, place, description, reporter, status, created_at, photo, badge"

// sincePage is how many crimes [Store.Since] reads at a time.
const sincePage = 64

// Report puts a crime on file. A report that breaks the rules is answered with
// a *[ValidationError] that lists all violations, and nothing is stored.
func (s *Store) Report(ctx context.Context, report NewCrime) (Crime, error) {
	report, err := report.Check()
	if err != nil {
		return Crime{}, err
	}
	crime := Crime{
		Kind: report.Kind, Severity: report.Severity, District: report.District,
		Place: report.Place, Description: report.Description, Reporter: report.Reporter,
		Status: StatusOpen, CreatedAt: s.now().UTC().Truncate(time.Microsecond),
		Badge: report.Badge,
	}
	err = s.inTx(ctx, func(tx *sql.Tx) (err error) {
		outbox := s.log != NoLog
		if crime.ID, err = s.nextID(ctx, tx); err != nil {
			return err
		}
		if crime.Photo, err = keepPhoto(ctx, tx, report.Photo); err != nil {
			return err
		}
		if IsShared(crime.ID) {
			outbox = true // others shall hear of it, if only the next time this node meets them
		}
		crime.ID, err = insert(ctx, tx, crime, outbox)
		return err
	})
	if err != nil {
		return Crime{}, fmt.Errorf("report a crime: %w", err)
	}
	return crime, nil
}

// Get returns one crime, or [ErrNotFound].
func (s *Store) Get(ctx context.Context, id int64) (Crime, error) {
	crime, err := scan(s.read.QueryRowContext(ctx, "SELECT "+columns+" FROM crimes WHERE id = ?", id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Crime{}, ErrNotFound
	case err != nil:
		return Crime{}, fmt.Errorf("get crime %d: %w", id, err)
	}
	return crime, nil
}

// List returns the newest crimes that match the filter, newest first; never
// nil. A filter that cannot match anything by mistake is a *[ValidationError].
func (s *Store) List(ctx context.Context, f Filter) ([]Crime, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	where, args := f.where()
	crimes, err := s.query(ctx, "WHERE "+where+" ORDER BY id DESC LIMIT ?", append(args, f.limit())...)
	if err != nil {
		return nil, fmt.Errorf("list crimes: %w", err)
	}
	return crimes, nil
}

// Since yields the crimes with an id greater than the given one, oldest first,
// until it has yielded all there are. It reads page by page: however slowly
// the caller takes them, no connection and no snapshot of the file is held.
// After an error, the context's included, it yields nothing more.
func (s *Store) Since(ctx context.Context, id int64) iter.Seq2[Crime, error] {
	return func(yield func(Crime, error) bool) {
		for {
			page, err := s.query(ctx, "WHERE id > ? ORDER BY id LIMIT ?", id, sincePage)
			if err != nil {
				yield(Crime{}, fmt.Errorf("read crimes after %d: %w", id, err))
				return
			}
			for _, crime := range page {
				if !yield(crime, nil) {
					return
				}
				id = crime.ID
			}
			if len(page) < sincePage {
				return
			}
		}
	}
}

// Matching yields all crimes that match the filter, newest first, page by page as
// [Store.Since] does, so that there may be any number of them. The filter's Limit does
// not count.
func (s *Store) Matching(ctx context.Context, f Filter) iter.Seq2[Crime, error] {
	return func(yield func(Crime, error) bool) {
		f.Limit = MaxLimit
		for {
			page, err := s.List(ctx, f)
			if err != nil {
				yield(Crime{}, err)
				return
			}
			for _, crime := range page {
				if !yield(crime, nil) {
					return
				}
				f.Before = crime.ID
			}
			if len(page) < f.Limit {
				return
			}
		}
	}
}

func (s *Store) query(ctx context.Context, rest string, args ...any) ([]Crime, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT "+columns+" FROM crimes "+rest, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	crimes := []Crime{}
	for rows.Next() {
		crime, err := scan(rows)
		if err != nil {
			return nil, err
		}
		crimes = append(crimes, crime)
	}
	return crimes, rows.Err()
}

func scan(row interface{ Scan(...any) error }) (Crime, error) {
	var c Crime
	var at int64
	err := row.Scan(&c.ID, &c.Kind, &c.Severity, &c.District, &c.Place, &c.Description, &c.Reporter, &c.Status, &at, &c.Photo, &c.Badge)
	c.CreatedAt = time.UnixMicro(at).UTC()
	return c, err
}

// insert writes a crime down, under the next number in a row if it has no id.
func insert(ctx context.Context, tx *sql.Tx, c Crime, outbox bool) (int64, error) {
	result, err := tx.ExecContext(ctx, `
		INSERT INTO crimes (id, kind, severity, district, place, description, reporter, status, created_at, outbox, photo, badge)
		VALUES (NULLIF(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.ID, c.Kind, c.Severity, c.District, c.Place, c.Description, c.Reporter, c.Status, c.CreatedAt.UnixMicro(), outbox, c.Photo, c.Badge)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}
