package main

import "github.com/redstart-go/redstart"

// events shows a room to those who only read. It is the same topic of the same hub, so
// that each message has the same position here and there; and since nobody has to be
// listened to, a reader costs neither a goroutine nor a buffer.
func (c *chat) events(req *redstart.Request) redstart.Response {
	in, err := roomOf(req)
	if err != nil {
		return redstart.Fail(err)
	}
	return redstart.SSEResponse(c.hub.Subscribe(in.topic()).FromStart())
}
