package testclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo says what it was asked.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s%s %s %q %s", r.Method, r.Host, r.URL, r.Header.Get("Content-Type"), body, strings.Join(r.Header["X"], ","))
})

func TestRequests(t *testing.T) { // features: O4
	client := New(t, Config{Handler: echo})
	client.Header.Set("x", "all")
	for want, got := range map[string]Result{
		`GET example.com/a?b=c  "" all`:                                    client.Get("/a?b=c"),
		`GET gotham.test/a  "" all`:                                        client.Get("https://gotham.test/a"),
		`GET arkham.test/  "" all`:                                         client.Get("/", "Host", "arkham.test"),
		`POST example.com/a text/x "text" 1,2`:                             client.Post("/a", "text", "X", "1", "x", "2", "Content-Type", "text/x"),
		`PUT example.com/a  "bytes" all`:                                   client.Put("/a", []byte("bytes")),
		`PATCH example.com/a  "reader" all`:                                client.Patch("/a", strings.NewReader("reader")),
		`DELETE example.com/a  "" all`:                                     client.Delete("/a"),
		`POST example.com/a application/json "{\"a\":1}" all`:              client.Post("/a", map[string]int{"a": 1}),
		`POST example.com/a application/x-www-form-urlencoded "a=1+2" all`: client.Post("/a", url.Values{"a": {"1 2"}}),
		`PROPFIND example.com/a  "" all`:                                   client.Do("PROPFIND", "/a", ""),
	} {
		assert.Equal(t, want, got.Body)
		assert.Equal(t, 200, got.Status)
		assert.NoError(t, got.Err)
	}
	head := client.Head("/a")
	assert.Empty(t, head.Body)
	assert.NotEmpty(t, head.Header.Get("Date"))
	assert.Equal(t, `GET example.com/  "" `, Once(Config{Handler: echo}, "GET", "/", nil).Body)
}

func TestCookiesAreKept(t *testing.T) { // features: O4
	client := New(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "__Host-session", Value: "batman", Path: "/", Secure: true, HttpOnly: true})
			http.SetCookie(w, &http.Cookie{Name: "admin", Value: "1", Path: "/admin"})
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		fmt.Fprint(w, r.Header.Get("Cookie"))
	})})
	login := client.Post("/login", nil)
	assert.Equal(t, 303, login.Status, "a redirect is not followed")
	assert.Equal(t, "batman", login.Cookie("__Host-session").Value)
	assert.Nil(t, login.Cookie("none"))
	assert.Equal(t, "__Host-session=batman", client.Get("/").Body, "Secure ones too")
	assert.Contains(t, client.Get("/admin").Body, "admin=1")
	assert.Empty(t, client.Get("http://other.test/").Body)
	client.Jar = nil
	assert.Empty(t, client.Get("/").Body)
}

func TestACallReturnsAfterItsHandler(t *testing.T) { // features: O4
	done := 0 // not guarded: the calls order the accesses
	client := New(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "reply")
		_ = http.NewResponseController(w).Flush()
		w.Header()
		done++
	})})
	for i := range 50 {
		client.Get("/")
		assert.Equal(t, i+1, done)
	}
}

func TestHooks(t *testing.T) { // features: O4
	var said []string
	say := func(text string) func(context.Context) error {
		return func(ctx context.Context) error { said = append(said, text); return ctx.Err() }
	}
	t.Run("test", func(t *testing.T) {
		client := New(t, Config{Handler: echo, Start: []func(context.Context) error{say("start 1"), say("start 2")}, Stop: []func(context.Context) error{say("stop 1"), say("stop 2")}})
		client.Get("/")
		said = append(said, "test")
	})
	assert.Equal(t, []string{"start 1", "start 2", "test", "stop 2", "stop 1"}, said)
}

// failing is a test that is expected to fail.
type failing struct {
	testing.TB
	cleanup []func()
	said    string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	panic(f)
}
func (f *failing) Cleanup(c func())         { f.cleanup = append(f.cleanup, c) }
func (f *failing) Context() context.Context { return context.Background() }

// fails runs a test that is expected to fail and returns what it says.
func fails(t *testing.T, test func(t TB)) string {
	f := &failing{TB: t}
	protect := func(g func()) {
		defer func() {
			if v := recover(); v != nil && v != any(f) {
				panic(v)
			}
		}()
		g()
	}
	protect(func() { test(f) })
	for _, c := range f.cleanup {
		protect(c)
	}
	return f.said
}

