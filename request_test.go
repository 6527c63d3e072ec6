package redstart_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	"github.com/redstart-go/redstart/sse"
)

// with answers one request by a function that tests the Request.
func with(t *testing.T, r *http.Request, f func(req *redstart.Request), opts ...redstart.Option) *httptest.ResponseRecorder {
	t.Helper()
	app, _ := newApp(opts...)
	called := false
	app.Any("/*path", func(req *redstart.Request) redstart.Response {
		called = true
		f(req)
		return redstart.NoContent()
	})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	require.True(t, called)
	return w
}

func TestAccessors(t *testing.T) {
	r := httptest.NewRequest("POST", "http://gotham.city:8080/%E7%8A%AF%E7%BD%AA?q=a+b&q=%26&empty=", nil)
	r.Header.Set("X-Badge", "7")
	r.Header.Set("Last-Event-ID", "42")
	r.AddCookie(&http.Cookie{Name: "mask", Value: "on"})
	with(t, r, func(req *redstart.Request) {
		assert.Equal(t, "POST", req.Method())
		assert.Equal(t, "/犯罪", req.Path())
		assert.Equal(t, "/*path", req.Pattern())
		assert.Equal(t, "犯罪", req.Param("path"))
		assert.Equal(t, "", req.Param("none"))
		assert.Equal(t, "a b", req.Query("q"))
		assert.Equal(t, []string{"a b", "&"}, req.QueryAll("q"))
		assert.Nil(t, req.QueryAll("none"))
		assert.Equal(t, "7", req.Header("x-badge"))
		assert.Equal(t, "42", req.LastEventID())
		value, ok := req.Cookie("mask")
		assert.True(t, ok)
		assert.Equal(t, "on", value)
		_, ok = req.Cookie("none")
		assert.False(t, ok)
		assert.Equal(t, "gotham.city:8080", req.Host())
		assert.Equal(t, "http", req.Scheme())
		assert.Equal(t, "192.0.2.1", req.IP())
		assert.Equal(t, "/犯罪", req.HTTP().URL.Path)
		req.Set(1, "one")
		assert.Equal(t, "one", req.Value(1))
		assert.Nil(t, req.Value("1"))
	})
}

func TestQueryHelpers(t *testing.T) {
	r := httptest.NewRequest("GET", "/x?int=7&float=1.5&yes=true&one=1&took=1m30s&bad=seven&inf=inf&empty=&big=9223372036854775808&huge=1e999&twice=1&twice=2", nil)
	with(t, r, func(req *redstart.Request) {
		check := func(want, got any, err error) {
			t.Helper()
			assert.NoError(t, err)
			assert.Equal(t, want, got)
		}
		i, err := req.QueryInt("int", 1)
		check(7, i, err)
		i, err = req.QueryInt("none", 3)
		check(3, i, err)
		i, err = req.QueryInt("empty", 3)
		check(3, i, err)
		f, err := req.QueryFloat("float", 0)
		check(1.5, f, err)
		b, err := req.QueryBool("yes", false)
		check(true, b, err)
		b, err = req.QueryBool("one", false)
		check(true, b, err)
		d, err := req.QueryDuration("took", 0)
		check(90*time.Second, d, err)

		fault := func(err error, want string) {
			t.Helper()
			assert.EqualError(t, err, want)
			assert.Equal(t, 400, redstart.StatusOf(err))
		}
		_, err = req.QueryInt("bad", 1)
		fault(err, `query parameter "bad": expected an integer, got "seven"`)
		_, err = req.QueryFloat("inf", 1)
		fault(err, `query parameter "inf": expected a number, got "inf"`)
		_, err = req.QueryBool("bad", true)
		fault(err, `query parameter "bad": expected true or false, got "seven"`)
		_, err = req.QueryDuration("int", 0)
		fault(err, `query parameter "int": expected a duration such as "1m30s", got "7"`)
		_, err = req.QueryInt("big", 1)
		fault(err, `query parameter "big": expected an integer of 64 bits, got "9223372036854775808"`)
		_, err = req.QueryFloat("huge", 1)
		fault(err, `query parameter "huge": expected a number of 64 bits, got "1e999"`)
		_, err = req.QueryInt("twice", 1)
		fault(err, `query parameter "twice": expected one value, got 2`)
		_, err = req.ParamInt("path")
		fault(err, `path parameter "path": expected an integer, got "x"`)
	})
	with(t, httptest.NewRequest("GET", "/x?a=%zz&n=1", nil), func(req *redstart.Request) {
		_, err := req.QueryInt("n", 1)
		assert.EqualError(t, err, `malformed query string: invalid URL escape "%zz"`)
		assert.Equal(t, 400, redstart.StatusOf(err))
		assert.Equal(t, "1", req.Query("n"))
	})
}

