package middleware_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleBodyLimit() {
	app := quiet(redstart.WithoutRequestID())
	notes := app.Group("/notes", middleware.BodyLimit(10))
	notes.Post("/", func(req *redstart.Request) redstart.Response {
		text, err := req.Text()
		if err != nil {
			return redstart.Fail(err)
		}
		return redstart.Text(text)
	})

	fmt.Println(send(app, "POST", "/notes", "ten bytes!").Body)
	fmt.Println(send(app, "POST", "/notes", "eleven bytes").Body)
	// Output:
	// ten bytes!
	// {"title":"Request Entity Too Large","status":413,"detail":"the body is larger than 10 bytes"}
}

func TestBodyLimit(t *testing.T) {
	for _, tc := range []struct {
		name    string
		size    int
		chunked bool
		app     int64
		mw      []redstart.Middleware
		route   []redstart.RouteOption
		status  int
		called  bool
	}{
		{"at the limit", 10, false, 0, use(middleware.BodyLimit(10)), nil, 200, true},
		{"announced above it", 11, false, 0, use(middleware.BodyLimit(10)), nil, 413, false},
		{"chunked at the limit", 10, true, 0, use(middleware.BodyLimit(10)), nil, 200, true},
		{"chunked above it", 11, true, 0, use(middleware.BodyLimit(10)), nil, 413, true},
		{"raises the app's", 50, true, 10, use(middleware.BodyLimit(100)), nil, 200, true},
		{"lowers the app's", 50, true, 100, use(middleware.BodyLimit(10)), nil, 413, true},
		{"the innermost counts", 50, true, 0, use(middleware.BodyLimit(10), middleware.BodyLimit(100)), nil, 200, true},
		{"the announced length is held against each", 50, false, 0, use(middleware.BodyLimit(10), middleware.BodyLimit(100)), nil, 413, false},
		{"the route's own stays", 50, false, 0, use(middleware.BodyLimit(10)), []redstart.RouteOption{redstart.BodyLimit(100)}, 200, true},
		{"the route's own is announced", 150, false, 0, use(middleware.BodyLimit(1000)), []redstart.RouteOption{redstart.BodyLimit(100)}, 413, false},
		{"no bound", 50, true, 10, use(middleware.InsecureNoBodyLimit()), nil, 200, true},
		{"inside a timeout", 11, true, 0, use(middleware.Timeout(1<<40), middleware.BodyLimit(10)), nil, 413, true},
		{"raised inside a timeout", 50, true, 10, use(middleware.Timeout(1<<40), middleware.BodyLimit(100)), nil, 200, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet(redstart.WithBodyLimit(tc.app))
			called := false
			app.Group("/g", tc.mw...).Post("/", func(req *redstart.Request) redstart.Response {
				called = true
				body, err := req.Body()
				if err != nil {
					return redstart.Fail(err)
				}
				assert.Len(t, body, tc.size)
				return redstart.Text("")
			}, tc.route...)
			r := httptest.NewRequest("POST", "/g", strings.NewReader(strings.Repeat("x", tc.size)))
			if tc.chunked {
				r.ContentLength = -1
			}
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			assert.Equal(t, tc.status, w.Code, w.Body)
			assert.Equal(t, tc.called, called)
			if tc.status == 413 {
				assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			}
		})
	}
}

func use(mw ...redstart.Middleware) []redstart.Middleware { return mw }

func TestBodyLimitHoldsForTheRawBody(t *testing.T) {
	app := quiet()
	app.Group("/g", middleware.BodyLimit(10)).Post("/", func(req *redstart.Request) redstart.Response {
		n, err := io.Copy(io.Discard, req.HTTP().Body)
		assert.ErrorContains(t, err, "larger than its limit")
		assert.LessOrEqual(t, n, int64(11))
		return redstart.NoContent()
	})
	r := httptest.NewRequest("POST", "/g", strings.NewReader(strings.Repeat("x", 1000)))
	r.ContentLength = -1
	app.ServeHTTP(httptest.NewRecorder(), r)
}

func TestBodyLimitPanicsWhenMisconfigured(t *testing.T) {
	for _, n := range []int64{0, -1} {
		assert.Equal(t, fmt.Sprintf("middleware: BodyLimit(%d): want the number of bytes, at least 1; InsecureNoBodyLimit() takes the bound off", n), refused(t, func() { middleware.BodyLimit(n) }))
	}
}
