package main

import (
	"context"
	"fmt"
	"log"

	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// change writes a change into the log and waits until it has come back from there and is
// done here, as it is everywhere.
func (c *clerk) change(ctx context.Context, change store.Change) error {
	if err := c.hub.BrokerError(); err != nil {
		return err // known without waiting for it
	}
	ctx, cancel := context.WithTimeoutCause(ctx, announceTime, fmt.Errorf("the log did not answer within %v", announceTime))
	defer cancel()
	ack, err := c.hub.Publish(ctx, topic, changed(change))
	if err != nil {
		return err
	}
	return c.awaitFiled(ctx, ack.Cursor)
}

// takeChange does what stands in the log.
func (c *clerk) takeChange(ctx context.Context, message sse.Message) error {
	var change store.Change
	if err := message.DecodeJSON(&change); err != nil || (change.Status == "") != change.Removed {
		log.Printf("the log has at %s what is no change: %v", message.ID, err)
		return c.store.Advance(ctx, message.ID)
	}
	return c.store.Apply(ctx, message.ID, change)
}
