package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Change is what somebody with a badge does to a crime on file: it gets another status,
// or is removed.
type Change struct {
	ID int64 `json:"id"`
	// CreatedAt is the crime's. Nodes may have different crimes under one number, those
	// from before they met, and the wrong one must not be hit.
	CreatedAt time.Time `json:"created_at"`
	Status    string    `json:"status,omitempty"`
	Removed   bool      `json:"removed,omitempty"`
	By        string    `json:"by"` // the user
}

// ErrUnannounced is returned for a change to a crime that others have yet to hear of:
// they would hear of the change first.
var ErrUnannounced = errors.New("the report has yet to reach the other nodes")

// Plan returns the change that gives a crime a status, or removes it if the status is
// "", without doing it. A status that is none is a *[ValidationError].
func (s *Store) Plan(ctx context.Context, id int64, status, by string) (Change, error) {
	if status != "" && !slices.Contains(Statuses(), status) {
		return Change{}, &ValidationError{Subject: "change", Fields: []FieldError{
			{Field: "status", Code: CodeUnknown, Detail: "must be one of " + strings.Join(Statuses(), ", ")},
		}}
	}
	crime, err := s.Get(ctx, id)
	if err != nil {
		return Change{}, err
	}
	if s.log != NoLog {
		var waiting bool
		if err := s.read.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM crimes WHERE id = ? AND outbox = 1)", id).Scan(&waiting); err != nil {
			return Change{}, fmt.Errorf("look whether crime %d is announced: %w", id, err)
		}
		if waiting {
			return Change{}, ErrUnannounced
		}
	}
	return Change{ID: id, CreatedAt: crime.CreatedAt, Status: status, Removed: status == "", By: by}, nil
}

// Apply does a change; to a crime that is not on file, nothing. With the position of the
// change in the log, everything up to which is then done, a change that was done already
// is not done again. Without a log the position is "".
func (s *Store) Apply(ctx context.Context, position string, c Change) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if position != "" {
			var done string
			if err := tx.QueryRowContext(ctx, "SELECT cursor FROM desk").Scan(&done); err != nil || covers(done, position) {
				return err
			}
			if _, err := tx.ExecContext(ctx, "UPDATE desk SET cursor = ?", position); err != nil {
				return err
			}
		}
		which := []any{c.ID, c.CreatedAt.UnixMicro()}
		if !c.Removed {
			_, err := tx.ExecContext(ctx, "UPDATE crimes SET status = ? WHERE id = ? AND created_at = ?", append([]any{c.Status}, which...)...)
			return err
		}
		var photo string
		err := tx.QueryRowContext(ctx, "DELETE FROM crimes WHERE id = ? AND created_at = ? RETURNING photo", which...).Scan(&photo)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return dropPhoto(ctx, tx, photo)
	})
	if err != nil {
		return fmt.Errorf("change crime %d: %w", c.ID, err)
	}
	return nil
}
