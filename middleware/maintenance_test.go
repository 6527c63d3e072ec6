package middleware_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

func ExampleNewMaintenance() {
	closed := middleware.NewMaintenance(middleware.MaintenanceOptions{Paths: []string{"/livez"}})
	app := quiet(redstart.WithoutRequestID())
	app.Use(closed.Middleware)
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("open") })
	app.Get("/livez", func(*redstart.Request) redstart.Response { return redstart.Text("alive") })

	closed.On(time.Hour)
	fmt.Println(send(app, "GET", "/", "").Body)
	fmt.Println(send(app, "GET", "/livez", "").Body)
	closed.Off()
	fmt.Println(send(app, "GET", "/", "").Body)
	// Output:
	// {"title":"Service Unavailable","status":503,"detail":"the site is being maintained"}
	// alive
	// open
}

func TestMaintenanceOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := middleware.NewMaintenance()
		app := quiet()
		app.Use(closed.Middleware)
		app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("") })
		assert.False(t, closed.Active())
		closed.On(time.Minute)
		assert.True(t, closed.Active())
		for _, step := range []struct {
			wait  time.Duration
			retry string
		}{{0, "60"}, {20500 * time.Millisecond, "40"}, {time.Hour, "5"}} {
			time.Sleep(step.wait)
			reply := send(app, "GET", "/", "")
			assert.Equal(t, 503, reply.Code)
			assert.Equal(t, step.retry, reply.Header().Get("Retry-After"))
			assert.Equal(t, "no-store", reply.Header().Get("Cache-Control"))
		}
		closed.Off()
		assert.Equal(t, 200, send(app, "GET", "/", "").Code)
	})
}

func TestMaintenanceAllows(t *testing.T) {
	for _, tc := range []struct {
		name, path, from string
		status           int
	}{
		{"closed", "/crimes", "203.0.113.9", 503},
		{"nothing there", "/nowhere", "203.0.113.9", 503},
		{"a path", "/assets", "203.0.113.9", 200},
		{"below it", "/assets/a.css", "203.0.113.9", 200},
		{"begins alike", "/assetsx", "203.0.113.9", 503},
		{"out of it again", "/assets/../crimes", "203.0.113.9", 503},
		{"an address", "/crimes", "198.51.100.7", 200},
		{"its neighbour", "/crimes", "198.51.100.8", 503},
		{"a network", "/crimes", "2001:db8::7", 200},
		{"IPv4 in IPv6", "/crimes", "::ffff:198.51.100.7", 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			closed := middleware.NewMaintenance(middleware.MaintenanceOptions{
				Paths: []string{"/assets"}, Networks: []string{"198.51.100.7", "2001:db8::/32"},
			})
			closed.On(time.Hour)
			app := quiet(redstart.TrustProxies("192.0.2.0/24"))
			app.Use(closed.Middleware)
			app.Get("/*path", func(*redstart.Request) redstart.Response { return redstart.Text("") })
			reply := send(app, "GET", tc.path, "", "X-Forwarded-For: "+tc.from)
			assert.Equal(t, tc.status, reply.Code)
		})
	}
}

func TestMaintenanceReplies(t *testing.T) {
	closed := middleware.NewMaintenance(middleware.MaintenanceOptions{Reply: func(*redstart.Request) redstart.Response {
		return redstart.HTML("<h1>Back soon</h1>").With("Retry-After", "7")
	}})
	closed.On(time.Hour)
	app := quiet()
	app.Use(closed.Middleware)
	reply := send(app, "GET", "/", "")
	assert.Equal(t, 503, reply.Code)
	assert.Equal(t, "<h1>Back soon</h1>", reply.Body.String())
	assert.Equal(t, "7", reply.Header().Get("Retry-After"))
}

// An EventSource takes anything but 200 for final: it is asked to come back.
func TestEventSourcesAreAskedToComeBack(t *testing.T) {
	closed := middleware.NewMaintenance()
	closed.On(time.Minute)
	for name, mw := range map[string]redstart.Middleware{
		"maintenance": closed.Middleware,
		"rate limit":  middleware.RateLimit(1, time.Minute, middleware.RateLimitOptions{Key: func(*redstart.Request) string { return "all" }}),
	} {
		t.Run(name, func(t *testing.T) {
			app := quiet()
			app.Use(mw)
			app.Any("/", func(*redstart.Request) redstart.Response { return redstart.Text("") })
			send(app, "GET", "/", "")
			reply := send(app, "GET", "/", "", "Accept: text/event-stream")
			assert.Equal(t, 200, reply.Code)
			assert.Equal(t, "text/event-stream", reply.Header().Get("Content-Type"))
			bye, err := sse.NewReader(strings.NewReader(reply.Body.String())).Next()
			require.NoError(t, err)
			assert.Equal(t, "sse.bye", bye.Event)
			assert.Equal(t, name, bye.Data)
			assert.GreaterOrEqual(t, bye.Retry, 55*time.Second)
			assert.LessOrEqual(t, bye.Retry, 90*time.Second)
			assert.NotEqual(t, 200, send(app, "POST", "/", "", "Accept: text/event-stream").Code, "fetch can do without")
		})
	}
}

func TestTheZeroMaintenanceIsReady(t *testing.T) {
	var closed middleware.Maintenance
	app := quiet()
	app.Use(closed.Middleware)
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("open") })
	assert.Equal(t, 200, send(app, "GET", "/", "").Code)
	closed.On(time.Hour)
	assert.Equal(t, 503, send(app, "GET", "/", "").Code)
}

func TestMaintenancePassesEveryReplyOn(t *testing.T) {
	app := quiet()
	app.Use(middleware.NewMaintenance().Middleware)
	for _, kind := range everyReply(app) {
		assert.Equal(t, kind.status, send(app, kind.method, kind.path, "").Code, kind.name)
	}
}

func TestMaintenancePanicsWhenMisconfigured(t *testing.T) {
	for want, o := range map[string]middleware.MaintenanceOptions{
		`middleware: NewMaintenance: Paths: "livez": want a path such as "/assets", which stands for what is below it too`:   {Paths: []string{"livez"}},
		`middleware: NewMaintenance: Paths: "/a/../b": want a path such as "/assets", which stands for what is below it too`: {Paths: []string{"/a/../b"}},
		`middleware: NewMaintenance: Networks: "office": want an address or a network such as "10.0.0.0/8"`:                  {Networks: []string{"office"}},
	} {
		assert.Equal(t, want, refused(t, func() { middleware.NewMaintenance(o) }))
	}
}
