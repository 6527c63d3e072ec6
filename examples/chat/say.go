package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

// maxText bounds a line, in characters.
const maxText = 1000

// input is what a page sends.
type input struct {
	Do   string `json:"do"`   // "say" or "typing"
	Key  string `json:"key"`  // say: made by the page, the same when it tries again
	Text string `json:"text"` // say
	On   bool   `json:"on"`   // typing: whether somebody is
}

// line is what everybody in the room gets to read.
type line struct {
	Who  string    `json:"who"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
	Key  string    `json:"key"` // by which its author's page knows it again
}

// typing says whether somebody is about to say something.
type typing struct {
	Who string `json:"who"`
	On  bool   `json:"on"`
}

// refusal tells a page why what it sent was not said.
type refusal struct {
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

// member is a page in a room.
type member struct {
	conn *websocket.Conn
	room *websocket.Room
	name string
}

// hear deals with one message. A mistake of a person is explained to that person. What
// no page of ours sends is an error, which closes the connection: with 1007 for what is
// not JSON, since that error says so itself.
func (m *member) hear(msg websocket.Message) error {
	var in input
	if err := msg.JSON(&in); err != nil {
		return err
	}
	switch in.Do {
	case "say":
		return m.say(in)
	case "typing":
		return m.typing(in.On)
	}
	return websocket.Close(websocket.PolicyViolation, fmt.Sprintf(`"do" is %.20q: want "say" or "typing"`, in.Do))
}

// keyForm is what a key looks like: crypto.randomUUID makes such.
var keyForm = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

// say publishes a line. Its key makes it idempotent: a page that was cut off, and cannot
// know whether the line got through, says it again, and the hub drops the double.
func (m *member) say(in input) error {
	text := strings.TrimSpace(in.Text)
	switch n := utf8.RuneCountInString(text); {
	case !keyForm.MatchString(in.Key):
		return m.refuse(in.Key, "a line needs a key of 8 to 64 letters, digits and hyphens")
	case n == 0:
		return m.refuse(in.Key, "there is nothing to say")
	case n > maxText:
		return m.refuse(in.Key, fmt.Sprintf("%d characters are too many: at most %d", n, maxText))
	}
	said := sse.JSON(line{Who: m.name, Text: text, At: time.Now().UTC(), Key: in.Key}).WithEvent("line")
	// The room and the name are part of the hub's key, so that nobody can use up the
	// keys of others.
	return m.room.Publish(said.WithID(m.room.Topic() + "/" + m.name + "/" + in.Key))
}

// typing tells the others that this member is typing, or has stopped. That is a state:
// each one takes the place of the one before, so that a room remembers a single one for
// each member, however much they type, and not hundreds in place of what was said.
func (m *member) typing(on bool) error {
	return m.room.Publish(sse.JSON(typing{m.name, on}).WithEvent("typing").WithStateKey("typing/" + m.name))
}

func (m *member) refuse(key, reason string) error {
	if len(key) > 64 {
		key = "" // it was none
	}
	return m.conn.SendJSON(note{"refused", refusal{key, reason}})
}
