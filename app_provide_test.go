package redstart_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/websocket"
)

type ledger interface{ Name() string }

type book struct{ name string }

func (b *book) Name() string { return b.name }

func ExampleProvide() {
	app, _ := newApp()
	redstart.Provide[ledger](app, &book{"Gotham"})
	archive := app.Group("/archive")
	redstart.Provide[ledger](archive, &book{"the archive"})

	name := func(req *redstart.Request) redstart.Response {
		return redstart.Text(redstart.Use[ledger](req).Name())
	}
	app.Get("/", name, redstart.Needs[ledger]())
	archive.Get("/", name, redstart.Needs[ledger]())

	for _, path := range []string{"/", "/archive"} {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Body)
	}
	// Output:
	// Gotham
	// the archive
}

type noKey struct{}

// run serves the app until serving has begun, then do, then stops it.
func run(t *testing.T, app *redstart.App, do func()) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, l) }()
	if do != nil {
		do()
	}
	cancel()
	return <-ended
}

func TestUseInEveryPlace(t *testing.T) {
	app, _ := newApp()
	redstart.Provide(app, &book{"app"})
	redstart.Provide(app, 7)
	group := app.Group("/g")
	redstart.Provide(group, &book{"group"})
	inner := group.Group("/inner")

	var seen []string
	see := func(from redstart.Caller) {
		seen = append(seen, fmt.Sprintf("%s %d", redstart.Use[*book](from).name, redstart.Use[int](from)))
	}
	app.Use(redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		see(req)
		return redstart.Response{}, false
	}))
	handler := func(req *redstart.Request) redstart.Response {
		see(req)
		see(req.Context())
		see(context.WithValue(req.Context(), noKey{}, "v"))
		return redstart.NoContent()
	}
	app.Get("/", handler)
	inner.Get("/", handler)
	redstart.Get(group, "/typed", redstart.Action(func(ctx context.Context) error { see(ctx); return nil }))
	redstart.Get(group, "/typed-request", redstart.Action(func(req *redstart.Request) error { see(req); return nil }))
	for _, tc := range []struct {
		path string
		want []string
	}{
		{"/", []string{"app 7", "app 7", "app 7", "app 7"}},
		{"/g/inner", []string{"group 7", "group 7", "group 7", "group 7"}},
		{"/g/typed", []string{"group 7", "group 7"}},
		{"/g/typed-request", []string{"group 7", "group 7"}},
		{"/nowhere", []string{"app 7"}},
	} {
		seen = nil
		app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", tc.path, nil))
		assert.Equal(t, tc.want, seen, tc.path)
	}
}

func TestUsePanics(t *testing.T) {
	app, _ := newApp()
	app.Get("/", func(req *redstart.Request) redstart.Response {
		return redstart.Text(redstart.Use[ledger](req).Name())
	})
	redstart.ProvideFunc(app, func(context.Context) (*book, error) { return nil, errors.New("burnt") })
	app.Get("/book", func(req *redstart.Request) redstart.Response {
		return redstart.Text(redstart.Use[*book](req).Name())
	})
	for _, path := range []string{"/", "/book"} {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		assert.Equal(t, 500, w.Code)
		assert.NotContains(t, w.Body.String(), "burnt")
	}
	assert.PanicsWithError(t, "redstart: the context that Use[int] was given is not that of a request", func() {
		redstart.Use[int](context.Background())
	})
}

func TestProvideTwicePanics(t *testing.T) {
	app, _ := newApp()
	redstart.Provide(app, 1)
	message := panicOf(func() { redstart.Provide(app, 2) })
	assert.Regexp(t, `^redstart: a int is provided at .*app_provide_test\.go:\d+ and at .*app_provide_test\.go:\d+: provide it once, or to another group$`, message)
	assert.NotPanics(t, func() { redstart.Provide(app.Group("/g"), 2) })
	assert.Contains(t, panicOf(func() { redstart.ProvideFunc[int](app, nil) }), "the function is nil")
}

