package servers

import (
	"context"
	"net"
	"strconv"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// redstartServer has what an app has by default, recovery, request ids and timeouts
// included, but for the access log, which the others do not have either. With
// portable, subscribers stay on the ResponseWriter, as they do under TLS and HTTP/2.
func redstartServer(portable bool) Server {
	options := []redstart.Option{redstart.WithLogger(zerolog.Nop()), redstart.WithoutAccessLog()}
	if portable {
		options = append(options, redstart.WithStreams(&sse.Server{Transport: sse.Portable}))
	}
	app := redstart.New(options...)
	hub := sse.NewHub()
	app.Get("/plaintext", func(*redstart.Request) redstart.Response {
		return redstart.Text(Greeting)
	})
	app.Get("/users/:id", func(req *redstart.Request) redstart.Response {
		return redstart.JSON(userOf(req.Param("id")))
	})
	app.Post("/orders", func(req *redstart.Request) redstart.Response {
		var order Order
		if err := req.JSON(&order); err != nil {
			return redstart.Fail(err)
		}
		return redstart.JSON(order)
	})
	app.Get("/events", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(hub.Subscribe("news"))
	})
	app.Get("/stream", func(req *redstart.Request) redstart.Response {
		n := streamLength(req.HTTP().URL.RawQuery)
		return redstart.SSEResponse(sse.Func(func(_ context.Context, send sse.Send) error {
			for i := range n {
				if err := send(sse.Message{ID: strconv.Itoa(i), Data: StreamData}); err != nil {
					return err
				}
			}
			return nil
		}))
	})
	return Server{
		Serve: func(l net.Listener) error { return app.Serve(context.Background(), l) },
		Publish: func(data string) string {
			ack, err := hub.Publish(context.Background(), "news", sse.Text(data))
			if err != nil {
				panic(err) // neither the topic nor the data can be at fault
			}
			return ack.Cursor.String()
		},
		Exchange: exchange(app),
	}
}
