package websocket

import (
	"context"
	"iter"
)

// Typed is a connection whose messages are JSON values: of type In what the peer
// sends, and of type Out what is sent to it. See [JSON].
type Typed[In, Out any] struct {
	*Conn
}

// JSON makes the function of a conversation out of one that deals in values:
//
//	websocket.NewConversation(websocket.JSON(func(conn websocket.Typed[Question, Answer]) error {
//		for q, err := range conn.Messages() {
//			if err != nil {
//				return err
//			}
//			if err := conn.Send(answer(q)); err != nil {
//				return err
//			}
//		}
//		return nil
//	}))
func JSON[In, Out any](run func(Typed[In, Out]) error) func(*Conn) error {
	return func(c *Conn) error { return run(Typed[In, Out]{c}) }
}

// Messages is [Conn.Messages] for values. A message that is none is an error of
// [Message.JSON]: to return it closes the connection with 1007 or 1003, and to
// continue goes on with the next message.
func (t Typed[In, Out]) Messages() iter.Seq2[In, error] {
	return func(yield func(In, error) bool) {
		for m, err := range t.Conn.Messages() {
			var v In
			if err == nil {
				err = m.JSON(&v)
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

// Read is [Conn.Read] for a value.
func (t Typed[In, Out]) Read(ctx context.Context) (v In, err error) {
	err = t.ReadJSON(ctx, &v)
	return v, err
}

// Send is [Conn.Send] for a value.
func (t Typed[In, Out]) Send(v Out) error { return t.SendJSON(v) }

// Post is [Conn.Post] for a value.
func (t Typed[In, Out]) Post(v Out) error {
	m, err := JSONMessage(v)
	if err != nil {
		return err
	}
	return t.Conn.Post(m)
}
