package servers

import (
	"github.com/gofiber/contrib/v3/websocket"
	"github.com/gofiber/fiber/v3"
)

// fiberSockets adds the conversations, with fiber's own middleware for them.
func fiberSockets(app *fiber.App, h *hub) {
	app.Get("/talk", websocket.New(func(conn *websocket.Conn) {
		for {
			kind, data, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, data) != nil {
				return
			}
		}
	}))
	app.Get("/room", websocket.New(func(conn *websocket.Conn) {
		_, live := h.subscribe("")
		defer h.unsubscribe(live)
		left := make(chan struct{})
		defer close(left)
		go func() {
			for {
				select {
				case e := <-live:
					if conn.WriteMessage(websocket.TextMessage, e.text) != nil {
						return
					}
				case <-left:
					return
				}
			}
		}()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	}))
}
