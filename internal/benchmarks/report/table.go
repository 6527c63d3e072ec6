// Package report turns samples into Markdown tables of medians and ratios.
package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Better says which way a column's figures improve.
type Better int

// A column that is Neither gets no ratio.
const (
	Neither Better = iota
	Higher
	Lower
)

// Column is one figure of each server.
type Column struct {
	Key    string // its name in a Sample
	Head   string
	Format func(float64) string
	Better Better // Higher and Lower add a column with the ratio to the baseline
}

// Sample is what one run of one server gave, by the columns' keys.
type Sample map[string]float64

// Row is one server's runs.
type Row struct {
	Server  string
	Samples []Sample
	// Failure is why runs are missing, or "".
	Failure string
}

// Table is one table of the report.
type Table struct {
	Title   string
	Note    string // a paragraph below the title
	Columns []Column
}

// Median returns the middle one of the samples, the mean of the middle two if their
// number is even, and NaN if there are none.
func Median(samples []float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(samples))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 || sorted[middle] == sorted[middle-1] {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// median is the median of one key over a row's samples; NaN if no sample has it.
func (r Row) median(key string) float64 {
	var values []float64
	for _, s := range r.Samples {
		if v, ok := s[key]; ok {
			values = append(values, v)
		}
	}
	return Median(values)
}

// Ratio says how many times better than the baseline a value is, so that more than
// one is always an improvement. It is NaN where that has no meaning: without a
// baseline, or when one of the two is zero, negative or infinite.
func Ratio(value, baseline float64, better Better) float64 {
	for _, v := range []float64{value, baseline} {
		if !(v > 0) || math.IsInf(v, 1) {
			return math.NaN()
		}
	}
	switch better {
	case Higher:
		return value / baseline
	case Lower:
		return baseline / value
	}
	return math.NaN()
}

// Write writes the table as Markdown. The ratios are to the row of the baseline; a
// failure is a line below the table.
func (t Table) Write(w io.Writer, baseline string, rows []Row) error {
	var base Row
	for _, r := range rows {
		if r.Server == baseline {
			base = r
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "### %s\n\n", t.Title)
	if t.Note != "" {
		fmt.Fprintf(&out, "%s\n\n", t.Note)
	}
	head, rule := []string{"server"}, []string{"---"}
	for _, c := range t.Columns {
		head, rule = append(head, c.Head), append(rule, "---:")
		if c.Better != Neither {
			head, rule = append(head, "× "+baseline), append(rule, "---:")
		}
	}
	line := func(cells []string) { fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	line(rule)
	for _, r := range rows {
		cells := []string{r.Server}
		for _, c := range t.Columns {
			value := r.median(c.Key)
			cells = append(cells, orDash(value, c.Format))
			if c.Better != Neither {
				cells = append(cells, orDash(Ratio(value, base.median(c.Key), c.Better), Times))
			}
		}
		line(cells)
	}
	out.WriteString("\n")
	for _, r := range rows {
		if r.Failure != "" {
			fmt.Fprintf(&out, "%s failed: %s\n\n", r.Server, r.Failure)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func orDash(value float64, format func(float64) string) string {
	if math.IsNaN(value) {
		return "–"
	}
	return format(value)
}
