package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A crime that is shared with other nodes has an id that no other node gives, made
// without asking any of them, so that reports can be filed while they are out of reach:
//
//	seconds since 2026   31 bits   so that lists in the order of ids are in that of time
//	number of the node   12 bits   drawn at random from those nobody is known to have
//	count                10 bits   within the second; more than that borrow from the next
//
// That is 53 bits together, all that a number in JavaScript holds. Ids below
// firstShared are numbers in a row, as a dashboard gives them that is alone.
const (
	firstShared = 1 << 32
	countBits   = 10
	nodeBits    = 12
	nodes       = 1 << nodeBits
)

var sharedSince = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// IsShared says whether an id is one that no other node gives.
func IsShared(id int64) bool { return id >= firstShared }

func numberOf(id int64) int64 { return id >> countBits & (nodes - 1) }

// nextID chooses the id of a new crime, 0 for the next in a row. A file that has shared
// ids gets no others any more: those in a row would continue behind them.
func (s *Store) nextID(ctx context.Context, tx *sql.Tx) (int64, error) {
	var number, last int64
	if err := tx.QueryRowContext(ctx, "SELECT number, last_id FROM desk").Scan(&number, &last); err != nil {
		return 0, err
	}
	if s.log != Shared && last == 0 {
		var foreign bool
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM crimes WHERE id >= ?)", firstShared).Scan(&foreign); err != nil || !foreign {
			return 0, err
		}
	}
	if number == 0 {
		var err error
		if number, err = drawNumber(ctx, tx); err != nil {
			return 0, err
		}
	}
	second := max(int64(s.now().Sub(sharedSince)/time.Second), 1<<(32-nodeBits-countBits))
	id := (second<<nodeBits | number) << countBits
	if numberOf(last) == number && last >= id { // the same second, or the clock was set back
		if id = last + 1; numberOf(id) != number {
			id = ((last>>(nodeBits+countBits)+1)<<nodeBits | number) << countBits
		}
	}
	_, err := tx.ExecContext(ctx, "UPDATE desk SET number = ?, last_id = ?", number, id)
	return id, err
}

// drawNumber finds a number for this node that no crime on file is of.
func drawNumber(ctx context.Context, tx *sql.Tx) (int64, error) {
	rows, err := tx.QueryContext(ctx, fmt.Sprintf("SELECT DISTINCT id >> %d & %d FROM crimes WHERE id >= %d", countBits, nodes-1, firstShared))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	taken := map[int64]bool{0: true}
	for rows.Next() {
		var number int64
		if err := rows.Scan(&number); err != nil {
			return 0, err
		}
		taken[number] = true
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	if len(taken) == nodes {
		return 0, errors.New("no number is left for this node: there have been 4095 others")
	}
	for {
		if number := rand.Int64N(nodes); !taken[number] {
			return number, nil
		}
	}
}