func TestFailuresSayWhatIsWrong(t *testing.T) { // features: O4
	mux := http.NewServeMux()
	mux.Handle("/ok", echo)
	mux.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/chat", func(w http.ResponseWriter, r *http.Request) {
		websocket.NewConversation(func(conn *websocket.Conn) error {
			if r.URL.RawQuery == "end" {
				return nil
			}
			for range conn.Messages() { // until the client has gone
			}
			return nil
		}).ServeHTTP(w, r)
	})
	mux.HandleFunc("/stuck", func(http.ResponseWriter, *http.Request) { time.Sleep(24 * time.Hour) })
	mux.HandleFunc("/silent", func(w http.ResponseWriter, r *http.Request) {
		sse.NewStream(sse.Func(func(ctx context.Context, send sse.Send) error {
			if err := send(sse.Text("one")); err != nil || r.URL.RawQuery == "end" {
				return err
			}
			if r.URL.RawQuery == "fail" {
				return errors.New("boom")
			}
			<-ctx.Done()
			return nil
		})).ServeHTTP(w, r)
	})
	config := Config{Handler: mux, ErrorLog: log.New(new(bytes.Buffer), "", 0)}
	for name, tt := range map[string]struct {
		test func(*Client)
		want string
	}{
		"no URL":            {func(c *Client) { c.Get("ok") }, `GET ok: the target "ok" is neither a path nor a URL`},
		"odd header":        {func(c *Client) { c.Get("/ok", "A") }, `the header "A" has no value`},
		"bad method":        {func(c *Client) { c.Do("A B", "/ok", nil) }, `net/http: invalid method "A B"`},
		"bad body":          {func(c *Client) { c.Post("/ok", make(chan int)) }, "encoding the body: json: unsupported type: chan int"},
		"no reply":          {func(c *Client) { c.Get("/abort") }, "GET /abort: EOF"},
		"late reply":        {func(c *Client) { c.Get("/never") }, "GET /never: the reply was not complete within 1m0s; a stream that goes on is for Stream"},
		"stuck handler":     {func(c *Client) { c.Get("/stuck") }, "a handler has not returned within 1m0s after its client had left"},
		"no stream":         {func(c *Client) { c.Stream("/ok") }, `GET /ok: the reply is no event stream, but has status 200 and type "text/plain; charset=utf-8": "GET example.com/ok`},
		"silent stream":     {func(c *Client) { s := c.Stream("/silent"); s.Next(); s.Next() }, "GET /silent: no message within 1m0s"},
		"ended stream":      {func(c *Client) { s := c.Stream("/silent?end"); s.Next(); s.Next() }, "GET /silent?end: the stream has ended"},
		"failed stream":     {func(c *Client) { s := c.Stream("/silent?fail"); s.Next(); s.Next(); s.Next() }, "GET /silent?fail: the stream broke off: unexpected EOF"},
		"file of no field":  {func(c *Client) { c.Post("/ok", Form{Files: []File{{Name: "a.png"}}}) }, "POST /ok: file 1 of the form has no Field"},
		"late stream":       {func(c *Client) { c.Stream("/never") }, "GET /never: no stream has begun within 1m0s"},
		"silent WebSocket":  {func(c *Client) { c.WebSocket("/chat", nil).Next() }, "WebSocket /chat: no message within 1m0s"},
		"ended WebSocket":   {func(c *Client) { c.WebSocket("/chat?end", nil).Next() }, "WebSocket /chat?end: no message comes any more: websocket: closed by the peer with 1000"},
		"refused WebSocket": {func(c *Client) { c.WebSocket("/ok", nil) }, `opening a WebSocket at /ok: websocket: the server answered the handshake with status 200`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				assert.Contains(t, fails(t, func(t TB) { tt.test(New(t, config)) }), tt.want)
				time.Sleep(48 * time.Hour) // what is stuck ends after a day
			})
		})
	}
	boom := errors.New("boom")
	failure := func(context.Context) error { return boom }
	assert.Equal(t, "starting the app: boom", fails(t, func(t TB) { New(t, Config{Handler: echo, Start: []func(context.Context) error{failure}}) }))
	assert.Equal(t, "stopping the app: boom", fails(t, func(t TB) { New(t, Config{Handler: echo, Stop: []func(context.Context) error{failure}}) }))
	synctest.Test(t, func(t *testing.T) {
		result := New(t, config).Get("/ok")
		assert.NoError(t, result.Err)
		assert.ErrorContains(t, Once(config, "GET", "/abort", nil).Err, "EOF")
		endless := fails(t, func(t TB) {
			c := New(t, config)
			c.Timeout = time.Second
			assert.ErrorContains(t.(*failing), c.Get("/endless").Err, "not complete within 1s")
		})
		assert.Empty(t, endless)
	})
}

