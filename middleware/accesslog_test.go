package middleware_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

func ExampleAccessLog() {
	logger := zerolog.New(os.Stdout)
	app := quiet()
	app.Use(middleware.AccessLog(middleware.AccessLogOptions{
		Logger: &logger,
		Skip:   func(req *redstart.Request) bool { return req.Path() == "/livez" },
		Fields: func(event *zerolog.Event, req *redstart.Request, _ redstart.Outcome) {
			event.Discard() // the times differ: a line of its own for the example
			fmt.Println(req.Method(), req.Pattern(), req.Header("User-Agent"))
		},
	}))
	app.Get("/crimes/:id", func(*redstart.Request) redstart.Response { return redstart.Text("a riddle") })
	app.Get("/livez", func(*redstart.Request) redstart.Response { return redstart.NoContent() })

	send(app, "GET", "/livez", "")
	send(app, "GET", "/crimes/7", "", "User-Agent: batcomputer")
	// Output: GET /crimes/:id batcomputer
}

func TestAccessLogWritesOneLineForEveryReply(t *testing.T) {
	for _, tc := range []struct {
		name string
		opts []redstart.Option
	}{{"app logs", nil}, {"app does not", []redstart.Option{redstart.WithoutAccessLog()}}} {
		app, lines := logged(tc.opts...)
		app.Use(middleware.AccessLog(middleware.AccessLogOptions{
			Fields: func(e *zerolog.Event, _ *redstart.Request, _ redstart.Outcome) { e.Bool("mine", true) },
		}))
		for _, kind := range everyReply(app) {
			t.Run(tc.name+"/"+kind.name, func(t *testing.T) {
				lines.buf.Reset()
				reply := send(app, kind.method, kind.path, "")
				got := lines.read(t)
				require.Len(t, got, 1)
				line := got[0]
				assert.Equal(t, true, line["mine"])
				assert.Equal(t, "request", line["message"])
				assert.Equal(t, kind.method, line["method"])
				assert.Equal(t, kind.path, line["path"])
				assert.EqualValues(t, kind.status, line["status"])
				assert.EqualValues(t, reply.Body.Len(), line["bytes"])
				assert.Equal(t, "192.0.2.1", line["ip"])
				assert.Equal(t, reply.Header().Get("X-Request-Id"), line["request_id"])
				assert.Contains(t, line, "took_ms")
				level := "info"
				if kind.status >= 500 {
					level = "error"
					assert.Contains(t, line, "error")
				}
				assert.Equal(t, level, line["level"])
				if kind.name == "panic" {
					assert.Contains(t, line["stack"], "everyReply")
				}
			})
		}
	}
}

func TestAccessLogOfAStreamComesAtItsEnd(t *testing.T) {
	app, lines := logged()
	app.Use(middleware.AccessLog())
	app.Get("/:topic", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) {
			for range 3 {
				yield(sse.Text("x"))
				assert.Zero(t, lines.buf.Len(), "the stream has not ended")
			}
		})
	})
	send(app, "GET", "/crimes", "")
	line := lines.read(t)[0]
	assert.EqualValues(t, 3, line["events"])
	assert.Equal(t, "completed", line["reason"])
	assert.Equal(t, "/:topic", line["route"])
}

func TestAccessLogOptions(t *testing.T) {
	var own bytes.Buffer
	logger := zerolog.New(&own)
	app, lines := logged()
	app.Group("/api", middleware.AccessLog(middleware.AccessLogOptions{
		Logger: &logger,
		Skip:   func(req *redstart.Request) bool { return req.Header("X-Skip") != "" },
		Level: func(o redstart.Outcome) zerolog.Level {
			if o.Status == http.StatusNotFound {
				return zerolog.Disabled
			}
			return zerolog.WarnLevel
		},
	})).Get("/:status", func(req *redstart.Request) redstart.Response {
		status, _ := req.ParamInt("status")
		return redstart.Status(status)
	})
	app.Get("/other", func(*redstart.Request) redstart.Response { return redstart.NoContent() })
	for _, tc := range []struct {
		name, path string
		header     []string
		own, app   int
	}{
		{"own logger and level", "/api/200", nil, 1, 0},
		{"no line at a disabled level", "/api/404", nil, 0, 0},
		{"skipped", "/api/200", []string{"X-Skip: 1"}, 0, 0},
		{"skipped failure is logged by the app", "/api/503", []string{"X-Skip: 1"}, 0, 1},
		{"outside of the group the app logs", "/other", nil, 0, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			own.Reset()
			lines.buf.Reset()
			reply := send(app, "GET", tc.path, "", tc.header...)
			assert.Equal(t, tc.own, bytes.Count(own.Bytes(), []byte("\n")), own.String())
			assert.Len(t, lines.read(t), tc.app)
			if tc.own > 0 {
				assert.Contains(t, own.String(), `"level":"warn"`)
				assert.Contains(t, own.String(), `"request_id":"`+reply.Header().Get("X-Request-Id")+`"`)
			}
		})
	}
}

func TestAccessLogOfAReplacedResponseIsTheApps(t *testing.T) {
	app, lines := logged()
	app.Use(
		redstart.After(func(*redstart.Request, redstart.Response) redstart.Response { return redstart.Text("replaced") }),
		middleware.AccessLog(),
	)
	send(app, "GET", "/", "")
	assert.Len(t, lines.read(t), 1, "one line, whoever writes it")
}
