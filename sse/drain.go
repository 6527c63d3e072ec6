package sse

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

var errTooMany = errors.New("sse: too many streams")

// admit registers a stream, or says why it is turned away.
func (s *Server) admit(a *active) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining:
		return ErrDraining
	case s.MaxStreams > 0 && len(s.open) >= s.MaxStreams,
		s.MaxStreamsPerClient > 0 && s.perKey[a.key] >= s.MaxStreamsPerClient:
		return errTooMany
	}
	if s.open == nil {
		s.open, s.perKey = map[*active]struct{}{}, map[string]int{}
	}
	s.open[a] = struct{}{}
	if s.MaxStreamsPerClient > 0 {
		s.perKey[a.key]++
	}
	return nil
}

// leave gives up the place of a stream, if it was admitted.
func (s *Server) leave(a *active) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[a]; !ok {
		return
	}
	delete(s.open, a)
	if s.MaxStreamsPerClient > 0 {
		if s.perKey[a.key]--; s.perKey[a.key] <= 0 {
			delete(s.perKey, a.key)
		}
	}
	if s.draining && len(s.open) == 0 {
		s.finishDrainLocked()
	}
}

// dismiss ends a stream for the drain, unless it has ended: what its cancel
// belongs to may by then be in use for something else.
func (s *Server) dismiss(a *active) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[a]; ok {
		a.cancel(ErrDraining)
	}
}

func (s *Server) finishDrainLocked() {
	if s.drained != nil {
		close(s.drained)
		s.drained = nil
	}
}

// Drain sends the clients away, in time for a shutdown. Newcomers are told at
// once to come back later. Subscribers are told so over the DrainWindow, at
// random moments; they lose nothing, since they resume. Generators may end by
// themselves within their grace. When ctx ends first, all that remain are ended
// at once.
//
// Drain returns when no stream is open, or with the cause of ctx. Once it was
// called the server takes no streams any more.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	if len(s.open) == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.drained == nil {
		s.drained = make(chan struct{})
	}
	drained := s.drained
	window := max(cmp.Or(s.DrainWindow, DefaultDrainWindow), 1)
	var timers []*time.Timer
	for a := range s.open {
		wait := a.grace
		if a.resumable {
			wait += rand.N(window)
		}
		timers = append(timers, time.AfterFunc(wait, func() { s.dismiss(a) }))
	}
	s.mu.Unlock()
	defer func() {
		for _, t := range timers {
			t.Stop()
		}
	}()

	select {
	case <-drained:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) == 0 {
		return nil
	}
	for a := range s.open {
		a.cancel(ErrDraining)
	}
	return context.Cause(ctx)
}
