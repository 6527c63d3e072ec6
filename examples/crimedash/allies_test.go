package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

// phone is a page of the allies, as far as the server can tell: it takes whatever
// comes, at once.
type phone struct {
	t     *testing.T
	conn  *websocket.Conn
	heard chan websocket.Envelope
	end   error // when heard is closed
}

// call connects to a dashboard: one at an address, or a handler in memory.
func call(t *testing.T, base string, h http.Handler, query url.Values) *phone {
	t.Helper()
	if query.Get("room") == "" {
		query.Set("room", "batcave")
	}
	header := http.Header{}
	if token := query.Get("token"); token != "" {
		header.Set("Authorization", token)
	}
	conn, _, err := websocket.Dial(t.Context(), base+"/allies?"+query.Encode(), &websocket.DialOptions{Handler: h, Header: header})
	require.NoError(t, err)
	c := &phone{t: t, conn: conn, heard: make(chan websocket.Envelope, 1000)}
	go func() {
		defer close(c.heard)
		for {
			var e websocket.Envelope
			if c.end = conn.ReadJSON(context.Background(), &e); c.end != nil {
				return
			}
			c.heard <- e
		}
	}()
	t.Cleanup(c.hangUp)
	return c
}

func (d dashboard) call(t *testing.T, query url.Values) *phone {
	t.Helper()
	return call(t, "ws://gotham.city", d, query)
}

func (c *phone) hangUp() {
	_ = c.conn.Close(websocket.NormalClosure, "")
	_ = c.cut()
}

// cut waits for the end.
func (c *phone) cut() error {
	for range c.heard {
	}
	return c.end
}

func (c *phone) send(in allyInput) {
	c.t.Helper()
	require.NoError(c.t, c.conn.SendJSON(in))
}

func (c *phone) say(room, text string) {
	c.t.Helper()
	c.send(allyInput{Do: "say", Room: room, Key: "key-of-" + strings.ReplaceAll(text, " ", "-"), Text: text})
}

// next waits for the next event of that name.
func (c *phone) next(event string) websocket.Envelope {
	c.t.Helper()
	for e := range c.heard {
		if e.Event == event {
			return e
		}
	}
	require.FailNow(c.t, "the connection has ended", "while waiting for %q: %v", event, c.end)
	return websocket.Envelope{}
}

// hears waits for the next line and returns its position.
func (c *phone) hears(room, who, text string) string {
	c.t.Helper()
	e := c.next("line")
	said := data[line](c.t, e)
	assert.Equal(c.t, []string{room, who, text}, []string{said.Room, said.Who, said.Text})
	assert.Equal(c.t, roomPrefix+room, e.Topic)
	return e.ID
}

func data[T any](t *testing.T, e websocket.Envelope) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(e.Data, &v))
	return v
}

func texts(past []spoken) (all []string) {
	for _, said := range past {
		all = append(all, said.Room+" "+said.Text)
	}
	return all
}

func TestAlliesHearEveryRoom(t *testing.T) {
	d := newDashboard(t)
	batman, reader := d.call(t, url.Values{"name": {"Batman"}}), d.call(t, url.Values{})
	reader.next("members") // from now on, what is said comes live
	batman.say("batcave", "the signal is on")
	batman.say("gcpd", "on my way")
	for _, c := range []*phone{batman, reader} {
		c.hears("batcave", "Batman", "the signal is on")
		c.hears("gcpd", "Batman", "on my way")
	}
}

func TestAlliesAreShownThePastOrWhatTheyMissed(t *testing.T) {
	d := newDashboard(t)
	batman := d.call(t, url.Values{"name": {"Batman"}})
	batman.say("batcave", "one")
	position := batman.hears("batcave", "Batman", "one")
	batman.say("gcpd", "two")
	batman.hears("gcpd", "Batman", "two")

	// What the past holds, and what comes live, is all there is, each once, however far
	// the past has been read.
	for range 20 {
		late := d.call(t, url.Values{"name": {"Robin"}})
		said := texts(data[[]spoken](t, late.next("past")))
		for len(said) < 2 {
			e := late.next("line")
			said = append(said, data[line](t, e).Room+" "+data[line](t, e).Text)
		}
		assert.Equal(t, []string{"batcave one", "gcpd two"}, said)
		late.hangUp()
	}
	back := d.call(t, url.Values{"name": {"Robin"}, "last_event_id": {position}})
	back.hears("gcpd", "Batman", "two")
}

