package middleware_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleETag() {
	app := quiet()
	app.Use(middleware.ETag())
	app.Get("/crimes", func(*redstart.Request) redstart.Response {
		return redstart.JSON([]string{"robbery", "riddle"})
	})

	first := send(app, "GET", "/crimes", "")
	tag := first.Header().Get("ETag")
	again := send(app, "GET", "/crimes", "", "If-None-Match: "+tag)
	fmt.Println(first.Code, tag, again.Code, again.Body.Len())
	// Output: 200 "3d4204543aabaa062ae19ba5" 304 0
}

func TestETag(t *testing.T) {
	for _, tc := range []struct {
		name   string
		method string
		reply  redstart.Response
		o      middleware.ETagOptions
		tag    string // "" for none
	}{
		{"text", "GET", redstart.Text("a"), middleware.ETagOptions{}, `"ca978112ca1bbdcafac231b3"`},
		{"HEAD", "HEAD", redstart.Text("a"), middleware.ETagOptions{}, `"ca978112ca1bbdcafac231b3"`},
		{"weak", "GET", redstart.Text("a"), middleware.ETagOptions{Weak: true}, `W/"ca978112ca1bbdcafac231b3"`},
		{"its own", "GET", redstart.Text("a").With("ETag", `"7"`), middleware.ETagOptions{}, `"7"`},
		{"not to be stored", "GET", redstart.Text("a").With("Cache-Control", "private, No-Store"), middleware.ETagOptions{}, ""},
		{"another status", "GET", redstart.Text("a").WithStatus(201), middleware.ETagOptions{}, ""},
		{"an error", "GET", redstart.Fail(redstart.Error(404, "no")), middleware.ETagOptions{}, ""},
		{"a method that acts", "POST", redstart.Text("a"), middleware.ETagOptions{}, ""},
		{"a route for HEAD alone", "HEAD", redstart.Status(200), middleware.ETagOptions{}, ""},
		{"an empty body", "GET", redstart.Text(""), middleware.ETagOptions{}, `"e3b0c44298fc1c149afbf4c8"`},
		{"unencodable", "GET", redstart.JSON(func() {}), middleware.ETagOptions{}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet(redstart.WithoutRequestID())
			app.Group("", middleware.ETag(tc.o)).Any("/with", func(*redstart.Request) redstart.Response { return tc.reply.With("X", "1") })
			app.Any("/without", func(*redstart.Request) redstart.Response { return tc.reply.With("X", "1") })
			plain, tagged := send(app, tc.method, "/without", ""), send(app, tc.method, "/with", "")
			assert.Equal(t, tc.tag, tagged.Header().Get("ETag"))
			tagged.Header().Del("ETag")
			plain.Header().Del("ETag")
			assert.Equal(t, plain.Code, tagged.Code)
			assert.Equal(t, plain.Header(), tagged.Header())
			assert.Equal(t, plain.Body.String(), tagged.Body.String())

			again := send(app, tc.method, "/with", "", "If-None-Match: "+tc.tag+`, "other"`)
			if tc.tag == "" {
				assert.Equal(t, plain.Code, again.Code)
				return
			}
			assert.Equal(t, http.StatusNotModified, again.Code)
			assert.Equal(t, tc.tag, again.Header().Get("ETag"))
			assert.Equal(t, "1", again.Header().Get("X"))
			assert.Empty(t, again.Header().Get("Content-Length"))
			assert.Zero(t, again.Body.Len())
			assert.Equal(t, 200, send(app, tc.method, "/with", "", `If-None-Match: "other"`).Code)
		})
	}
}

func TestETagPassesEveryReplyOn(t *testing.T) {
	plain, app := quiet(redstart.WithoutRequestID()), quiet(redstart.WithoutRequestID())
	app.Use(middleware.ETag())
	everyReply(plain)
	for _, kind := range everyReply(app) {
		t.Run(kind.name, func(t *testing.T) {
			want, got := send(plain, kind.method, kind.path, ""), send(app, kind.method, kind.path, "")
			assert.Equal(t, kind.status, got.Code)
			assert.Equal(t, want.Body.String(), got.Body.String())
			want.Header().Del("ETag")
			got.Header().Del("ETag")
			assert.Equal(t, want.Header(), got.Header())
		})
	}
	constant := send(app, "GET", "/const", "").Header().Get("ETag")
	assert.Equal(t, 304, send(app, "GET", "/const", "", "If-None-Match: "+constant).Code)
}

func TestETagAndCompress(t *testing.T) {
	for name, mw := range map[string][]redstart.Middleware{
		"inside":  use(middleware.Compress(), middleware.ETag()),
		"outside": use(middleware.ETag(), middleware.Compress()),
	} {
		t.Run(name, func(t *testing.T) {
			app := quiet()
			app.Use(mw...)
			app.Get("/", func(*redstart.Request) redstart.Response { return redstart.JSON(long) })
			reply := send(app, "GET", "/", "", "Accept-Encoding: gzip")
			tag := reply.Header().Get("ETag")
			assert.Equal(t, "gzip", reply.Header().Get("Content-Encoding"))
			assert.Equal(t, "W/"+send(app, "GET", "/", "").Header().Get("ETag"), tag)
			reply = send(app, "GET", "/", "", "Accept-Encoding: gzip", "If-None-Match: "+tag)
			assert.Equal(t, 304, reply.Code)
			assert.Equal(t, tag, reply.Header().Get("ETag"))
			assert.Equal(t, []string{"Accept-Encoding"}, reply.Header()["Vary"])
		})
	}
}