func TestRequestID(t *testing.T) {
	seen := func(given string, opts ...redstart.Option) (id, replied string) {
		r := httptest.NewRequest("GET", "/x", nil)
		if given != "" {
			r.Header.Set("X-Request-ID", given)
		}
		w := with(t, r, func(req *redstart.Request) { id = req.ID() }, opts...)
		return id, w.Header().Get("X-Request-ID")
	}
	id, replied := seen("client-7")
	assert.Equal(t, "client-7", id)
	assert.Equal(t, id, replied)
	for _, unfit := range []string{"", "a b", "a\tb", `a"b`, "é", strings.Repeat("a", 129)} {
		id, replied = seen(unfit)
		assert.Regexp(t, `^[0-9a-v]{8}-[0-9a-v]{4,}$`, id, "%q", unfit)
		assert.Equal(t, id, replied)
	}
	id, replied = seen("client-7", redstart.WithoutRequestID())
	assert.Empty(t, id)
	assert.Empty(t, replied)
}

func TestClientBehindProxies(t *testing.T) {
	r := func() *http.Request {
		r := httptest.NewRequest("GET", "http://inside/x", nil)
		r.RemoteAddr = "10.0.0.1:4711"
		r.Header.Set("X-Forwarded-For", "1.2.3.4, 5.6.7.8")
		r.Header.Set("X-Forwarded-Host", "gotham.city")
		r.Header.Set("X-Forwarded-Proto", "https")
		return r
	}
	with(t, r(), func(req *redstart.Request) {
		assert.Equal(t, []string{"10.0.0.1", "inside", "http"}, []string{req.IP(), req.Host(), req.Scheme()}, "nobody is trusted")
	})
	with(t, r(), func(req *redstart.Request) {
		assert.Equal(t, []string{"5.6.7.8", "gotham.city", "https"}, []string{req.IP(), req.Host(), req.Scheme()})
	}, redstart.TrustProxies("10.0.0.0/8"))
	with(t, r(), func(req *redstart.Request) { assert.Equal(t, "10.0.0.1", req.IP()) }, redstart.TrustProxies("192.168.0.0/16"))
}

func TestBadOptionsFailTheStart(t *testing.T) {
	for want, opt := range map[string]redstart.Option{
		"10.0.0.0/99": redstart.TrustProxies("10.0.0.0/99"),
		"bad name":    redstart.DefaultHeader("bad name", "x"),
	} {
		app, log := newApp(opt)
		err := app.Run(t.Context(), "127.0.0.1:0")
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "redstart: ")
		l, listenErr := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, listenErr)
		assert.ErrorContains(t, app.Serve(t.Context(), l), want)
		_, listenErr = l.Accept()
		assert.ErrorIs(t, listenErr, net.ErrClosed)
		get(app, "/")
		assert.Contains(t, log.line(t, "an option of the app has no effect")["error"], want, "also when the app is a plain handler")
	}
}

