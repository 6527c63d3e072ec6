package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/redstart-go/redstart/websocket"
)

// connect dials a handler in memory, as a test does. A program dials a URL.
func connect(handler http.HandlerFunc, opts websocket.DialOptions) *websocket.Conn {
	opts.Handler = handler
	conn, _, err := websocket.Dial(context.Background(), "ws://gotham.city/", &opts)
	if err != nil {
		fmt.Println(err)
	}
	return conn
}

// show prints what the other side sends, until it closes.
func show(conn *websocket.Conn) {
	for {
		msg, err := conn.Read(context.Background())
		if end, ok := errors.AsType[*websocket.CloseError](err); ok {
			fmt.Println(strings.TrimSpace(fmt.Sprint("closed: ", end.Code, " ", end.Reason)))
			return
		}
		fmt.Println(msg.Text())
	}
}

// A conversation is a function that talks to one client.
func ExampleNewConversation() {
	conn := connect(func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(func(conn *websocket.Conn) error {
			for msg, err := range conn.Messages() {
				if err != nil {
					return err
				}
				if err := conn.SendText("you said " + msg.Text()); err != nil {
					return err
				}
			}
			return nil
		}).ServeHTTP(w, r)
	}, websocket.DialOptions{})
	defer conn.Close(websocket.NormalClosure, "")

	_ = conn.SendText("hello")
	msg, err := conn.Read(context.Background())
	fmt.Println(msg.Text(), err)
	// Output: you said hello <nil>
}

// What the function returns closes the connection.
func ExampleClose() {
	conn := connect(func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(func(conn *websocket.Conn) error {
			return websocket.Close(4001, "no badge")
		}).ServeHTTP(w, r)
	}, websocket.DialOptions{})
	show(conn)
	// Output: closed: 4001 no badge
}

// The first and the last message of a conversation can be given apart from it.
func ExampleOnConnect() {
	conn := connect(func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(
			func(conn *websocket.Conn) error { return conn.SendText("your crime report, please") },
			websocket.OnConnect(func(*websocket.Conn) (websocket.Message, error) {
				return websocket.TextMessage("Gotham police, hello"), nil
			}),
			websocket.OnClose(func(*websocket.Conn) websocket.Message {
				return websocket.TextMessage("thank you, goodbye")
			}),
		).ServeHTTP(w, r)
	}, websocket.DialOptions{})
	show(conn)
	// Output:
	// Gotham police, hello
	// your crime report, please
	// thank you, goodbye
	// closed: 1000
}

// Typed conversations deal in values.
func ExampleJSON() {
	type sighting struct{ Who, Where string }
	type order struct{ Go string }
	conn := connect(func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(websocket.JSON(func(conn websocket.Typed[sighting, order]) error {
			for seen, err := range conn.Messages() {
				if err != nil {
					return err
				}
				if err := conn.Send(order{Go: "to " + seen.Where}); err != nil {
					return err
				}
			}
			return nil
		})).ServeHTTP(w, r)
	}, websocket.DialOptions{})
	_ = conn.SendJSON(sighting{"Joker", "the harbour"})
	msg, _ := conn.Read(context.Background())
	fmt.Println(msg.Text())
	_ = conn.SendText("HA HA HA")
	_, err := conn.Read(context.Background())
	end, _ := errors.AsType[*websocket.CloseError](err)
	fmt.Println(end.Code)
	// Output:
	// {"Go":"to the harbour"}
	// 1007
}

// A read can be given up without giving up the connection.
func ExampleConn_Read() {
	conn := connect(func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(func(conn *websocket.Conn) error {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			_, err := conn.Read(ctx)
			cancel()
			if errors.Is(err, context.DeadlineExceeded) {
				_ = conn.SendText("are you still there?")
			}
			msg, err := conn.Read(context.Background())
			if err != nil {
				return err
			}
			return conn.SendText("good: " + msg.Text())
		}).ServeHTTP(w, r)
	}, websocket.DialOptions{})
	msg, _ := conn.Read(context.Background())
	fmt.Println(msg.Text())
	_ = conn.SendText("yes")
	show(conn)
	// Output:
	// are you still there?
	// good: yes
	// closed: 1000
}

// A long message can be written piece by piece.
func ExampleConn_Writer() {
	conn := connect(func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(func(conn *websocket.Conn) error {
			out, err := conn.Writer(websocket.Text)
			if err != nil {
				return err
			}
			for i := range 3 {
				fmt.Fprintf(out, "%d bats, ", i+1)
			}
			fmt.Fprint(out, "no end")
			return out.Close()
		}).ServeHTTP(w, r)
	}, websocket.DialOptions{})
	show(conn)
	// Output:
	// 1 bats, 2 bats, 3 bats, no end
	// closed: 1000
}

