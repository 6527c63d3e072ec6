package supervisor

import "time"

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