func TestJSONBody(t *testing.T) {
	type crime struct {
		Kind string      `json:"kind"`
		N    int         `json:"n"`
		Any  any         `json:"any"`
		Big  json.Number `json:"big"`
	}
	tests := map[string]struct {
		body, contentType string
		strict            bool
		status            int
		want              string
	}{
		"good":           {`{"kind":"riddle","n":7,"any":9007199254740993,"extra":1}`, "application/json", false, 204, ""},
		"no type":        {`{"kind":"riddle"}`, "", false, 204, ""},
		"charset":        {`{}`, "application/json; charset=utf-8", false, 204, ""},
		"suffix":         {`{}`, "application/vnd.gotham+json", false, 204, ""},
		"wrong type":     {`{}`, "text/plain", false, 415, `Content-Type "text/plain": expected application/json`},
		"broken type":    {`{}`, ";;", false, 415, `Content-Type ";;": expected application/json`},
		"empty":          {``, "application/json", false, 400, "the body is empty, where a JSON value was expected"},
		"broken":         {"{\n  \"kind\": }", "", false, 400, "malformed JSON body: line 2, column 11: invalid character '}' at start of value"},
		"wrong value":    {`{"n":"seven"}`, "", false, 400, "the JSON body does not fit: line 1, column 6: n: expected a whole number, got a string"},
		"trailing":       {`{} {}`, "", false, 400, "malformed JSON body: line 1, column 4: unexpected text after the JSON value"},
		"cut":            {`{"kind":"rid`, "", false, 400, "malformed JSON body: line 1, column 13: the JSON ends before it is complete"},
		"strict":         {`{"kind":"riddle","extra":1}`, "", true, 400, `the JSON body does not fit: line 1, column 18: unknown field "extra"`},
		"not UTF-8":      {"{\"kind\":\"\xff\"}", "", false, 400, "malformed JSON body: line 1, column 10: invalid UTF-8"},
		"BOM":            {"\uFEFF{}", "", false, 400, "malformed JSON body: line 1, column 1: begins with a byte order mark, which JSON does not allow"},
		"other charset":  {`{}`, "application/json; charset=latin1", false, 415, `Content-Type "application/json; charset=latin1": expected the charset utf-8`},
		"strict is good": {`{"kind":"riddle"}`, "", true, 204, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp(redstart.WithoutRequestID())
			app.Post("/", func(req *redstart.Request) redstart.Response {
				var c crime
				decode := req.JSON
				if tt.strict {
					decode = req.JSONStrict
				}
				if err := decode(&c); err != nil {
					return redstart.Fail(err)
				}
				if name == "good" {
					assert.Equal(t, crime{Kind: "riddle", N: 7, Any: json.Number("9007199254740993")}, c, "numbers are exact")
				}
				return redstart.NoContent()
			})
			w := ask(app, "POST", "/", tt.body, "Content-Type", tt.contentType)
			assert.Equal(t, tt.status, w.Code)
			if tt.want != "" {
				var problem struct{ Detail string }
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem))
				assert.Equal(t, tt.want, problem.Detail)
			}
		})
	}
}

func TestJSONBodyThatIsEncoded(t *testing.T) {
	app, _ := newApp()
	app.Post("/", func(req *redstart.Request) redstart.Response {
		if err := req.JSON(new(any)); err != nil {
			return redstart.Fail(err)
		}
		return redstart.NoContent()
	})
	for _, coding := range []string{"", "identity", "Identity"} {
		assert.Equal(t, 204, ask(app, "POST", "/", "{}", "Content-Encoding", coding).Code, "%q", coding)
	}
	w := ask(app, "POST", "/", "{}", "Content-Encoding", "identity", "Content-Encoding", "gzip")
	assert.Equal(t, 415, w.Code)
	assert.Contains(t, w.Body.String(), `Content-Encoding \"gzip\": expected a body without one`)
}

func TestBodyIsReadableTwice(t *testing.T) {
	r := httptest.NewRequest("POST", "/x", strings.NewReader("again"))
	with(t, r, func(req *redstart.Request) {
		for range 2 {
			text, err := req.Text()
			assert.NoError(t, err)
			assert.Equal(t, "again", text)
		}
		rest, err := io.ReadAll(req.HTTP().Body)
		assert.NoError(t, err)
		assert.Equal(t, "again", string(rest), "libraries can read it too")
	})
	with(t, httptest.NewRequest("POST", "/x", nil), func(req *redstart.Request) {
		body, err := req.Body()
		assert.NoError(t, err)
		assert.Empty(t, body)
	})
}

// echo replies with the body.
func echo(req *redstart.Request) redstart.Response {
	body, err := req.Body()
	if err != nil {
		return redstart.Fail(err)
	}
	return redstart.Bytes(body)
}

