package middleware

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
)

var tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,49}$`)

// makeTable makes the table of a store, and its index, if they are missing. The name is a
// part of the statements, and is checked before they run.
func makeTable(ctx context.Context, opening string, db *sql.DB, table string, statements ...string) error {
	if db == nil {
		return errors.New("middleware: " + opening + ": the database is nil")
	}
	if !tableName.MatchString(table) {
		return fmt.Errorf("middleware: %s: %q is not the name of a table: want letters, digits and underscores", opening, table)
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("middleware: %s: making the table %s: %w", opening, table, err)
		}
	}
	return nil
}
