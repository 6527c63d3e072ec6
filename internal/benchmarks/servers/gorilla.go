package servers

import (
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// gorillaServer sends to a room as the library's documentation advises: a message is
// prepared once, and each member has a goroutine that writes.
func gorillaServer() Server {
	upgrader := &websocket.Upgrader{}
	room := &gorillaRoom{members: map[chan *websocket.PreparedMessage]struct{}{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /talk", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // it has been answered
		}
		defer conn.Close()
		for {
			kind, data, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, data) != nil {
				return
			}
		}
	})
	mux.HandleFunc("GET /room", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		live := room.join()
		defer room.leave(live)
		go func() {
			for message := range live {
				if conn.WritePreparedMessage(message) != nil {
					return
				}
			}
		}()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	})
	return Server{Serve: plain(mux), Publish: room.publish}
}

// gorillaRoom is the hub for messages of the library's own kind.
type gorillaRoom struct {
	mu      sync.Mutex
	members map[chan *websocket.PreparedMessage]struct{}
}

func (g *gorillaRoom) join() chan *websocket.PreparedMessage {
	live := make(chan *websocket.PreparedMessage, backlog)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members[live] = struct{}{}
	return live
}

func (g *gorillaRoom) leave(live chan *websocket.PreparedMessage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.members, live)
	close(live)
}

func (g *gorillaRoom) publish(data string) string {
	message, err := websocket.NewPreparedMessage(websocket.TextMessage, []byte(data))
	if err != nil {
		panic(err) // only for a kind that there is not
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for live := range g.members {
		select {
		case live <- message:
		default:
		}
	}
	return "" // nothing can be resumed
}
