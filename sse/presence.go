package sse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// presenceTopic carries, through a broker, who is where. It is in no hub's log.
const presenceTopic = "sse.presence"

// How presence is kept.
const (
	// DefaultPresenceGrace is how long somebody may be away before that is told: a
	// page that is loaded again, or sent to another node, is not worth an event.
	DefaultPresenceGrace = 5 * time.Second

	presenceBeat  = 10 * time.Second // a node with members says that it lives
	presenceLimit = 35 * time.Second // a node that was silent for as long is dead
	presenceRetry = time.Second      // after the broker failed
	presencePage  = 200              // members in one message
)

// PresenceGrace sets how long a member stays present after its last connection to a
// topic has ended; the default is [DefaultPresenceGrace].
func PresenceGrace(d time.Duration) HubOption { return func(h *Hub) { h.presence.grace = max(d, 0) } }

// Member is somebody who is present in a topic.
type Member struct {
	Name        string    `json:"name"`
	Connections int       `json:"connections"`
	Since       time.Time `json:"since"`
}

// As names whom the subscription counts as in the presence of its topics, as long as it
// is served: see [Hub.Join]. It returns the subscription.
func (s *Subscription) As(member string) *Subscription {
	s.member = member
	return s
}

// Join counts a connection of the member to the topic, until the function that it
// returns is called. With a member's first connection, over all nodes, the event
// "sse.join" is published to the topic, and "sse.leave" some time after its last one
// has ended (see [PresenceGrace]), with {"name":...} as their data; like any other
// message they have a position and reach whoever resumes. A node that dies without a
// word is noticed after about half a minute. Joining with an empty name, or a topic
// that cannot be one, does nothing.
func (h *Hub) Join(topic, member string) (leave func()) {
	if member == "" || checkTopic(topic) != nil {
		return func() {}
	}
	at := seat{topic, member}
	h.presence.count(at, 1)
	return sync.OnceFunc(func() { h.presence.count(at, -1) })
}

// joinAll is Join for several topics.
func (h *Hub) joinAll(topics []string, member string) (leave func()) {
	var leaves []func()
	for _, topic := range topics {
		leaves = append(leaves, h.Join(topic, member))
	}
	return func() {
		for _, leave := range leaves {
			leave()
		}
	}
}

// Presence returns who is present in the topic, on whatever node, by name.
func (h *Hub) Presence(topic string) []Member {
	p := &h.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	members := []Member{}
	for name, a := range p.topics[topic] {
		n := 0
		for _, connections := range a.nodes {
			n += connections
		}
		members = append(members, Member{Name: name, Connections: n, Since: a.since})
	}
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	return members
}

// seat is a member's place in a topic.
type seat struct{ topic, member string }

// attendance is one member's presence in a topic: its connections on each node.
type attendance struct {
	since time.Time
	nodes map[string]int
}

// peer is what is known of a node that has members.
type peer struct {
	heard time.Time
	seq   uint64    // of the last note
	gone  time.Time // when it said that it leaves
	seats map[seat]struct{}
}

// presenceNote is what nodes tell each other. They all hear the same notes in the same
// order, and so agree on who comes and goes. Who wrote the note that made a difference
// publishes the event for it.
type presenceNote struct {
	By    string         `json:"by"`
	Seats []presenceSeat `json:"seats,omitempty"`
	Total int            `json:"total"`           // of the seats that were told of, these not counted
	Hello bool           `json:"hello,omitempty"` // asks the others to say who is with them
	Gone  bool           `json:"gone,omitempty"`  // the node ends
	Drop  string         `json:"drop,omitempty"`  // a node that has ended
}

type presenceSeat struct {
	Topic       string `json:"topic"`
	Member      string `json:"member"`
	Connections int    `json:"n"`
}

// presenceEvent is a join or a leave that is to be published.
type presenceEvent struct {
	seat
	event string
}

// presence keeps who is present in a hub's topics.
type presence struct {
	hub   *Hub
	node  string
	grace time.Duration
	done  sync.WaitGroup

	mu      sync.Mutex
	local   map[seat]int       // connections to this node
	told    map[seat]int       // and what the others know of them
	due     map[seat]time.Time // those that differ, and when to say so
	topics  map[string]map[string]*attendance
	peers   map[string]*peer
	events  []presenceEvent
	beat    time.Time
	hello   bool // was said
	repeat  bool // somebody has to be told all again
	running bool
	closed  bool
	wake    chan struct{}
}

