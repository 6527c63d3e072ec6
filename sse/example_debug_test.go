package sse_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/redstart-go/redstart/sse"
)

func ExampleDebugHandler() {
	hub := sse.NewHub()
	defer func() { _ = hub.Close() }()
	debug := sse.DebugHandler(&sse.Server{}, map[string]*sse.Hub{"crimes": hub})

	// A browser would be shown a page.
	if _, err := hub.Publish(context.Background(), "gotham", sse.Text("a riddle")); err != nil {
		log.Fatal(err)
	}
	w := httptest.NewRecorder()
	debug.ServeHTTP(w, httptest.NewRequest("GET", "/debug/streams?format=json", nil))
	var seen struct {
		Server struct{ Open int }
		Hubs   []struct {
			Name      string
			Published int
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &seen); err != nil {
		log.Fatal(err)
	}
	fmt.Println(seen.Server.Open, "open;", seen.Hubs[0].Published, "published to", seen.Hubs[0].Name)
	// Output: 0 open; 1 published to crimes
}
