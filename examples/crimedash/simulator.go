package main

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

// pace is the mean time between two simulated crimes; 0 is none at all.
type pace time.Duration

const (
	defaultPace = pace(4 * time.Second)
	// shortestPace protects the disk from a slip such as --simulate 4us.
	shortestPace = pace(time.Millisecond)
)

// String is part of [flag.Value].
func (p *pace) String() string { return time.Duration(*p).String() }

// Set is part of [flag.Value]. It takes a time with its unit, and 0 or off.
func (p *pace) Set(text string) error {
	if text == "off" {
		*p = 0
		return nil
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return fmt.Errorf("want a time such as 4s or 500ms, or 0 or off for none")
	case d < 0:
		return fmt.Errorf("the time between two crimes cannot be negative")
	case d > 0 && pace(d) < shortestPace:
		return fmt.Errorf("the time between two crimes is at least %v", time.Duration(shortestPace))
	}
	*p = pace(d)
	return nil
}

// report puts a crime on file; it is the desk's own function.
type report func(context.Context, store.NewCrime) (store.Crime, error)

// simulator keeps Gotham busy: it reports made-up crimes the way everybody else
// does.
type simulator struct {
	pace      pace
	report    report
	incidents *store.Incidents
	cancel    context.CancelFunc
	running   sync.WaitGroup
}

func newSimulator(p pace, report report) *simulator {
	// Not the seed of the history: another night, other crimes.
	return &simulator{pace: p, report: report, incidents: store.NewIncidents(rand.Uint64())}
}

// start begins the crime wave on a goroutine of the simulator's own.
func (s *simulator) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.running.Go(func() { s.run(ctx) })
}

// stop ends it and waits for the goroutine. Without a start it does nothing.
func (s *simulator) stop() {
	if s.cancel != nil {
		s.cancel()
	}
	s.running.Wait()
}

// run reports crimes until ctx ends. A report that fails, because the disk is
// full, say, is not the end: crime goes on. Of failures in a row the first is
// logged.
func (s *simulator) run(ctx context.Context) {
	failing := false
	for pause(ctx, s.next()) {
		_, err := s.report(ctx, s.incidents.Next())
		if err != nil && !failing && ctx.Err() == nil {
			log.Print("the simulated crime could not be reported: ", err)
		}
		failing = err != nil
	}
}

// next is the time to the next crime: between half the pace and one and a half.
func (s *simulator) next() time.Duration {
	return time.Duration(float64(s.pace) * (0.5 + rand.Float64()))
}
