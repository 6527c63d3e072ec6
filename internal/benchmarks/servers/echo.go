package servers

import (
	"net/http"

	"github.com/labstack/echo/v5"
)

// echoServer streams by hand, as echo's own recipe does.
func echoServer() Server {
	h := newHub()
	e := echo.New()
	e.GET("/plaintext", func(c *echo.Context) error { return c.String(http.StatusOK, Greeting) })
	e.GET("/users/:id", func(c *echo.Context) error { return c.JSON(http.StatusOK, userOf(c.Param("id"))) })
	e.POST("/orders", func(c *echo.Context) error {
		var order Order
		if err := c.Bind(&order); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, order)
	})
	e.GET("/events", func(c *echo.Context) error {
		serveEvents(h, false, c.Response(), c.Request())
		return nil
	})
	e.GET("/stream", func(c *echo.Context) error {
		serveStream(c.Response(), c.Request())
		return nil
	})
	return Server{Serve: plain(e), Publish: h.publish, Exchange: exchange(e)}
}
