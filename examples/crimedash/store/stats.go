package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Window is the span the statistics look back over.
const Window = 24 * time.Hour

// Stats is the state of the city over the last [Window]. All figures come from
// one moment: LastID is the newest crime counted, so a page that has them can
// add later crimes one by one.
type Stats struct {
	Until      time.Time      `json:"until"`
	LastID     int64          `json:"last_id"`  // 0 if there is none
	Total      int            `json:"total"`    // within the window
	Previous   int            `json:"previous"` // within the window before it
	Open       int            `json:"open"`     // not closed, within the window
	AllTime    int            `json:"all_time"`
	ByDistrict []DistrictStat `json:"by_district"` // every district, by number
	BySeverity map[string]int `json:"by_severity"` // every severity
	ByKind     map[string]int `json:"by_kind"`     // every kind
	Hours      []Bucket       `json:"hours"`       // 24 hours, oldest first; the last one is under way
	Minutes    []Bucket       `json:"minutes"`     // 60 minutes, likewise
	// With a log that others write to as well, ids do not tell what was counted: it is
	// what stands in the log up to Cursor, and Ahead, which will come later. Without a
	// log, Ahead is nil, and left out: an empty list would say that there is a log.
	Cursor string  `json:"cursor"`
	Ahead  []int64 `json:"ahead,omitzero"`
}

// DistrictStat counts the crimes of one district.
type DistrictStat struct {
	District int `json:"district"`
	Total    int `json:"total"`
	Severe   int `json:"severe"` // high or critical
}

// Bucket counts the crimes of one hour or minute.
type Bucket struct {
	Start  time.Time `json:"start"`
	Total  int       `json:"total"`
	Severe int       `json:"severe"` // high or critical
}

// Stats counts the crimes of the last [Window].
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Stats{}, fmt.Errorf("count crimes: %w", err)
	}
	defer tx.Rollback() // nothing to commit
	stats := newStats(s.now().UTC())
	if err := stats.countAll(ctx, tx); err != nil {
		return Stats{}, fmt.Errorf("count crimes: %w", err)
	}
	if err := stats.countWindow(ctx, tx); err != nil {
		return Stats{}, fmt.Errorf("count crimes: %w", err)
	}
	if s.log != NoLog {
		if err := stats.countLog(ctx, tx); err != nil {
			return Stats{}, fmt.Errorf("count crimes: %w", err)
		}
	}
	return stats, nil
}

// newStats prepares all the zeros, so that a quiet district is listed, too.
func newStats(now time.Time) Stats {
	st := Stats{Until: now, BySeverity: map[string]int{}, ByKind: map[string]int{}}
	for _, code := range severities {
		st.BySeverity[code] = 0
	}
	for _, code := range kinds {
		st.ByKind[code] = 0
	}
	for d := range Districts {
		st.ByDistrict = append(st.ByDistrict, DistrictStat{District: d + 1})
	}
	st.Hours = buckets(now, 24, time.Hour)
	st.Minutes = buckets(now, 60, time.Minute)
	return st
}

// buckets returns n empty spans of the given width, the last one holding now.
func buckets(now time.Time, n int, width time.Duration) []Bucket {
	list := make([]Bucket, n)
	for i := range list {
		list[i].Start = now.Truncate(width).Add(time.Duration(i+1-n) * width)
	}
	return list
}

func (st *Stats) countAll(ctx context.Context, tx *sql.Tx) error {
	from := st.Until.Add(-Window)
	// MAX(id) and COUNT(*) over the whole table are asked one by one: SQLite
	// answers the first from the end of the table and the second from an index.
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM crimes").Scan(&st.LastID); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM crimes").Scan(&st.AllTime); err != nil {
		return err
	}
	return tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM crimes WHERE created_at > ? AND created_at <= ?",
		from.Add(-Window).UnixMicro(), from.UnixMicro()).Scan(&st.Previous)
}

func (st *Stats) countWindow(ctx context.Context, tx *sql.Tx) error {
	// Grouped by the minute, SQLite hands over at most a few thousand rows
	// however busy the day was.
	rows, err := tx.QueryContext(ctx, `
		SELECT created_at / 60000000, district, severity, kind, status <> ?, COUNT(*)
		FROM crimes WHERE created_at > ? GROUP BY 1, 2, 3, 4, 5`,
		StatusClosed, st.Until.Add(-Window).UnixMicro())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var minute int64
		var g group
		if err := rows.Scan(&minute, &g.district, &g.severity, &g.kind, &g.open, &g.n); err != nil {
			return err
		}
		st.add(time.Unix(minute*60, 0), g)
	}
	return rows.Err()
}

func (st *Stats) countLog(ctx context.Context, tx *sql.Tx) error {
	if err := tx.QueryRowContext(ctx, "SELECT cursor FROM desk").Scan(&st.Cursor); err != nil {
		return err
	}
	st.Ahead = []int64{}
	rows, err := tx.QueryContext(ctx, "SELECT id FROM crimes WHERE outbox = 1")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		st.Ahead = append(st.Ahead, id)
	}
	return rows.Err()
}

// group is n crimes of one minute that are alike.
type group struct {
	district       int
	severity, kind string
	open           bool
	n              int
}

func (st *Stats) add(minute time.Time, g group) {
	severe := 0
	if g.severity == "high" || g.severity == "critical" {
		severe = g.n
	}
	st.Total += g.n
	st.BySeverity[g.severity] += g.n
	st.ByKind[g.kind] += g.n
	if g.open {
		st.Open += g.n
	}
	if g.district >= 1 && g.district <= len(st.ByDistrict) {
		st.ByDistrict[g.district-1].Total += g.n
		st.ByDistrict[g.district-1].Severe += severe
	}
	for _, series := range []struct {
		buckets []Bucket
		width   time.Duration
	}{{st.Hours, time.Hour}, {st.Minutes, time.Minute}} {
		// The window reaches back further than the first bucket, and a clock set
		// back leaves crimes after the last.
		since := minute.Sub(series.buckets[0].Start)
		if at := int(since / series.width); since >= 0 && at < len(series.buckets) {
			series.buckets[at].Total += g.n
			series.buckets[at].Severe += severe
		}
	}
}