func (p *presence) init(h *Hub) {
	*p = presence{
		hub: h, node: newEpoch(), grace: DefaultPresenceGrace,
		local: map[seat]int{}, told: map[seat]int{}, due: map[seat]time.Time{},
		topics: map[string]map[string]*attendance{}, peers: map[string]*peer{},
		wake: make(chan struct{}, 1),
	}
}

// count adds to the connections of a member, and takes away from them.
func (p *presence) count(at seat, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.local[at] += n
	when := time.Now()
	if p.local[at] <= 0 {
		delete(p.local, at)
		when = when.Add(p.grace)
	}
	if p.local[at] == p.told[at] {
		delete(p.due, at)
	} else {
		p.due[at] = when
	}
	p.rouseLocked()
}

// rouseLocked has the goroutine look at what there is to do. It runs as long as
// anybody is present.
func (p *presence) rouseLocked() {
	if p.closed {
		return
	}
	if !p.running {
		p.running = true
		p.done.Go(p.run)
		return
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run tells the other nodes what happens here, and publishes the events.
func (p *presence) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-p.wake:
		case <-p.hub.done:
			p.farewell()
			return
		}
		wait, idle := p.round()
		if idle {
			return
		}
		timer.Reset(wait)
	}
}

// round does what is due, and returns how long to wait for more. It is the last when
// nobody is present.
func (p *presence) round() (wait time.Duration, idle bool) {
	now := time.Now()
	p.mu.Lock()
	notes, wait := p.notesLocked(now)
	p.mu.Unlock()
	for _, note := range notes {
		if !p.publish(note) {
			return presenceRetry, false
		}
	}
	p.mu.Lock()
	events := p.events
	p.events = nil
	p.mu.Unlock()
	for i, e := range events {
		m := JSON(map[string]string{"name": e.member}).WithEvent(e.event)
		_, err := p.hub.Publish(context.Background(), e.topic, m)
		if err != nil && p.hub.broker != nil && !errors.Is(err, ErrTooLong) && !p.hub.isClosed() {
			// Not what is refused for good, for which the others would wait for ever.
			p.mu.Lock()
			p.events = append(events[i:], p.events...)
			p.mu.Unlock()
			return presenceRetry, false
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.local)+len(p.due)+len(p.events)+len(p.topics) == 0 {
		p.running = false
		return 0, true
	}
	if len(p.events) > 0 {
		wait = 0
	}
	return wait, false
}

// notesLocked writes what is to be told now.
func (p *presence) notesLocked(now time.Time) (notes []presenceNote, wait time.Duration) {
	wait = presenceBeat
	if p.repeat {
		p.repeat = false
		for at := range p.told {
			if _, changes := p.due[at]; !changes {
				p.due[at] = now
			}
		}
	}
	total := len(p.told)
	note := presenceNote{By: p.node, Total: total}
	if p.hub.broker != nil && !p.hello {
		note.Hello = true
	}
	for at, when := range p.due {
		if left := when.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		note.Seats = append(note.Seats, presenceSeat{at.topic, at.member, p.local[at]})
		if p.told[at] > 0 && p.local[at] == 0 {
			total-- // in the notes behind this one
		}
		if len(note.Seats) == presencePage {
			notes = append(notes, note)
			note = presenceNote{By: p.node, Total: total}
		}
	}
	beat := p.hub.broker != nil && len(p.told) > 0 && now.Sub(p.beat) >= presenceBeat
	if len(note.Seats) > 0 || note.Hello || beat {
		notes = append(notes, note)
	}
	for name, peer := range p.peers {
		end := peer.heard.Add(presenceLimit)
		if !peer.gone.IsZero() {
			end = peer.gone.Add(p.grace)
		}
		if left := end.Sub(now); left > 0 {
			wait = min(wait, left)
		} else if name != p.node {
			notes = append(notes, presenceNote{By: p.node, Total: total, Drop: name})
		}
	}
	return notes, wait
}

// publish tells a note to all nodes, this one included.
func (p *presence) publish(note presenceNote) bool {
	if p.hub.broker == nil {
		p.apply(&note, time.Now(), 0)
		p.said(&note)
		return true
	}
	m := JSON(note)
	if note.Drop != "" {
		// All that notice it say so; one is enough, and is the one to act on it.
		m.ID = fmt.Sprintf("sse.presence drop %s %d", note.Drop, p.lastNote(note.Drop))
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	if _, err := p.hub.broker.Publish(ctx, presenceTopic, m); err != nil {
		return false
	}
	p.said(&note)
	return true
}

func (p *presence) lastNote(node string) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if peer := p.peers[node]; peer != nil {
		return peer.seq
	}
	return 0
}

// said remembers what the others know.
func (p *presence) said(note *presenceNote) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beat = time.Now()
	p.hello = p.hello || note.Hello
	for _, s := range note.Seats {
		at := seat{s.Topic, s.Member}
		if p.told[at] = s.Connections; s.Connections == 0 {
			delete(p.told, at)
		}
		switch _, due := p.due[at]; {
		case p.local[at] == s.Connections:
			delete(p.due, at)
		case p.local[at] > 0:
			p.due[at] = time.Now()
		case !due: // it left while the note that it came was on its way
			p.due[at] = time.Now().Add(p.grace)
		}
	}
}

