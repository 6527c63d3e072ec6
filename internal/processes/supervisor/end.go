package supervisor

import (
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
)

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