// Under Conflate a message replaces the one with its key that still waits for a slow
// client: only the newest position counts.
func ExampleConn_PostKeyed() {
	posted := make(chan struct{})
	conn := connect(func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(func(conn *websocket.Conn) error {
			defer close(posted)
			for i := range 5 {
				_ = conn.PostKeyed("batmobile", websocket.TextMessage(fmt.Sprint("mile ", i)))
			}
			return nil
		}, websocket.Outbox(64<<10, websocket.Conflate)).ServeHTTP(w, r)
	}, websocket.DialOptions{})
	<-posted // the first is on its way, and nobody has read it yet
	show(conn)
	// Output:
	// mile 0
	// mile 4
	// closed: 1000
}

// A program that forgets each message lends its memory.
func ExampleConn_ReadInto() {
	conn := connect(func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(func(conn *websocket.Conn) error {
			buf, sum := make([]byte, 1024), 0
			for range 3 {
				msg, err := conn.ReadInto(conn.Context(), buf)
				if err != nil {
					return err
				}
				sum += len(msg.Data)
			}
			return conn.SendText(fmt.Sprint(sum, " bytes"))
		}).ServeHTTP(w, r)
	}, websocket.DialOptions{})
	for _, word := range []string{"pow", "bang", "zap"} {
		_ = conn.SendText(word)
	}
	show(conn)
	// Output:
	// 10 bytes
	// closed: 1000
}

// A server has the limits and defaults, and knows the connections: here it sends one
// message, encoded once, to all of them, and then sends them away.
func ExampleServer() {
	server := &websocket.Server{MaxConnsPerClient: 10, DrainWindow: time.Millisecond}
	handler := func(w http.ResponseWriter, r *http.Request) {
		server.Handle(w, r, websocket.NewConversation(func(conn *websocket.Conn) error {
			<-conn.Context().Done() // this one only listens
			return nil
		}))
	}
	first, second := connect(handler, websocket.DialOptions{}), connect(handler, websocket.DialOptions{})
	for server.Open() < 2 {
		time.Sleep(time.Millisecond)
	}

	news, _ := websocket.Prepare(websocket.TextMessage("the signal is lit"))
	for conn := range server.Conns() {
		_ = conn.PostPrepared(news) // never waits for a slow one
	}
	drained := make(chan error)
	go func() { drained <- server.Drain(context.Background()) }()
	show(first)
	show(second)
	fmt.Println(<-drained, server.Open())
	// Output:
	// the signal is lit
	// closed: 1001 the server is shutting down
	// the signal is lit
	// closed: 1001 the server is shutting down
	// <nil> 0
}

// OnEnd hears how it went.
func ExampleOnEnd() {
	reports := make(chan websocket.Report, 1)
	conn := connect(func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(func(conn *websocket.Conn) error {
			for range conn.Messages() {
			}
			return nil
		}, websocket.OnEnd(func(r websocket.Report) { reports <- r })).ServeHTTP(w, r)
	}, websocket.DialOptions{})
	_ = conn.SendText("one")
	_ = conn.SendText("two")
	_ = conn.Close(4000, "bored")
	report := <-reports
	fmt.Println(report.Reason, report.Code, report.CloseReason, report.Remote, report.MessagesIn)
	// Output: closed 4000 bored true 2
}

// A page cannot set the header Authorization, but it can offer a subprotocol.
func ExampleBearerToken() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		if websocket.BearerToken(r) != "batcave" {
			http.Error(w, "badge, please", http.StatusUnauthorized)
			return
		}
		websocket.NewConversation(func(conn *websocket.Conn) error {
			return conn.SendText("welcome, by " + conn.Subprotocol())
		}, websocket.Subprotocols("chat.v2", "chat.v1")).ServeHTTP(w, r)
	}
	// In a page: new WebSocket(url, ["chat.v1", "bearer." + base64url(token)])
	show(connect(handler, websocket.DialOptions{Subprotocols: []string{"chat.v1", "bearer.YmF0Y2F2ZQ"}}))
	connect(handler, websocket.DialOptions{})
	// Output:
	// welcome, by chat.v1
	// closed: 1000
	// websocket: the server answered the handshake with status 401: badge, please
}

// Dial is the client's side of all this.
func ExampleDial() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(func(conn *websocket.Conn) error {
			return conn.SendText("hello, " + conn.Request().URL.Query().Get("name"))
		}).ServeHTTP(w, r)
	}))
	defer server.Close()
	conn, _, err := websocket.Dial(context.Background(), "ws"+strings.TrimPrefix(server.URL, "http")+"/?name=Robin", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(conn)
	// Output:
	// hello, Robin
	// closed: 1000
}
