package redstart_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

type teapot struct{ status int }

func (teapot) Error() string     { return "short and stout" }
func (t teapot) StatusCode() int { return t.status }

func TestStatusOf(t *testing.T) {
	tests := map[string]struct {
		err  error
		want int
	}{
		"own":          {redstart.Error(404, ""), 404},
		"wrapped":      {fmt.Errorf("reading: %w", redstart.Error(409, "")), 409},
		"any coder":    {teapot{418}, 418},
		"not an error": {teapot{200}, 500},
		"out of range": {redstart.Error(99, ""), 500},
		"too large":    {fmt.Errorf("form: %w", &http.MaxBytesError{Limit: 3}), 413},
		"unknown":      {io.ErrUnexpectedEOF, 500},
		"joined":       {errors.Join(io.EOF, redstart.Error(422, "")), 422},
		"nil":          {nil, 500},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tt.want, redstart.StatusOf(tt.err)) })
	}
}

func TestErrorTexts(t *testing.T) {
	cause := errors.New("disk full")
	base := redstart.Error(503, "try later")
	assert.EqualError(t, base, "try later")
	assert.EqualError(t, base.WithCause(cause), "try later: disk full")
	assert.EqualError(t, redstart.Error(503, "").WithCause(cause), "Service Unavailable: disk full")
	assert.ErrorIs(t, base.WithCause(cause), cause)
	assert.NotErrorIs(t, base, cause, "WithCause makes a copy")

	wrapped := redstart.Errorf(500, "saving: %w", cause)
	assert.EqualError(t, wrapped, "saving: disk full")
	assert.ErrorIs(t, wrapped, cause)
	two := redstart.Errorf(500, "%w and %w", cause, io.EOF)
	assert.EqualError(t, two, "disk full and EOF")
	assert.ErrorIs(t, two, cause)
	assert.ErrorIs(t, two, io.EOF)
	assert.EqualError(t, wrapped.WithCause(io.EOF), "saving: disk full: EOF")
}

func TestProblemDocument(t *testing.T) {
	app, log := newApp(redstart.WithoutRequestID())
	with, _ := newApp()
	routes := map[string]error{
		"/plain":    redstart.Error(404, `no "crime" <7>`),
		"/bare":     redstart.Error(403, ""),
		"/fields":   redstart.Error(422, "bad").WithField("zone", 7).WithField("errors", []string{"a"}).WithField("title", "Mine"),
		"/badfield": redstart.Error(400, "bad").WithField("x", func() {}),
		"/panics":   redstart.Error(400, "bad").WithField("x", panics{}),
		"/cause":    redstart.Error(500, "told").WithCause(errors.New("hidden")),
		"/unknown":  errors.New("secret password"),
		"/coder":    fmt.Errorf("at the kettle: %w", teapot{418}),
		"/coder500": teapot{503},
		"/large":    &http.MaxBytesError{Limit: 3},
	}
	for path, err := range routes {
		app.Get(path, fails(err))
		with.Get(path, fails(err))
	}
	for path, want := range map[string]string{
		"/plain":    `{"title":"Not Found","status":404,"detail":"no \"crime\" <7>"}`,
		"/bare":     `{"title":"Forbidden","status":403}`,
		"/fields":   `{"title":"Mine","status":422,"detail":"bad","errors":["a"],"zone":7}`,
		"/badfield": `{"title":"Bad Request","status":400,"detail":"bad"}`,
		"/panics":   `{"title":"Internal Server Error","status":500}`,
		"/cause":    `{"title":"Internal Server Error","status":500,"detail":"told"}`,
		"/unknown":  `{"title":"Internal Server Error","status":500}`,
		"/coder":    `{"title":"I'm a teapot","status":418,"detail":"short and stout"}`,
		"/coder500": `{"title":"Service Unavailable","status":503}`,
		"/large":    `{"title":"Request Entity Too Large","status":413,"detail":"http: request body too large"}`,
		"/nothing":  `{"title":"Not Found","status":404,"detail":"there is nothing at \"/nothing\""}`,
	} {
		w := get(app, path)
		assert.Equal(t, want, w.Body.String(), path)
		assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), path)
		assert.Equal(t, "Accept", w.Header().Get("Vary"), path)
	}
	w := get(with, "/plain", "X-Request-Id", "abc")
	assert.Equal(t, `{"title":"Not Found","status":404,"detail":"no \"crime\" <7>","request_id":"abc"}`, w.Body.String())
	assert.Contains(t, log.String(), "secret password")
	assert.Contains(t, log.String(), "told: hidden")
}

