package jetstream_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/sse/jetstream"
)

// A client that has seen the first message on one node comes back to another, with the
// id of that message, and gets the second there.
func Example() {
	url, stop := natsServer()
	defer stop()
	gotham, stopGotham := node(url)
	defer stopGotham()
	metropolis, stopMetropolis := node(url)
	defer stopMetropolis()

	ctx := context.Background()
	first, err := gotham.Publish(ctx, "crimes", sse.Text("jaywalking"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := gotham.Publish(ctx, "crimes", sse.Text("a stolen batmobile")); err != nil {
		log.Fatal(err)
	}

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sse.NewStream(metropolis.Subscribe("crimes")).ServeHTTP(w, r)
	}))
	defer server.Close()
	request, err := http.NewRequest("GET", server.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Last-Event-ID", first.Cursor.String())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer response.Body.Close()
	message, err := sse.NewReader(response.Body).Next()
	fmt.Println(message.Data, err)
	// Output: a stolen batmobile <nil>
}

// node is a hub as each node of a program has one.
func node(url string) (hub *sse.Hub, stop func()) {
	broker, err := jetstream.Connect(context.Background(), url)
	if err != nil {
		log.Fatal(err)
	}
	hub = sse.NewHub(sse.Over(broker))
	if err := hub.Ready(context.Background()); err != nil {
		log.Fatal(err)
	}
	return hub, func() {
		hub.Close()
		broker.Close()
	}
}