func TestBodyLimits(t *testing.T) {
	app, _ := newApp(redstart.WithBodyLimit(10), redstart.WithH2C())
	app.Post("/app", echo)
	app.Post("/small", echo, redstart.BodyLimit(3))
	app.Post("/none", echo, redstart.BodyLimit(0))
	app.Post("/negative", echo, redstart.BodyLimit(-1))
	app.Post("/raw", func(req *redstart.Request) redstart.Response {
		body, err := io.ReadAll(req.HTTP().Body)
		if err != nil {
			return redstart.Fail(fmt.Errorf("a library says: %w", err))
		}
		return redstart.Bytes(body)
	})
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		for _, tt := range []struct {
			path   string
			size   int
			status int
		}{
			{"/app", 10, 200}, {"/app", 11, 413}, {"/small", 3, 200}, {"/small", 4, 413}, {"/none", 1000, 200},
			{"/negative", 1000, 200}, {"/raw", 10, 200}, {"/raw", 11, 413}, {"/app", 3 << 20, 413},
		} {
			for _, chunked := range []bool{false, true} {
				sent := bytes.Repeat([]byte("x"), tt.size)
				var body io.Reader = bytes.NewReader(sent)
				if chunked {
					body = io.MultiReader(body) // hides the length
				}
				resp, err := client.Post(url+tt.path, "text/plain", body)
				require.NoError(t, err)
				got, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				resp.Body.Close()
				assert.Equal(t, tt.status, resp.StatusCode, "%s %d chunked: %v", tt.path, tt.size, chunked)
				if tt.status == 200 {
					assert.Equal(t, sent, got)
				} else if tt.path == "/app" {
					assert.Contains(t, string(got), "the body is larger than 10 bytes")
				}
			}
		}
	})
}

func TestTruncatedBody(t *testing.T) {
	app, log := newApp()
	app.Post("/", echo)
	app.Get("/alive", text("alive"))
	addr, client := online(t, app)
	for name, tt := range map[string]struct{ request, want string }{
		"shorter than announced": {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", "the body ended before its announced length"},
		"nothing at all":         {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", "the body ended before its announced length"},
		"without its last chunk": {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "the body ended before it was complete"},
		"a broken chunk":         {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", "invalid byte in chunk length"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, tt.request)
			require.NoError(t, err)
			require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			reply, err := io.ReadAll(conn)
			require.NoError(t, err)
			assert.Contains(t, string(reply), "HTTP/1.1 400 ")
			assert.Contains(t, string(reply), tt.want)
		})
	}
	assert.NotContains(t, log.String(), `"level":"error"`)
	resp, err := client.Get("http://" + addr + "/alive")
	require.NoError(t, err)
	resp.Body.Close()
}

func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp(redstart.WithTimeouts(redstart.Timeouts{Body: 10 * time.Second, Write: time.Hour}))
		app.Post("/", echo)
		l, _ := inMemory(t, app)
		send := func(parts ...string) (reply string, took time.Duration) {
			conn, err := l.DialContext(t.Context(), "", "")
			require.NoError(t, err)
			defer conn.Close()
			start := time.Now()
			go func() {
				_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n")
				for _, part := range parts {
					time.Sleep(9 * time.Second)
					_, _ = io.WriteString(conn, part)
				}
			}()
			all, _ := io.ReadAll(conn)
			return string(all), time.Since(start)
		}
		reply, took := send("a", "b", "c")
		assert.Contains(t, reply, "HTTP/1.1 200 ", "slow, but something arrives in time")
		assert.Equal(t, 27*time.Second, took)

		reply, took = send("a")
		assert.Contains(t, reply, "HTTP/1.1 408 ")
		assert.Contains(t, reply, "the body stopped arriving for 10s")
		assert.Equal(t, 19*time.Second, took)
	})
}

// A client that holds its body back gets the reply all the same, and holds neither
// the connection nor a goroutine.
func TestWithheldBody(t *testing.T) {
	for path, want := range map[string]struct {
		status string
		within time.Duration
	}{
		"/nowhere": {"404", 3 * time.Second},
		"/only":    {"405", 3 * time.Second},
		"/ignores": {"200", 3 * time.Second},
		"/panics":  {"500", 3 * time.Second},
		"/mounted": {"200", 3 * time.Second},
		"/large":   {"200", 3 * time.Second},
		"/reads":   {"408", 11 * time.Second},
		"/stream":  {"408", 11 * time.Second},
	} {
		for kind, header := range map[string]string{"length": "Content-Length: 100\r\n\r\n{", "chunked": "Transfer-Encoding: chunked\r\n\r\n64\r\n{"} {
			t.Run(path[1:]+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					app, _ := newApp(redstart.WithTimeouts(redstart.Timeouts{Body: 10 * time.Second}))
					app.Get("/only", func(*redstart.Request) redstart.Response { return redstart.Text("x") })
					app.Post("/ignores", func(*redstart.Request) redstart.Response { return redstart.Text("x") })
					app.Post("/large", func(*redstart.Request) redstart.Response { return redstart.Text(strings.Repeat("x", 1<<16)) })
					app.Post("/panics", func(*redstart.Request) redstart.Response { panic("on purpose") })
					app.Post("/reads", echo)
					app.Post("/stream", func(*redstart.Request) redstart.Response {
						return redstart.SSEResponse(func(func(redstart.SSEMessage) bool) {})
					})
					app.Mount("/mounted", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }))
					l, _ := inMemory(t, app)
					conn, err := l.DialContext(t.Context(), "", "")
					require.NoError(t, err)
					defer conn.Close()
					begin := time.Now()
					go func() { _, _ = io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\n"+header) }()
					all, _ := io.ReadAll(conn) // to the end of the connection
					assert.Contains(t, string(all), "HTTP/1.1 "+want.status+" ")
					assert.LessOrEqual(t, time.Since(begin), want.within)
				})
			})
		}
	}
}