func TestErrorAsTextForBrowsers(t *testing.T) {
	app, _ := newApp()
	app.Get("/", fails(redstart.Error(404, "no such crime")))
	for accept, want := range map[string]string{
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "text/plain; charset=utf-8",
		"text/plain":       "text/plain; charset=utf-8",
		"*/*":              "application/problem+json",
		"":                 "application/problem+json",
		"application/json": "application/problem+json",
	} {
		w := get(app, "/", "Accept", accept, "X-Request-Id", "abc")
		assert.Equal(t, want, w.Header().Get("Content-Type"), accept)
		if strings.HasPrefix(want, "text") {
			assert.Equal(t, "404 Not Found\nno such crime\nrequest abc\n", w.Body.String())
		}
	}
}

func TestErrorsKeepWhatWasRefined(t *testing.T) {
	app, log := newApp()
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		return resp.With("X-Outer", "yes").With("X-Status", fmt.Sprint(resp.StatusCode())).With("X-Err", fmt.Sprint(resp.Err()))
	}))
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.Fail(redstart.Error(401, "badge")).With("WWW-Authenticate", "Bearer").
			WithCookie(&http.Cookie{Name: "c", Value: "1"})
	})
	app.Get("/status", func(*redstart.Request) redstart.Response {
		return redstart.Fail(redstart.Error(401, "")).WithStatus(418)
	})

	w := get(app, "/")
	assert.Equal(t, 401, w.Code)
	assert.Equal(t, "yes", w.Header().Get("X-Outer"))
	assert.Equal(t, "401", w.Header().Get("X-Status"), "middleware sees the settled status")
	assert.Equal(t, "badge", w.Header().Get("X-Err"))
	assert.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
	assert.Equal(t, []string{"c=1"}, w.Header()["Set-Cookie"])
	assert.Equal(t, "info", log.line(t, "request")["level"])
	assert.Equal(t, 404, get(app, "/nothing").Code)
	assert.Equal(t, "404", get(app, "/nothing").Header().Get("X-Status"))
	assert.Equal(t, 418, get(app, "/status").Code)
}

func ExampleHTTPError_WithHeader() {
	app, _ := newApp()
	redstart.Get(app, "/guess", redstart.Action(func(context.Context) error {
		return redstart.Error(429, "three guesses a minute").WithHeader("Retry-After", "20")
	}))
	reply := ask(app, "GET", "/guess", "")
	fmt.Println(reply.Code, reply.Header().Get("Retry-After"))
	// Output: 429 20
}

func TestErrorsBringTheirHeaders(t *testing.T) {
	slow := redstart.Error(429, "slow down").WithHeader("retry-after", "20")
	page := func(_ *redstart.Request, err error) redstart.Response {
		return redstart.HTML(err.Error()).With("Cache-Control", "no-store")
	}
	for _, tc := range []struct {
		name    string
		resp    redstart.Response
		onError func(*redstart.Request, error) redstart.Response
		status  int
		after   []string // of Retry-After
		logged  string
	}{
		{"plain", redstart.Fail(slow), nil, 429, []string{"20"}, ""},
		{"wrapped", redstart.Fail(fmt.Errorf("at the door: %w", slow)), nil, 429, []string{"20"}, ""},
		{"joined", redstart.Fail(errors.Join(io.EOF, slow)), nil, 429, []string{"20"}, ""},
		{"refined", redstart.Fail(slow.WithField("left", 0).WithCause(io.EOF)), nil, 429, []string{"20"}, ""},
		{"set again", redstart.Fail(slow.WithHeader("Retry-After", "30")), nil, 429, []string{"30"}, ""},
		{"it is a copy", redstart.Fail(redstart.Error(429, "x")), nil, 429, nil, ""},
		{"the response's own goes before", redstart.Fail(slow).With("Retry-After", "40"), nil, 429, []string{"40"}, ""},
		{"the response takes it back", redstart.Fail(slow).Without("Retry-After"), nil, 429, nil, ""},
		{"a cause's is not the error's", redstart.Fail(redstart.Error(503, "closed").WithCause(slow)), nil, 503, nil, "closed: slow down"},
		{"a page of the app", redstart.Fail(slow), page, 429, []string{"20"}, ""},
		{"the page's own goes before", redstart.Fail(slow), func(req *redstart.Request, err error) redstart.Response {
			return page(req, err).With("Retry-After", "50")
		}, 429, []string{"50"}, ""},
		{"the same error again", redstart.Fail(slow), func(_ *redstart.Request, err error) redstart.Response { return redstart.Fail(err) }, 429, []string{"20"}, ""},
		{"another error", redstart.Fail(slow), func(*redstart.Request, error) redstart.Response { return redstart.Fail(redstart.Error(404, "")) }, 404, nil, ""},
		{"an error handler that panics", redstart.Fail(slow), func(*redstart.Request, error) redstart.Response { panic("oh") }, 429, []string{"20"}, ""},
		{"a stream that never begins", redstart.Stream("text/plain", func(io.Writer) error { return slow }), nil, 429, []string{"20"}, ""},
		{"no name", redstart.Fail(slow.WithHeader("", "1")), nil, 500, nil, `\"\" is not a header name`},
		{"a name with a space", redstart.Fail(slow.WithHeader("Retry After", "1")), nil, 500, nil, `\"Retry After\" is not a header name`},
		{"a line break", redstart.Fail(slow.WithHeader("Retry-After", "1\r\nSet-Cookie: a=b")), nil, 500, nil, "header Retry-After: "},
		{"a broken one stays so", redstart.Fail(slow.WithHeader("", "1").WithHeader("A", "1")), nil, 500, nil, "slow down"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app, log := newApp()
			if tc.onError != nil {
				app.OnError(tc.onError)
			}
			app.Get("/", func(*redstart.Request) redstart.Response { return tc.resp })
			w := get(app, "/")
			assert.Equal(t, tc.status, w.Code)
			assert.Equal(t, tc.after, w.Header()["Retry-After"])
			assert.Empty(t, w.Header()["Set-Cookie"])
			assert.Contains(t, log.String(), tc.logged)
		})
	}
}

