package middleware_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

// The whole set in the order that the package's documentation advises, around each
// kind of reply.
func TestAllTogetherInTheAdvisedOrder(t *testing.T) {
	app, lines := logged()
	app.Use(
		middleware.RequestID(middleware.RequestIDOptions{Generate: func() string { return "id-1" }}),
		middleware.AccessLog(),
		middleware.Recover(middleware.RecoverOptions{Reply: func(*redstart.Request, *redstart.PanicError) redstart.Response {
			return redstart.Text("recovered")
		}}),
		middleware.SecureHeaders(),
		middleware.CORS(middleware.CORSOptions{Origins: []string{"https://gotham.city"}}),
		middleware.BodyLimit(10),
		middleware.Timeout(time.Hour),
	)
	for _, kind := range everyReply(app) {
		t.Run(kind.name, func(t *testing.T) {
			lines.buf.Reset()
			reply := send(app, kind.method, kind.path, "", "Origin: https://gotham.city")
			assert.Equal(t, kind.status, reply.Code)
			assert.Equal(t, []string{"id-1"}, reply.Header()["X-Request-Id"])
			if kind.name == "panic" {
				assert.Equal(t, "recovered", reply.Body.String())
			} else {
				assert.Equal(t, secure, securing(reply.Header()))
				assert.Equal(t, []string{"https://gotham.city"}, reply.Header()["Access-Control-Allow-Origin"])
			}
			requests := 0
			for _, line := range lines.read(t) {
				assert.Equal(t, "id-1", line["request_id"])
				if line["message"] == "request" {
					requests++
				}
			}
			assert.Equal(t, 1, requests)
		})
	}
	t.Run("preflight", func(t *testing.T) {
		reply := send(app, "OPTIONS", "/text", "", "Origin: https://gotham.city", "Access-Control-Request-Method: GET")
		assert.Equal(t, http.StatusNoContent, reply.Code)
		assert.Equal(t, secure, securing(reply.Header()))
	})
	t.Run("too large", func(t *testing.T) {
		reply := send(app, "POST", "/text", "eleven bytes", "Origin: https://gotham.city")
		assert.Equal(t, http.StatusRequestEntityTooLarge, reply.Code)
		assert.Equal(t, "https://gotham.city", reply.Header().Get("Access-Control-Allow-Origin"), "the page may read why")
	})
}

func TestTheFirstIsOutermost(t *testing.T) {
	var order []string
	note := func(name string) redstart.Middleware {
		return func(next redstart.Handler) redstart.Handler {
			return func(req *redstart.Request) redstart.Response {
				order = append(order, name)
				resp := next(req)
				order = append(order, "/"+name)
				return resp
			}
		}
	}
	app := quiet()
	app.Use(note("app"), middleware.Timeout(time.Hour), note("app2"))
	app.Group("/g", note("group"), middleware.BodyLimit(1)).
		Get("/", func(*redstart.Request) redstart.Response { order = append(order, "handler"); return redstart.Text("") },
			redstart.With(note("route"), middleware.CORS()))
	for _, tc := range []struct {
		name, method, path, body string
		header                   []string
		want                     []string
	}{
		{"route", "GET", "/g", "", nil, []string{"app", "app2", "group", "route", "handler", "/route", "/group", "/app2", "/app"}},
		{"group answers", "GET", "/g", "two", nil, []string{"app", "app2", "group", "/group", "/app2", "/app"}},
		{"preflight", "OPTIONS", "/g", "", []string{"Origin: https://a.city", "Access-Control-Request-Method: GET"}, []string{"app", "app2", "group", "route", "/route", "/group", "/app2", "/app"}},
		{"not found", "GET", "/x", "", nil, []string{"app", "app2", "/app2", "/app"}},
		{"not allowed", "PUT", "/g", "", nil, []string{"app", "app2", "/app2", "/app"}},
		{"automatic OPTIONS", "OPTIONS", "/g", "", nil, []string{"app", "app2", "/app2", "/app"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			order = nil
			send(app, tc.method, tc.path, tc.body, tc.header...)
			assert.Equal(t, tc.want, order)
		})
	}
}