func TestContextEndsWithTheClient(t *testing.T) {
	app, log := newApp(redstart.WithH2C())
	arrived, ended := make(chan struct{}), make(chan error)
	app.Any("/", func(req *redstart.Request) redstart.Response {
		if _, err := req.Body(); err != nil {
			return redstart.Fail(err)
		}
		arrived <- struct{}{}
		<-req.Context().Done()
		ended <- context.Cause(req.Context())
		return redstart.Fail(fmt.Errorf("query: %w", req.Context().Err()))
	})
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		for _, method := range []string{"GET", "POST"} {
			ctx, cancel := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader("body"))
			require.NoError(t, err)
			failed := make(chan error)
			go func() {
				_, err := client.Do(r)
				failed <- err
			}()
			<-arrived
			cancel()
			cause := <-ended
			assert.ErrorIs(t, cause, sse.ErrClientGone)
			assert.ErrorIs(t, cause, context.Canceled)
			assert.Error(t, <-failed)
		}
	})
	for _, line := range log.lines(t, "request") {
		assert.EqualValues(t, 499, line["status"])
		assert.Equal(t, "info", line["level"])
	}
}

func TestContextEndsWithTheReply(t *testing.T) {
	type key struct{}
	app, _ := newApp()
	var seen, outer context.Context
	app.Use(func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			outer = req.Context()
			req.SetContext(context.WithValue(req.Context(), key{}, "value"))
			return next(req)
		}
	})
	app.Get("/", func(req *redstart.Request) redstart.Response {
		seen = req.Context()
		assert.Equal(t, "value", seen.Value(key{}))
		assert.NoError(t, seen.Err())
		return redstart.NoContent()
	})
	get(app, "/")
	for _, ctx := range []context.Context{seen, outer} {
		assert.ErrorIs(t, ctx.Err(), context.Canceled)
		assert.EqualError(t, context.Cause(ctx), "redstart: the request has been replied to")
	}
}

func TestLogHasTheID(t *testing.T) {
	app, log := newApp()
	app.Get("/", func(req *redstart.Request) redstart.Response {
		req.Log().Info().Msg("mine")
		return redstart.NoContent()
	})
	get(app, "/", "X-Request-ID", "abc")
	assert.Equal(t, "abc", log.line(t, "mine")["request_id"])
	assert.Equal(t, "abc", log.line(t, "request")["request_id"])
}

func TestAcceptsFindsWhatTheClientPrefers(t *testing.T) {
	for name, test := range map[string]struct {
		accept []string
		want   string
	}{
		"no header":           {nil, "text/html"},
		"a browser":           {[]string{"text/html,application/xhtml+xml,*/*;q=0.8"}, "text/html"},
		"a program":           {[]string{"application/json"}, "application/json"},
		"weights":             {[]string{"text/html;q=0.5, application/json"}, "application/json"},
		"over several lines":  {[]string{"text/html;q=0.5", "application/json"}, "application/json"},
		"none of the offers":  {[]string{"image/png"}, ""},
		"an offer is refused": {[]string{"text/html;q=0, */*"}, "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp()
			app.Get("/", func(req *redstart.Request) redstart.Response {
				return redstart.Text(req.Accepts("text/html", "application/json"))
			})
			r := httptest.NewRequest("GET", "/", nil)
			r.Header["Accept"] = test.accept
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			assert.Equal(t, test.want, w.Body.String())
		})
	}
}
