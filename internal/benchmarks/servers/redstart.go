package servers

import (
	"context"
	"net"
	"strconv"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// news is the topic of all messages.
const news = "news"

// redstartApp has what an app has by default, recovery, request ids and timeouts
// included, but for the access log, which the others do not have either.
func redstartApp(options ...redstart.Option) *redstart.App {
	return redstart.New(append(options, redstart.WithLogger(zerolog.Nop()), redstart.WithoutAccessLog())...)
}

// redstartServer offers everything. With portable, subscribers stay on the
// ResponseWriter, as they do under TLS and HTTP/2.
func redstartServer(portable bool) Server {
	var options []redstart.Option
	if portable {
		options = append(options, redstart.WithStreams(&sse.Server{Transport: sse.Portable}))
	}
	app, hub := redstartApp(options...), sse.NewHub()
	redstartSockets(app, hub)
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
		return redstart.SSEResponse(hub.Subscribe(news))
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
		Serve:    func(l net.Listener) error { return app.Serve(context.Background(), l) },
		Publish:  publishNews(hub),
		Exchange: exchange(app),
	}
}

func publishNews(hub *sse.Hub) func(string) string {
	return func(data string) string {
		ack, err := hub.Publish(context.Background(), news, sse.Text(data))
		if err != nil {
			panic(err) // neither the topic nor the data can be at fault
		}
		return ack.Cursor.String()
	}
}
