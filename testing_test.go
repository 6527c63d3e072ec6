package redstart_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

func ExampleApp_Test() {
	app := redstart.New(redstart.WithoutAccessLog())
	app.Post("/crimes", func(req *redstart.Request) redstart.Response {
		var crime struct{ Kind string }
		if err := req.JSON(&crime); err != nil {
			return redstart.Fail(err)
		}
		return redstart.JSON(crime).WithStatus(201)
	})

	result := app.Test("POST", "/crimes", map[string]string{"kind": "arson"})
	fmt.Println(result.Status, result.Header.Get("Content-Type"), result.Body)
	fmt.Println(app.Test("POST", "/crimes", `{"kind":`).Status)
	// Output:
	// 201 application/json {"Kind":"arson"}
	// 400
}

// A test of a user's: log in, and stay so.
func ExampleApp_TestClient() {
	test := func(t redstart.TestingT) {
		app := redstart.New(redstart.WithoutAccessLog())
		app.Post("/login", func(req *redstart.Request) redstart.Response {
			return redstart.Redirect("/").WithCookie(&http.Cookie{Name: "name", Value: "Robin", Path: "/", Secure: true})
		})
		app.Get("/", func(req *redstart.Request) redstart.Response {
			name, _ := req.Cookie("name")
			return redstart.Text("Hello, " + name)
		})

		client := app.TestClient(t)
		fmt.Println(client.Post("/login", nil).Status)
		fmt.Println(client.Get("/").Body)
	}
	asTest(test)
	// Output:
	// 303
	// Hello, Robin
}

// A form with a file, as a browser sends it.
func ExampleTestForm() {
	app := redstart.New(redstart.WithoutAccessLog())
	app.Post("/crimes", func(req *redstart.Request) redstart.Response {
		photo, err := req.File("photo")
		if err != nil {
			return redstart.Fail(err)
		}
		form, _ := req.Form() // it was read
		return redstart.Text(fmt.Sprintf("%s: %s, %d bytes", form.Get("kind"), photo.Name, photo.Size))
	})

	fmt.Println(app.Test("POST", "/crimes", redstart.TestForm{
		Values: url.Values{"kind": {"riddle"}},
		Files:  []redstart.TestFile{{Field: "photo", Name: "joker.png", Content: []byte("picture")}},
	}).Body)
	// Output: riddle: joker.png, 7 bytes
}

// asTest runs an example that wants a test.
func asTest(test func(redstart.TestingT)) {
	t := &exampleT{}
	test(t)
	for _, f := range t.cleanup {
		f()
	}
}

type exampleT struct{ cleanup []func() }

func (t *exampleT) Helper()                           {}
func (t *exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleT) Cleanup(f func())                  { t.cleanup = append(t.cleanup, f) }
func (t *exampleT) Context() context.Context          { return context.Background() }

func TestAStreamUnderFakeTime(t *testing.T) { // features: O4
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub()
		defer hub.Close()
		app, log := newApp()
		app.Get("/crimes/live", func(*redstart.Request) redstart.Response {
			return redstart.SSEResponse(hub.Subscribe("crimes"), sse.VisibleHeartbeat(15*time.Second, "ping"))
		})
		client := app.TestClient(t)
		stream := client.Stream("/crimes/live")
		assert.Equal(t, "sse.hello", stream.Next().Event)
		assert.Equal(t, "no-cache, no-transform", stream.Header.Get("Cache-Control"))

		begin := time.Now()
		assert.Equal(t, "ping", stream.Next().Event)
		assert.LessOrEqual(t, time.Since(begin), 15*time.Second)
		beat := time.Now()
		assert.Equal(t, "ping", stream.Next().Event)
		assert.InDelta(t, 15*time.Second, time.Since(beat), float64(2*time.Second), "then every 15 s, at no cost of time")

		_, err := hub.Publish(t.Context(), "crimes", sse.Text("arson").WithEvent("crime_alert"))
		require.NoError(t, err)
		m := stream.Next()
		assert.Equal(t, "arson", m.Data)
		stream.Close()
		synctest.Wait()
		assert.Equal(t, "gone", log.line(t, "stream")["reason"])

		_, err = hub.Publish(t.Context(), "crimes", sse.Text("riddle"))
		require.NoError(t, err)
		assert.Equal(t, "riddle", client.Stream("/crimes/live", "Last-Event-ID", m.ID).Next().Data, "a client that comes back resumes")
	})
}

