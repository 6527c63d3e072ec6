package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart/internal/processes"
	"github.com/redstart-go/redstart/internal/serving"
)

// process is a program that was started. None of its methods waits for it.
type process interface {
	pid() int
	command(...byte)
	terminate()
	kill()
}

// event is what became of a process: a report of its own, or its end, which is the
// last one.
type event struct {
	from   process
	report byte
	ended  bool
	err    error // nil for an exit status of 0
}

// crew is the state of all slots. One goroutine owns it, see run: everything that
// happens arrives there.
type crew struct {
	log      zerolog.Logger
	start    func(slot int) (process, error) // tells the events of the process
	abandon  func()                          // closes the sockets, so that newcomers are refused
	started  func(pids []int)
	adopts   bool          // a slot has its own socket, for which a sibling can stand in
	patience time.Duration // with a process that was told to drain; 0 for ever
	events   chan event

	slots    []*slot // the first is number 1
	living   map[process]*member
	rolling  rolling
	up       bool // some process has served
	told     bool // started was called
	stopping bool
	err      error
}

// slot is a place for one process that serves.
type slot struct {
	number   int
	current  *member
	next     *member // to take over from the current one as soon as it is ready
	standIn  *member // of another slot, accepts while nobody here does
	ends     int     // in a row, soon after the start
	failures int     // in a row, before the process was ready
	retryAt  time.Time
}

// serves says whether somebody accepts here.
func (s *slot) serves() bool { return s.current != nil && s.current.ready && !s.current.leaving }

// member is a process in its slot.
type member struct {
	process
	slot    *slot
	born    time.Time
	ready   bool
	leaving bool
	killAt  time.Time // zero for never
	why     string    // it will be killed
}

func newCrew(n int, log zerolog.Logger) *crew {
	c := &crew{log: log, events: make(chan event), living: map[process]*member{}}
	for i := range n {
		c.slots = append(c.slots, &slot{number: i + 1})
	}
	return c
}

// run is the supervision: it returns when no process is left.
func (c *crew) run(ctx context.Context, force <-chan struct{}, reload, hungUp <-chan struct{}) error {
	for _, s := range c.slots {
		s.current = c.launch(s)
	}
	stop := ctx.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !c.stopping || len(c.living) > 0 {
		c.setTimer(timer)
		select {
		case e := <-c.events:
			c.hear(e)
		case now := <-timer.C:
			c.overdue(now)
		case <-reload:
			c.roll()
		case <-stop:
			stop = nil
			c.stop()
		case <-hungUp:
			hungUp = nil
			c.log.Info().Msg("the terminal is gone: draining")
			c.stop()
		case <-force:
			force = nil
			c.cut()
		}
		c.standIn()
	}
	return c.err
}

// launch starts a process. A start that fails is an end like another.
func (c *crew) launch(s *slot) *member {
	s.retryAt = time.Time{}
	m := &member{slot: s, born: time.Now()}
	p, err := c.start(s.number)
	if err != nil {
		m.process = unborn{}
		c.retry(m, err)
		return nil
	}
	m.process = p
	c.living[p] = m
	return m
}

// unborn stands for a process that could not be started.
type unborn struct{}

func (unborn) pid() int        { return 0 }
func (unborn) command(...byte) {}
func (unborn) terminate()      {}
func (unborn) kill()           {}

// hear takes an event in.
func (c *crew) hear(e event) {
	m := c.living[e.from]
	switch {
	case m == nil:
	case e.ended:
		delete(c.living, e.from)
		c.ended(m, e.err)
	case e.report == processes.Ready:
		c.ready(m)
	case e.report == processes.Leaving && !m.leaving:
		c.left(m)
	}
}

// ready says that a process serves.
func (c *crew) ready(m *member) {
	m.ready = true
	s := m.slot
	s.failures = 0
	if m.leaving {
		return
	}
	if s.next != m {
		if c.told { // before, the line that announces all of them is enough
			c.log.Info().Int("process", s.number).Int("pid", m.pid()).Msg("process serves")
		}
		c.up = true
		c.tellStarted()
		return
	}
	c.replaced(s)
}

// tellStarted calls started once no slot is in its very first attempt any more.
func (c *crew) tellStarted() {
	var pids []int
	for _, s := range c.slots {
		switch {
		case s.serves():
			pids = append(pids, s.current.pid())
		case s.ends == 0:
			return
		}
	}
	if !c.told && len(pids) > 0 {
		c.told = true
		c.started(pids)
	}
}

// left deals with a process that drains though nobody told it to: somebody sent it
// a signal. Its successor starts a moment later, for the signal may have gone to the
// supervisor too.
func (c *crew) left(m *member) {
	m.leaving = true
	if c.stopping || m.slot.current != m {
		return
	}
	c.log.Warn().Int("process", m.slot.number).Int("pid", m.pid()).Msg("process drains by itself: starting another")
	m.slot.current = nil
	if m.slot.next == nil {
		m.slot.retryAt = time.Now().Add(firstDelay)
	}
}

