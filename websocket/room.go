package websocket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redstart-go/redstart/internal/jsonx"
	"github.com/redstart-go/redstart/sse"
)

// Room is a connection's membership of a topic of a [sse.Hub]: what is published there
// is sent to the client, each message in an [Envelope], until the conversation ends or
// leaves. Clients that are sent events from the same topic get the same messages with
// the same positions.
//
// A member is a position in the hub's log and not a queue: a slow client costs nothing
// but its own delay, and one that falls behind what the hub retains is closed with
// 1013, to come back with the last id it saw. All methods are safe for concurrent use.
type Room struct {
	conn  *Conn
	hub   *sse.Hub
	topic string

	queued  atomic.Bool // for the pump
	waiting bool        // under conn.mu: the line was not free

	mu   sync.Mutex // guards the feed, and whether there still is one
	feed *sse.Feed
}

// Join makes the connection a member of the topic. The client first gets its position,
// as the id of an envelope with the event "sse.hello"; or, if its request has a
// last_event_id (see [sse.LastEventID]), all that it has missed since, or an "sse.gap"
// that says why that cannot be. See [Conn.JoinAs] and [Conn.Follow] for more.
//
// It fails when the topic cannot be one, when the hub is closed or refuses the client
// ([sse.Authorize]), and on a connection that was dialed.
func (c *Conn) Join(hub *sse.Hub, topic string) (*Room, error) { return c.JoinAs(hub, topic, "") }

// JoinAs is [Conn.Join] as the member of that name, who is present in the topic from
// now on: see [sse.Hub.Join].
func (c *Conn) JoinAs(hub *sse.Hub, topic, member string) (*Room, error) {
	return c.Follow(hub.Subscribe(topic).As(member), sse.LastEventID(c.request))
}

// Follow makes the connection a member of the subscription's topics, for one that has
// several, a filter, a snapshot, or a beginning of its own. A client that has been here
// gives the id of the last message it got; it may be empty. With several topics
// [Room.Broadcast] goes to the first by name.
//
// A position is of one subscription: a client that joins rooms one by one remembers an
// id for each of them, which is why envelopes name their topic.
func (c *Conn) Follow(sub *sse.Subscription, lastEventID string) (*Room, error) {
	if c.client || c.rooms == nil {
		return nil, errDialed
	}
	topics := sub.Topics()
	if len(topics) == 0 {
		topics = []string{""} // Feed says what is wrong with that
	}
	r := &Room{conn: c, hub: sub.Hub(), topic: topics[0]}
	feed, err := sub.Feed(c.ctx, lastEventID, framing(c.deflateBits), func(frame []byte) error {
		return c.send(c.ctx, wireMessage{shared: frame, payload: frame, size: len(frame)}, true)
	}, func() { c.rooms.add(r) })
	if err != nil {
		return nil, fmt.Errorf("websocket: joining %q: %w", topics, err)
	}
	r.mu.Lock()
	r.feed = feed
	r.mu.Unlock()
	c.mu.Lock()
	ended := c.left
	if !ended {
		c.joined = append(c.joined, r)
	}
	c.mu.Unlock()
	if ended {
		r.part()
		return nil, fmt.Errorf("websocket: joining %q: %w", topics, c.end.Load())
	}
	c.rooms.add(r) // for what there is already
	return r, nil
}

var errDialed = errors.New("websocket: only a connection that a Server has accepted can join a room")

// Topic returns the name of the topic.
func (r *Room) Topic() string { return r.topic }

// Broadcast publishes a text message to the room, its members over all nodes and the
// sender among them. See [sse.Hub.Publish] for how it fails.
func (r *Room) Broadcast(m Message) error {
	if m.Kind != Text {
		return &CloseError{Code: UnsupportedData, Reason: "a room takes text messages only"}
	}
	return r.Publish(sse.Text(m.Text()))
}

