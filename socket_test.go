package redstart_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

func dial(t *testing.T, app http.Handler, path string, opts ...func(*websocket.DialOptions)) (*websocket.Conn, error) {
	t.Helper()
	o := &websocket.DialOptions{Handler: app, Header: http.Header{}}
	for _, opt := range opts {
		opt(o)
	}
	c, _, err := websocket.Dial(t.Context(), "ws://gotham.city"+path, o)
	if c != nil {
		t.Cleanup(func() { _ = c.Close(websocket.NormalClosure, "") })
	}
	return c, err
}

func heard(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	m, err := c.Read(context.Background())
	require.NoError(t, err)
	return m.Text()
}

type trunk struct{ name string }

func TestSocketKeepsTheRequestForTheConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, log := newApp()
		redstart.Provide(app, &trunk{"batmobile"})
		outcomes := make(chan redstart.Outcome, 1)
		app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
			return resp.With("X-Cave", "bats").WithDone(func(o redstart.Outcome) { outcomes <- o })
		}))
		causes := make(chan error, 1)
		app.WebSocket("/chat/:room", func(req *redstart.Request) redstart.Response {
			ctx := req.Context()
			suit, _ := req.Cookie("suit")
			return redstart.Socket(func(conn *websocket.Conn) error {
				for m, err := range conn.Messages() {
					if err != nil {
						return err
					}
					text := strings.Join([]string{req.Param("room"), req.Query("who"), req.Header("X-Badge"), suit, redstart.Use[*trunk](req).name, m.Text()}, " ")
					if err := errors.Join(ctx.Err(), req.Context().Err(), conn.Context().Err(), conn.SendText(text)); err != nil {
						return err
					}
				}
				causes <- context.Cause(ctx)
				return nil
			})
		}, redstart.Name("chat"))
		c, err := dial(t, app, "/chat/the%20cave?who=Robin", func(o *websocket.DialOptions) {
			o.Header.Set("X-Badge", "7")
			o.Header.Set("Cookie", "suit=black")
		})
		require.NoError(t, err)
		time.Sleep(20 * time.Second) // the handler and its request are long through
		require.NoError(t, c.SendText("hello"))
		assert.Equal(t, "the cave Robin 7 black batmobile hello", heard(t, c))
		assert.Equal(t, 1, app.Sockets().Open())
		require.NoError(t, c.Close(websocket.NormalClosure, ""))
		end, ok := errors.AsType[*websocket.CloseError](<-causes)
		require.True(t, ok)
		assert.Equal(t, websocket.NormalClosure, end.Code)
		outcome := <-outcomes
		assert.Equal(t, 101, outcome.Status)
		assert.EqualValues(t, 2, outcome.Events)
		assert.Equal(t, "closed", outcome.Reason)
		assert.Equal(t, 20*time.Second, outcome.Duration)
		synctest.Wait()
		line := log.String()
		assert.Equal(t, 1, strings.Count(line, `"path"`), line)
		assert.Contains(t, line, `"route":"/chat/:room"`)
		assert.Contains(t, line, `"status":101`)
		assert.Contains(t, line, `"reason":"closed"`)

		for _, route := range app.Routes() {
			assert.Equal(t, route.Name == "chat", route.Socket)
		}
	})
}

func TestSocketIsRefusedByAnOrdinaryReply(t *testing.T) {
	app, _ := newApp()
	app.Use(middleware.CORS(middleware.CORSOptions{Origins: []string{"https://gotham.city"}}))
	app.WebSocket("/chat", func(req *redstart.Request) redstart.Response {
		if token := websocket.BearerToken(req.HTTP()); token != "" && token != "bat" {
			return redstart.Fail(redstart.Error(401, "badge, please"))
		}
		return redstart.Socket(func(*websocket.Conn) error { return nil })
	})
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}
	for _, test := range []struct {
		name   string
		method string
		header []string
		status int
		text   string
	}{
		{"no upgrade", "GET", nil, 426, "speaks WebSocket"},
		{"HEAD", "HEAD", nil, 426, ""},
		{"another version", "GET", append(upgrade[:4:4], "Sec-WebSocket-Version", "12", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="), 426, "version"},
		{"no key", "GET", upgrade[:6], 400, "Sec-WebSocket-Key"},
		{"a page from elsewhere", "GET", append(upgrade[:8:8], "Origin", "https://joker.example"), 403, "may not connect"},
		{"a bad badge", "GET", append(upgrade[:8:8], "Sec-WebSocket-Protocol", "chat, bearer."+base64.RawURLEncoding.EncodeToString([]byte("joker"))), 401, "badge, please"},
		{"another method", "POST", upgrade, 405, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "http://gotham.city/chat", nil)
			for i := 0; i < len(test.header); i += 2 {
				r.Header.Set(test.header[i], test.header[i+1])
			}
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			assert.Equal(t, test.status, w.Code, w.Body.String())
			if test.method != "HEAD" {
				assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			}
			assert.Contains(t, w.Body.String(), test.text)
			assert.Equal(t, test.status == 426, w.Header().Get("Sec-Websocket-Version") == "13")
			assert.NotContains(t, w.Header(), "Sec-Websocket-Accept")
		})
	}
	assert.Zero(t, app.Sockets().Open())
}

