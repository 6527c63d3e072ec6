package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// crimeID is the part of the path that names a crime.
type crimeID struct {
	ID int64 `path:"id"`
}

// statusChange is what somebody with a badge asks for.
type statusChange struct {
	crimeID
	Status string `json:"status" validate:"required,oneof=open responding closed"`
}

// setStatus says how far a case is, to everybody.
func (d *desk) setStatus(req *redstart.Request, in *statusChange) (store.Crime, error) {
	if err := d.change(req.Context(), in.ID, in.Status, badge(req)); err != nil {
		return store.Crime{}, err
	}
	crime, err := d.store.Get(req.Context(), in.ID)
	return crime, explain(err, inBody)
}

// remove takes a report off the file, and off every page.
func (d *desk) remove(req *redstart.Request, in *crimeID) error {
	return d.change(req.Context(), in.ID, "", badge(req))
}

// change does a change and tells everybody. With a log the log comes first, so that all
// processes and nodes do the same in the same order. While it is out of reach nothing can
// be changed: a report must not be lost, but a change can wait.
func (d *desk) change(ctx context.Context, id int64, status, by string) error {
	change, err := d.store.Plan(ctx, id, status, by)
	if errors.Is(err, store.ErrUnannounced) {
		return later(err)
	}
	if err != nil {
		return explain(err, inBody)
	}
	if d.clerk != nil {
		if err := d.clerk.change(ctx, change); err != nil {
			return later(err)
		}
		return nil
	}
	ctx = context.WithoutCancel(ctx) // what is done must be announced
	if err := d.store.Apply(ctx, "", change); err != nil {
		return err
	}
	_, err = d.hub.Publish(ctx, topic, changed(change))
	return err
}

// later is the error for what may be tried again.
func later(err error) error {
	return redstart.Error(http.StatusServiceUnavailable, "the change cannot reach the others right now: try again in a moment").WithCause(err)
}

// changed is the change as everybody is told of it.
func changed(change store.Change) sse.Message { return sse.JSON(change).WithEvent(changeEvent) }

const changeEvent = "crime_changed"
