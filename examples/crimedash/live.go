package main

import (
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

const (
	// retryAfter is how long a page waits before it reconnects: short, because
	// resuming is cheap and nothing is missed.
	retryAfter = time.Second
	// pingAfter is the longest silence. The page hears the ping, unlike a comment,
	// and takes three missed ones for a dead line.
	pingAfter = 15 * time.Second
)

// live streams crimes as they are filed. A page that returns after an outage
// names the last event it saw and continues behind it, on whatever node and process
// it finds; the hub does the rest.
func (d *desk) live(req *redstart.Request) redstart.Response {
	return d.node.introduce(req, redstart.SSEResponse(d.hub.Subscribe(topic),
		sse.Retry(retryAfter), sse.VisibleHeartbeat(pingAfter, "ping")))
}
