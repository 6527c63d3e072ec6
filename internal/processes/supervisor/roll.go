package supervisor

import "time"

// readyTime is what a new process gets, in a rolling restart, until it serves.
const readyTime = time.Minute

// rolling is a rolling restart: slot by slot, a new process is started, and when it
// serves, the old one drains.
type rolling struct {
	on      bool
	again   bool    // was told so while it was under way
	pending []*slot // still to be done after the present one
	old     *member // drains
}

// roll begins a rolling restart.
func (c *crew) roll() {
	switch {
	case c.stopping:
	case c.rolling.on:
		c.rolling.again = true
	default:
		c.log.Info().Int("processes", len(c.slots)).Msg("rolling restart")
		c.rolling = rolling{on: true, pending: append([]*slot(nil), c.slots...)}
		c.rollOn()
	}
}

// rollOn goes on to the next slot.
func (c *crew) rollOn() {
	if len(c.rolling.pending) == 0 {
		again := c.rolling.again
		c.rolling = rolling{}
		c.log.Info().Msg("rolling restart is over")
		if again {
			c.roll()
		}
		return
	}
	s := c.rolling.pending[0]
	c.rolling.pending = c.rolling.pending[1:]
	s.retryAt = time.Time{} // the new one is what the slot waits for
	m := &member{slot: s, born: time.Now(), killAt: time.Now().Add(readyTime), why: "the new process does not get to serve: killing it"}
	p, err := c.start(s.number)
	if err != nil {
		m.process = unborn{}
		c.rollFailed(m, err)
		return
	}
	m.process, s.next = p, m
	c.living[p] = m
}

// replaced lets the new process of a slot take over.
func (c *crew) replaced(s *slot) {
	old := s.current
	s.current, s.next = s.next, nil
	s.current.killAt = time.Time{}
	s.ends = 0
	c.up = true
	c.log.Info().Int("process", s.number).Int("pid", s.current.pid()).Msg("new process serves")
	c.tellStarted()
	if old == nil {
		c.rollOn()
		return
	}
	c.rolling.old = old
	c.dismiss(old)
}

// drained goes on when the one has ended for which the rolling restart waits.
func (c *crew) drained(m *member) {
	if c.rolling.old == m {
		c.rolling.old = nil
		c.rollOn()
	}
}

// rollFailed ends a rolling restart whose new process did not get to serve: those
// that serve stay.
func (c *crew) rollFailed(m *member, err error) {
	s := m.slot
	c.log.Error().Int("process", s.number).Err(describe(s.number, m.pid(), err)).
		Msg("rolling restart is given up: the new process did not get to serve, the old ones stay")
	again := c.rolling.again
	c.rolling = rolling{}
	if s.current == nil {
		c.retry(m, err)
	}
	if again {
		c.roll()
	}
}