func TestDetailIsWhatClientsAreTold(t *testing.T) {
	assert.Equal(t, "try later", redstart.Error(503, "try later").WithCause(io.EOF).Detail())
	assert.Empty(t, redstart.Error(503, "").Detail())
}

func TestPanics(t *testing.T) {
	app, log := newApp()
	app.Use(mark("outer"))
	app.Get("/text", func(*redstart.Request) redstart.Response { panic("the joker") })
	app.Get("/error", func(*redstart.Request) redstart.Response { panic(redstart.Error(409, "told")) })
	app.Get("/mw", text("x"), redstart.With(func(redstart.Handler) redstart.Handler {
		return func(*redstart.Request) redstart.Response { panic("in middleware") }
	}))
	w := get(app, "/text")
	assert.Equal(t, 500, w.Code)
	assert.NotContains(t, w.Body.String(), "joker")
	assert.Equal(t, "outer", w.Header().Get("Trace"))
	line := log.line(t, "request")
	assert.Equal(t, "error", line["level"])
	assert.Equal(t, "panic: the joker", line["error"])
	assert.Contains(t, line["stack"], "error_test.go", "the stack is of the place that panicked")
	assert.Equal(t, 500, get(app, "/mw").Code)
	assert.Equal(t, 409, get(app, "/error").Code, "an error that is panicked with keeps its status")
}

func TestAbortHandlerGoesUp(t *testing.T) {
	app, log := newApp()
	app.Get("/", func(*redstart.Request) redstart.Response { panic(http.ErrAbortHandler) })
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { get(app, "/") })
	line := log.line(t, "request")
	assert.Equal(t, "aborted", line["reason"])
	assert.Equal(t, "info", line["level"])
}

func TestWithoutRecover(t *testing.T) {
	app, log := newApp(redstart.WithoutRecover())
	app.Get("/", func(*redstart.Request) redstart.Response { panic("up") })
	done := 0
	app.Get("/stream", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/plain", func(io.Writer) error { panic("up") }).WithDone(func(redstart.Outcome) { done++ })
	})
	assert.PanicsWithValue(t, "up", func() { get(app, "/") })
	assert.PanicsWithValue(t, "up", func() { get(app, "/stream") })
	assert.Equal(t, 1, done, "whoever waits for the end hears of it")
	assert.Len(t, log.lines(t, "request"), 2)
}

func TestOnError(t *testing.T) {
	app, log := newApp(redstart.WithoutRequestID())
	cause := errors.New("no rows")
	say := func(name string) func(*redstart.Request, error) redstart.Response {
		return func(_ *redstart.Request, err error) redstart.Response {
			return redstart.Text(name + ": " + err.Error())
		}
	}
	app.Get("/before", fails(redstart.Error(409, "x"))) // before the handler is declared
	group := app.Group("/group")
	group.Get("/own", fails(cause))
	inner := group.Group("/inner")
	inner.Get("/inherits", fails(cause))
	app.OnError(say("app"))
	group.OnError(say("group"))
	app.Use(func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			if req.Query("mw") != "" {
				return redstart.Fail(redstart.Error(429, "middleware"))
			}
			return next(req)
		}
	})
	app.Get("/after", fails(cause))

	for path, want := range map[string]string{
		"/before":               "409 app: x",
		"/after":                "500 app: no rows",
		"/group/own":            "500 group: no rows",
		"/group/inner/inherits": "500 group: no rows",
		"/group/own?mw=1":       "429 app: middleware", // the middleware is the app's
		"/nothing":              `404 app: there is nothing at "/nothing"`,
	} {
		w := get(app, path)
		assert.Equal(t, want, fmt.Sprintf("%d %s", w.Code, w.Body), path)
	}
	assert.Contains(t, log.String(), "no rows", "the cause is logged whatever the client is told")
}