// ended deals with the end of a process.
func (c *crew) ended(m *member, err error) {
	s := m.slot
	if s.standIn == m {
		s.standIn = nil
	}
	switch {
	case c.stopping:
		// One that was stopped before it served had nothing to finish.
		if err != nil && m.ready {
			c.err = errors.Join(c.err, fmt.Errorf("redstart: %w: its log says why", describe(s.number, m.pid(), err)))
		}
	case s.next == m:
		s.next = nil
		c.rollFailed(m, err)
	case s.current == m:
		s.current = nil
		c.retry(m, err)
	default:
		level := zerolog.InfoLevel
		if err != nil {
			level = zerolog.WarnLevel
		}
		c.log.WithLevel(level).Int("process", s.number).Int("pid", m.pid()).AnErr("error", err).Msg("process has drained")
		c.drained(m)
	}
}

// retry plans the next start after a process has ended that should not have. An exit
// status of 0 makes no difference: the slot is empty.
func (c *crew) retry(m *member, err error) {
	s := m.slot
	if time.Since(m.born) >= steady {
		s.ends = 0
	}
	s.ends++
	if !m.ready {
		s.failures++
	}
	event := c.log.Error().Int("process", s.number).Err(describe(s.number, m.pid(), err))
	if c.hopeless() {
		event.Msg("process did not get to serve")
		c.giveUp(m, err)
		return
	}
	if s.next != nil {
		event.Msg("process has ended: its successor starts already")
		return
	}
	wait := backoff(s.ends)
	s.retryAt = time.Now().Add(wait)
	event.Dur("wait_ms", wait).Msg("process has ended: starting another")
	c.tellStarted()
}

// The tries that are given to each slot while nobody serves: fewer to a program that
// never did.
const (
	firstTries = 3
	laterTries = 10
)

// hopeless says whether to give up.
func (c *crew) hopeless() bool {
	tries := firstTries
	if c.up {
		tries = laterTries
	}
	for _, s := range c.slots {
		if s.serves() || s.failures < tries {
			return false
		}
	}
	return true
}

func (c *crew) giveUp(m *member, err error) {
	c.err = fmt.Errorf("%w: %d tries each; the last was %w: its log says why",
		errGivenUp, m.slot.failures, describe(m.slot.number, m.pid(), err))
	c.stop()
}

// standIn sees to it that somebody accepts for each slot that nobody serves, so that
// no client waits for a process that has yet to start.
func (c *crew) standIn() {
	if !c.adopts || c.stopping {
		return
	}
	for _, s := range c.slots {
		valid := s.standIn != nil && c.living[s.standIn.process] != nil && !s.standIn.leaving
		switch {
		case s.serves():
			if valid {
				s.standIn.command(processes.Release, byte(s.number))
			}
			s.standIn = nil
		case !valid:
			s.standIn = nil
			if m := c.idlest(); m != nil {
				s.standIn = m
				m.command(processes.Adopt, byte(s.number))
			}
		}
	}
}

// idlest returns a process that serves, and stands in for the fewest others.
func (c *crew) idlest() (best *member) {
	least := 0
	for _, s := range c.slots {
		if !s.serves() {
			continue
		}
		load := 0
		for _, other := range c.slots {
			if other.standIn == s.current {
				load++
			}
		}
		if best == nil || load < least {
			best, least = s.current, load
		}
	}
	return best
}

// dismiss tells a process to drain. One that is not ready may not have come to where
// it listens, and has nothing to finish.
func (c *crew) dismiss(m *member) {
	if m.leaving {
		return
	}
	m.leaving = true
	m.command(processes.Drain)
	if !m.ready {
		m.terminate()
	}
	m.killAt = time.Time{}
	if c.patience > 0 {
		m.killAt, m.why = time.Now().Add(c.patience), "process did not drain: killing it"
	}
}

func (c *crew) stop() {
	if c.stopping {
		return
	}
	c.stopping = true
	c.abandon()
	for _, s := range c.slots {
		s.retryAt = time.Time{}
	}
	for _, m := range c.living {
		c.dismiss(m)
	}
}

// forceTime is what a process gets to end at once.
const forceTime = 5 * time.Second

func (c *crew) cut() {
	c.stop()
	c.err = errors.Join(c.err, serving.ErrForced)
	for _, m := range c.living {
		m.command(processes.Force)
		m.killAt, m.why = time.Now().Add(forceTime), "process did not end: killing it"
	}
}

// setTimer arms the timer for what is due next.
func (c *crew) setTimer(timer *time.Timer) {
	var next time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, s := range c.slots {
		earlier(s.retryAt)
	}
	for _, m := range c.living {
		earlier(m.killAt)
	}
	timer.Stop()
	if !next.IsZero() {
		timer.Reset(time.Until(next))
	}
}

// overdue does what is due.
func (c *crew) overdue(now time.Time) {
	due := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	for _, m := range c.living {
		if due(m.killAt) {
			m.killAt = time.Time{}
			c.log.Error().Int("process", m.slot.number).Int("pid", m.pid()).Msg(m.why)
			m.kill()
		}
	}
	for _, s := range c.slots {
		if due(s.retryAt) {
			s.current = c.launch(s)
		}
	}
}
