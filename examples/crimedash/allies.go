package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

// rooms are where the allies talk. The page knows what they are called.
var rooms = []string{"batcave", "gcpd", "oracle"}

const roomPrefix = "allies/"

// roomTopics are the rooms on the hub: beside the crimes, so that what is said reaches
// every process and node as they do.
func roomTopics() []string {
	topics := make([]string, len(rooms))
	for i, room := range rooms {
		topics[i] = roomPrefix + room
	}
	return topics
}

const (
	maxAlly    = 24       // characters of a name
	maxLine    = 500      // characters of a line
	maxMessage = 16 << 10 // bytes: the longest line, every character escaped, and its frame
)

// allyPace is well above what a person types. Who is faster is closed with 1008.
var allyPace = websocket.RateLimit(5, 20)

// allies is the chat.
type allies struct {
	hub  *sse.Hub
	past *scrollback
}

// line is what somebody has said.
type line struct {
	Room  string    `json:"room"`
	Who   string    `json:"who"`
	Sworn bool      `json:"sworn"` // has logged in, and is who the name says
	Text  string    `json:"text"`
	At    time.Time `json:"at"`
	Key   string    `json:"key"` // by which its author's page knows it again
}

// meet gives the allies their rooms, and a wall to read along.
func meet(app *redstart.App, g *guards, desk *desk) {
	a := &allies{hub: desk.hub, past: newScrollback(desk.hub)}
	app.OnStart(func(context.Context) error { a.past.begin(); return nil })
	app.OnStop(func(context.Context) error { a.past.end(); return nil })
	app.WebSocket("/allies", a.talk, redstart.Secured(g.guests), redstart.Describe(redstart.Doc{
		Summary: "Talk with the allies", Tags: []string{"Allies"}, Socket: &redstart.SocketDoc{Receives: allyInput{}, Sends: websocket.Envelope{}},
	}))

	w := &wall{desk: desk, allies: a}
	app.Get("/api/wall", w.state, redstart.Describe(redstart.Doc{Summary: "What a wall begins with", Tags: []string{"Allies"}}))
	app.Get("/wall/live", w.live, redstart.Describe(redstart.Doc{Summary: "Crimes, and what the allies say", Tags: []string{"Allies"}}))
}

// talk connects a page to all rooms. In one of them it is seen, if it has a name; one
// without is a reader.
func (a *allies) talk(req *redstart.Request) redstart.Response {
	who, err := allyOf(req)
	if err != nil {
		return redstart.Fail(err)
	}
	room := req.Query("room")
	if !slices.Contains(rooms, room) {
		return redstart.Fail(redstart.Errorf(http.StatusNotFound, "there is no room %.40q; the rooms are %s", room, strings.Join(rooms, ", ")))
	}
	return redstart.Socket(func(conn *websocket.Conn) error {
		ally := &ally{allies: a, conn: conn, caller: who}
		defer ally.leave()
		return ally.converse(room)
	}, allyPace, websocket.MaxMessageBytes(maxMessage))
}

// caller is who talks.
type caller struct {
	Name  string `json:"name"`  // "" for a reader
	Sworn bool   `json:"sworn"` // has logged in, and is who the name says
}

// allyOf is who asks: whoever has logged in, or a guest, who is taken at their word.
func allyOf(req *redstart.Request) (caller, error) {
	if id := req.Identity(); id != nil {
		return caller{id.Name, true}, nil
	}
	name := strings.TrimSpace(req.Query("name"))
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return caller{}, redstart.Error(http.StatusBadRequest, "a name is plain text on one line")
	case utf8.RuneCountInString(name) > maxAlly:
		return caller{}, redstart.Errorf(http.StatusBadRequest, "a name has at most %d characters", maxAlly)
	}
	return caller{Name: name}, nil
}

// attendance is who is in which room, and who asks. It holds what joins and leaves up to
// the position have changed.
type attendance struct {
	You   caller              `json:"you"`
	At    sse.Cursor          `json:"at"`
	Rooms map[string][]string `json:"rooms"`
}

func (a *allies) attendance(you caller) attendance {
	// The position comes first: who leaves meanwhile is then not on the list, and the
	// event that says so does no harm. The other way round there would be a ghost.
	list := attendance{You: you, At: a.hub.Cursor(), Rooms: map[string][]string{}}
	for _, room := range rooms {
		names := []string{}
		for _, m := range a.hub.Presence(roomPrefix + room) {
			names = append(names, m.Name)
		}
		list.Rooms[room] = names
	}
	return list
}
