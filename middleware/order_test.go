package middleware_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

// The whole set in the order that the package's documentation advises, around each
// kind of reply.
func TestAllTogetherInTheAdvisedOrder(t *testing.T) {
	app, lines := logged()
	tracer, closed := &spans{}, middleware.NewMaintenance()
	app.Use(
		middleware.Health(),
		middleware.RequestID(middleware.RequestIDOptions{Generate: func() string { return "id-1" }}),
		middleware.Tracing(tracer),
		middleware.AccessLog(),
		middleware.Recover(middleware.RecoverOptions{Reply: func(*redstart.Request, *redstart.PanicError) redstart.Response {
			return redstart.Text("recovered")
		}}),
		middleware.SecureHeaders(),
		middleware.CORS(middleware.CORSOptions{Origins: []string{"https://gotham.city"}}),
		closed.Middleware,
		middleware.RateLimit(1000, time.Hour),
		middleware.Compress(middleware.CompressOptions{MinSize: 1}),
		middleware.ETag(),
		middleware.CSRF(middleware.CSRFOptions{TrustedOrigins: []string{"https://gotham.city"}}),
		middleware.BodyLimit(10),
		middleware.Timeout(time.Hour),
		middleware.Idempotency(),
	)
	kinds := everyReply(app)
	app.Post("/posted", func(req *redstart.Request) redstart.Response {
		text, err := req.Text()
		assert.NoError(t, err)
		return redstart.Text(text)
	})
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			lines.buf.Reset()
			tracer.list = nil
			reply := send(app, kind.method, kind.path, "", "Origin: https://gotham.city", "Sec-Fetch-Site: same-origin", "Accept-Encoding: gzip")
			assert.Equal(t, kind.status, reply.Code)
			require.Len(t, tracer.list, 1)
			assert.Equal(t, 1, tracer.list[0].ends)
			assert.Equal(t, kind.status, tracer.list[0].status)
			assert.Equal(t, []string{"id-1"}, reply.Header()["X-Request-Id"])
			if kind.name == "panic" {
				assert.Equal(t, "recovered", body(t, reply))
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
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		header                   []string
		want                     string // a header that the reply has
	}{
		{"alive", "GET", "/livez", "", 200, nil, ""},
		{"not changed", "GET", "/text", "", 304, []string{`If-None-Match: "982d9e3eb996f559e633f4d1"`}, "Vary"},
		{"another site's page", "POST", "/posted", "a", 403, []string{"Sec-Fetch-Site: cross-site", keyed}, "Ratelimit"},
		{"done once", "POST", "/posted", "a", 200, []string{keyed}, "Ratelimit"},
		{"done again", "POST", "/posted", "a", 200, []string{keyed}, "Idempotency-Replayed"},
		{"not the same", "POST", "/posted", "b", 422, []string{keyed}, "Ratelimit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply := send(app, tc.method, tc.path, tc.body, append(tc.header, "Accept-Encoding: gzip")...)
			assert.Equal(t, tc.status, reply.Code)
			if tc.want != "" {
				assert.NotEmpty(t, reply.Header()[tc.want])
				assert.Equal(t, secure, securing(reply.Header()))
			}
		})
	}
	t.Run("closed", func(t *testing.T) {
		closed.On(time.Hour)
		defer closed.Off()
		reply := send(app, "GET", "/text", "", "Origin: https://gotham.city")
		assert.Equal(t, http.StatusServiceUnavailable, reply.Code)
		assert.Equal(t, "https://gotham.city", reply.Header().Get("Access-Control-Allow-Origin"))
		assert.Equal(t, secure, securing(reply.Header()))
		assert.Equal(t, 200, send(app, "GET", "/readyz", "").Code)
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
