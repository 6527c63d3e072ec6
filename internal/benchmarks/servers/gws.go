package servers

import (
	"net/http"
	"sync"

	"github.com/lxzan/gws"
)

// gwsServer calls back for each message. A broadcast is encoded once and written by
// the library's own queues.
func gwsServer() Server {
	room := &gwsRoom{members: map[*gws.Conn]struct{}{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /talk", gwsUpgrade(gwsEcho{}))
	mux.HandleFunc("GET /room", gwsUpgrade(room))
	return Server{Serve: plain(mux), Publish: room.publish}
}

func gwsUpgrade(events gws.Event) http.HandlerFunc {
	upgrader := gws.NewUpgrader(events, nil)
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		// On a goroutine of its own, as the library's examples have it: that of the
		// request ends, with its buffers.
		go conn.ReadLoop()
	}
}

type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnMessage(conn *gws.Conn, message *gws.Message) {
	defer message.Close()
	_ = conn.WriteMessage(message.Opcode, message.Bytes()) // ReadLoop ends if it fails
}

// OnPing answers, which the library leaves to its users.
func (gwsEcho) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

type gwsRoom struct {
	gws.BuiltinEventHandler
	mu      sync.Mutex
	members map[*gws.Conn]struct{}
}

func (g *gwsRoom) OnOpen(conn *gws.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members[conn] = struct{}{}
}

func (g *gwsRoom) OnClose(conn *gws.Conn, _ error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.members, conn)
}

func (g *gwsRoom) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

func (g *gwsRoom) publish(data string) string {
	broadcast := gws.NewBroadcaster(gws.OpcodeText, []byte(data))
	defer broadcast.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	for conn := range g.members {
		_ = broadcast.Broadcast(conn) // who is gone leaves by OnClose
	}
	return "" // nothing can be resumed
}
