package redstart_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing/fstest"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// quietApp is an app whose log does not disturb the examples.
func quietApp() *redstart.App {
	return redstart.New(redstart.WithLogger(zerolog.Nop()), redstart.WithoutRequestID())
}

// show sends a request to an app and prints the reply.
func show(app *redstart.App, method, target string, headers ...string) {
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader("")))
	fmt.Println(strings.TrimSpace(fmt.Sprintln(w.Code, w.Body)))
	for _, name := range headers {
		fmt.Println(name+":", w.Header().Get(name))
	}
}

func Example() {
	app := redstart.New(redstart.WithLogger(zerolog.Nop()))
	app.Get("/hello/:name", func(req *redstart.Request) redstart.Response {
		return redstart.Text("Hello, " + req.Param("name"))
	})
	// app.Start(":8080") would serve it. It is an http.Handler as well:
	server := httptest.NewServer(app)
	defer server.Close()

	resp, err := server.Client().Get(server.URL + "/hello/Gotham")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body))
	// Output: Hello, Gotham
}

// A program that is told at its start where to listen: go run . --port 9000.
func ExampleMain() {
	app := redstart.New()
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("Hello, Gotham") })
	redstart.Main(app)
}

func ExampleApp_Run() {
	app := quietApp()
	app.OnStart(func(context.Context) error { fmt.Println("open the database"); return nil })
	app.OnStop(func(context.Context) error { fmt.Println("close the database"); return nil })

	ctx, cancel := context.WithCancel(context.Background())
	cancel() // here at once, in a program when it shall stop
	fmt.Println(app.Run(ctx, "127.0.0.1:0"))
	// Output:
	// open the database
	// close the database
	// <nil>
}

func ExampleApp_URL() {
	app := quietApp()
	app.Get("/crimes/:id", listCrimes, redstart.Name("crime"))
	fmt.Println(app.URL("crime", "id", "a/b"))
	fmt.Println(app.URL("crime"))
	// Output:
	// /crimes/a%2Fb <nil>
	//  redstart: URL "crime": URL of "/crimes/:id": parameter "id" is missing
}

func ExampleApp_Routes() {
	app := quietApp()
	app.Get("/crimes", listCrimes)
	app.Post("/crimes", listCrimes)
	for _, r := range app.Routes() {
		fmt.Println(r.Method, r.Pattern, r.Handler)
	}
	// Output:
	// GET /crimes github.com/redstart-go/redstart_test.listCrimes
	// POST /crimes github.com/redstart-go/redstart_test.listCrimes
}

func ExampleApp_Mount() {
	app := quietApp()
	app.Mount("/legacy", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "the old code sees", r.URL.Path)
	}))
	show(app, "GET", "/legacy/report")
	// Output: 200 the old code sees /report
}

func ExampleApp_Const() {
	app := quietApp()
	app.Const("/health", redstart.Text("ok"))
	show(app, "GET", "/health", "ETag")
	// Output:
	// 200 ok
	// ETag: "2689367b205c16ce32ed4200"
}

func ExampleApp_Host() {
	app := quietApp()
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("the city") })
	app.Host("api.gotham.city").Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("the API") })
	show(app, "GET", "http://gotham.city/")
	show(app, "GET", "http://api.gotham.city/")
	// Output:
	// 200 the city
	// 200 the API
}

func ExampleApp_Static() {
	app := quietApp()
	app.Static("/", site()) // a folder: redstart.OpenFiles("public"), or an embed.FS
	app.Post("/shared.txt", func(*redstart.Request) redstart.Response { return redstart.Text("a route beside the file") })
	show(app, "GET", "/shared.txt", "Content-Type", "Cache-Control")
	show(app, "POST", "/shared.txt")
	// Output:
	// 200 shared
	// Content-Type: text/plain; charset=utf-8
	// Cache-Control: no-cache
	// 200 a route beside the file
}

func ExampleApp_OnError() {
	noRows := errors.New("no rows")
	app := quietApp()
	app.OnError(func(_ *redstart.Request, err error) redstart.Response {
		if errors.Is(err, noRows) {
			return redstart.Fail(redstart.Error(404, "no such crime"))
		}
		return redstart.Fail(err)
	})
	app.Get("/crimes/:id", func(*redstart.Request) redstart.Response { return redstart.Fail(noRows) })
	show(app, "GET", "/crimes/7")
	// Output: 404 {"title":"Not Found","status":404,"detail":"no such crime"}
}

func ExampleApp_UseHTTP() {
	app := quietApp()
	app.UseHTTP(func(next http.Handler) http.Handler { return http.StripPrefix("/behind/a/proxy", next) })
	app.Get("/crimes", listCrimes)
	show(app, "GET", "/behind/a/proxy/crimes")
	// Output: 204
}

