package middleware_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/websocket"
)

// chat answers a message with who has sent it.
func chat(req *redstart.Request) redstart.Response {
	req.Session().Set("chatted", true)
	return redstart.Socket(func(conn *websocket.Conn) error {
		for m, err := range conn.Messages() {
			if err != nil {
				return err
			}
			id := redstart.IdentityFrom(conn.Context())
			visits := 0
			redstart.SessionFrom(conn.Context()).Get("visits", &visits)
			if err := conn.SendText(fmt.Sprint(id.Subject, " by ", id.Scheme, ", ", visits, ": ", m.Text())); err != nil {
				return err
			}
		}
		return nil
	}, websocket.Subprotocols("chat"), websocket.InsecureAnyOrigin())
}

func TestWhoIsKnownBeforeAWebSocketBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := visits(middleware.SessionOptions{Keys: sessionKeys})
		app.Get("/in", func(req *redstart.Request) redstart.Response {
			if err := middleware.Login(req, "gordon"); err != nil {
				return redstart.Fail(err)
			}
			return redstart.NoContent()
		})
		inside := app.Group("/chat")
		inside.Secure(middleware.AnyOf(middleware.Bearer(keys(), middleware.BearerOptions{InsecureQuery: "token"}), middleware.SessionAuth(nil)))
		inside.WebSocket("/", chat)
		b := newBrowser(app)
		b.get("/")
		b.get("/in")
		cookie := "session=" + b.cookies["session"].Value
		for _, tc := range []struct {
			name, path  string
			subprotocol string
			header      http.Header
			status      int
			says        string
		}{
			{"header", "/chat", "", http.Header{"Authorization": {"Bearer " + batmanKey}}, 101, "batman by Bearer, 0: hello"},
			{"subprotocol", "/chat", "bearer." + base64.RawURLEncoding.EncodeToString([]byte(robinKey)), nil, 101, "robin by Bearer, 0: hello"},
			{"query", "/chat?token=" + robinKey, "", nil, 101, "robin by Bearer, 0: hello"},
			{"session", "/chat", "", http.Header{"Cookie": {cookie}, "Origin": {"http://gotham.city"}}, 101, "gordon by Session, 1: hello"},
			{"session, another site's page", "/chat", "", http.Header{"Cookie": {cookie}, "Origin": {"https://evil.example"}}, 403, ""},
			{"token, another site's page", "/chat", "", http.Header{"Authorization": {"Bearer " + batmanKey}, "Origin": {"https://evil.example"}}, 101, "batman by Bearer, 0: hello"},
			{"nothing", "/chat", "", nil, 401, ""},
			{"wrong", "/chat", "bearer.YWJj", nil, 401, ""},
			{"two", "/chat?token=" + robinKey, "", http.Header{"Authorization": {"Bearer " + batmanKey}}, 400, ""},
		} {
			o := &websocket.DialOptions{Handler: app, Header: tc.header, Subprotocols: []string{"chat"}}
			if tc.subprotocol != "" {
				o.Subprotocols = append(o.Subprotocols, tc.subprotocol)
			}
			conn, reply, err := websocket.Dial(t.Context(), "ws://gotham.city"+tc.path, o)
			require.NotNil(t, reply, tc.name)
			assert.Equal(t, tc.status, reply.StatusCode, tc.name)
			if tc.status != 101 {
				require.Error(t, err)
				assert.Equal(t, tc.status != 403, reply.Header.Get("WWW-Authenticate") != "", tc.name)
				continue
			}
			require.NoError(t, err, tc.name)
			assert.Equal(t, "chat", conn.Subprotocol())
			assert.Len(t, reply.Cookies(), 1, "what was set before the handshake is kept")
			require.NoError(t, conn.SendText("hello"))
			m, err := conn.Read(context.Background())
			require.NoError(t, err)
			assert.Equal(t, tc.says, m.Text(), tc.name)
			require.NoError(t, conn.Close(websocket.NormalClosure, ""))
		}
	})
}
