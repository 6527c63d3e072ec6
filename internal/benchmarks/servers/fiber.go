package servers

import (
	"bufio"
	"net"
	"strconv"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
)

// fiberServer stands on fasthttp, not net/http. A stream is a function that is
// called with a writer after the handler has returned.
func fiberServer() Server {
	h := newHub()
	app := fiber.New()
	app.Get("/plaintext", func(c fiber.Ctx) error { return c.SendString(Greeting) })
	// The parameter is sent before the handler returns, so that it need not be copied.
	app.Get("/users/:id", func(c fiber.Ctx) error { return c.JSON(userOf(c.Params("id"))) })
	app.Post("/orders", func(c fiber.Ctx) error {
		var order Order
		if err := c.Bind().JSON(&order); err != nil {
			return err
		}
		return c.JSON(order)
	})
	app.Get("/events", func(c fiber.Ctx) error {
		missed, live := h.subscribe(c.Get("Last-Event-ID"))
		c.Set("Content-Type", "text/event-stream")
		c.Set("Cache-Control", "no-cache")
		return c.SendStreamWriter(func(w *bufio.Writer) {
			defer h.unsubscribe(live)
			// The header goes out with the first bytes, and not before.
			if _, err := w.WriteString(":\n"); err != nil || w.Flush() != nil {
				return
			}
			for _, e := range missed {
				if _, err := w.Write(e.frame); err != nil || w.Flush() != nil {
					return
				}
			}
			for e := range live { // a write that fails is the only sign of a client that left
				if _, err := w.Write(e.frame); err != nil || w.Flush() != nil {
					return
				}
			}
		})
	})
	app.Get("/stream", func(c fiber.Ctx) error {
		n := streamLength(string(c.Request().URI().QueryString()))
		c.Set("Content-Type", "text/event-stream")
		return c.SendStreamWriter(func(w *bufio.Writer) {
			var frame []byte
			for i := range n {
				frame = appendEvent(frame[:0], strconv.Itoa(i), StreamData)
				if _, err := w.Write(frame); err != nil || w.Flush() != nil {
					return
				}
			}
		})
	})
	fiberSockets(app, h)
	return Server{
		Serve: func(l net.Listener) error {
			return app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
		},
		Publish: h.publish,
		Exchange: func(method, target, body string) func() int {
			handler := app.Handler()
			var request fasthttp.Request
			request.Header.SetMethod(method)
			request.SetRequestURI(target)
			if body != "" {
				request.Header.SetContentType("application/json")
				request.SetBodyString(body)
			}
			var ctx fasthttp.RequestCtx
			ctx.Init(&request, nil, nil)
			return func() int {
				ctx.Response.Reset()
				handler(&ctx)
				return ctx.Response.StatusCode()
			}
		},
	}
}
