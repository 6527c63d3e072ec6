package sse_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/redstart-go/redstart/sse"
)

// collect prints the messages of a subscription until there are n.
func collect(s *sse.Subscription, n int) {
	for m, err := range s.Messages(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(strings.TrimSpace(m.Event + " " + m.Data))
		if n--; n == 0 {
			return
		}
	}
}

// Two nodes above one broker serve the same messages.
func ExampleOver() {
	broker := sse.NewMemoryBroker(0) // on several machines, one of package jetstream
	north, south := sse.NewHub(sse.Over(broker)), sse.NewHub(sse.Over(broker))
	defer north.Close()
	defer south.Close()

	ctx := context.Background()
	fmt.Println(south.Ready(ctx))
	heard := south.Subscribe("crimes")
	_, err := north.Publish(ctx, "crimes", sse.Text("bank robbery"))
	fmt.Println(err)
	collect(heard, 1)
	// Output:
	// <nil>
	// <nil>
	// bank robbery
}

// A topic of one Go type.
func ExampleTopic() {
	type Crime struct {
		Kind     string `json:"kind"`
		District int    `json:"district"`
	}
	hub := sse.NewHub()
	crimes := sse.NewTopic[Crime](hub, "crimes").WithEvent("crime_alert")

	live := crimes.Subscribe() // for a client: it is served like any other
	_, err := crimes.Publish(context.Background(), Crime{"riddle", 7})
	fmt.Println(err)
	collect(live, 1)
	// Output:
	// <nil>
	// crime_alert {"kind":"riddle","district":7}
}

// Of states, only the latest of each key is kept.
func ExampleStateTopic() {
	type Position struct{ Car, Street string }
	hub := sse.NewHub()
	cars := sse.NewStateTopic(hub, "cars", func(p Position) string { return p.Car })
	ctx := context.Background()
	for _, street := range []string{"Dock Road", "Park Row", "Crime Alley"} {
		_, _ = cars.Publish(ctx, Position{"batmobile", street})
	}
	_, _ = cars.Publish(ctx, Position{"patrol 7", "Main Street"})
	collect(cars.Subscribe(), 2)
	// Output:
	// {"Car":"batmobile","Street":"Crime Alley"}
	// {"Car":"patrol 7","Street":"Main Street"}
}

// A filter leaves messages out for one subscriber.
func ExampleSubscription_Filter() {
	hub := sse.NewHub()
	mine := hub.Subscribe("crimes").Filter(func(_ string, m sse.Message) bool {
		return strings.Contains(m.Data, "Joker")
	})
	for _, crime := range []string{"Riddler at the bank", "Joker at the docks"} {
		_, _ = hub.Publish(context.Background(), "crimes", sse.Text(crime))
	}
	collect(mine, 1)
	// Output:
	// Joker at the docks
}

// A client without a position is sent the state first, and then what changes it.
func ExampleSubscription_Snapshot() {
	hub := sse.NewHub()
	open := hub.Subscribe("crimes").Snapshot(func(_ context.Context, send sse.Send) error {
		return send(sse.Text("2 crimes so far").WithEvent("state"))
	})
	collect(open, 2)
	// Output:
	// state 2 crimes so far
	// sse.snapshot
}

// Presence says who is connected to a topic.
func ExampleHub_Presence() {
	hub := sse.NewHub()
	defer hub.Close()
	heard := hub.Subscribe("cave")
	leave := hub.Join("cave", "Batman") // or hub.Subscribe("cave").As("Batman"), served
	defer leave()
	collect(heard, 1)
	for _, member := range hub.Presence("cave") {
		fmt.Println(member.Name, member.Connections)
	}
	// Output:
	// sse.join {"name":"Batman"}
	// Batman 1
}

// A client that may not have a topic is refused before the stream begins.
func ExampleAuthorize() {
	hub := sse.NewHub(sse.Authorize(func(_ context.Context, topic string) error {
		if topic == "secret" {
			return errors.New("badge, please")
		}
		return nil
	}))
	w := httptest.NewRecorder()
	sse.NewStream(hub.Subscribe("secret")).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	// Output: 403 sse: topic "secret": badge, please
}

// Stats are what dashboards and alarms are made of.
func ExampleHub_Stats() {
	hub := sse.NewHub()
	_, _ = hub.Publish(context.Background(), "crimes", sse.Text("bank robbery"))
	stats := hub.Stats()
	fmt.Println(stats.Published, stats.Records, stats.Subscribers)
	// Output: 1 1 0
}
