package main

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

const (
	maxName    = 24      // characters
	maxMessage = 8 << 10 // bytes; the longest line there may be, every character escaped
)

// pace is how fast a page may send: a person's typing fits into it several times over.
// Who is faster is closed with 1008, which is the framework's business.
var pace = websocket.RateLimit(5, 20)

// talk takes a page into a room. Until the last line this is a request like any other:
// what is wrong with it is answered with a status and a reason.
func (c *chat) talk(req *redstart.Request) redstart.Response {
	in, err := roomOf(req)
	if err != nil {
		return redstart.Fail(err)
	}
	name, err := nameOf(req)
	if err != nil {
		return redstart.Fail(err)
	}
	return redstart.Socket(c.conversation(in, name), pace, websocket.MaxMessageBytes(maxMessage))
}

// nameOf is who asks. Anybody may call themselves anything here; where people log in,
// this function returns the name of req.Identity() instead.
func nameOf(req *redstart.Request) (string, error) {
	name := strings.TrimSpace(req.Query("name"))
	switch {
	case name == "":
		return "", redstart.Error(http.StatusBadRequest, "who are you? Come with a name")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", redstart.Error(http.StatusBadRequest, "a name is plain text on one line")
	case utf8.RuneCountInString(name) > maxName:
		return "", redstart.Errorf(http.StatusBadRequest, "a name has at most %d characters", maxName)
	}
	return name, nil
}

// conversation is a page in a room, from coming to leaving. It runs on a goroutine of
// its own, and returning ends the connection.
func (c *chat) conversation(in room, name string) func(*websocket.Conn) error {
	return func(conn *websocket.Conn) error {
		// The membership is a subscription: a newcomer begins with all that is retained,
		// who comes back with a last_event_id gets what was missed, and the others are
		// told that somebody of this name has come.
		history := c.hub.Subscribe(in.topic()).FromStart().As(name)
		room, err := conn.Follow(history, sse.LastEventID(conn.Request()))
		if err != nil {
			return err
		}
		if err := conn.SendJSON(c.present(in)); err != nil {
			return err
		}
		me := &member{conn: conn, room: room, name: name}
		for msg, err := range conn.Messages() {
			if err != nil {
				return err
			}
			if err := me.hear(msg); err != nil {
				return err
			}
		}
		return nil
	}
}

// note is a message to one page alone. It looks like those of the room, but has no id,
// since nobody can come back for it.
type note struct {
	Event string `json:"event"`
	Data  any    `json:"data"`
}

// attendance is who is in a room. What "sse.join" and "sse.leave" say up to the position
// is in it already.
type attendance struct {
	At    sse.Cursor `json:"at"`
	Names []string   `json:"names"`
}

func (c *chat) present(in room) note {
	// The position comes first. Somebody who leaves between the two lines is not in the
	// list, and the event that says so does no harm; the other way round, it would be
	// taken for old, and the list would keep a ghost.
	list := attendance{At: c.hub.Cursor(), Names: []string{}}
	for _, m := range c.hub.Presence(in.topic()) {
		list.Names = append(list.Names, m.Name)
	}
	return note{"members", list}
}
