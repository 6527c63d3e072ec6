package supervisor

import "github.com/redstart-go/redstart/internal/processes"

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
