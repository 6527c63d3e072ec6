package store

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"slices"
	"time"
)

// What a new database is given: a story that is the same on every machine,
// told backwards from the moment of the first start.
const (
	seedCrimes = 120
	seedSpan   = 72 * time.Hour
	seedNumber = 1939
)

func (s *Store) seedCrimes(ctx context.Context, tx *sql.Tx) error {
	return s.once(ctx, tx, "first crimes", func() error {
		var filed bool // by a node that got its history from the others
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM crimes)").Scan(&filed); err != nil || filed {
			return err
		}
		for _, crime := range s.History() {
			if _, err := insert(ctx, tx, crime, false); err != nil {
				return err
			}
		}
		return nil
	})
}

// History returns the crimes that a new database is given, as of now, oldest first,
// with the ids that they get there.
func (s *Store) History() []Crime {
	crimes := history(s.now().UTC())
	for i := range crimes {
		crimes[i].ID = int64(i + 1)
	}
	return crimes
}

// history returns the seeded crimes, oldest first.
func history(now time.Time) []Crime {
	incidents := NewIncidents(seedNumber)
	random := rand.New(rand.NewPCG(seedNumber, 1))
	ages := make([]time.Duration, 0, seedCrimes)
	for len(ages) < seedCrimes {
		// The product of two draws leans towards the recent.
		age := time.Duration(float64(seedSpan) * random.Float64() * (0.35 + 0.65*random.Float64()))
		if random.Float64() < darkness(now.Add(-age)) {
			ages = append(ages, age.Truncate(time.Second))
		}
	}
	slices.Sort(ages)
	slices.Reverse(ages)
	crimes := make([]Crime, len(ages))
	for i, age := range ages {
		report := incidents.Next()
		crimes[i] = Crime{
			Kind: report.Kind, Severity: report.Severity, District: report.District,
			Place: report.Place, Description: report.Description, Reporter: report.Reporter,
			Status: statusAt(age, random), CreatedAt: now.Add(-age).Truncate(time.Microsecond),
		}
	}
	return crimes
}

// darkness is how likely a crime is at that hour of the day: Gotham is
// quietest in the early afternoon and worst in the small hours.
func darkness(at time.Time) float64 {
	switch hour := at.Hour(); {
	case hour < 4 || hour >= 22:
		return 1
	case hour < 7 || hour >= 18:
		return 0.7
	default:
		return 0.35
	}
}

// statusAt lets a crime grow older: most are closed within a day.
func statusAt(age time.Duration, random *rand.Rand) string {
	draw := random.Float64()
	switch {
	case age > 24*time.Hour && draw < 0.9, age > 6*time.Hour && draw < 0.6:
		return StatusClosed
	case age > time.Hour && draw < 0.8:
		return StatusResponding
	}
	return StatusOpen
}