func TestProvideNilPanics(t *testing.T) {
	app, _ := newApp()
	for name, provide := range map[string]func(){
		"*redstart_test.book":  func() { redstart.Provide[*book](app, nil) },
		"redstart_test.ledger": func() { redstart.Provide[ledger](app, nil) },
		"func()":               func() { redstart.Provide[func()](app, nil) },
	} {
		message := panicOf(provide)
		assert.Contains(t, message, "redstart: Provide["+name+"] at ")
		assert.Regexp(t, `app_provide_test\.go:\d+: the value is nil: provide one that is made`, message)
	}
	assert.Contains(t, panicOf(func() { redstart.Provide[ledger](app, (*book)(nil)) }), "the value is nil")
	assert.NotPanics(t, func() { redstart.Provide(app, []string(nil)) }, "an empty list is a list")
}

// What a function panics with is told like an error, with the place in the log.
func TestAPanicOfWhatIsProvided(t *testing.T) {
	app, log := newApp()
	redstart.ProvideFunc(app, func(context.Context) (*book, error) { return nil, errors.New("burnt") })
	redstart.ProvideFunc(app, func(context.Context) (ledger, error) { panic("no ink") })
	app.Get("/", func(req *redstart.Request) redstart.Response { return redstart.Text(redstart.Use[ledger](req).Name()) })
	require.Equal(t, 500, get(app, "/").Code)
	line := log.line(t, "request")
	assert.Contains(t, line["error"], "making the redstart_test.ledger that is provided at ")
	assert.Contains(t, line["error"], ": panic: no ink")
	assert.Contains(t, line["stack"], "TestAPanicOfWhatIsProvided.func2", "where it panicked, not who asked")

	app.Get("/needs", text("x"), redstart.Needs[ledger]())
	err := run(t, app, nil)
	require.ErrorContains(t, err, "redstart: OnStart: the route GET /needs at ")
	require.ErrorContains(t, err, ": panic: no ink")
	assert.Contains(t, log.line(t, "a function for what is provided panicked")["stack"], "TestAPanicOfWhatIsProvided.func2")
}

type explosive struct{}

func (explosive) Close() { panic("boom") }

func TestAPanicOfCloseStopsNoOther(t *testing.T) {
	app, log := newApp()
	var closed []string
	redstart.Provide(app, &quietCloser{closing{"first", &closed}}, redstart.CloseOnStop())
	redstart.Provide(app, explosive{}, redstart.CloseOnStop())
	require.EqualError(t, run(t, app, nil), "redstart: OnStop: closing the redstart_test.explosive: panic: boom")
	assert.Equal(t, []string{"first"}, closed)
	assert.Contains(t, log.line(t, "a function for what is provided panicked")["stack"], "explosive.Close")
}

// A database that does not answer must not keep a program from being stopped.
func TestAStartIsBrokenOff(t *testing.T) {
	app, _ := newApp()
	ctx, stop := context.WithCancel(t.Context())
	redstart.ProvideFunc(app, func(ctx context.Context) (*book, error) {
		stop()
		<-ctx.Done()
		return nil, ctx.Err()
	})
	redstart.ProvideFunc(app, func(ctx context.Context) (ledger, error) { return redstart.Use[*book](ctx), nil })
	app.Get("/", text("x"), redstart.Needs[ledger]())
	err := app.Run(ctx, "127.0.0.1:0")
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "making the *redstart_test.book")
}

