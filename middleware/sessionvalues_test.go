package middleware_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

func TestSessionValues(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		type cart struct {
			Items []string `json:"items"`
			Since time.Time
		}
		want := cart{[]string{"<batarang> & 绳"}, time.Now().UTC()}
		app := quiet()
		app.Use(middleware.Session(o))
		app.Get("/set", func(req *redstart.Request) redstart.Response {
			s := req.Session()
			s.Set("cart", want)
			s.Set("name", "Robin")
			s.Set("number", 9007199254740993)
			s.Set("gone", true)
			s.Delete("gone", "missing")
			s.Flash("error", "one")
			s.Flash("", "two")
			return redstart.NoContent()
		})
		app.Get("/get", func(req *redstart.Request) redstart.Response {
			s := req.Session()
			var got cart
			var number int64
			assert.True(t, s.Get("cart", &got))
			assert.Equal(t, want, got)
			assert.Equal(t, "Robin", s.Text("name"))
			assert.True(t, s.Get("number", &number))
			assert.EqualValues(t, 9007199254740993, number)
			assert.False(t, s.Get("name", &number), "it is no number")
			assert.False(t, s.Get("missing", &number))
			assert.Empty(t, s.Text("number"))
			assert.Equal(t, []string{"cart", "name", "number"}, s.Keys())
			assert.Equal(t, []redstart.Flash{{Kind: "error", Text: "one"}, {Text: "two"}}, s.Flashes())
			assert.Empty(t, s.Flashes())
			assert.True(t, s.Take("name", new(string)))
			assert.False(t, s.Take("name", new(string)))
			return redstart.NoContent()
		})
		redstart.Get(app, "/again", redstart.Action(func(ctx context.Context) error {
			s := redstart.SessionFrom(ctx)
			assert.Equal(t, []string{"cart", "number"}, s.Keys())
			assert.Empty(t, s.Flashes())
			return nil
		}))
		b := newBrowser(app)
		for _, path := range []string{"/set", "/get", "/again"} {
			require.Equal(t, 204, b.send("GET", path).Code)
		}
		app.Get("/unfit", func(req *redstart.Request) redstart.Response {
			req.Session().Set("f", func() {})
			return redstart.Text("fine")
		})
		assert.Equal(t, 500, b.send("GET", "/unfit").Code)
		app.Get("/no-text", func(req *redstart.Request) redstart.Response {
			req.Session().Set("f\xff", 1) // it would be found under another name
			return redstart.Text("fine")
		})
		assert.Equal(t, 500, b.send("GET", "/no-text").Code)
		assert.Equal(t, 204, b.send("GET", "/again").Code)
	})
}

func TestSessionID(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		b := newBrowser(visits(o))
		b.get("/")
		before, id := b.cookies["session"].Value, b.get("/id")
		assert.GreaterOrEqual(t, len(id), 26)
		assert.Equal(t, id, b.get("/id"))
		b.get("/")
		assert.Equal(t, id, b.get("/id"), "a change is no new session")
		assert.NotContains(t, before, id, "it cannot be used to get in")
		renewed := b.get("/renew")
		assert.NotEqual(t, id, renewed)
		assert.Equal(t, renewed, b.get("/id"))
		assert.Equal(t, "3", b.get("/"), "the values stay")
		if o.Store != nil {
			assert.Equal(t, "[]", send(b.app, "GET", "/look", "", "Cookie: session="+before).Body.String(), "the old one is worth nothing")
			assert.Equal(t, 1, o.Store.(*middleware.MemorySessions).Len())
			b.get("/clear")
			assert.Zero(t, o.Store.(*middleware.MemorySessions).Len())
		}
	})
}

func TestSessionIsChangedTooLate(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		app, lines := logged()
		app.Use(middleware.Session(o), middleware.Timeout(time.Hour))
		app.Get("/", func(req *redstart.Request) redstart.Response {
			s := req.Session()
			s.Set("early", 1)
			return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) {
				s.Set("late", 1)
				yield(sse.Text(fmt.Sprint(s.Keys())))
			})
		})
		app.Get("/look", func(req *redstart.Request) redstart.Response {
			return redstart.Text(fmt.Sprint(req.Session().Keys()))
		})
		b := newBrowser(app)
		assert.Contains(t, b.get("/"), "[early late]")
		assert.Equal(t, "[early]", b.get("/look"))
		var warnings []any
		for _, line := range lines.read(t) {
			if line["level"] == "warn" {
				warnings = append(warnings, line["message"], line["change"])
			}
		}
		assert.Equal(t, []any{"the session was changed after the response was returned, which is too late", "Set late"}, warnings)
	})
}

func TestAHandlerThatIsGivenUpLeavesTheSession(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		app := quiet()
		release, ended := make(chan struct{}), make(chan struct{})
		app.Use(middleware.Session(o), middleware.Timeout(time.Millisecond))
		app.Get("/slow", func(req *redstart.Request) redstart.Response {
			defer close(ended)
			req.Session().Set("slow", 1)
			<-release
			req.Session().Set("slower", 1)
			return redstart.NoContent()
		})
		reply := send(app, "GET", "/slow", "")
		assert.Equal(t, 503, reply.Code)
		assert.Empty(t, reply.Header()["Set-Cookie"])
		close(release)
		<-ended
	})
}

// Requests at the same time, of one session and within one request.
func TestSessionFromManyGoroutines(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		app := visits(o)
		app.Get("/many", func(req *redstart.Request) redstart.Response {
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					req.Session().Set(fmt.Sprint("key", i), i)
					req.Session().Keys()
					req.Session().Flash("", "x")
				})
			}
			wg.Wait()
			return redstart.Text(fmt.Sprint(len(req.Session().Keys())))
		})
		b := newBrowser(app)
		b.get("/")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				reply := send(app, "GET", "/many", "", "Cookie: session="+b.cookies["session"].Value)
				assert.Equal(t, "9", reply.Body.String())
			})
		}
		wg.Wait()
	})
}
