package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Bulletins is how many bulletins there are; they are numbered from 0.
const Bulletins = 10

// Bulletin is one line of the police bulletin that the /events/database stream
// reads aloud. It is Chinese, as the bulletin of the original story is.
type Bulletin struct {
	Number   int
	Location string
	Severity string
}

// Bulletin reads one bulletin, or returns [ErrNotFound].
func (s *Store) Bulletin(ctx context.Context, number int) (Bulletin, error) {
	b := Bulletin{Number: number}
	err := s.read.QueryRowContext(ctx, "SELECT location, severity FROM bulletins WHERE number = ?", number).
		Scan(&b.Location, &b.Severity)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Bulletin{}, ErrNotFound
	case err != nil:
		return Bulletin{}, fmt.Errorf("read bulletin %d: %w", number, err)
	}
	return b, nil
}

func (s *Store) seedBulletins(ctx context.Context, tx *sql.Tx) error {
	return s.once(ctx, tx, "bulletins", func() error {
		for i := range Bulletins {
			severity := "低"
			if i%2 == 0 {
				severity = "高"
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO bulletins (number, location, severity) VALUES (?, ?, ?)",
				i, fmt.Sprintf("哥谭市第%d区", i), severity); err != nil {
				return err
			}
		}
		return nil
	})
}
