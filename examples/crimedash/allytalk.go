package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

// ally is a page that is connected to the rooms.
type ally struct {
	*allies
	conn *websocket.Conn
	caller
	part func() // leaves the room where the ally is seen
}

// allyInput is what a page sends.
type allyInput struct {
	Do   string `json:"do"` // "say", or "enter" to be seen in another room
	Room string `json:"room"`
	Key  string `json:"key"`  // say: made by the page, the same when it tries again
	Text string `json:"text"` // say
}

// allyNote is a message to one page. It looks like those of the rooms, but has no
// position.
type allyNote struct {
	Event string `json:"event"`
	Data  any    `json:"data"`
}

// allyRefusal tells a page why a line was not said: the code is for it to explain in its
// reader's language.
type allyRefusal struct {
	Key  string `json:"key"`
	Code string `json:"code"` // "empty", "too_long", "invalid" or "nameless"
	Max  int    `json:"max,omitempty"`
}

// converse begins with what was said, or with what was missed since, and goes on until
// the page leaves.
func (a *ally) converse(room string) error {
	// One subscription to all rooms has one position to come back with. The past goes
	// first, and the subscription begins where it ends.
	here := a.hub.Subscribe(roomTopics()...)
	position := sse.LastEventID(a.conn.Request())
	if position == "" {
		past, at := a.past.lines()
		if err := a.conn.SendJSON(allyNote{"past", past}); err != nil {
			return err
		}
		here.From(at)
	}
	if _, err := a.conn.Follow(here, position); err != nil {
		return err
	}
	a.enter(room)
	if err := a.conn.SendJSON(allyNote{"members", a.attendance(a.caller)}); err != nil {
		return err
	}
	for message, err := range a.conn.Messages() {
		if err != nil {
			return err
		}
		if err := a.hear(message); err != nil {
			return err
		}
	}
	return nil
}

// enter is where the ally is seen from now on.
func (a *ally) enter(room string) {
	before := a.part
	a.part = a.hub.Join(roomPrefix+room, a.Name) // which does nothing without a name
	if before != nil {
		before()
	}
}

func (a *ally) leave() {
	if a.part != nil {
		a.part()
	}
}

// hear deals with one message. What no page of ours sends closes the connection.
func (a *ally) hear(message websocket.Message) error {
	var in allyInput
	if err := message.JSON(&in); err != nil {
		return err
	}
	if !slices.Contains(rooms, in.Room) {
		return websocket.Close(websocket.PolicyViolation, fmt.Sprintf("there is no room %.40q", in.Room))
	}
	switch in.Do {
	case "say":
		return a.say(in)
	case "enter":
		a.enter(in.Room)
		return nil
	}
	return websocket.Close(websocket.PolicyViolation, fmt.Sprintf(`"do" is %.20q: want "say" or "enter"`, in.Do))
}

// lineKey is the form of a key: crypto.randomUUID makes such.
var lineKey = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

// say publishes a line, once: a page that was cut off says it again with the same key,
// and the log knows it.
func (a *ally) say(in allyInput) error {
	text := strings.TrimSpace(in.Text)
	refusal := allyRefusal{Key: in.Key}
	switch {
	case !lineKey.MatchString(in.Key):
		refusal = allyRefusal{Code: "invalid"}
	case a.Name == "":
		refusal.Code = "nameless"
	case text == "":
		refusal.Code = "empty"
	case utf8.RuneCountInString(text) > maxLine:
		refusal.Code, refusal.Max = "too_long", maxLine
	}
	if refusal.Code != "" {
		return a.conn.SendJSON(allyNote{"refused", refusal})
	}
	said := sse.JSON(line{Room: in.Room, Who: a.Name, Sworn: a.Sworn, Text: text, At: time.Now().UTC(), Key: in.Key}).WithEvent("line")
	// The name is part of the log's key, so that nobody can use up the keys of others.
	_, err := a.hub.Publish(a.conn.Context(), roomPrefix+in.Room, said.WithID(roomPrefix+in.Room+"/"+a.Name+"/"+in.Key))
	return err
}