// BroadcastJSON is Broadcast for a value, under the name of an event, which may be
// empty.
func (r *Room) BroadcastJSON(event string, v any) error {
	data, err := jsonx.Marshal(v)
	if err != nil {
		return fmt.Errorf("websocket: encoding a message: %w", err)
	}
	return r.Publish(sse.Text(string(data)).WithEvent(event))
}

// Publish publishes a message of any kind to the room.
func (r *Room) Publish(m sse.Message) error {
	_, err := r.hub.Publish(r.conn.ctx, r.topic, m)
	return err
}

// Members returns who is present in the room, on whatever node, by name.
func (r *Room) Members() []sse.Member { return r.hub.Presence(r.topic) }

// Leave ends the membership. What was published before may be on its way still. A
// conversation that ends leaves all its rooms.
func (r *Room) Leave() {
	c := r.conn
	c.mu.Lock()
	c.joined = slices.DeleteFunc(c.joined, func(other *Room) bool { return other == r })
	c.mu.Unlock()
	r.part()
}

// part closes the feed.
func (r *Room) part() {
	r.mu.Lock()
	feed := r.feed
	r.feed = nil
	r.mu.Unlock()
	if feed != nil {
		feed.Close()
	}
}

// leaveAll parts with all rooms, for good.
func (c *Conn) leaveAll() {
	c.mu.Lock()
	joined := c.joined
	c.joined, c.left = nil, true
	c.mu.Unlock()
	for _, r := range joined {
		r.part()
	}
}

// turns is how many batches a room may write before others have their turn.
const turns = 4

// deliver writes what is new as far as the socket takes it. It is called by one
// goroutine at a time, unless the connection is busy.
func (r *Room) deliver() {
	c := r.conn
	for range turns {
		c.mu.Lock()
		o := &c.out
		if o.failed != nil || o.closing {
			c.mu.Unlock()
			return
		}
		if o.busy || o.streaming {
			r.waiting = true
			c.mu.Unlock()
			return
		}
		o.busy = true
		c.mu.Unlock()
		batch, n, err := r.next()
		if err != nil || n == 0 {
			c.release(nil)
			r.fail(err)
			return
		}
		c.mu.Lock()
		o.messages += int64(n)
		o.bytes += int64(len(batch))
		c.mu.Unlock()
		if c.attempt(batch, true) != nil {
			return
		}
	}
	c.rooms.add(r)
}

func (r *Room) next() ([]byte, int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.feed == nil {
		return nil, 0, nil
	}
	return r.feed.Next()
}

// fail closes the connection of a member that the hub serves no more.
func (r *Room) fail(err error) {
	if err == nil {
		return
	}
	end := &CloseError{Code: InternalError, cause: err}
	switch {
	case errors.Is(err, sse.ErrLagging):
		end = &CloseError{Code: TryAgainLater, Reason: "fell behind", cause: ErrSlow}
	case errors.Is(err, sse.ErrHubClosed):
		end = &CloseError{Code: GoingAway, Reason: "the hub is closed", cause: ErrDraining}
	}
	r.conn.stop(end)
	r.conn.sendClose(end.Code, end.Reason)
}

// freeLocked is called when the line has become free: rooms that found it busy are
// written to.
func (c *Conn) freeLocked() {
	if c.out.busy || c.out.streaming {
		return
	}
	for _, r := range c.joined {
		if r.waiting {
			r.waiting = false
			c.rooms.add(r)
		}
	}
}

// Inbox is the name of a topic for one connection, by its [Conn.ID]: the connection
// joins it, and whoever knows the id, on whatever node, publishes to it.
func Inbox(id string) string { return "inbox/" + id }

// Reachable joins the connection's own [Inbox].
func (c *Conn) Reachable(hub *sse.Hub) (*Room, error) {
	return c.Follow(hub.Subscribe(Inbox(c.id)), "")
}

// Direct publishes a message to the connection with that id, on whatever node it is, if
// it is [Conn.Reachable]. That nobody is there is no error.
func Direct(ctx context.Context, hub *sse.Hub, id string, m sse.Message) error {
	_, err := hub.Publish(ctx, Inbox(id), m)
	return err
}
