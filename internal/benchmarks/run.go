//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/redstart-go/redstart/internal/benchmarks/report"
)

// runAll runs what is asked for and writes each scenario's tables when it is over.
func runAll(ctx context.Context, o options, out io.Writer) error {
	if err := writeMachine(out, o); err != nil {
		return err
	}
	begin, failures := time.Now(), 0
	for _, s := range scenarios(o.full) {
		if !slices.Contains(o.scenarios, s.name) {
			continue
		}
		names := s.servers(o)
		if len(names) == 0 {
			continue // none that was asked for offers it
		}
		rows := runScenario(ctx, s, o, names)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		for _, r := range rows {
			if r.Failure != "" {
				failures++
			}
		}
		for _, t := range s.tables {
			if err := t.Write(out, names[0], rows); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(os.Stderr, "took %v\n", time.Since(begin).Round(time.Second))
	if failures > 0 {
		return fmt.Errorf("%d servers failed; see below the tables", failures)
	}
	return nil
}

// runScenario runs the scenario for each of the servers.
func runScenario(ctx context.Context, s scenario, o options, names []string) []report.Row {
	var rows []report.Row
	for _, name := range names {
		rows = append(rows, report.Row{Server: name})
	}
	rounds := s.rounds
	if o.rounds > 0 {
		rounds = o.rounds
	}
	for round := range rounds {
		for i := range rows {
			if ctx.Err() != nil {
				return rows
			}
			showProgress(fmt.Sprintf("%s: round %d of %d, %s", s.name, round+1, rounds, rows[i].Server))
			sample, err := runOnce(ctx, s, rows[i].Server, o.pin)
			if err != nil {
				rows[i].Failure = err.Error()
				continue
			}
			rows[i].Samples = append(rows[i].Samples, sample)
		}
	}
	showProgress("")
	return rows
}

// showProgress keeps one line on a terminal up to date. A file is spared it.
func showProgress(text string) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", text)
	}
}

func runOnce(ctx context.Context, s scenario, server string, pin bool) (report.Sample, error) {
	p, err := startPair(ctx, server, pin)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	return s.run(p)
}
