package middleware_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleRequestID() {
	app := quiet(redstart.WithoutRequestID())
	app.Use(middleware.RequestID(middleware.RequestIDOptions{
		Header:   "X-Correlation-ID",
		Generate: func() string { return "signal-7" },
	}))
	app.Get("/", func(req *redstart.Request) redstart.Response { return redstart.Text(req.ID()) })

	reply := send(app, "GET", "/", "")
	fmt.Println(reply.Body, reply.Header().Get("X-Correlation-ID"))
	reply = send(app, "GET", "/", "", "X-Correlation-ID: from-the-proxy")
	fmt.Println(reply.Body)
	// Output:
	// signal-7 signal-7
	// from-the-proxy
}

func TestRequestIDChoosesTheID(t *testing.T) {
	nobody := func(*redstart.Request) bool { return false }
	own := func() string { return "own" }
	for _, tc := range []struct {
		name    string
		options middleware.RequestIDOptions
		send    []string
		want    string // "" for one of the default generator
		header  string
	}{
		{"default", middleware.RequestIDOptions{}, nil, "", "X-Request-Id"},
		{"the client's", middleware.RequestIDOptions{Generate: own}, []string{"X-Request-ID: abc"}, "abc", "X-Request-Id"},
		{"a client that is not trusted", middleware.RequestIDOptions{Generate: own, Trust: nobody}, []string{"X-Request-ID: abc"}, "own", "X-Request-Id"},
		{"two ids", middleware.RequestIDOptions{Generate: own}, []string{"X-Request-ID: a", "X-Request-ID: b"}, "own", "X-Request-Id"},
		{"unfit id", middleware.RequestIDOptions{Generate: own}, []string{"X-Request-ID: a b"}, "own", "X-Request-Id"},
		{"too long an id", middleware.RequestIDOptions{Generate: own}, []string{"X-Request-ID: " + strings.Repeat("a", 129)}, "own", "X-Request-Id"},
		{"own header", middleware.RequestIDOptions{Header: "x-trace", Generate: own}, []string{"X-Request-ID: abc"}, "own", "X-Trace"},
		{"client's in own header", middleware.RequestIDOptions{Header: "x-trace", Generate: own}, []string{"X-Trace: abc"}, "abc", "X-Trace"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app, lines := logged()
			app.Use(middleware.RequestID(tc.options))
			app.Get("/", func(req *redstart.Request) redstart.Response {
				req.Log().Info().Msg("handler")
				return redstart.Fail(redstart.Error(404, req.ID()))
			})
			reply := send(app, "GET", "/", "", tc.send...)
			id := reply.Header().Get(tc.header)
			if tc.want == "" {
				assert.Regexp(t, `^[0-9a-v]{8}-0001$`, id)
			} else {
				assert.Equal(t, tc.want, id)
			}
			if tc.header != "X-Request-Id" {
				assert.Empty(t, reply.Header().Values("X-Request-Id"), "one header carries it")
			}
			assert.Contains(t, reply.Body.String(), `"detail":"`+id+`"`, "req.ID")
			assert.Contains(t, reply.Body.String(), `"request_id":"`+id+`"`, "problem document")
			for _, line := range lines.read(t) {
				assert.Equal(t, id, line["request_id"], line["message"])
			}
		})
	}
}

func TestRequestIDIsOnEveryReply(t *testing.T) {
	app := quiet()
	app.Use(middleware.RequestID(middleware.RequestIDOptions{Header: "X-Trace", Generate: func() string { return "t1" }}))
	for _, kind := range everyReply(app) {
		t.Run(kind.name, func(t *testing.T) {
			reply := send(app, kind.method, kind.path, "")
			assert.Equal(t, kind.status, reply.Code)
			assert.Equal(t, []string{"t1"}, reply.Header()["X-Trace"])
			assert.Empty(t, reply.Header().Values("X-Request-Id"))
		})
	}
}

func TestRequestIDReplacesAnUnfitGeneratedOne(t *testing.T) {
	app, lines := logged()
	calls := 0
	app.Use(middleware.RequestID(middleware.RequestIDOptions{Generate: func() string {
		if calls++; calls == 1 {
			return "good"
		}
		return "bad\r\nSet-Cookie: x"
	}}))
	reply := send(app, "GET", "/", "")
	assert.Regexp(t, `^[0-9a-v]{8}-0001$`, reply.Header().Get("X-Request-Id"))
	assert.Equal(t, "Generate of RequestID", lines.read(t)[0]["message"])
}

func TestRequestIDPanicsWhenMisconfigured(t *testing.T) {
	assert.Equal(t, `middleware: RequestID: Header: "X Trace" is not a header name`, refused(t, func() {
		middleware.RequestID(middleware.RequestIDOptions{Header: "X Trace"})
	}))
	assert.Equal(t, `middleware: RequestID: Generate made "a b": want 1 to 128 letters, digits and any of ._~:/+=-`, refused(t, func() {
		middleware.RequestID(middleware.RequestIDOptions{Generate: func() string { return "a b" }})
	}))
	assert.Equal(t, "middleware: RequestID: 2 options were given: put them into one struct", refused(t, func() {
		middleware.RequestID(middleware.RequestIDOptions{}, middleware.RequestIDOptions{})
	}))
}
