package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"slices"
	"sync"
	"time"

	"github.com/redstart-go/redstart/sse"
)

// pastLines is how much of each room a page is shown that was not there.
const pastLines = 50

// spoken is a line with its position.
type spoken struct {
	ID sse.Cursor `json:"id"`
	line
}

// scrollback keeps the latest lines of each room, and the position up to which it has
// them: who takes both, and listens from there, misses nothing and hears nothing twice,
// however far behind the hub it is. It also follows the crimes, so that its position
// moves on while nobody talks.
type scrollback struct {
	hub     *sse.Hub
	once    sync.Once
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	at   sse.Cursor // zero: nothing was read yet
	past map[string][]spoken
}

func newScrollback(hub *sse.Hub) *scrollback {
	s := &scrollback{hub: hub, past: map[string][]spoken{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// begin has it read, from the start of the log. Once is enough.
func (s *scrollback) begin() {
	s.once.Do(func() { s.running.Go(s.read) })
}

// end stops that and waits for it. The end of the hub does, too.
func (s *scrollback) end() {
	s.cancel()
	s.running.Wait()
}

// lines returns what was said, oldest first, and where to go on. The position is the
// zero Cursor, from the start, if nothing was read yet.
func (s *scrollback) lines() ([]spoken, sse.Cursor) {
	s.begin()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []spoken{}
	for _, room := range rooms {
		all = append(all, s.past[room]...)
	}
	slices.SortFunc(all, func(a, b spoken) int { return cmp.Compare(a.ID.Sequence(), b.ID.Sequence()) })
	return all, s.at
}

func (s *scrollback) read() {
	for {
		err := s.follow()
		if s.ctx.Err() != nil || errors.Is(err, sse.ErrHubClosed) {
			return
		}
		log.Printf("reading what the allies say: %v; trying again", err)
		if !pause(s.ctx, time.Second) {
			return
		}
	}
}

func (s *scrollback) follow() error {
	s.mu.Lock()
	at := s.at
	s.mu.Unlock()
	for message, err := range s.hub.Subscribe(append(roomTopics(), topic)...).From(at).Messages(s.ctx) {
		if err != nil {
			return err
		}
		s.keep(message)
	}
	return nil
}

// keep notes one message.
func (s *scrollback) keep(message sse.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := sse.ParseCursor(message.ID)
	if err != nil {
		return // the hub numbers all but its remarks
	}
	if at.Epoch() != s.at.Epoch() {
		clear(s.past) // another log: its lines will come
	}
	s.at = at
	said := spoken{ID: at}
	if message.Event != "line" || message.DecodeJSON(&said.line) != nil {
		return
	}
	past := append(s.past[said.Room], said)
	s.past[said.Room] = past[max(0, len(past)-pastLines):]
}
