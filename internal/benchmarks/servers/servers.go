// Package servers holds the programs that are compared: each answers the same
// requests, as its framework's users would write it.
//
//	GET  /plaintext     Greeting
//	GET  /users/{id}    JSON of a User with that id
//	POST /orders        decodes an Order and sends it back as JSON
//	GET  /events        a subscription to what Publish sends; behind Last-Event-ID, if
//	                    the id is one of the last 256
//	GET  /stream?n=5    n events with an id and StreamData, as fast as they go
//	GET  /talk          a WebSocket: sends each message back, as the kind it was
//	GET  /room          a WebSocket: a text message for each that Publish sends
//
// Every event that carries data has exactly one Mark in it, and nothing else in a
// response's body has one. The load client counts marks. Of the messages of a WebSocket
// it counts those with a Mark in them, however many.
package servers

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Mark is the byte by which events are counted. It occurs neither in the event ids
// of any server nor in the framing of events and chunks.
const Mark = '|'

// Greeting is the reply to /plaintext.
const Greeting = "Hello, Gotham"

// StreamData is the data of each event of /stream.
const StreamData = string(Mark) + "a bat was seen over the bay 0123"

// Topic is what a server can be asked for.
type Topic uint8

// A server offers some of these.
const (
	Hub    Topic = 1 << iota // /events, and Publish
	Stream                   // /stream
	HTTP                     // /plaintext, /users/{id}, /orders, and Exchange
	Talk                     // /talk
	Room                     // /room, and Publish
)

// Server is one program under test.
type Server struct {
	// Serve answers what comes in on the listener, for as long as the process lives.
	Serve func(net.Listener) error
	// Publish sends data to all subscribers of /events and members of /room, and returns
	// the id that continues behind it; "" without Hub. It is called by one goroutine. Nil
	// with neither Hub nor Room.
	Publish func(data string) (id string)
	// Exchange returns a function that has one request answered in this process, over
	// and over, and returns the status. Nil without HTTP.
	Exchange func(method, target, body string) func() int
}

type entry struct {
	name   string
	topics Topic
	module string // what it is built on, for the versions in the report
	start  func() Server
}

// entries lists all servers. Of those that offer a topic the others are compared to the
// first.
func entries() []entry {
	return []entry{
		{"raw", Hub | Stream | HTTP, "", func() Server { return raw(false) }},
		{"raw-batch", Hub, "", func() Server { return raw(true) }},
		{"gorilla", Talk | Room, "github.com/gorilla/websocket", gorillaServer},
		{"redstart", Hub | Stream | HTTP | Talk | Room, "", func() Server { return redstartServer(false) }},
		{"redstart-portable", Hub, "", func() Server { return redstartServer(true) }},
		{"redstart-feed", Room, "", redstartFeed},
		{"gin", Hub | Stream | HTTP, "github.com/gin-gonic/gin", ginServer},
		{"echo", Hub | Stream | HTTP, "github.com/labstack/echo/v5", echoServer},
		{"chi", HTTP, "github.com/go-chi/chi/v5", chiServer},
		{"fiber", Hub | Stream | HTTP | Talk | Room, "github.com/gofiber/fiber/v3", fiberServer},
		{"go-sse", Hub | Stream, "github.com/tmaxmax/go-sse", goSSE},
		{"coder", Talk | Room, "github.com/coder/websocket", coderServer},
		{"gws", Talk | Room, "github.com/lxzan/gws", gwsServer},
	}
}

// Names returns the servers that offer all of the topics, the baseline first.
func Names(topics Topic) []string {
	var names []string
	for _, e := range entries() {
		if e.topics&topics == topics {
			names = append(names, e.name)
		}
	}
	return names
}

// Modules returns the modules that the named servers are built on.
func Modules(names []string) []string {
	var modules []string
	for _, e := range entries() {
		if e.module != "" && slices.Contains(names, e.name) {
			modules = append(modules, e.module)
		}
	}
	return modules
}

// New makes the server of that name.
func New(name string) (Server, error) {
	for _, e := range entries() {
		if e.name == name {
			return e.start(), nil
		}
	}
	return Server{}, fmt.Errorf("no server %q; there are %s", name, strings.Join(Names(0), ", "))
}

// plain serves a handler with net/http.
func plain(h http.Handler) func(net.Listener) error {
	return func(l net.Listener) error {
		return (&http.Server{Handler: h}).Serve(l)
	}
}

// streamLength is the n of /stream?n=.
func streamLength(query string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(query, "n="))
	if err != nil {
		return 0
	}
	return n
}
