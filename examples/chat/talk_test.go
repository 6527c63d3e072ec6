package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/websocket"
)

func TestWhatIsSaidReachesTheRoomAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, hub := quietApp()
		ada, bea, eve := visit(t, app, "lobby", "Ada", ""), visit(t, app, "lobby", "Bea", ""), visit(t, app, "kitchen", "Eve", "")
		ada.send(input{Do: "say", Key: "key-of-ada", Text: "  hello\n"})
		eve.send(input{Do: "say", Key: "key-of-eve", Text: "soup?"})
		ada.hears("Ada", "hello")
		bea.hears("Ada", "hello")
		eve.hears("Eve", "soup?")
		for _, v := range []*visitor{ada, bea, eve} {
			v.leave()
		}
		require.NoError(t, hub.Close())
	})
}

func TestHistoryForANewcomerAndTheRestForWhoComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, hub := quietApp()
		ada := visit(t, app, "lobby", "Ada", "")
		ada.send(input{Do: "say", Key: "key-number-1", Text: "one"})
		position := ada.hears("Ada", "one")
		ada.leave()

		bea := visit(t, app, "lobby", "Bea", "")
		bea.hears("Ada", "one")
		bea.send(input{Do: "say", Key: "key-number-2", Text: "two"})
		bea.hears("Bea", "two")

		back := visit(t, app, "lobby", "Ada", position)
		back.hears("Bea", "two")

		lost := visit(t, app, "lobby", "Cid", "anotherlife.7")
		assert.JSONEq(t, `{"reason":"epoch","from":"anotherlife.7"}`, string(lost.next("sse.gap").Data))
		lost.hears("Ada", "one")
		for _, v := range []*visitor{bea, back, lost} {
			v.leave()
		}
		require.NoError(t, hub.Close())
	})
}

func TestALineThatIsSaidTwiceIsHeardOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, hub := quietApp()
		ada := visit(t, app, "lobby", "Ada", "")
		again := input{Do: "say", Key: "the-same-key", Text: "did you get that?"}
		ada.send(again)
		ada.leave() // before it can know
		ada = visit(t, app, "lobby", "Ada", "")
		ada.send(again)
		ada.send(input{Do: "say", Key: "another-key", Text: "good"})
		ada.hears("Ada", "did you get that?")
		ada.hears("Ada", "good")

		// Nobody can use up the keys of others.
		eve := visit(t, app, "lobby", "Eve", "")
		eve.send(again)
		ada.hears("Eve", "did you get that?")
		eve.leave()
		ada.leave()
		require.NoError(t, hub.Close())
	})
}

func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, hub := quietApp()
		ada := visit(t, app, "lobby", "Ada", "")
		ada.next("sse.join")
		bea := visit(t, app, "lobby", "Bea", "")
		list := decode[attendance](t, bea.next("members"))
		assert.Contains(t, list.Names, "Ada")
		assert.False(t, list.At.IsZero())
		assert.JSONEq(t, `{"name":"Bea"}`, string(ada.next("sse.join").Data))
		second := visit(t, app, "lobby", "Bea", "") // another tab
		second.leave()
		bea.leave()
		assert.JSONEq(t, `{"name":"Bea"}`, string(ada.next("sse.leave").Data))
		ada.leave()
		require.NoError(t, hub.Close())
	})
}

func TestTypingIsAStateAndFillsNoHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, hub := quietApp()
		ada, bea := visit(t, app, "lobby", "Ada", ""), visit(t, app, "lobby", "Bea", "")
		for range 10 {
			ada.send(input{Do: "typing", On: true})
			assert.Equal(t, typing{"Ada", true}, decode[typing](t, bea.next("typing")))
		}
		ada.send(input{Do: "typing", On: false})
		assert.Equal(t, typing{"Ada", false}, decode[typing](t, bea.next("typing")))
		ada.send(input{Do: "say", Key: "key-of-ada", Text: "done"})
		bea.hears("Ada", "done")

		late := visit(t, app, "lobby", "Cid", "")
		assert.Equal(t, typing{"Ada", false}, decode[typing](t, late.next("typing")), "the last state, and only that")
		late.hears("Ada", "done")
		for _, v := range []*visitor{ada, bea, late} {
			v.leave()
		}
		require.NoError(t, hub.Close())
	})
}

func TestMistakesAreExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, hub := quietApp()
		ada := visit(t, app, "lobby", "Ada", "")
		for name, tc := range map[string]struct {
			in   input
			want refusal
		}{
			"empty":    {input{Key: "key-number-1", Text: " \n "}, refusal{"key-number-1", "there is nothing to say"}},
			"too long": {input{Key: "key-number-2", Text: strings.Repeat("哥", maxText+1)}, refusal{"key-number-2", "1001 characters are too many: at most 1000"}},
			"no key":   {input{Text: "hello"}, refusal{"", "a line needs a key of 8 to 64 letters, digits and hyphens"}},
			"bad key":  {input{Key: "<b>12345</b>", Text: "hello"}, refusal{"<b>12345</b>", "a line needs a key of 8 to 64 letters, digits and hyphens"}},
			"huge key": {input{Key: strings.Repeat("k", 1000), Text: "hello"}, refusal{"", "a line needs a key of 8 to 64 letters, digits and hyphens"}},
		} {
			tc.in.Do = "say"
			ada.send(tc.in)
			assert.Equal(t, tc.want, decode[refusal](t, ada.next("refused")), name)
		}
		ada.send(input{Do: "say", Key: "key-number-3", Text: strings.Repeat("哥", maxText)})
		ada.hears("Ada", strings.Repeat("哥", maxText))
		ada.leave()
		require.NoError(t, hub.Close())
	})
}

func TestWhoIsNoPageIsClosed(t *testing.T) {
	for name, tc := range map[string]struct {
		send   func(*websocket.Conn) error
		code   websocket.Code
		reason string
	}{
		"no JSON":  {func(c *websocket.Conn) error { return c.SendText("hello") }, websocket.InvalidPayload, "no such JSON"},
		"binary":   {func(c *websocket.Conn) error { return c.SendBinary([]byte("{}")) }, websocket.UnsupportedData, "text message"},
		"unknown":  {func(c *websocket.Conn) error { return c.SendText(`{"do":"shout"}`) }, websocket.PolicyViolation, `"do" is "shout"`},
		"too many": {flood, websocket.PolicyViolation, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app, hub := quietApp()
				ada := visit(t, app, "lobby", "Ada", "")
				go func() { _ = tc.send(ada.conn) }()
				err := ada.cut()
				end, ok := errors.AsType[*websocket.CloseError](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, tc.code, end.Code)
				assert.Contains(t, end.Reason, tc.reason)
				ada.leave()
				require.NoError(t, hub.Close())
			})
		})
	}
}

// Over a real connection: one in memory fails when the server has stopped reading, and
// sometimes before the code has come.
func TestAMessageThatIsTooLargeIsNotRead(t *testing.T) {
	app, hub := quietApp()
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	conn, _, err := websocket.Dial(t.Context(), server.URL+"/rooms/lobby/talk?name=Ada", nil)
	require.NoError(t, err)
	require.NoError(t, conn.SendText(strings.Repeat("x", maxMessage+1)))
	for err == nil {
		_, err = conn.Read(t.Context())
	}
	end, ok := errors.AsType[*websocket.CloseError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, websocket.MessageTooBig, end.Code)
	_ = conn.Close(websocket.NormalClosure, "")
	require.NoError(t, hub.Close())
}

// flood types faster than any person.
func flood(c *websocket.Conn) error {
	for {
		if err := c.SendText(`{"do":"typing","on":true}`); err != nil {
			return err
		}
	}
}

// A browser does not show a page why a handshake has failed, so the page asks plainly.
func TestWhatIsWrongWithARoomOrANameIsAnOrdinaryReply(t *testing.T) {
	app, _ := quietApp()
	for name, tc := range map[string]struct {
		room, who string
		status    int
		detail    string
	}{
		"all is well":   {"lobby", "Ada", http.StatusUpgradeRequired, ""},
		"unknown room":  {"cellar", "Ada", http.StatusNotFound, `there is no room \"cellar\"`},
		"no name":       {"lobby", " ", http.StatusBadRequest, "who are you? Come with a name"},
		"long name":     {"lobby", strings.Repeat("夜", maxName+1), http.StatusBadRequest, "a name has at most 24 characters"},
		"longest name":  {"lobby", strings.Repeat("夜", maxName), http.StatusUpgradeRequired, ""},
		"two lines":     {"lobby", "Ada\nBea", http.StatusBadRequest, "a name is plain text on one line"},
		"no UTF-8":      {"lobby", "Ad\xff", http.StatusBadRequest, "a name is plain text on one line"},
		"reversed text": {"lobby", "Ada\u202e", http.StatusBadRequest, "a name is plain text on one line"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			app.ServeHTTP(w, httptest.NewRequest("GET", "/rooms/"+tc.room+"/talk?name="+url.QueryEscape(tc.who), nil))
			assert.Equal(t, tc.status, w.Code)
			assert.Contains(t, w.Body.String(), tc.detail)
		})
	}
}
