package sse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/redstart-go/redstart/sse"
)

// fetch asks the handler for a stream and prints its events.
func fetch(handler http.HandlerFunc) { resume(handler, "", -1) }

// resume is fetch by a client that comes back with the last event id it saw, and
// leaves after a number of events.
func resume(handler http.HandlerFunc, lastEventID string, events int) {
	server := httptest.NewServer(handler)
	defer server.Close()
	req, _ := http.NewRequest(http.MethodGet, server.URL, nil)
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	for m, err := range sse.Read(resp.Body) {
		if err != nil {
			fmt.Println("broken off:", err)
			return
		}
		fmt.Println(strings.TrimSpace(m.Event + " " + m.Data))
		if events--; events == 0 {
			return
		}
	}
}

// A function that yields is the shortest source, for messages that are at hand.
func ExampleNewStream() {
	fetch(func(w http.ResponseWriter, r *http.Request) {
		sse.NewStream(func(yield func(sse.Message) bool) {
			for i := range 3 {
				if !yield(sse.Text(fmt.Sprint("step ", i+1)).WithEvent("progress")) {
					return // the client has gone
				}
			}
		}).ServeHTTP(w, r)
	})
	// Output:
	// progress step 1
	// progress step 2
	// progress step 3
}

// A Func is for sources that wait: it is told when the stream is over.
func ExampleFunc() {
	fetch(func(w http.ResponseWriter, r *http.Request) {
		sse.NewStream(sse.Func(func(ctx context.Context, send sse.Send) error {
			for i := range 2 {
				select {
				case <-time.After(time.Millisecond):
				case <-ctx.Done():
					return context.Cause(ctx)
				}
				if err := send(sse.JSON(map[string]int{"tick": i})); err != nil {
					return err
				}
			}
			return nil
		})).ServeHTTP(w, r)
	})
	// Output:
	// {"tick":0}
	// {"tick":1}
}

// Go gives the source a goroutine, so that it need not wait for the network.
func ExampleGo() {
	fetch(func(w http.ResponseWriter, r *http.Request) {
		sse.NewStream(sse.Go(func(_ context.Context, send sse.Send) error {
			for word := range strings.FieldsSeq("robins are small birds") {
				if err := send(sse.Text(word)); err != nil {
					return err
				}
			}
			return nil
		})).ServeHTTP(w, r)
	})
	// Output:
	// robins
	// are
	// small
	// birds
}

// A channel is streamed until it is closed.
func ExampleNewStream_channel() {
	fetch(func(w http.ResponseWriter, r *http.Request) {
		events := make(chan sse.Message)
		go func() {
			defer close(events)
			events <- sse.Text("one")
			events <- sse.Text("two")
		}()
		sse.NewStream(events).ServeHTTP(w, r)
	})
	// Output:
	// one
	// two
}

// A source that fails tells the client so, but not why, and the body breaks off.
func ExampleErrorMessage() {
	fetch(func(w http.ResponseWriter, r *http.Request) {
		sse.NewStream(sse.Func(func(_ context.Context, send sse.Send) error {
			if err := send(sse.Text("so far, so good")); err != nil {
				return err
			}
			return errors.New("pq: password authentication failed")
		}), sse.ErrorMessage(func(error) sse.Message {
			return sse.Text("try again in a minute").WithEvent("error")
		})).ServeHTTP(w, r)
	})
	// Output:
	// so far, so good
	// error try again in a minute
	// broken off: unexpected EOF
}

// With LazyCommit a source that fails at once can still be answered by a status.
func ExampleLazyCommit() {
	w := httptest.NewRecorder()
	sse.NewStream(sse.Func(func(context.Context, sse.Send) error {
		return errors.New("no connection to the database")
	}), sse.LazyCommit()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	// Output:
	// 500 Internal Server Error
}

// OnEnd learns how the stream ended, whatever became of it.
func ExampleOnEnd() {
	stream := sse.NewStream(func(yield func(sse.Message) bool) {
		_ = yield(sse.Text("one")) && yield(sse.Text("two"))
	}, sse.OnEnd(func(r sse.Report) {
		fmt.Println(r.Reason, r.Status, r.Events, r.Bytes)
	}))
	stream.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	// Output:
	// completed 200 2 24
}

// A client that returns with the id of the last event it saw misses nothing.
func ExampleHub() {
	hub := sse.NewHub()
	ctx := context.Background()
	first, _ := hub.Publish(ctx, "crimes", sse.Text("bank robbery").WithEvent("crime_alert"))
	_, _ = hub.Publish(ctx, "crimes", sse.Text("green question marks").WithEvent("crime_alert"))
	_, _ = hub.Publish(ctx, "weather", sse.Text("rain"))
	resume(func(w http.ResponseWriter, r *http.Request) {
		sse.NewStream(hub.Subscribe("crimes")).ServeHTTP(w, r)
	}, first.Cursor.String(), 1)
	// Output:
	// crime_alert green question marks
}

// Within the program a subscription is an iterator.
func ExampleSubscription_Messages() {
	hub := sse.NewHub()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, _ = hub.Publish(ctx, "crimes", sse.Text("bank robbery"))
	_, _ = hub.Publish(ctx, "alerts", sse.Text("signal over the docks"))
	for m, err := range hub.Subscribe("crimes", "alerts").FromStart().Messages(ctx) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(m.Data)
		if m.Data == "signal over the docks" {
			cancel()
		}
	}
	// Output:
	// bank robbery
	// signal over the docks
	// context canceled
}

// A message with a key is published once, however often it is tried.
func ExampleHub_Publish() {
	hub := sse.NewHub()
	for range 2 {
		ack, err := hub.Publish(context.Background(), "orders", sse.Text("paid").WithID("order-7"))
		fmt.Println(ack.Duplicate, err)
	}
	// Output:
	// false <nil>
	// true <nil>
}

// A page that renders a state takes the position first, and opens its stream
// from there.
func ExampleHub_Cursor() {
	hub := sse.NewHub()
	position := hub.Cursor()
	// ... read the state ...
	_, err := sse.ParseCursor(position.String())
	fmt.Println(err, position.IsZero())

	_, err = sse.ParseCursor("42")
	fmt.Println(err)
	// Output:
	// <nil> false
	// sse: cursor "42": want <epoch>.<sequence>
}

// One Server holds the limits and the drain of a program's streams.
func ExampleServer() {
	server := &sse.Server{MaxStreams: 1000, MaxStreamsPerClient: 6, Grace: time.Millisecond}
	handler := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Handle(w, r, sse.NewStream(sse.Func(func(ctx context.Context, _ sse.Send) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})))
	}))
	defer handler.Close()
	resp, err := handler.Client().Get(handler.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println("open:", server.Open())

	fmt.Println("drained:", server.Drain(context.Background())) // before http.Server.Shutdown
	m, err := sse.NewReader(resp.Body).Next()
	fmt.Println(m.Event, m.Data, m.Retry > 0, err)
	_, err = io.Copy(io.Discard, resp.Body)
	fmt.Println("a clean end:", err == nil)
	// Output:
	// open: 1
	// drained: <nil>
	// sse.bye drained true <nil>
	// a clean end: true
}