// The context of what was made is its own from then on.
func TestWhatWasMadeOutlivesTheStart(t *testing.T) {
	app, _ := newApp()
	var kept context.Context
	redstart.ProvideFunc(app, func(ctx context.Context) (*book, error) { kept = ctx; return &book{}, nil })
	app.Get("/", text("x"), redstart.Needs[*book]())
	stopping := false
	app.OnStop(func(context.Context) error { stopping = true; return kept.Err() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadAll(conn) // so the start is over
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	stop()
	require.NoError(t, <-ended)
	assert.True(t, stopping)
}

func TestAConversationUsesWhatIsProvided(t *testing.T) {
	app, _ := newApp()
	group := app.Group("/g", func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			return next(req).With("X-Book", redstart.Use[*book](req).name)
		}
	})
	redstart.Provide(app, &book{"app"})
	redstart.Provide(group, &book{"group"})
	group.WebSocket("/chat", func(req *redstart.Request) redstart.Response {
		before := redstart.Use[*book](req).name
		return redstart.Socket(func(c *websocket.Conn) error {
			return c.SendText(before + " " + redstart.Use[*book](req).name + " " + redstart.Use[*book](c.Context()).name)
		})
	}, redstart.Needs[*book]())
	client := app.TestClient(t)
	conn, reply, err := client.DialWebSocket("/g/chat", nil)
	require.NoError(t, err)
	assert.Equal(t, "group", reply.Header.Get("X-Book"))
	m, err := conn.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "group group group", m.Text())
}

func panicOf(f func()) (message string) {
	defer func() { message = fmt.Sprint(recover()) }()
	f()
	return ""
}

func TestWhatIsNeededIsFoundAtTheStart(t *testing.T) {
	for _, tc := range []struct {
		name    string
		provide func(*redstart.App)
		want    []string // in the error; none is no error
	}{
		{"nobody provides it", func(*redstart.App) {}, []string{"the route GET /a at ", "app_provide_test.go:", "nobody provides a redstart_test.ledger: call redstart.Provide", "the route POST /g/b at "}},
		{"the app does", func(app *redstart.App) { redstart.Provide[ledger](app, &book{}) }, nil},
		{"its type is another", func(app *redstart.App) { redstart.Provide(app, &book{}) }, []string{"GET /a"}},
		{"it cannot be made", func(app *redstart.App) {
			redstart.ProvideFunc(app, func(context.Context) (ledger, error) { return nil, errors.New("no ink") })
		}, []string{"making the redstart_test.ledger that is provided at ", "no ink", "GET /a"}},
		{"it can", func(app *redstart.App) {
			redstart.ProvideFunc(app, func(context.Context) (ledger, error) { return &book{}, nil })
		}, nil},
		{"it needs itself", func(app *redstart.App) {
			redstart.ProvideFunc(app, func(ctx context.Context) (ledger, error) { return redstart.Use[*book](ctx), nil })
			redstart.ProvideFunc(app, func(ctx context.Context) (*book, error) {
				return redstart.Use[ledger](ctx).(*book), nil
			})
		}, []string{"what is provided needs itself: redstart_test.ledger needs *redstart_test.book needs redstart_test.ledger"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app, _ := newApp()
			tc.provide(app)
			app.Get("/a", func(*redstart.Request) redstart.Response { return redstart.NoContent() }, redstart.Needs[ledger]())
			app.Group("/g").Post("/b", func(*redstart.Request) redstart.Response { return redstart.NoContent() }, redstart.Needs[ledger]())
			err := run(t, app, nil)
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			for _, text := range tc.want {
				require.ErrorContains(t, err, text)
			}
		})
	}
}

// closing notes its own end.
type closing struct {
	name string
	log  *[]string
}

func (c *closing) note(err error) error { *c.log = append(*c.log, c.name); return err }

type (
	closer        struct{ closing }
	contextCloser struct{ closing }
	quietCloser   struct{ closing }
	contextQuiet  struct{ closing }
	open          struct{ closing }
)

func (c *closer) Close() error                           { return c.note(errors.New("stuck")) }
func (c *contextCloser) Close(ctx context.Context) error { return c.note(ctx.Err()) }
func (c *quietCloser) Close()                            { _ = c.note(nil) }
func (c *contextQuiet) Close(context.Context)            { _ = c.note(nil) }

