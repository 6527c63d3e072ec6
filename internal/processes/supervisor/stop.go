package supervisor

import (
	"errors"
	"time"

	"github.com/redstart-go/redstart/internal/processes"
	"github.com/redstart-go/redstart/internal/serving"
)

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