func ExampleGroup() {
	app := quietApp()
	admin := app.Group("/admin", redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		return redstart.Fail(redstart.Error(401, "badge, please")), req.Query("badge") == ""
	}))
	admin.Group("/safes").Get("/:id", func(req *redstart.Request) redstart.Response {
		return redstart.Text("safe " + req.Param("id"))
	})
	show(app, "GET", "/admin/safes/7")
	show(app, "GET", "/admin/safes/7?badge=1")
	// Output:
	// 401 {"title":"Unauthorized","status":401,"detail":"badge, please"}
	// 200 safe 7
}

func ExampleBefore() {
	app := quietApp()
	app.Use(redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		return redstart.Text("closed for the night").WithStatus(503), req.Path() != "/health"
	}))
	app.Get("/", listCrimes)
	show(app, "GET", "/")
	// Output: 503 closed for the night
}

func ExampleAfter() {
	app := quietApp()
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		return resp.With("X-Status", fmt.Sprint(resp.StatusCode()))
	}))
	show(app, "GET", "/nothing", "X-Status")
	// Output:
	// 404 {"title":"Not Found","status":404,"detail":"there is nothing at \"/nothing\""}
	// X-Status: 404
}

func ExampleResponse() {
	app := quietApp()
	crime := map[string]string{"kind": "riddle"}
	created := redstart.JSON(crime).WithStatus(201)
	app.Post("/crimes", func(req *redstart.Request) redstart.Response {
		return created.With("Location", "/crimes/7").WithCookie(&http.Cookie{Name: "seen", Value: "7", HttpOnly: true})
	})
	show(app, "POST", "/crimes", "Location", "Set-Cookie")
	fmt.Println(created.Header().Get("Location") == "", "the response it was made from is as before")
	// Output:
	// 201 {"kind":"riddle"}
	// Location: /crimes/7
	// Set-Cookie: seen=7; HttpOnly
	// true the response it was made from is as before
}

func ExampleResponse_Bytes() {
	app := quietApp()
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		if body, ok := resp.Bytes(); ok { // not ok: it streams
			return resp.WithBody([]byte(strings.ToUpper(string(body))))
		}
		return resp
	}))
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text("quiet") })
	show(app, "GET", "/")
	// Output: 200 QUIET
}

func ExampleResponse_WithDone() {
	app := quietApp()
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.Text("four").WithDone(func(o redstart.Outcome) { fmt.Println("sent", o.Bytes, "bytes with status", o.Status) })
	})
	show(app, "GET", "/")
	// Output:
	// sent 4 bytes with status 200
	// 200 four
}

func ExampleFail() {
	app := quietApp()
	app.Get("/known", func(*redstart.Request) redstart.Response {
		return redstart.Fail(redstart.Error(409, "already reported").WithField("crime", 7))
	})
	app.Get("/unknown", func(*redstart.Request) redstart.Response {
		return redstart.Fail(errors.New("dial tcp: password is wrong")) // for the log only
	})
	show(app, "GET", "/known")
	show(app, "GET", "/unknown")
	// Output:
	// 409 {"title":"Conflict","status":409,"detail":"already reported","crime":7}
	// 500 {"title":"Internal Server Error","status":500}
}

func ExampleErrorf() {
	err := redstart.Errorf(400, "report: %w", io.ErrUnexpectedEOF)
	fmt.Println(err, redstart.StatusOf(err), errors.Is(err, io.ErrUnexpectedEOF))
	// Output: report: unexpected EOF 400 true
}

func ExampleRedirectLocal() {
	app := quietApp()
	app.Get("/login", func(req *redstart.Request) redstart.Response { return redstart.RedirectLocal(req.Query("next")) })
	show(app, "GET", "/login?next=/crimes", "Location")
	show(app, "GET", "/login?next=//evil.example")
	// Output:
	// 302
	// Location: /crimes
	// 400 {"title":"Bad Request","status":400,"detail":"redirect target \"//evil.example\" is not a path on this site"}
}

func ExampleSSEResponse() {
	app := quietApp()
	app.Get("/events", func(req *redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) {
			for i := range 2 {
				if !yield(redstart.SSEMessage{Data: fmt.Sprintf("事件 %d", i), ID: fmt.Sprint(i)}) {
					return // the client has gone
				}
			}
		})
	})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/events", nil))
	for m, err := range sse.Read(w.Body) {
		fmt.Println(m.ID, m.Data, err)
	}
	// Output:
	// 0 事件 0 <nil>
	// 1 事件 1 <nil>
}