// hear takes a note from the broker.
func (p *presence) hear(data string, at time.Time, seq uint64) error {
	var note presenceNote
	if err := Text(data).DecodeJSON(&note); err != nil {
		return err
	}
	p.apply(&note, at, seq)
	return nil
}

// apply changes who is present. The hub may be locked.
func (p *presence) apply(note *presenceNote, at time.Time, seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	by := p.peers[note.By]
	if by == nil {
		by = &peer{seats: map[seat]struct{}{}}
		p.peers[note.By] = by
	}
	by.heard, by.seq, by.gone = at, seq, time.Time{}
	if len(by.seats) < note.Total {
		p.hello = false // notes are missing here; ask for them
	}
	for _, s := range note.Seats {
		p.takeLocked(note.By, note.By, seat{s.Topic, s.Member}, s.Connections, at)
	}
	if note.Gone {
		by.gone = at
	}
	if gone := p.peers[note.Drop]; gone != nil && note.Drop != "" {
		for s := range gone.seats {
			p.takeLocked(note.Drop, note.By, s, 0, at)
		}
		delete(p.peers, note.Drop)
	}
	if note.Hello && note.By != p.node || note.Drop == p.node {
		p.repeat = true // for a node that cannot know, or believed this one dead
	}
	if len(by.seats) == 0 && !note.Gone {
		delete(p.peers, note.By)
	}
	p.rouseLocked()
}

// takeLocked sets the connections of a member on a node, and notes the event when it
// came or left.
func (p *presence) takeLocked(node, by string, at seat, connections int, when time.Time) {
	members := p.topics[at.topic]
	a := members[at.member]
	event := ""
	switch {
	case connections > 0:
		if a == nil {
			if members == nil {
				members = map[string]*attendance{}
				p.topics[at.topic] = members
			}
			a = &attendance{since: when, nodes: map[string]int{}}
			members[at.member] = a
			event = "sse.join"
		}
		a.nodes[node] = connections
		p.peers[node].seats[at] = struct{}{}
	case a != nil:
		delete(a.nodes, node)
		if peer := p.peers[node]; peer != nil {
			delete(peer.seats, at)
		}
		if len(a.nodes) == 0 {
			if delete(members, at.member); len(members) == 0 {
				delete(p.topics, at.topic)
			}
			event = "sse.leave"
		}
	}
	if event != "" && by == p.node {
		p.events = append(p.events, presenceEvent{at, event})
	}
}

// close ends the goroutine.
func (p *presence) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.done.Wait()
}

// farewell tells the other nodes that this one ends.
func (p *presence) farewell() {
	p.mu.Lock()
	present := len(p.told) > 0
	p.mu.Unlock()
	if p.hub.broker != nil && present {
		p.publish(presenceNote{By: p.node, Gone: true})
	}
}
