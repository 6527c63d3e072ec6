package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"sync"
	"time"

	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// Topics of the log besides the crimes: what happened before the first node began, and
// nodes that come. Pages listen to neither.
const (
	historyTopic = "history"
	nodesTopic   = "nodes"
)

const (
	sweepEvery   = time.Second
	sweepAge     = 2 * time.Second  // younger crimes are being announced by whoever reported them
	announceTime = 2 * time.Second  // for one announcement; whoever reports a crime waits for it
	startTime    = 30 * time.Second // to read the log when the program starts
	clerkPause   = time.Second      // after a failure
)

// clerk keeps a process in step with the log. It files what stands there, whoever
// reported it, and announces what was reported here and has not got there. There is one
// in each process, although they share a file: all do the same work, and the file knows
// what is done, so that none has to be in charge, and none be missed.
type clerk struct {
	store  *store.Store
	hub    *sse.Hub
	node   node
	shared bool // nodes with databases of their own use the log

	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	reached sse.Cursor
	moved   chan struct{} // closed when reached has changed
}

func newClerk(c config) *clerk {
	return &clerk{store: c.Store, hub: c.Hub, node: c.Node, shared: c.Log == store.Shared, moved: make(chan struct{})}
}

// start begins, and returns once everything is on file that stood in the log: from then
// on a list of crimes and the position that comes with it fit together.
func (c *clerk) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("the log could not be read within %v", startTime))
	defer cancel()
	if err := c.hub.Ready(ctx); err != nil {
		return err
	}
	background, stop := context.WithCancel(context.Background())
	c.cancel = stop
	c.running.Go(func() { c.read(background) })
	err := c.catchUp(ctx)
	if err == nil && c.shared {
		err = c.seed(ctx)
	}
	if err != nil {
		c.stop()
		return fmt.Errorf("joining the others: %w", err)
	}
	c.running.Go(func() { c.sweep(background) })
	return nil
}

// stop ends the clerk and waits for it. Without a start it does nothing.
func (c *clerk) stop() {
	if c.cancel != nil {
		c.cancel()
	}
	c.running.Wait()
}

// catchUp writes a line into the log and waits until it has read that far.
func (c *clerk) catchUp(ctx context.Context) error {
	ack, err := c.hub.Publish(ctx, nodesTopic, sse.JSON(c.node).WithEvent("node"))
	if err != nil {
		return err
	}
	if err := c.wait(ctx, ack.Cursor); err != nil {
		return err
	}
	// In a log that is new, this is where the story begins.
	position, err := c.store.Position(ctx)
	if err != nil {
		return err
	}
	if at, err := sse.ParseCursor(position); err == nil && at.Epoch() == ack.Cursor.Epoch() {
		return nil
	}
	return c.store.Advance(ctx, ack.Cursor.String())
}

// seed gives a city without a past one. It is told in one line of the log, under one key:
// nodes that begin at the same moment tell it once, and none has heard half of it.
func (c *clerk) seed(ctx context.Context) error {
	if empty, err := c.store.Unwritten(ctx); err != nil || !empty {
		return err
	}
	ack, err := c.hub.Publish(ctx, historyTopic, sse.JSON(c.store.History()).WithEvent("history").WithID("history"))
	if err != nil {
		return err
	}
	return c.wait(ctx, ack.Cursor)
}

