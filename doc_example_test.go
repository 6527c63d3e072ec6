package redstart_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/redstart-go/redstart"
)

func ExampleApp_OpenAPI() {
	type input struct {
		District int `path:"district" validate:"min=1,max=12" doc:"One of twelve."`
	}
	type output struct {
		Open int `json:"open"`
	}
	app := quietApp()
	redstart.Get(app, "/districts/:district/crimes", func(context.Context, *input) (output, error) { return output{3}, nil })

	var document struct {
		Paths map[string]map[string]struct{ Parameters []any }
	}
	if err := json.Unmarshal(app.OpenAPI().JSON(), &document); err != nil {
		fmt.Println(err)
	}
	parameter, _ := json.Marshal(document.Paths["/districts/{district}/crimes"]["get"].Parameters[0])
	fmt.Println(string(parameter))
	// Output: {"description":"One of twelve.","in":"path","name":"district","required":true,"schema":{"format":"int64","maximum":12,"minimum":1,"type":"integer"}}
}

func ExampleDescribe() {
	app := quietApp()
	app.Get("/events", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(func(redstart.SSEMessage) bool) {})
	}, redstart.Describe(redstart.Doc{
		Summary: "Follow what happens", Tags: []string{"Live"},
		Events: map[string]any{"crime_alert": crime{}},
	}))
	yaml, _, _ := strings.Cut(string(app.OpenAPI().YAML()), "      parameters:")
	fmt.Println(yaml)
	// Output:
	// openapi: 3.1.1
	// info:
	//   title: API
	//   version: 0.0.0
	// paths:
	//   /events:
	//     get:
	//       tags:
	//         - Live
	//       summary: Follow what happens
	//       operationId: getEvents
}

func ExampleWithAPI() {
	app := redstart.New(redstart.WithoutAccessLog(), redstart.WithAPI(redstart.API{
		Title: "Gotham's crimes", Version: "1.2.0", Servers: []redstart.APIServer{{URL: "https://api.gotham.example"}},
	}))
	fmt.Println(string(app.OpenAPI().YAML()))
	// Output:
	// openapi: 3.1.1
	// info:
	//   title: Gotham's crimes
	//   version: 1.2.0
	// servers:
	//   - url: https://api.gotham.example
	// paths: {}
}

func ExampleHidden() {
	app := quietApp()
	app.Get("/crimes", text("crimes"))
	app.Get("/cave", text("bats"), redstart.Hidden())
	fmt.Println(app.OpenAPI().Operations())
	// Output: 1
}

func ExampleWithOpenAPI() {
	app := redstart.New(redstart.WithoutAccessLog(), redstart.WithOpenAPI([]byte("openapi: 3.1.1\ninfo: {title: Mine, version: '1'}\npaths: {}\n")))
	fmt.Println(get(app, "/openapi.yaml").Body)
	// Output:
	// openapi: 3.1.1
	// info:
	//   title: Mine
	//   version: "1"
	// paths: {}
}

func ExampleApp_Docs() {
	app := quietApp()
	app.Get("/crimes", text("crimes"))
	badge := redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		return redstart.Fail(redstart.Error(401, "badge, please")), req.Header("X-Badge") == ""
	})
	app.Group("/internal", badge).Docs("/docs")
	fmt.Println(get(app, "/internal/docs").Code, get(app, "/internal/docs", "X-Badge", "007").Code)
	// Output: 401 200
}

func ExampleGroup_Describe() {
	app := quietApp()
	crimes := app.Group("/crimes")
	crimes.Describe(redstart.GroupDoc{Tag: "Crimes", Description: "What was reported.", Problems: []int{429}})
	crimes.Get("/", text("crimes"))
	cave := app.Group("/cave")
	cave.Describe(redstart.GroupDoc{Hidden: true})
	cave.Get("/bats", text("bats"))

	_, tags, _ := strings.Cut(string(app.OpenAPI().YAML()), "\ntags:\n")
	fmt.Print(tags)
	fmt.Println(app.OpenAPI().Operations())
	// Output:
	//   - name: Crimes
	//     description: What was reported.
	// 1
}

func ExampleWithoutDocs() {
	app := redstart.New(redstart.WithoutAccessLog(), redstart.WithoutDocs())
	redstart.Get(app, "/greeting", redstart.NoInput(func(context.Context) (string, error) { return "hello", nil }))
	fmt.Println(get(app, "/docs").Code, app.OpenAPI().Operations())
	// Output: 404 1
}
