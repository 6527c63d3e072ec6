package jetstream_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/sse/jetstream"
)

// A program with a log of its own: with a directory instead of "", it outlives restarts.
func ExampleEmbedded() {
	broker, err := jetstream.Embedded("")
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()

	ctx := context.Background()
	for _, key := range []string{"order-1", "order-2", "order-1"} {
		ack, err := broker.Publish(ctx, "orders", sse.Text("a new order").WithID(key))
		fmt.Println(ack.Cursor.Sequence(), ack.Duplicate, err)
	}
	// Output:
	// 1 false <nil>
	// 2 false <nil>
	// 1 true <nil>
}

// Two nodes share a log through a server, which in production is a program of its own:
// nats-server -js.
func ExampleConnect() {
	url, stop := natsServer()
	defer stop()
	ctx := context.Background()
	gotham, err := jetstream.Connect(ctx, url)
	if err != nil {
		log.Fatal(err)
	}
	defer gotham.Close()
	metropolis, err := jetstream.Connect(ctx, url)
	if err != nil {
		log.Fatal(err)
	}
	defer metropolis.Close()

	if _, err := gotham.Publish(ctx, "crimes.gotham", sse.JSON("jaywalking").WithEvent("crime_alert")); err != nil {
		log.Fatal(err)
	}
	entries, err := metropolis.Read(ctx, 0, 10)
	for _, e := range entries {
		fmt.Println(e.Topic, e.Message.Event, e.Message.Data)
	}
	fmt.Println(metropolis.Healthy(), err)
	// Output:
	// crimes.gotham crime_alert "jaywalking"
	// <nil> <nil>
}

// A program that is connected already lends its connection. Other programs publish with
// nothing but NATS.
func ExampleOn() {
	url, stop := natsServer()
	defer stop()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	broker, err := jetstream.On(context.Background(), nc, jetstream.Prefix("police"), jetstream.MaxAge(time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()

	ctx, stopTail := context.WithCancel(context.Background())
	go func() {
		if err := nc.Publish("police.crimes", []byte(`{"crime":"jaywalking"}`)); err != nil {
			log.Print(err)
		}
	}()
	err = broker.Tail(ctx, 0, func(e sse.Entry) {
		fmt.Println(e.Topic, e.Message.Data)
		stopTail()
	})
	fmt.Println(err)
	// Output:
	// crimes {"crime":"jaywalking"}
	// context canceled
}

// natsServer runs a server for an example.
func natsServer() (url string, stop func()) {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		log.Fatal("the server does not start")
	}
	return srv.ClientURL(), func() {
		srv.Shutdown()
		srv.WaitForShutdown()
		os.RemoveAll(dir)
	}
}
