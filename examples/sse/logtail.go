package main

import (
	"bytes"
	"context"
	"net/http"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// logTail shows the hub: whatever is published to a topic reaches all its
// subscribers, however many there are, and the publisher waits for none of them.
// Here the log itself is published, line by line, since a logTail is an
// [io.Writer] to which zerolog writes each line at once.
type logTail struct{ hub *sse.Hub }

// logTopic is where the lines are published.
const logTopic = "log"

func newLogTail() *logTail {
	return &logTail{hub: sse.NewHub(sse.Retain(200, 1<<20, 0))} // lines, bytes, no age
}

// Write publishes one line. It does not fail: that nobody can be told any more,
// since the hub is closed, is no reason to bother the logger.
func (t *logTail) Write(line []byte) (int, error) {
	text := string(bytes.TrimSuffix(line, []byte("\n")))
	_, _ = t.hub.Publish(context.Background(), logTopic, sse.Text(text).WithEvent("line"))
	return len(line), nil
}

// stream shows what is retained, and then what comes. A client that returns
// continues behind the last line it saw; the hub chooses the ids for that.
func (t *logTail) stream(*redstart.Request) redstart.Response {
	return redstart.SSEResponse(t.hub.Subscribe(logTopic).FromStart())
}

func (t *logTail) close(context.Context) error { return t.hub.Close() }

// answer replies with the status that the path names, to give the log something
// to tell.
func answer(req *redstart.Request) redstart.Response {
	status, err := req.ParamInt("status")
	switch {
	case err != nil:
		return redstart.Fail(err)
	case status == http.StatusOK:
		return redstart.Text("As you like it.\n")
	case status >= 400 && status <= 599:
		return redstart.Fail(redstart.Error(status, "You asked for it."))
	}
	return redstart.Fail(redstart.Errorf(http.StatusBadRequest, "there is no answer with status %d; try 200, or 400 to 599", status))
}
