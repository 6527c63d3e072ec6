package redstart_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

// sees is a net/http handler that says what it sees.
func sees(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s|%s|%s", r.Method, r.URL.Path, r.URL.RawPath, r.URL.RawQuery)
}

func TestMountStripsThePrefix(t *testing.T) {
	app, _ := newApp()
	app.Mount("/old", http.HandlerFunc(sees))
	app.Group("/tenants/:id").Mount("/files/", http.HandlerFunc(sees))
	app.Get("/old/new", text("route"))

	for target, want := range map[string]string{
		"/old":                  "GET /||",
		"/old/":                 "GET /||",
		"/old/a/b?q=1":          "GET /a/b||q=1",
		"/old/a%2Fb/c":          "GET /a/b/c|/a%2Fb/c|",
		"/old/a/":               "GET /a/||",
		"/old/new":              "route",
		"/tenants/7/files/x":    "GET /x||",
		"/tenants/a%2Fb/files/": "GET /|/|",
	} {
		assert.Equal(t, want, get(app, target).Body.String(), target)
	}
	assert.Equal(t, "BREW /x||", ask(app, "BREW", "/old/x", "").Body.String())
	assert.Equal(t, "OPTIONS /x||", ask(app, "OPTIONS", "/old/x", "").Body.String())
	assert.Equal(t, 404, get(app, "/older").Code)

	root, _ := newApp()
	root.Mount("/", http.HandlerFunc(sees))
	assert.Equal(t, "GET /a/b||", get(root, "/a/b").Body.String())
	assert.Equal(t, "GET /||", get(root, "/").Body.String())
}

func TestMountIsRefinedByMiddleware(t *testing.T) {
	app, log := newApp()
	status := 0
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		assert.True(t, resp.Streams())
		if status != 0 {
			resp = resp.WithStatus(status)
		}
		return resp.With("Cache-Control", "no-store").WithAdded("Vary", "Origin").Without("Server").With("X-New", "1")
	}))
	app.Mount("/m", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "public")
		h.Set("Vary", "Accept")
		h.Set("Server", "old")
		h.Set("Content-Type", "text/x")
		if r.URL.Path == "/teapot" {
			w.WriteHeader(418)
		}
		_, _ = io.WriteString(w, "body")
	}))
	w := get(app, "/m/x")
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"), "the middleware is around the handler, so it has the last word")
	assert.Equal(t, []string{"Accept", "Origin"}, w.Header()["Vary"])
	assert.Empty(t, w.Header().Get("Server"))
	assert.Equal(t, "text/x", w.Header().Get("Content-Type"))
	assert.Equal(t, "1", w.Header().Get("X-New"))
	assert.NotEmpty(t, w.Header().Get("X-Request-Id"))
	assert.Equal(t, 200, w.Code)
	line := log.line(t, "request")
	assert.EqualValues(t, 4, line["bytes"])
	assert.Equal(t, "completed", line["reason"])

	status = 203
	assert.Equal(t, 203, get(app, "/m/x").Code)
	assert.Equal(t, 418, get(app, "/m/teapot").Code, "a status that the handler chose stays")
}

func TestMountThatPanics(t *testing.T) {
	app, log := newApp()
	app.Mount("/m", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		if r.URL.Path == "/after" {
			_, _ = io.WriteString(w, "some")
			w.(http.Flusher).Flush()
		}
		panic("mounted")
	}))
	addr, client := online(t, app)
	resp, err := client.Get("http://" + addr + "/m/before")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, 500, resp.StatusCode)
	assert.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
	assert.Empty(t, resp.Header.Get("Content-Encoding"))
	assert.NotContains(t, string(body), "mounted")

	resp, err = client.Get("http://" + addr + "/m/after")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
	}
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	lines := log.lines(t, "request")
	require.Len(t, lines, 2)
	for _, line := range lines {
		assert.Equal(t, "panic: mounted", line["error"])
		assert.Contains(t, line["stack"], "mount_test.go")
	}
}

func TestMountThatAnswersCarelessly(t *testing.T) {
	app, log := newApp()
	app.Mount("/m", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(304)
		_, err := io.WriteString(w, "a body where there is none")
		assert.ErrorIs(t, err, http.ErrBodyNotAllowed)
	}))
	app.Mount("/silent", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	addr, client := online(t, app)
	for range 2 { // the second over the same connection, which must not have been cut
		resp, err := client.Get("http://" + addr + "/m")
		require.NoError(t, err)
		assert.Equal(t, 304, resp.StatusCode)
		resp.Body.Close()
	}
	for _, line := range log.lines(t, "request") {
		assert.Equal(t, "completed", line["reason"])
	}
	resp, err := client.Get("http://" + addr + "/silent")
	require.NoError(t, err)
	assert.Equal(t, 200, resp.StatusCode)
	assert.EqualValues(t, 0, resp.ContentLength)
}

func TestMountHijacks(t *testing.T) {
	app, log := newApp()
	done := make(chan redstart.Outcome, 1)
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		return resp.WithDone(func(o redstart.Outcome) { done <- o })
	}))
	app.UseHTTP(func(next http.Handler) http.Handler { // a well-behaved wrapper
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(unwraps{onlyWriter{w}}, r) })
	})
	app.Mount("/m", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\nhello")
		_ = rw.Flush()
		_, err = w.Write([]byte("x"))
		assert.ErrorIs(t, err, http.ErrHijacked)
	}))
	addr, _ := online(t, app)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /m HTTP/1.1\r\nHost: x\r\n\r\n")
	all, err := io.ReadAll(bufio.NewReader(conn))
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 101 Switching Protocols\r\n\r\nhello", string(all))
	outcome := <-done
	assert.Equal(t, 101, outcome.Status)
	assert.Equal(t, "completed", outcome.Reason)
	assert.NotContains(t, log.String(), `"level":"error"`)
}

// unwraps is a wrapper as net/http wants it.
type unwraps struct{ onlyWriter }

func (u unwraps) Unwrap() http.ResponseWriter { return u.ResponseWriter }

func TestMountSeesTheContext(t *testing.T) {
	type key struct{}
	app, _ := newApp()
	app.Use(func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			req.SetContext(contextWith(req, key{}, "value"))
			return next(req)
		}
	})
	app.Mount("/m", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Context().Value(key{})) }))
	assert.Equal(t, "value", get(app, "/m").Body.String())
}

func TestAMountIsListedByItsHandler(t *testing.T) { // features: R7, R8
	app, _ := newApp()
	app.Mount("/mux", http.NewServeMux())
	app.Mount("/func", http.HandlerFunc(sees))
	routes := app.Routes()
	assert.Equal(t, "*http.ServeMux", routes[0].Handler)
	assert.Equal(t, "github.com/redstart-go/redstart_test.sees", routes[2].Handler)
}
