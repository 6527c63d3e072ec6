package redstart_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

func ExamplePost() {
	type input struct {
		Kind     string `json:"kind" validate:"required,oneof=robbery arson riddle"`
		District int    `json:"district" validate:"min=1"`
		Notify   bool   `query:"notify"`
	}
	type output struct {
		ID   int    `json:"id"`
		Kind string `json:"kind"`
	}
	app := quietApp()
	redstart.Post(app, "/crimes", func(_ context.Context, in *input) (*output, error) {
		return &output{7, in.Kind}, nil
	}, redstart.WithSuccess(201))

	for _, body := range []string{`{"kind":"arson","district":3}`, `{"kind":"jaywalking","district":0}`} {
		w := ask(app, "POST", "/crimes?notify=1", body)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 201 {"id":7,"kind":"arson"}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"body field \"/kind\" must be one of robbery, arson or riddle; body field \"/district\" must be at least 1","errors":[{"in":"body","pointer":"#/kind","rule":"oneof=robbery arson riddle","detail":"must be one of robbery, arson or riddle","value":"jaywalking"},{"in":"body","pointer":"#/district","rule":"min=1","detail":"must be at least 1","value":0}]}
}

func ExampleGet() {
	type search struct {
		District int      `path:"district"`
		Kinds    []string `query:"kind"`
		Limit    int      `query:"limit" default:"20"`
	}
	app := quietApp()
	redstart.Get(app, "/districts/:district/crimes", func(_ context.Context, in *search) (string, error) {
		return fmt.Sprintf("%d %v %d", in.District, in.Kinds, in.Limit), nil
	})
	fmt.Println(get(app, "/districts/3/crimes?kind=arson&kind=riddle").Body)
	fmt.Println(get(app, "/districts/three/crimes", "Accept", "text/plain").Body)
	// Output:
	// "3 [arson riddle] 20"
	// 400 Bad Request
	// path parameter "district": expected an integer, got "three"
}

func ExampleNoInput() {
	app := quietApp()
	crimes := func(context.Context) ([]crime, error) { return nil, nil } // of a store, say
	redstart.Get(app, "/crimes", redstart.NoInput(crimes))
	fmt.Println(get(app, "/crimes").Body)
	// Output: []
}

func ExampleNoOutput() {
	type byID struct {
		ID int `path:"id"`
	}
	app := quietApp()
	redstart.Delete(app, "/crimes/:id", redstart.NoOutput(func(_ context.Context, in *byID) error {
		if in.ID != 7 {
			return redstart.Errorf(404, "no crime %d", in.ID)
		}
		return nil
	}))
	fmt.Println(ask(app, "DELETE", "/crimes/7", "").Code, ask(app, "DELETE", "/crimes/8", "").Code)
	// Output: 204 404
}

func ExampleEvents() {
	app := quietApp()
	redstart.Get(app, "/crimes/feed", redstart.NoInput(func(context.Context) (redstart.EventStream[crime], error) {
		feed := func(yield func(crime) bool) { yield(crime{7, "arson", 3}) }
		return redstart.Events[crime](feed).WithEvent("crime_alert").WithID(func(c crime) string { return fmt.Sprint(c.ID) }), nil
	}))
	for m, err := range sse.Read(get(app, "/crimes/feed").Body) {
		fmt.Println(m.Event, m.ID, m.Data, err)
	}
	// Output: crime_alert 7 {"id":7,"kind":"arson","district":3} <nil>
}

func ExampleRequest_Bind() {
	app := quietApp()
	app.Post("/login", func(req *redstart.Request) redstart.Response {
		var in struct {
			User     string `form:"user" validate:"required"`
			Remember bool   `form:"remember"`
		}
		if err := req.Bind(&in); err != nil {
			return redstart.Fail(err)
		}
		return redstart.Text(fmt.Sprint(in.User, " ", in.Remember))
	})
	for _, body := range []string{"user=batman&remember=on", "user="} {
		w := ask(app, "POST", "/login", body, "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/plain")
		fmt.Println(strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// batman true
	// 422 Unprocessable Entity
	// missing required form field "user"
}

func ExampleInvalid() {
	type transfer struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	app := quietApp()
	redstart.Post(app, "/transfers", redstart.NoOutput(func(_ context.Context, in *transfer) error {
		if in.From == in.To {
			return redstart.Invalid("to", "must be another prison than %s", in.From)
		}
		return nil
	}))
	w := ask(app, "POST", "/transfers", `{"from":"Blackgate","to":"Blackgate"}`, "Accept", "text/plain")
	fmt.Println(strings.TrimSpace(w.Body.String()))
	// Output:
	// 422 Unprocessable Entity
	// body field "/to" must be another prison than Blackgate
}

func ExampleAction() {
	app := quietApp()
	redstart.Post(app, "/signal", redstart.Action(func(context.Context) error {
		return redstart.Error(503, "the searchlight is broken")
	}))
	fmt.Println(ask(app, "POST", "/signal", "").Code)
	// Output: 503
}

func ExampleRaw() {
	type input struct {
		redstart.Raw
		Name string `query:"name"`
	}
	app := quietApp()
	redstart.Get(app, "/hello", func(_ context.Context, in *input) (string, error) {
		return in.Name + " asks " + in.Host(), nil
	})
	fmt.Println(get(app, "/hello?name=Robin").Body)
	// Output: "Robin asks example.com"
}

// A page with a form shows it again, with what is wrong beside each field.
func ExampleViolations() {
	type input struct {
		Name     string `form:"name" validate:"required"`
		District int    `form:"district" validate:"max=12"`
	}
	app := quietApp()
	app.OnError(func(_ *redstart.Request, err error) redstart.Response {
		var violations redstart.Violations
		if !errors.As(err, &violations) {
			return redstart.Fail(err)
		}
		var page strings.Builder
		for _, v := range violations {
			fmt.Fprintf(&page, "%s: %s (%v)\n", v.Name, v.Detail, v.Value)
		}
		return redstart.Text(page.String())
	})
	redstart.Post(app, "/complaints", redstart.NoOutput(func(context.Context, *input) error { return nil }))
	w := ask(app, "POST", "/complaints", "name=&district=13", "Content-Type", "application/x-www-form-urlencoded")
	fmt.Print(w.Code, "\n", w.Body)
	// Output:
	// 422
	// name: is required (<nil>)
	// district: must be at most 12 (13)
}
