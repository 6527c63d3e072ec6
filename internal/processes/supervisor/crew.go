package supervisor

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart/internal/processes"
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