func TestFormsWithFiles(t *testing.T) { // features: O4
	client := New(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		fmt.Fprint(w, r.MultipartForm.Value["kind"], r.PostForm.Get("note"))
		for _, file := range r.MultipartForm.File["photo"] {
			content, _ := file.Open()
			text, _ := io.ReadAll(content)
			fmt.Fprintf(w, " %s %s %s", file.Filename, file.Header.Get("Content-Type"), text)
		}
	})})
	got := client.Post("/", Form{
		Values: url.Values{"kind": {"riddle", "arson"}, "note": {"小丑"}},
		Files: []File{
			{Field: "photo", Name: `a "b".png`, ContentType: "image/png", Content: []byte("one")},
			{Field: "photo", Name: "c.bin", Content: []byte("two")},
		},
	})
	assert.Equal(t, `[riddle arson]小丑 a "b".png image/png one c.bin application/octet-stream two`, got.Body)
}

func TestJSONOfAResult(t *testing.T) {
	var v struct{ A int }
	require.NoError(t, Result{Body: `{"a":1}`}.JSON(&v))
	assert.Equal(t, 1, v.A)
	assert.EqualError(t, Result{Status: 500, Body: "oops"}.JSON(&v), `the body of the reply with status 500 is not the JSON that is wanted: invalid character 'o' looking for beginning of value: "oops"`)
	assert.ErrorContains(t, Result{Body: strings.Repeat("x", 300)}.JSON(&v), "and 100 bytes more")
}

func TestStreamsEndWithTheirClient(t *testing.T) { // features: O4
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub()
		defer hub.Close()
		ended := make(chan sse.Reason, 3)
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sse.NewStream(hub.Subscribe("crimes"), sse.OnEnd(func(report sse.Report) { ended <- report.Reason })).ServeHTTP(w, r)
		})
		assert.Empty(t, fails(t, func(inner TB) {
			client := New(inner, Config{Handler: handler})
			one, other := client.Stream("/"), client.Stream("/")
			for _, s := range []*Stream{one, other} {
				assert.Equal(t, "sse.hello", s.Next().Event)
			}
			_, err := hub.Publish(t.Context(), "crimes", sse.Text("arson"))
			require.NoError(t, err)
			assert.Equal(t, "arson", one.Next().Data)
			one.Close()
			one.Close()
			assert.Equal(t, sse.ClientGone, <-ended)
			for m, err := range other.Messages() {
				require.NoError(t, err)
				assert.Equal(t, "arson", m.Data)
				break
			}
		}))
		assert.Equal(t, sse.ClientGone, <-ended, "the end of the test closes what is open")
	})
}

func TestAStreamThatEndsLeavesTheConnection(t *testing.T) {
	client := New(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			sse.NewStream(func(yield func(sse.Message) bool) { yield(sse.Text(r.RemoteAddr)) }).ServeHTTP(w, r)
			return
		}
		fmt.Fprint(w, r.RemoteAddr)
	})})
	for range 5 {
		var data []string
		for m, err := range client.Stream("/events").Messages() {
			require.NoError(t, err)
			data = append(data, m.Data)
		}
		assert.Len(t, data, 1)
		assert.True(t, strings.HasPrefix(client.Get("/").Body, "192.0.2.1:"))
	}
}

func TestWebSockets(t *testing.T) { // features: O4
	synctest.Test(t, func(t *testing.T) {
		server := &websocket.Server{}
		client := New(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X") == "" {
				http.Error(w, "badge, please", http.StatusUnauthorized)
				return
			}
			server.Handle(w, r, websocket.NewConversation(func(conn *websocket.Conn) error {
				for msg, err := range conn.Messages() {
					if err != nil {
						return err
					}
					if err := conn.Send(msg); err != nil {
						return err
					}
				}
				return nil
			}))
		})})
		_, resp, err := client.DialWebSocket("/chat", nil)
		assert.ErrorContains(t, err, "badge, please")
		assert.Equal(t, 401, resp.StatusCode)
		client.Header.Set("X", "1")
		conn := client.WebSocket("/chat", nil)
		require.NoError(t, conn.Send(websocket.TextMessage("hello")))
		msg, err := conn.Read(t.Context())
		require.NoError(t, err)
		assert.Equal(t, "hello", string(msg.Data))
		assert.Equal(t, 1, server.Open())
	})
}