func ExampleSSEResponse_func() {
	app := quietApp()
	app.Get("/events", func(req *redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(ctx context.Context, send sse.Send) error {
			if err := send(sse.Text("waiting for the next crime")); err != nil {
				return err
			}
			return redstart.Error(503, "the police radio is down") // after the first message: an event
		})
	})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/events", nil))
	for m := range sse.Read(w.Body) {
		fmt.Printf("%q %s\n", m.Event, m.Data)
	}
	// Output:
	// "" waiting for the next crime
	// "error" the police radio is down
}

func ExampleStream() {
	app := quietApp()
	app.Get("/export.csv", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/csv", func(w io.Writer) error {
			for i := range 2 {
				if _, err := fmt.Fprintf(w, "%d,riddle\n", i); err != nil {
					return err // the client has gone
				}
			}
			return nil
		})
	})
	show(app, "GET", "/export.csv", "Content-Type")
	// Output:
	// 200 0,riddle
	// 1,riddle
	// Content-Type: text/csv
}

func ExampleFiles_File() {
	reports := redstart.FilesFS(fstest.MapFS{"犯罪.txt": {Data: []byte("the bank, at noon")}}) // or OpenFiles("reports")
	app := redstart.New(redstart.WithoutAccessLog())
	app.Get("/reports/*name", func(req *redstart.Request) redstart.Response {
		return reports.File(req.Param("name")) // which cannot leave the folder
	})
	part := app.Test("GET", "/reports/犯罪.txt", nil, "Range", "bytes=4-7")
	fmt.Println(part.Status, part.Header.Get("Content-Range"), part.Body)
	fmt.Println(app.Test("GET", "/reports/..%2Fmain.go", nil).Status)
	// Output:
	// 206 bytes 4-7/17 bank
	// 404
}

func ExampleRequest_Accepts() {
	app := redstart.New(redstart.WithoutAccessLog())
	app.Get("/crimes", func(req *redstart.Request) redstart.Response {
		var reply redstart.Response
		switch req.Accepts("application/json", "text/csv") {
		case "application/json":
			reply = redstart.JSON([]string{"arson", "riddle"})
		case "text/csv":
			reply = redstart.Text("arson\nriddle\n").With("Content-Type", "text/csv; charset=utf-8")
		default:
			reply = redstart.Fail(redstart.Error(406, "there is JSON and CSV"))
		}
		return reply.WithAdded("Vary", "Accept")
	})
	fmt.Println(app.Test("GET", "/crimes", nil).Body)
	fmt.Print(app.Test("GET", "/crimes", nil, "Accept", "text/csv, */*;q=0.1").Body)
	fmt.Println(app.Test("GET", "/crimes", nil, "Accept", "image/png").Status)
	// Output:
	// ["arson","riddle"]
	// arson
	// riddle
	// 406
}

func ExampleRequest_QueryInt() {
	app := quietApp()
	app.Get("/crimes", func(req *redstart.Request) redstart.Response {
		page, err := req.QueryInt("page", 1)
		if err != nil {
			return redstart.Fail(err)
		}
		return redstart.Text(fmt.Sprint("page ", page))
	})
	show(app, "GET", "/crimes")
	show(app, "GET", "/crimes?page=two")
	// Output:
	// 200 page 1
	// 400 {"title":"Bad Request","status":400,"detail":"query parameter \"page\": expected an integer, got \"two\""}
}

func ExampleRequest_JSON() {
	app := quietApp()
	app.Post("/crimes", func(req *redstart.Request) redstart.Response {
		var crime struct {
			District int `json:"district"`
		}
		if err := req.JSON(&crime); err != nil {
			return redstart.Fail(err)
		}
		return redstart.JSON(crime)
	})
	r := httptest.NewRequest("POST", "/crimes", strings.NewReader(`{"district": "east"}`))
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: {"title":"Bad Request","status":400,"detail":"the JSON body does not fit: line 1, column 14: district: expected a whole number, got a string"}
}

func ExampleDefaultHeader() {
	app := redstart.New(redstart.WithLogger(zerolog.Nop()), redstart.WithoutRequestID(),
		redstart.DefaultHeader("X-Frame-Options", "DENY", "/embed"))
	app.Get("/embed/map", listCrimes)
	show(app, "GET", "/", "X-Frame-Options")
	show(app, "GET", "/embed/map", "X-Frame-Options")
	// Output:
	// 404 {"title":"Not Found","status":404,"detail":"there is nothing at \"/\""}
	// X-Frame-Options: DENY
	// 204
	// X-Frame-Options:
}