func TestTestsPassTheWholeApp(t *testing.T) { // features: O4
	var said []string
	app, log := newApp(redstart.DefaultHeader("X-A", "1"))
	app.Use(mark("m"))
	app.UseHTTP(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-B", "1"); next.ServeHTTP(w, r) })
	})
	app.OnStart(func(context.Context) error { said = append(said, "start"); return nil })
	app.OnStop(func(context.Context) error { said = append(said, "stop"); return nil })
	app.Get("/", func(req *redstart.Request) redstart.Response { return redstart.Text(req.IP() + " " + req.Host()) },
		redstart.With(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
			return resp.WithDone(func(o redstart.Outcome) { said = append(said, fmt.Sprint("done ", o.Status)) })
		})))
	app.Get("/cut", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/plain", func(yield func(string, error) bool) { _ = yield("a", nil) && yield("", errors.New("boom")) })
	})

	t.Run("client", func(t *testing.T) {
		client := app.TestClient(t)
		for range 2 {
			got := client.Get("/")
			assert.Equal(t, "192.0.2.1 example.com", got.Body)
			assert.Equal(t, []string{"1", "1", "m"}, []string{got.Header.Get("X-A"), got.Header.Get("X-B"), got.Header.Get("Trace")})
		}
		assert.Len(t, log.lines(t, "request"), 2, "the log is written when the call returns")
		assert.Equal(t, 404, client.Get("/nothing").Status)
		cut := client.Get("/cut")
		assert.Equal(t, "a", cut.Body)
		assert.ErrorContains(t, cut.Err, "unexpected EOF", "a body that breaks off is no whole one")
	})
	assert.Equal(t, []string{"start", "done 200", "done 200", "stop"}, said)
	app.TestClient(t).Get("/") // an app can be tested again
	assert.Equal(t, "192.0.2.1 example.com", app.Test("GET", "/", nil).Body)
	assert.ErrorContains(t, app.Test("GET", "nonsense", nil).Err, "neither a path nor a URL")
}

func TestAnAppThatCannotStartCannotBeTested(t *testing.T) { // features: O4
	app, _ := newApp(redstart.WithProcesses(-1))
	assert.PanicsWithValue(t, "redstart: WithProcesses(-1): want 0 to 255", func() { app.TestClient(&exampleT{}) })
}

func TestAConversationUnderFakeTime(t *testing.T) { // features: O4
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		app.WebSocket("/chat/:room", func(req *redstart.Request) redstart.Response {
			if req.Header("X-Badge") == "" {
				return redstart.Fail(redstart.Error(401, "badge, please"))
			}
			return redstart.Socket(func(conn *websocket.Conn) error {
				for msg, err := range conn.Messages() {
					if err != nil {
						return err
					}
					time.Sleep(time.Hour)
					if err := conn.Send(msg); err != nil {
						return err
					}
				}
				return nil
			})
		})
		client := app.TestClient(t)
		_, _, err := client.DialWebSocket("/chat/1", nil)
		assert.ErrorContains(t, err, "badge, please")
		client.Header.Set("X-Badge", "7")
		client.Timeout = 2 * time.Hour
		conn := client.WebSocket("/chat/1", nil)
		begin := time.Now()
		require.NoError(t, conn.Send(websocket.TextMessage("hello")))
		assert.Equal(t, "hello", conn.Next().Text())
		assert.Equal(t, time.Hour, time.Since(begin))
	})
}
