package websocket

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart/internal/browser"
)

const browserPage = `<!doctype html><title>echo</title><script>
	const got = [];
	let closed = "";
	const socket = new WebSocket(location.href.replace("http", "ws") + "ws", ["chat.v2", "bearer.c2VjcmV0"]);
	socket.binaryType = "arraybuffer";
	socket.onmessage = (e) => got.push(typeof e.data === "string" ? e.data : new Uint8Array(e.data).join());
	socket.onclose = (e) => closed = [e.code, e.reason, e.wasClean].join();
</script>`

// A browser agrees with us on compression, subprotocol, messages of all kinds and the
// end; and another site's page is kept out.
func TestBrowser(t *testing.T) {
	s := &Server{Compression: true, Subprotocols: []string{"chat.v2"}}
	h, reports := serve(s, func(c *Conn) error {
		assert.True(t, c.Compressed())
		assert.Equal(t, "secret", BearerToken(c.Request()))
		for m, err := range c.Messages() {
			if err != nil {
				return err
			}
			if m.Text() == "enough" {
				return Close(4001, "再见")
			}
			if err := c.Send(m); err != nil {
				return err
			}
		}
		return nil
	})
	mux := http.NewServeMux()
	mux.Handle("/ws", h)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, browserPage)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	other := httptest.NewServer(mux)
	t.Cleanup(other.Close)
	page := browser.Start(t).Page(t)
	page.Open(server.URL + "/")
	page.Await(1, `socket.readyState`)
	page.Await("chat.v2", `socket.protocol`)
	page.Await("permessage-deflate", `socket.extensions.split(";")[0]`)
	browser.Value[int](page, `socket.send("哥谭"), socket.send(new Uint8Array([0, 255])), socket.send("x".repeat(100000)), 0`)
	page.Await(3, `got.length`)
	page.Await("哥谭", `got[0]`)
	page.Await("0,255", `got[1]`)
	page.Await(true, `got[2] === "x".repeat(100000)`)
	for c := range s.Conns() {
		assert.NoError(t, c.Ping(t.Context()))
	}
	browser.Value[int](page, `socket.send("enough"), 0`)
	page.Await("4001,再见,true", `closed`)
	assert.Equal(t, Completed, (<-reports).Reason)

	// A page that is left says so.
	page.Open(server.URL + "/")
	page.Await(1, `socket.readyState`)
	page.Reload() // to go elsewhere might keep the page, and its socket, for the way back
	report := <-reports
	assert.Equal(t, Closed, report.Reason)
	assert.Equal(t, GoingAway, report.Code)
	page.Await(1, `socket.readyState`)
	browser.Value[int](page, `socket.close(), 0`)
	assert.Equal(t, NoStatus, (<-reports).Code)

	page.Allow("WebSocket connection to")
	page.Open(other.URL + "/")
	page.Await("chat.v2", `socket.protocol`) // its own server takes it
	target := strings.Replace(server.URL, "http", "ws", 1) + "/ws"
	browser.Value[int](page, `window.foreign = "", window.s2 = new WebSocket("`+target+`", ["chat.v2"]), s2.onclose = (e) => foreign = e.code, 0`)
	page.Await("1006", `String(foreign)`)
	refused := <-reports
	assert.Equal(t, Unstarted, refused.Reason)
	assert.ErrorContains(t, refused.Err, "may not connect")
	browser.Value[int](page, `socket.close(), 0`)
	<-reports
}
