package servers

import (
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dial opens a WebSocket, on which nothing takes longer than some seconds.
func dial(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	conn, resp, err := websocket.DefaultDialer.Dial(strings.Replace(url, "http:", "ws:", 1), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.Equal(t, 101, resp.StatusCode)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	return conn
}

func TestConversationsSendBackWhatTheyGot(t *testing.T) {
	for _, name := range Names(Talk) {
		t.Run(name, func(t *testing.T) {
			_, url := listen(t, name)
			conn := dial(t, url+"/talk")
			for _, message := range []struct {
				kind int
				data string
			}{
				{websocket.TextMessage, strings.Repeat("x", 128)},
				{websocket.BinaryMessage, "\x00\xff"},
				{websocket.TextMessage, strings.Repeat("long ", 1000)},
			} {
				require.NoError(t, conn.WriteMessage(message.kind, []byte(message.data)))
				kind, data, err := conn.ReadMessage()
				require.NoError(t, err)
				assert.Equal(t, message.kind, kind)
				assert.Equal(t, message.data, string(data))
			}
			pong := ""
			conn.SetPongHandler(func(payload string) error { pong = payload; return nil })
			require.NoError(t, conn.WriteMessage(websocket.PingMessage, []byte("there?")))
			require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("here")))
			_, _, err := conn.ReadMessage()
			require.NoError(t, err)
			assert.Equal(t, "there?", pong, "pings are answered")
		})
	}
}

func TestMembersOfARoomGetWhatIsPublished(t *testing.T) {
	for _, name := range Names(Room) {
		t.Run(name, func(t *testing.T) {
			server, url := listen(t, name)
			conn := dial(t, url+"/room")
			arrived := make(chan string)
			left := make(chan struct{})
			t.Cleanup(func() { <-left })
			t.Cleanup(func() { _ = conn.Close() })
			go func() {
				defer close(left)
				defer close(arrived)
				for {
					kind, data, err := conn.ReadMessage()
					if err != nil {
						return
					}
					if strings.Count(string(data), string(Mark)) == 1 && kind == websocket.TextMessage {
						arrived <- string(data)
					}
				}
			}()
			// The handshake is over before the member is one: the first messages may be missed.
			again := time.NewTicker(10 * time.Millisecond)
			defer again.Stop()
			for joined := false; !joined; {
				server.Publish(string(Mark) + "first")
				select {
				case data, open := <-arrived:
					require.True(t, open)
					joined = assert.Contains(t, data, string(Mark)+"first")
				case <-again.C:
				}
			}
			want := string(Mark) + strings.Repeat("x", 99)
			server.Publish(want)
			for data := range arrived {
				if strings.Contains(data, want) {
					return
				}
				require.Contains(t, data, string(Mark)+"first")
			}
			t.Error("the connection ended before the message came")
		})
	}
}