func TestMistakesOfAlliesAreExplained(t *testing.T) {
	d := newDashboard(t)
	for name, test := range map[string]struct {
		who  string
		in   allyInput
		want allyRefusal
	}{
		"empty":   {"Robin", allyInput{Key: "key-number-1", Text: " \n"}, allyRefusal{Key: "key-number-1", Code: "empty"}},
		"long":    {"Robin", allyInput{Key: "key-number-2", Text: strings.Repeat("蝠", maxLine+1)}, allyRefusal{Key: "key-number-2", Code: "too_long", Max: maxLine}},
		"no key":  {"Robin", allyInput{Text: "hello"}, allyRefusal{Code: "invalid"}},
		"bad key": {"Robin", allyInput{Key: "who are you?", Text: "hello"}, allyRefusal{Code: "invalid"}},
		"no name": {"", allyInput{Key: "key-number-3", Text: "hello"}, allyRefusal{Key: "key-number-3", Code: "nameless"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := d.call(t, url.Values{"name": {test.who}})
			test.in.Do, test.in.Room = "say", "oracle"
			c.send(test.in)
			assert.Equal(t, test.want, data[allyRefusal](t, c.next("refused")))
		})
	}
}

func TestALineThatIsSentTwiceIsSaidOnce(t *testing.T) {
	d := newDashboard(t)
	batman := d.call(t, url.Values{"name": {"Batman"}})
	for range 3 {
		batman.say("batcave", "did you get that")
	}
	batman.say("batcave", "good")
	batman.hears("batcave", "Batman", "did you get that")
	batman.hears("batcave", "Batman", "good")
	robin := d.call(t, url.Values{"name": {"Robin"}})
	robin.say("batcave", "good") // with a key that Batman has used
	batman.hears("batcave", "Robin", "good")
}

func TestAlliesAreSeenInOneRoom(t *testing.T) {
	d := newDashboard(t)
	batman := d.call(t, url.Values{"name": {"Batman"}})
	join := batman.next("sse.join")
	assert.Equal(t, roomPrefix+"batcave", join.Topic)
	robin := d.call(t, url.Values{"name": {"Robin"}, "room": {"gcpd"}})
	assert.Equal(t, map[string][]string{"batcave": {"Batman"}, "gcpd": {}, "oracle": {}}, without(data[attendance](t, robin.next("members")).Rooms, "Robin"))
	join = batman.next("sse.join")
	assert.Equal(t, roomPrefix+"gcpd", join.Topic)
	assert.JSONEq(t, `{"name":"Robin"}`, string(join.Data))
	robin.send(allyInput{Do: "enter", Room: "batcave"})
	join = batman.next("sse.join")
	assert.Equal(t, roomPrefix+"batcave", join.Topic)
	reader := d.call(t, url.Values{}) // is not seen
	assert.Contains(t, data[attendance](t, reader.next("members")).Rooms["batcave"], "Robin")
}

func TestAnAllyWhoHasLoggedInIsNobodyElse(t *testing.T) {
	d := newDashboard(t)
	granted := decode[token](t, d.ask(t, http.MethodPost, "/api/token", jsonType, `{"name":"gordon","password":"light-the-signal"}`))
	gordon := d.call(t, url.Values{"name": {"Joker"}, "token": {"Bearer " + granted.AccessToken}})
	assert.Equal(t, caller{"Commissioner Gordon", true}, data[attendance](t, gordon.next("members")).You)
	gordon.say("gcpd", "my badge")
	assert.True(t, data[line](t, gordon.next("line")).Sworn)
	guest := d.call(t, url.Values{"name": {"Commissioner Gordon"}})
	guest.say("gcpd", "my mask")
	assert.False(t, data[line](t, gordon.next("line")).Sworn)
}

// without leaves a name out, which may have come a moment ago or not.
func without(rooms map[string][]string, name string) map[string][]string {
	for room, names := range rooms {
		rooms[room] = strings.Fields(strings.ReplaceAll(strings.Join(names, " "), name, ""))
	}
	return rooms
}