// wait returns once the clerk has read up to the position, or ctx has ended.
func (c *clerk) wait(ctx context.Context, position sse.Cursor) error {
	for {
		c.mu.Lock()
		reached, moved := c.reached, c.moved
		c.mu.Unlock()
		if reached.Epoch() == position.Epoch() && reached.Sequence() >= position.Sequence() {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (c *clerk) reach(position sse.Cursor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reached = position
	close(c.moved)
	c.moved = make(chan struct{})
}

// read files what comes, until ctx ends. Whatever interrupts it, it goes on behind what
// is on file.
func (c *clerk) read(ctx context.Context) {
	for {
		err := c.follow(ctx)
		if ctx.Err() != nil || errors.Is(err, sse.ErrHubClosed) {
			return
		}
		log.Printf("filing what stands in the log: %v; trying again", err)
		if !pause(ctx, clerkPause) {
			return
		}
	}
}

func (c *clerk) follow(ctx context.Context) error {
	position, err := c.store.Position(ctx)
	if err != nil {
		return err
	}
	feed := c.hub.Subscribe(topic, historyTopic, nodesTopic).FromStart()
	if at, err := sse.ParseCursor(position); err == nil {
		feed.From(at)
	}
	for message, err := range feed.Messages(ctx) {
		if err != nil {
			return err
		}
		if err := c.take(ctx, message); err != nil {
			return err
		}
		at, err := sse.ParseCursor(message.ID)
		if err != nil {
			return err
		}
		c.reach(at)
	}
	return nil
}

// take does what a line of the log asks for.
func (c *clerk) take(ctx context.Context, message sse.Message) error {
	crimes := make([]store.Crime, 1)
	var err error
	switch message.Event {
	case "crime_alert":
		err = message.DecodeJSON(&crimes[0])
	case "history":
		err = message.DecodeJSON(&crimes)
	case changeEvent:
		return c.takeChange(ctx, message)
	case "sse.gap":
		return c.gap(ctx, message)
	default:
		return nil
	}
	if err != nil {
		log.Printf("the log has at %s what is no crime: %v", message.ID, err)
		crimes = nil
	}
	_, err = c.store.File(ctx, message.ID, crimes...)
	return err
}

// gap says that something is missing, which only other nodes know. A log that nobody
// else writes to may begin anew: all that it ever held is on file.
func (c *clerk) gap(ctx context.Context, message sse.Message) error {
	if c.shared {
		var why struct{ Reason, From string }
		if err := message.DecodeJSON(&why); err != nil {
			return err
		}
		switch why.Reason {
		case "epoch":
			log.Printf("the log was lost or replaced: what other nodes reported behind %s, and is not in the new one, is missing here", why.From)
		default:
			log.Printf("the log does not reach back to %s any more (%s): what other nodes reported from there to %s is missing here", why.From, why.Reason, message.ID)
		}
	}
	return c.store.Advance(ctx, message.ID)
}

// sweep announces what was reported and did not get into the log, because that was out
// of reach or the process ended in between. The log knows the keys of a day, and so
// what it has already.
func (c *clerk) sweep(ctx context.Context) {
	failing := false
	for pause(ctx, sweepEvery) {
		n, err := c.announceAll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			log.Printf("reports wait to be announced: %v", err)
		case err == nil && failing:
			log.Printf("what had to wait is announced: %d", n)
		}
		failing = err != nil
	}
}

func (c *clerk) announceAll(ctx context.Context) (n int, err error) {
	for {
		waiting, err := c.store.Unannounced(ctx, sweepAge)
		if err != nil || len(waiting) == 0 {
			return n, err
		}
		for _, crime := range waiting {
			ack, err := c.announce(ctx, crime)
			if err != nil {
				return n, err
			}
			// Filing it takes it out of the outbox. It is bound to come, unless the log
			// was replaced just now: then the next round announces it there.
			if err := c.awaitFiled(ctx, ack.Cursor); err != nil {
				return n, err
			}
			if err := c.store.Announced(ctx, crime.ID, ack.Cursor.String()); err != nil {
				return n, err
			}
			n++
		}
	}
}

func (c *clerk) awaitFiled(ctx context.Context, position sse.Cursor) error {
	ctx, cancel := context.WithTimeoutCause(ctx, announceTime, errors.New("what was announced does not come back from the log"))
	defer cancel()
	return c.wait(ctx, position)
}

// announce writes a crime into the log, once, however often it is called.
func (c *clerk) announce(ctx context.Context, crime store.Crime) (sse.Ack, error) {
	if err := c.hub.BrokerError(); err != nil {
		return sse.Ack{}, err // known without waiting for it
	}
	ctx, cancel := context.WithTimeoutCause(ctx, announceTime, fmt.Errorf("the log did not answer within %v", announceTime))
	defer cancel()
	return c.hub.Publish(ctx, topic, notice(crime).WithID("crime-"+strconv.FormatInt(crime.ID, 10)))
}

// notice is the crime as everybody is told of it.
func notice(crime store.Crime) sse.Message { return sse.JSON(crime).WithEvent("crime_alert") }
