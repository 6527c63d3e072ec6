package servers

import (
	"context"
	"net"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

// redstartSockets adds conversations. The members of the room get the hub's messages,
// and could talk at the same time.
func redstartSockets(app *redstart.App, hub *sse.Hub) {
	app.WebSocket("/talk", func(*redstart.Request) redstart.Response {
		return redstart.Socket(func(conn *websocket.Conn) error {
			for message, err := range conn.Messages() {
				if err != nil {
					return err
				}
				if err := conn.Send(message); err != nil {
					return err
				}
			}
			return nil
		})
	})
	app.WebSocket("/room", func(*redstart.Request) redstart.Response {
		return redstart.Socket(func(conn *websocket.Conn) error {
			if _, err := conn.Join(hub, news); err != nil {
				return err
			}
			for _, err := range conn.Messages() {
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// redstartFeed is the room for members who only listen: a websocket.Feed of the hub.
func redstartFeed() Server {
	app, hub := redstartApp(), sse.NewHub()
	app.WebSocket("/room", func(*redstart.Request) redstart.Response {
		return redstart.Socket(websocket.Feed(hub, news))
	})
	return Server{
		Serve:   func(l net.Listener) error { return app.Serve(context.Background(), l) },
		Publish: publishNews(hub),
	}
}