func TestWhatWasMadeIsClosedInReverseOrder(t *testing.T) {
	app, _ := newApp()
	var log []string
	made := func(name string) closing { return closing{name, &log} }
	var builds atomic.Int64
	redstart.Provide(app, &closer{made("given, and the caller's")})
	group := app.Group("/g")
	redstart.Provide(group, &closer{made("given")}, redstart.CloseOnStop())
	redstart.ProvideFunc(app, func(ctx context.Context) (*contextCloser, error) {
		redstart.Use[*quietCloser](ctx)
		return &contextCloser{made("outer")}, nil
	})
	redstart.ProvideFunc(app, func(context.Context) (*quietCloser, error) {
		builds.Add(1)
		return &quietCloser{made("inner")}, nil
	})
	redstart.ProvideFunc(app, func(context.Context) (*contextQuiet, error) { return &contextQuiet{made("never used")}, nil })
	redstart.ProvideFunc(app, func(context.Context) (*open, error) { return &open{made("has no Close")}, nil })
	app.Get("/", func(req *redstart.Request) redstart.Response {
		redstart.Use[*open](req)
		redstart.Use[*contextCloser](req)
		return redstart.NoContent()
	})
	group.Get("/", func(*redstart.Request) redstart.Response { return redstart.NoContent() }, redstart.Needs[*quietCloser]())
	app.OnStop(func(context.Context) error { log = append(log, "OnStop"); return nil })
	err := run(t, app, func() {
		for range 2 {
			app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		}
	})
	assert.EqualError(t, err, "redstart: OnStop: closing the *redstart_test.closer: stuck")
	assert.EqualValues(t, 1, builds.Load())
	assert.Equal(t, []string{"OnStop", "outer", "inner", "given"}, log)
}

func TestManyAskAndOneIsMade(t *testing.T) {
	app, _ := newApp()
	var builds atomic.Int64
	redstart.ProvideFunc(app, func(ctx context.Context) (*book, error) {
		assert.NoError(t, ctx.Err())
		assert.Nil(t, redstart.IdentityFrom(ctx), "it is nobody's")
		if builds.Add(1) == 1 {
			return nil, errors.New("at first it fails")
		}
		return &book{"one"}, nil
	})
	app.Use(redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		req.SetIdentity(&redstart.Identity{Subject: "batman"})
		return redstart.Response{}, false
	}))
	app.Get("/", func(req *redstart.Request) redstart.Response {
		return redstart.Text(redstart.Use[*book](req.Context()).name)
	})
	get := func() int {
		w := httptest.NewRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // the client has left
		app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
		return w.Code
	}
	assert.Equal(t, 500, get())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { assert.Equal(t, 200, get()) })
	}
	wg.Wait()
	assert.EqualValues(t, 2, builds.Load())
}

func ExampleProvideFunc() {
	app, _ := newApp()
	redstart.ProvideFunc(app, func(context.Context) (ledger, error) {
		fmt.Println("opening the ledger")
		return &book{"Gotham"}, nil
	})
	redstart.Get(app, "/", redstart.NoInput(func(ctx context.Context) (string, error) {
		return redstart.Use[ledger](ctx).Name(), nil
	}), redstart.Needs[ledger]())
	fmt.Println(ask(app, "GET", "/", "").Body)
	fmt.Println(ask(app, "GET", "/", "").Body)
	// Output:
	// opening the ledger
	// "Gotham"
	// "Gotham"
}

func ExampleNeeds() {
	app, _ := newApp()
	app.Get("/", func(req *redstart.Request) redstart.Response {
		return redstart.Text(redstart.Use[ledger](req).Name())
	}, redstart.Needs[ledger]())
	err := app.Run(context.Background(), "127.0.0.1:0")
	fmt.Println(strings.Contains(err.Error(), "nobody provides a redstart_test.ledger"))
	// Output: true
}