func TestOnErrorChooses(t *testing.T) {
	noRows := errors.New("no rows")
	tests := map[string]struct {
		onError func(*redstart.Request, error) redstart.Response
		status  int
		body    string
		logged  string
	}{
		"redirect": {func(*redstart.Request, error) redstart.Response { return redstart.Redirect("/login") }, 302, "", ""},
		"translate": {func(_ *redstart.Request, err error) redstart.Response {
			return redstart.Fail(redstart.Error(404, "no such crime").WithCause(err)).With("X-A", "1")
		}, 404, `{"title":"Not Found","status":404,"detail":"no such crime"}`, ""},
		"same error": {func(_ *redstart.Request, err error) redstart.Response { return redstart.Fail(err).With("X-A", "1") },
			500, `{"title":"Internal Server Error","status":500}`, ""},
		"fails": {func(*redstart.Request, error) redstart.Response { return redstart.Fail(errors.New("template")) },
			500, `{"title":"Internal Server Error","status":500}`, "the error handler failed"},
		"panics": {func(*redstart.Request, error) redstart.Response { panic("template") },
			500, `{"title":"Internal Server Error","status":500}`, "the error handler panicked"},
		"another status": {func(*redstart.Request, error) redstart.Response { return redstart.Text("x").WithStatus(200) }, 200, "x", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			app, log := newApp(redstart.WithoutRequestID())
			app.OnError(tt.onError)
			app.Get("/", fails(noRows))
			w := get(app, "/")
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.body, w.Body.String())
			if name == "translate" || name == "same error" {
				assert.Equal(t, "1", w.Header().Get("X-A"))
			}
			if tt.logged != "" {
				assert.Contains(t, log.line(t, tt.logged)["error"], "template")
			}
		})
	}
}

func TestCustomNotFoundAndMethodNotAllowed(t *testing.T) {
	app, _ := newApp()
	app.Get("/x", text("x"))
	app.NotFound(func(req *redstart.Request) redstart.Response { return redstart.HTML("lost: " + req.Path()) })
	app.MethodNotAllowed(func(*redstart.Request) redstart.Response { return redstart.Text("not so") })
	app.Use(mark("m"))

	w := get(app, "/nowhere")
	assert.Equal(t, "404 lost: /nowhere", fmt.Sprintf("%d %s", w.Code, w.Body))
	assert.Equal(t, "m", w.Header().Get("Trace"))
	w = ask(app, "POST", "/x", "")
	assert.Equal(t, "405 not so", fmt.Sprintf("%d %s", w.Code, w.Body))
	assert.Equal(t, "GET, HEAD, OPTIONS", w.Header().Get("Allow"))

	app.NotFound(func(*redstart.Request) redstart.Response { return redstart.Redirect("/x") })
	assert.Equal(t, 302, get(app, "/nowhere").Code)
	app.NotFound(func(*redstart.Request) redstart.Response { return redstart.Text("soft").WithStatus(200) })
	assert.Equal(t, 200, get(app, "/nowhere").Code)
	app.NotFound(func(*redstart.Request) redstart.Response { panic("lost") })
	assert.Equal(t, 500, get(app, "/nowhere").Code)
	app.MethodNotAllowed(fails(redstart.Error(400, "")))
	w = ask(app, "POST", "/x", "")
	assert.Equal(t, 400, w.Code)
	assert.Equal(t, "GET, HEAD, OPTIONS", w.Header().Get("Allow"))
}

func TestClientGoneIsNoError(t *testing.T) {
	for name, err := range map[string]error{
		"canceled": fmt.Errorf("query: %w", context.Canceled), "gone": sse.ErrClientGone,
	} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp()
			app.OnError(func(*redstart.Request, error) redstart.Response { panic("nobody is there to be told") })
			app.Get("/", fails(err))
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			w := httptest.NewRecorder()
			app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
			line := log.line(t, "request")
			assert.Equal(t, "info", line["level"])
			assert.EqualValues(t, 499, line["status"])
		})
	}
	app, log := newApp()
	app.Get("/", fails(context.Canceled))
	require.Equal(t, 500, get(app, "/").Code, "the client is there: somebody else cancelled")
	assert.Equal(t, "error", log.line(t, "request")["level"])
}