func TestAlliesWhoAreNoPage(t *testing.T) {
	for name, test := range map[string]struct {
		send func(*websocket.Conn) error
		code websocket.Code
	}{
		"no JSON":      {func(c *websocket.Conn) error { return c.SendText("hello") }, websocket.InvalidPayload},
		"unknown room": {func(c *websocket.Conn) error { return c.SendText(`{"do":"say","room":"arkham"}`) }, websocket.PolicyViolation},
		"unknown act":  {func(c *websocket.Conn) error { return c.SendText(`{"do":"shout","room":"gcpd"}`) }, websocket.PolicyViolation},
		"too large":    {func(c *websocket.Conn) error { return c.SendText(strings.Repeat("x", maxMessage+1)) }, websocket.MessageTooBig},
		"too many": {func(c *websocket.Conn) error {
			for {
				if err := c.SendText(`{"do":"enter","room":"gcpd"}`); err != nil {
					return err
				}
			}
		}, websocket.PolicyViolation},
	} {
		t.Run(name, func(t *testing.T) {
			// Over a real connection, which takes what is sent after the server has stopped
			// reading; one in memory fails then, and sometimes before the code has come.
			c := call(t, newSite(t).URL, nil, url.Values{"name": {"Joker"}})
			go func() { _ = test.send(c.conn) }()
			end, ok := errors.AsType[*websocket.CloseError](c.cut())
			require.True(t, ok)
			assert.Equal(t, test.code, end.Code)
		})
	}
}

func TestAlliesAreRefusedByAnOrdinaryReply(t *testing.T) {
	d := newDashboard(t)
	for name, test := range map[string]struct {
		query  string
		status int
		text   string
	}{
		"all is well":   {"?room=gcpd&name=Batman", http.StatusUpgradeRequired, ""},
		"no name":       {"?room=gcpd", http.StatusUpgradeRequired, ""},
		"no room":       {"?name=Batman", http.StatusNotFound, "the rooms are batcave, gcpd, oracle"},
		"a long name":   {"?room=gcpd&name=" + strings.Repeat("x", maxAlly+1), http.StatusBadRequest, "at most 24 characters"},
		"control codes": {"?room=gcpd&name=a%00b", http.StatusBadRequest, "plain text on one line"},
	} {
		t.Run(name, func(t *testing.T) {
			reply := d.get(t, "/allies"+test.query)
			assert.Equal(t, test.status, reply.Code)
			assert.Contains(t, reply.Body.String(), test.text)
		})
	}
}

func TestTheWallBeginsWithAStateAndGoesOn(t *testing.T) {
	d := newDashboard(t)
	d.commit(t, sighting("Pier 18"))
	batman := d.call(t, url.Values{"name": {"Batman"}})
	batman.say("oracle", "one")
	id := batman.hears("oracle", "Batman", "one")
	state := decode[wallState](t, d.get(t, "/api/wall"))
	require.Len(t, state.Crimes, 1)
	d.commit(t, sighting("Pier 19"))
	batman.say("oracle", "two")
	batman.hears("oracle", "Batman", "two")

	seen := map[string]bool{}
	for _, said := range state.Lines {
		seen[said.ID.String()] = true
	}
	lines, crimes := 0, 0
	_, err := d.listen(t, "/wall/live?lastEventID="+state.Cursor, "", func(e streamed) bool {
		switch e.Event {
		case "line":
			assert.False(t, seen[e.ID], "a line that was in the state")
			seen[e.ID] = true
			lines++
		case "crime_alert":
			crimes++
		}
		return len(seen) < 2 || crimes == 0
	})
	require.NoError(t, err)
	assert.True(t, seen[id], "the same position as in the room")
	assert.Len(t, seen, 2)
	assert.Positive(t, lines)
}

// The scrollback is bounded for each room.
func TestThePastIsBounded(t *testing.T) {
	hub := sse.NewHub()
	past := newScrollback(hub)
	publish := func(room, text string) sse.Cursor {
		ack, err := hub.Publish(t.Context(), roomPrefix+room, sse.JSON(line{Room: room, Text: text}).WithEvent("line"))
		require.NoError(t, err)
		return ack.Cursor
	}
	first := publish("gcpd", "the first")
	for range pastLines + 10 {
		publish("batcave", "and on")
	}
	_, err := hub.Publish(t.Context(), topic, sse.Text("no line").WithEvent("line"))
	require.NoError(t, err)
	past.begin()
	require.Eventually(t, func() bool { _, at := past.lines(); return at == hub.Cursor() }, 10*time.Second, time.Millisecond)
	lines, _ := past.lines()
	assert.Len(t, lines, pastLines+1)
	assert.Equal(t, first, lines[0].ID)
	require.NoError(t, hub.Close())
	past.end()
}
