package websocket

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/http"
	"time"
)

// drainStep is how often a drain sends a batch away.
const drainStep = 50 * time.Millisecond

// refused turns a newcomer away for a while.
func refused(text string) *HandshakeError {
	return &HandshakeError{Status: http.StatusServiceUnavailable, Text: text, Header: http.Header{"Retry-After": {"5"}}}
}

// admit reserves a place, or says why there is none.
func (s *Server) admit(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var refusal *HandshakeError
	switch {
	case s.draining:
		refusal = refused("the server is shutting down")
	case s.MaxConns > 0 && s.admitted >= s.MaxConns:
		refusal = refused("there are too many connections")
	case s.MaxConnsPerClient > 0 && s.perKey[key] >= s.MaxConnsPerClient:
		refusal = refused("there are too many connections from this client")
	}
	if refusal != nil {
		s.stats.Refused++
		return refusal
	}
	s.admitted++
	if s.MaxConnsPerClient > 0 {
		if s.perKey == nil {
			s.perKey, s.keys = map[string]int{}, map[string]string{}
		}
		s.perKey[key]++
	}
	return nil
}

// enter registers a connection that was admitted.
func (s *Server) enter(c *Conn, key string) {
	s.mu.Lock()
	if s.open == nil {
		s.open = map[string]*Conn{}
	}
	s.open[c.id] = c
	if s.MaxConnsPerClient > 0 {
		s.keys[c.id] = key
	}
	s.stats.Accepted++
	draining := s.draining
	s.mu.Unlock()
	s.reclaimer.Noted()
	c.clock.add(c, attendAfter)
	if draining { // since it was admitted
		c.dismiss(c.set.grace)
	}
}

// leave takes a connection off the register.
func (s *Server) leave(c *Conn) {
	s.mu.Lock()
	key := s.keys[c.id]
	delete(s.open, c.id)
	delete(s.keys, c.id)
	s.mu.Unlock()
	s.giveUp(key)
}

// giveUp gives a place back.
func (s *Server) giveUp(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.admitted--
	if s.MaxConnsPerClient > 0 {
		if s.perKey[key]--; s.perKey[key] <= 0 {
			delete(s.perKey, key)
		}
	}
	if s.admitted == 0 && s.drained != nil {
		close(s.drained)
		s.drained = nil
	}
}

// count adds a conversation that has ended to the totals.
func (s *Server) count(r *Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.MessagesIn += r.MessagesIn
	s.stats.MessagesOut += r.MessagesOut
	s.stats.BytesIn += r.BytesIn
	s.stats.BytesOut += r.BytesOut
	s.stats.Dropped += r.Dropped
}

// resident is what a drain sends away: a conversation or a feed.
type resident interface {
	grace() time.Duration
	dismiss(grace time.Duration)
}

func (s *Server) residentsLocked() []resident {
	all := make([]resident, 0, len(s.open)+len(s.feeds))
	for _, c := range s.open {
		all = append(all, c)
	}
	for l := range s.feeds {
		all = append(all, l)
	}
	return all
}

func (c *Conn) grace() time.Duration { return c.set.grace }

// A feed has nothing to finish: its client resumes elsewhere.
func (l *listener) grace() time.Duration { return 0 }

// clock is the wheel of all connections.
func (s *Server) clock() *wheel {
	tick := s.settings().tick()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wheel == nil {
		s.wheel = newWheel(tick)
	}
	return s.wheel
}

// Drain sends the clients away with 1001, in time for a shutdown: in batches at
// random over the DrainWindow, so that they do not come back all at once. Newcomers
// are refused from now on. Each function sees its reads and its context end with
// [ErrDraining]; it may still send, and has its grace to return, after which the
// connection is closed without it. When ctx ends first, all that remain are closed at
// once.
//
// Drain returns when every conversation has ended, or with the cause of ctx. Call it
// before [http.Server.Shutdown], which knows nothing of connections that were taken
// over.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	if s.admitted == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.drained == nil {
		s.drained = make(chan struct{})
	}
	drained := s.drained
	conns := s.residentsLocked()
	s.mu.Unlock()

	rand.Shuffle(len(conns), func(i, j int) { conns[i], conns[j] = conns[j], conns[i] })
	window := max(cmp.Or(s.DrainWindow, DefaultDrainWindow), 0)
	steps := max(1, int(window/drainStep))
	total := len(conns)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for step := 1; step <= steps && len(conns) > 0; step++ {
		select {
		case <-timer.C:
		case <-drained:
			s.clock().wait()
			return nil
		case <-ctx.Done():
			return s.drainNow(ctx)
		}
		n := total*step/steps - (total - len(conns))
		for _, c := range conns[:n] {
			c.dismiss(c.grace())
		}
		conns = conns[n:]
		timer.Reset(drainStep/2 + rand.N(drainStep))
	}
	select {
	case <-drained:
		s.clock().wait()
		return nil
	case <-ctx.Done():
		return s.drainNow(ctx)
	}
}

// drainNow sends away all that remain.
func (s *Server) drainNow(ctx context.Context) error {
	s.mu.Lock()
	conns := s.residentsLocked()
	admitted := s.admitted
	s.mu.Unlock()
	for _, c := range conns {
		c.dismiss(0)
	}
	if admitted == 0 {
		return nil
	}
	return context.Cause(ctx)
}