func TestSocketBehindAProxyComparesTheHostThatTheBrowserSaw(t *testing.T) {
	for name, trusted := range map[string]bool{"trusted": true, "not trusted": false} {
		t.Run(name, func(t *testing.T) {
			var opts []redstart.Option
			if trusted {
				opts = append(opts, redstart.TrustProxies("0.0.0.0/0", "::/0"))
			}
			app, _ := newApp(opts...)
			app.WebSocket("/chat", func(*redstart.Request) redstart.Response {
				return redstart.Socket(func(c *websocket.Conn) error { return c.SendText("hello") })
			})
			server := httptest.NewServer(app)
			defer server.Close()
			c, _, err := websocket.Dial(t.Context(), server.URL+"/chat", &websocket.DialOptions{Header: http.Header{
				"Origin": {"https://gotham.city"}, "X-Forwarded-Host": {"gotham.city"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-For": {"203.0.113.7"},
			}})
			assert.Equal(t, trusted, err == nil, "%v", err)
			if c != nil {
				_ = c.Close(websocket.NormalClosure, "")
			}
		})
	}
}

func TestSocketThatFailsIsLogged(t *testing.T) {
	for name, test := range map[string]struct {
		run  func(*websocket.Conn) error
		code websocket.Code
		text string
	}{
		"error": {func(*websocket.Conn) error { return errors.New("no database") }, websocket.InternalError, "no database"},
		"panic": {func(*websocket.Conn) error { panic("the Joker") }, websocket.InternalError, "the Joker"},
		"code":  {func(*websocket.Conn) error { return websocket.Close(4004, "no such room") }, 4004, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app, log := newApp()
				app.WebSocket("/", func(*redstart.Request) redstart.Response { return redstart.Socket(test.run) })
				c, err := dial(t, app, "/")
				require.NoError(t, err)
				_, err = c.Read(t.Context())
				end, ok := errors.AsType[*websocket.CloseError](err)
				require.True(t, ok)
				assert.Equal(t, test.code, end.Code)
				_ = c.Close(websocket.NormalClosure, "")
				synctest.Wait()
				assert.Equal(t, test.text != "", strings.Contains(log.String(), `"level":"error"`), log.String())
				assert.Contains(t, log.String(), test.text)
			})
		})
	}
}

func TestSocketThatIsNotReturnedIsDiscarded(t *testing.T) {
	app, _ := newApp()
	ended := make(chan websocket.Report, 1)
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		return redstart.Text("no sockets today")
	}))
	app.WebSocket("/", func(*redstart.Request) redstart.Response {
		return redstart.Socket(func(*websocket.Conn) error { return nil }, websocket.OnEnd(func(r websocket.Report) { ended <- r }))
	})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, "no sockets today", w.Body.String())
	assert.Equal(t, websocket.Unstarted, (<-ended).Reason)
	assert.ErrorContains(t, redstart.Socket((*websocket.Conversation)(nil)).Err(), "nil conversation")
}

func TestSocketsAreDrainedWithTheApp(t *testing.T) {
	app, _ := newApp(redstart.WithSockets(&websocket.Server{DrainWindow: time.Millisecond}))
	hub := sse.NewHub()
	app.WebSocket("/talk", func(*redstart.Request) redstart.Response {
		return redstart.Socket(func(c *websocket.Conn) error {
			for _, err := range c.Messages() {
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	app.WebSocket("/feed", func(*redstart.Request) redstart.Response { return redstart.Socket(websocket.Feed(hub, "crimes")) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- app.Serve(ctx, l) }()
	talk, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/talk", nil)
	require.NoError(t, err)
	feed, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/feed", nil)
	require.NoError(t, err)
	assert.Contains(t, heard(t, feed), "sse.hello")
	require.Eventually(t, func() bool { return app.Sockets().Open() == 2 }, 10*time.Second, time.Millisecond)
	stop()
	for _, c := range []*websocket.Conn{talk, feed} {
		_, err := c.Read(t.Context())
		end, ok := errors.AsType[*websocket.CloseError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, websocket.GoingAway, end.Code)
		_ = c.Close(websocket.NormalClosure, "")
	}
	require.NoError(t, <-stopped)
	require.NoError(t, hub.Close())
}
