package servers

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// coderServer leaves the reading of members who only listen to the library.
func coderServer() Server {
	h := newHub()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /talk", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return // it has been answered
		}
		defer conn.CloseNow()
		for {
			kind, data, err := conn.Read(context.Background())
			if err != nil || conn.Write(context.Background(), kind, data) != nil {
				return
			}
		}
	})
	mux.HandleFunc("GET /room", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		_, live := h.subscribe("")
		defer h.unsubscribe(live)
		ctx := conn.CloseRead(context.Background())
		for {
			select {
			case e := <-live:
				if conn.Write(ctx, websocket.MessageText, e.text) != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return Server{Serve: plain(mux), Publish: h.publish}
}
