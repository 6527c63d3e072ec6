// Chat is a chat with rooms: who is there, who is typing, what was said before, and
// nothing lost or doubled when the network fails. One idea, one file:
//
//	rooms.go  the rooms there are, each a topic of one hub
//	talk.go   a WebSocket conversation: a member of a room
//	say.go    what members may say, and how a broadcast is made of it
//	wall.go   the same room for those who only read, over Server-Sent Events
//
// Run it with
//
//	go run ./examples/chat
//
// and open http://127.0.0.1:8080 twice. The wall is plain text, so this works as well:
//
//	curl -N http://127.0.0.1:8080/rooms/lobby/events
package main

import (
	"context"
	"embed"
	"flag"
	"io/fs"
	"os"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

//go:embed web
var web embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.Parse()
	if newApp(newHub()).Start(*addr) != nil {
		os.Exit(1) // Start has logged why
	}
}

// newHub makes the hub of all rooms. What it retains of each is what a newcomer gets to
// read, and how long somebody may be away without missing anything.
func newHub(opts ...sse.HubOption) *sse.Hub {
	return sse.NewHub(append(opts, sse.RetainPerTopic(500, 1<<20))...)
}

// newApp wires the routes, and closes the hub when the app has stopped.
func newApp(hub *sse.Hub, opts ...redstart.Option) *redstart.App {
	// The pages need nothing but their own files, and say so to the browser.
	app := redstart.New(append(opts, redstart.DefaultHeader("Content-Security-Policy", "default-src 'self'"))...)
	app.OnStop(func(context.Context) error { return hub.Close() })

	c := &chat{hub: hub}
	app.Get("/rooms", c.list)
	app.WebSocket("/rooms/:room/talk", c.talk)
	app.Get("/rooms/:room/events", c.events)

	pages, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // only a malformed name can do that, and ours is above
	}
	app.Static("/", redstart.FilesFS(pages))
	return app
}

// chat is what the handlers have in common.
type chat struct{ hub *sse.Hub }
