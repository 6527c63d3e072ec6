package middleware_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleRecover() {
	app := redstart.New(redstart.WithLogger(zerolog.Nop()))
	admin := app.Group("/admin", middleware.Recover(middleware.RecoverOptions{
		Reply: func(*redstart.Request, *redstart.PanicError) redstart.Response {
			return redstart.HTML("<h1>The bats are on it</h1>")
		},
		OnPanic: func(req *redstart.Request, p *redstart.PanicError) {
			fmt.Println("reported:", req.Path(), p.Value, len(p.Stack) > 0)
		},
	}))
	admin.Get("/lair", func(*redstart.Request) redstart.Response { panic("the lights are out") })

	reply := send(app, "GET", "/admin/lair", "")
	fmt.Println(reply.Code, reply.Body)
	// Output:
	// reported: /admin/lair the lights are out true
	// 500 <h1>The bats are on it</h1>
}

func TestRecover(t *testing.T) {
	errJoker := errors.New("joker")
	custom := func(*redstart.Request, *redstart.PanicError) redstart.Response { return redstart.Text("custom") }
	for _, app := range []struct {
		name string
		opts []redstart.Option
	}{{"app recovers", nil}, {"app does not", []redstart.Option{redstart.WithoutRecover()}}} {
		for _, tc := range []struct {
			name    string
			options middleware.RecoverOptions
			status  int
			body    string
			logs    []string
		}{
			{"default reply", middleware.RecoverOptions{}, 500, `{"title":"Internal Server Error","status":500,`, []string{"request"}},
			{"own reply", middleware.RecoverOptions{Reply: custom}, 500, "custom", []string{"a handler panicked", "request"}},
			{"own status", middleware.RecoverOptions{Reply: func(req *redstart.Request, p *redstart.PanicError) redstart.Response {
				return custom(req, p).WithStatus(503)
			}}, 503, "custom", []string{"a handler panicked", "request"}},
			{
				"reply panics", middleware.RecoverOptions{Reply: func(*redstart.Request, *redstart.PanicError) redstart.Response { panic("again") }},
				500, `{"title":"Internal Server Error"`, []string{"Reply of Recover panicked", "request"},
			},
			{
				"hook panics", middleware.RecoverOptions{OnPanic: func(*redstart.Request, *redstart.PanicError) { panic("again") }},
				500, `{"title":"Internal Server Error"`, []string{"OnPanic of Recover panicked", "request"},
			},
		} {
			t.Run(app.name+"/"+tc.name, func(t *testing.T) {
				a, lines := logged(app.opts...)
				a.Use(middleware.Recover(tc.options))
				a.Get("/", func(*redstart.Request) redstart.Response { panic(errJoker) })
				reply := send(a, "GET", "/", "")
				assert.Equal(t, tc.status, reply.Code)
				assert.Contains(t, reply.Body.String(), tc.body)
				assert.NotContains(t, reply.Body.String(), "joker", "the client is told nothing")
				var messages []string
				told := false
				for _, line := range lines.read(t) {
					messages = append(messages, line["message"].(string))
					if line["error"] == "panic: joker" {
						told = true
						assert.Contains(t, line["stack"], "TestRecover", "the stack is that of the panic")
					}
				}
				assert.Equal(t, tc.logs, messages)
				assert.True(t, told, "no panic is swallowed")
			})
		}
	}
}

func TestRecoverTellsTheHookValueAndStack(t *testing.T) {
	for _, opts := range [][]redstart.Option{nil, {redstart.WithoutRecover()}} {
		app := quiet(opts...)
		var got *redstart.PanicError
		app.Use(middleware.Recover(middleware.RecoverOptions{OnPanic: func(_ *redstart.Request, p *redstart.PanicError) { got = p }}))
		app.Get("/", func(*redstart.Request) redstart.Response { panicHere(); return redstart.Text("") })
		send(app, "GET", "/", "")
		require.NotNil(t, got)
		assert.Equal(t, "here", got.Value)
		assert.Contains(t, string(got.Stack), "panicHere")
	}
}

func panicHere() { panic("here") }

func TestRecoverLetsAbortGoOn(t *testing.T) {
	for _, opts := range [][]redstart.Option{nil, {redstart.WithoutRecover()}} {
		app := quiet(opts...)
		app.Use(middleware.Recover(middleware.RecoverOptions{
			OnPanic: func(*redstart.Request, *redstart.PanicError) { t.Error("an abort is no panic to report") },
		}))
		app.Get("/", func(*redstart.Request) redstart.Response { panic(http.ErrAbortHandler) })
		assert.PanicsWithValue(t, http.ErrAbortHandler, func() { send(app, "GET", "/", "") })
	}
}

func TestRecoverKeepsTheErrorForTheMiddlewareOutside(t *testing.T) {
	app := quiet(redstart.WithoutRecover())
	var seen error
	app.Use(
		redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response { seen = resp.Err(); return resp }),
		middleware.Recover(),
	)
	app.Get("/", func(*redstart.Request) redstart.Response { panic("x") })
	send(app, "GET", "/", "")
	p, ok := errors.AsType[*redstart.PanicError](seen)
	require.True(t, ok)
	assert.Equal(t, "x", p.Value)
}
