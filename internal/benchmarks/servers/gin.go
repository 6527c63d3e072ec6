package servers

import (
	"io"
	"net/http"
	"strconv"

	"github.com/gin-contrib/sse"
	"github.com/gin-gonic/gin"
)

// ginServer streams with Context.Stream, which flushes after each step, and renders
// events with gin's own package.
func ginServer() Server {
	gin.SetMode(gin.ReleaseMode)
	h := newHub()
	engine := gin.New()
	engine.GET("/plaintext", func(c *gin.Context) { c.String(http.StatusOK, Greeting) })
	engine.GET("/users/:id", func(c *gin.Context) { c.JSON(http.StatusOK, userOf(c.Param("id"))) })
	engine.POST("/orders", func(c *gin.Context) {
		var order Order
		if err := c.ShouldBindJSON(&order); err != nil {
			c.String(http.StatusBadRequest, err.Error())
			return
		}
		c.JSON(http.StatusOK, order)
	})
	engine.GET("/events", func(c *gin.Context) {
		missed, live := h.subscribe(c.GetHeader("Last-Event-ID"))
		defer h.unsubscribe(live)
		eventHeader(c.Writer)
		c.Writer.Flush()
		c.Stream(func(io.Writer) bool {
			if len(missed) > 0 {
				c.Render(-1, sse.Event{Id: missed[0].id, Data: missed[0].data})
				missed = missed[1:]
				return true
			}
			select {
			case e := <-live:
				c.Render(-1, sse.Event{Id: e.id, Data: e.data})
				return true
			case <-c.Request.Context().Done():
				return false
			}
		})
	})
	engine.GET("/stream", func(c *gin.Context) {
		i, n := 0, streamLength(c.Request.URL.RawQuery)
		c.Stream(func(io.Writer) bool {
			if i == n {
				return false
			}
			c.Render(-1, sse.Event{Id: strconv.Itoa(i), Data: StreamData})
			i++
			return true
		})
	})
	return Server{Serve: plain(engine), Publish: h.publish, Exchange: exchange(engine)}
}
