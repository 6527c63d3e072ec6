package middleware_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/upload"
	"github.com/redstart-go/redstart/middleware"
)

// serve runs the app on a port of its own until stop is called, which returns what
// Serve has returned.
func serve(t *testing.T, app *redstart.App) (addr string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, l) }()
	return l.Addr().String(), func() error { cancel(); return <-ended }
}

// dial opens a connection that fails the test rather than hang.
func dial(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return conn, bufio.NewReader(conn)
}

// The client sends a part of what it announced and then nothing. The handler waits
// for the rest, and so would net/http before it replies.
func TestTimeoutRepliesThoughTheBodyDoesNotArrive(t *testing.T) {
	const d = 20 * time.Millisecond
	large := middleware.TimeoutOptions{Reply: func(*redstart.Request, *middleware.TimeoutError) redstart.Response {
		return redstart.Text(strings.Repeat("sorry ", 10_000)) // more than net/http keeps back
	}}
	for _, tc := range []struct {
		name  string
		mw    []redstart.Middleware
		reads bool
	}{
		{"the handler reads", use(middleware.Timeout(d)), true},
		{"the handler does not read", use(middleware.Timeout(d)), false},
		{"the handler reads, large reply", use(middleware.Timeout(d, large)), true},
		{"the handler does not read, large reply", use(middleware.Timeout(d, large)), false},
		{"inside another timeout", use(middleware.Timeout(time.Hour), middleware.Timeout(d)), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet()
			app.Use(tc.mw...)
			ended, goOn := make(chan error, 1), make(chan struct{})
			app.Post("/", func(req *redstart.Request) redstart.Response {
				var err error
				if tc.reads {
					_, err = req.Body()
				} else {
					<-goOn // until the client has its reply
				}
				_, again := req.HTTP().Body.Read(make([]byte, 1))
				assert.ErrorIs(t, again, upload.ErrOver)
				ended <- err
				return redstart.Text("late")
			})
			addr, stop := serve(t, app)
			conn, r := dial(t, addr)
			_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: gotham\r\nContent-Length: 100\r\n\r\nhalf")
			require.NoError(t, err)
			reply, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, reply.Body)
			require.NoError(t, err)
			assert.Equal(t, 503, reply.StatusCode)
			assert.True(t, reply.Close, "the connection ends: nobody reads the rest of the body")
			_ = conn.Close()
			close(goOn)
			assert.Equal(t, tc.reads, <-ended != nil)
			require.NoError(t, stop())
		})
	}
}

func TestTimeoutKeepsTheConnectionWhenTheBodyWasRead(t *testing.T) {
	app := quiet()
	app.Use(middleware.Timeout(20 * time.Millisecond))
	app.Post("/", func(req *redstart.Request) redstart.Response {
		if text, err := req.Text(); err != nil || text == "quick" {
			return redstart.Text("in time")
		}
		<-req.Context().Done()
		return redstart.Text("late")
	})
	addr, stop := serve(t, app)
	conn, r := dial(t, addr)
	for _, tc := range []struct {
		body   string
		status int
	}{{"slow!", 503}, {"quick", 200}, {"slow!", 503}, {"quick", 200}} {
		_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: gotham\r\nContent-Length: 5\r\n\r\n%s", tc.body)
		require.NoError(t, err)
		reply, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, reply.Body)
		require.NoError(t, err)
		assert.Equal(t, tc.status, reply.StatusCode)
	}
	_ = conn.Close()
	require.NoError(t, stop())
}

func TestAnAppThatStopsWaitsForHandlersThatWereGivenUp(t *testing.T) {
	app := quiet()
	app.Use(middleware.Timeout(time.Millisecond))
	release := make(chan struct{})
	var order []string
	app.Get("/", func(*redstart.Request) redstart.Response {
		<-release
		order = append(order, "handler")
		return redstart.Text("late")
	})
	app.OnStop(func(context.Context) error { order = append(order, "OnStop"); return nil })
	addr, stop := serve(t, app)
	reply, err := http.Get("http://" + addr)
	require.NoError(t, err)
	_ = reply.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	assert.Equal(t, 503, reply.StatusCode)
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	require.NoError(t, stop())
	assert.Equal(t, []string{"handler", "OnStop"}, order)
}

func TestAnAppThatStopsGivesUpAtLast(t *testing.T) {
	app := quiet(redstart.WithTimeouts(redstart.Timeouts{Drain: 50 * time.Millisecond}))
	app.Use(middleware.Timeout(time.Millisecond))
	release, ended := make(chan struct{}), make(chan struct{})
	app.Get("/", func(*redstart.Request) redstart.Response {
		defer close(ended)
		<-release
		return redstart.Text("late")
	})
	addr, stop := serve(t, app)
	reply, err := http.Get("http://" + addr)
	require.NoError(t, err)
	_ = reply.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	assert.ErrorContains(t, stop(), "not drained after 50ms")
	close(release)
	<-ended
}

// A client that asks before it sends its body must not be waited for once it was
// refused: it sends nothing.
func TestBodyLimitRefusesAClientThatWaitsForLeave(t *testing.T) {
	app := quiet()
	app.Use(middleware.BodyLimit(10))
	app.Post("/", func(req *redstart.Request) redstart.Response {
		text, err := req.Text()
		if err != nil {
			return redstart.Fail(err)
		}
		return redstart.Text(text)
	})
	addr, stop := serve(t, app)
	conn, r := dial(t, addr)
	_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: gotham\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n")
	require.NoError(t, err)
	reply, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusRequestEntityTooLarge, reply.StatusCode)
	assert.True(t, reply.Close)
	_ = conn.Close()

	conn, r = dial(t, addr)
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: gotham\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	require.NoError(t, err)
	reply, err = http.ReadResponse(r, nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusContinue, reply.StatusCode)
	_, err = io.WriteString(conn, "short")
	require.NoError(t, err)
	reply, err = http.ReadResponse(r, nil)
	require.NoError(t, err)
	body, _ := io.ReadAll(reply.Body)
	assert.Equal(t, "short", string(body))
	_ = conn.Close()
	require.NoError(t, stop())
}
