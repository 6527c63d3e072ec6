package redstart_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

type greeting struct {
	Text string `json:"text"`
}

func greet(context.Context) (greeting, error) { return greeting{"hello"}, nil }

// described makes an app with a typed handler, which has documents.
func described(opts ...redstart.Option) (*redstart.App, *logbook) {
	app, log := newApp(opts...)
	redstart.Get(app, "/greeting", redstart.NoInput(greet))
	return app, log
}

func TestDocsAreServed(t *testing.T) {
	app, _ := described()
	for path, want := range map[string]struct{ kind, text string }{
		"/docs":                     {"text/html; charset=utf-8", `data-document="openapi"`},
		"/docs/page.js":             {"text/javascript; charset=utf-8", "import"},
		"/docs/page.css":            {"text/css; charset=utf-8", ":root"},
		"/docs/icon.svg":            {"image/svg+xml", "<svg"},
		"/openapi.json":             {"application/json", `"openapi": "3.1.1"`},
		"/openapi.json?version=3.2": {"application/json", `"openapi": "3.2.0"`},
		"/openapi.yaml":             {"application/yaml", "openapi: 3.1.1"},
	} {
		t.Run(path, func(t *testing.T) {
			w := get(app, path)
			require.Equal(t, 200, w.Code, "%s", w.Body)
			assert.Equal(t, want.kind, w.Header().Get("Content-Type"))
			assert.Contains(t, w.Body.String(), want.text)

			etag := w.Header().Get("ETag")
			require.NotEmpty(t, etag)
			assert.Equal(t, 304, get(app, path, "If-None-Match", etag).Code)
			head := ask(app, "HEAD", path, "")
			assert.Equal(t, 200, head.Code)
			assert.Zero(t, head.Body.Len())

			assert.Equal(t, 405, ask(app, "POST", path, "").Code)
			assert.Equal(t, "GET, HEAD, OPTIONS", ask(app, "OPTIONS", path, "").Header().Get("Allow"))
		})
	}
	w := get(app, "/docs")
	assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'")
	assert.NotContains(t, w.Header().Get("Content-Security-Policy"), "unsafe")
	assert.NotContains(t, w.Body.String(), "http", "all that the page needs comes from the app")
	assert.Equal(t, "../docs", get(app, "/docs/").Header().Get("Location"))
	assert.Equal(t, 404, get(app, "/docs/nothing").Code)
	unknown := get(app, "/openapi.json?version=7")
	assert.Equal(t, 400, unknown.Code)
	assert.Contains(t, unknown.Body.String(), `query parameter \"version\": want 3.1 or 3.2, got \"7\"`)
}

// The page may send requests to where the document says that the routes are.
func TestDocsMayAskTheHostsOfRoutes(t *testing.T) {
	app, _ := described(redstart.WithAPI(redstart.API{Servers: []redstart.APIServer{{URL: "https://gotham.city/api"}, {URL: "/v2"}, {URL: "javascript://x"}}}))
	app.Host("api.gotham.city").Get("/greeting", text("of the host"))
	policy := get(app, "/docs").Header().Get("Content-Security-Policy")
	assert.Contains(t, policy, "connect-src 'self' https://gotham.city wss://gotham.city api.gotham.city ws://api.gotham.city wss://api.gotham.city; ")
}

func TestDocsAreLoggedUnderTheirOwnRoutes(t *testing.T) {
	app, log := described()
	for path, pattern := range map[string]string{
		"/docs": "", "/docs/": "/docs", "/openapi.json": "", "/openapi.yaml/": "/openapi.yaml", "/docs/page.js": "/docs/*file",
	} {
		get(app, path)
		lines := log.lines(t, "request")
		assert.Equal(t, path, lines[len(lines)-1]["path"])
		route, _ := lines[len(lines)-1]["route"].(string) // left out where it is the path
		assert.Equal(t, pattern, route, path)
	}
}

func TestDocsAreThereOnlyWithSomethingToShow(t *testing.T) {
	plain, _ := newApp()
	plain.Get("/", text("hello"))
	plain.Mount("/mounted", http.NotFoundHandler())
	off, _ := described(redstart.WithoutDocs())
	hidden, _ := newApp()
	hidden.Describe(redstart.GroupDoc{Hidden: true})
	redstart.Get(hidden, "/greeting", redstart.NoInput(greet))
	for name, app := range map[string]*redstart.App{"no route is described": plain, "they are turned off": off, "all is hidden": hidden} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/docs", "/openapi.json", "/openapi.yaml", "/docs/page.js"} {
				assert.Equal(t, 404, get(app, path).Code, path)
			}
			assert.NotContains(t, string(app.OpenAPI().JSON()), "mounted")
		})
	}
}

// What the program has at these paths is what answers, whatever its pattern.
func TestDocsShadowNothing(t *testing.T) {
	for name, register := range map[string]func(app *redstart.App){
		"the same path": func(app *redstart.App) { app.Get("/docs", text("mine")) },
		"a parameter":   func(app *redstart.App) { app.Get("/:page", text("mine")) },
		"a catch-all":   func(app *redstart.App) { app.Any("/*path", text("mine")) },
		"a file": func(app *redstart.App) {
			app.Static("/", redstart.FilesFS(fstest.MapFS{"docs": {Data: []byte("mine")}}))
		},
		"a route of the host": func(app *redstart.App) { app.Host("example.com").Get("/docs", text("mine")) },
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := described()
			register(app)
			assert.Equal(t, "mine", get(app, "/docs").Body.String())
		})
	}
	t.Run("but the page of a single-page application, which answers to all names", func(t *testing.T) {
		app, _ := described()
		files := redstart.FilesFS(fstest.MapFS{"index.html": {Data: []byte("the app")}})
		app.Static("/", files, redstart.StaticOptions{Fallback: "index.html"})
		assert.Contains(t, get(app, "/docs", "Accept", "text/html").Body.String(), "data-document")
		assert.Equal(t, "the app", get(app, "/elsewhere", "Accept", "text/html").Body.String())
	})
}

func TestDocsPassMiddlewareAndShowLaterRoutes(t *testing.T) {
	app, _ := described()
	app.Use(mark("seen"))
	w := get(app, "/openapi.json")
	assert.Equal(t, "seen", w.Header().Get("Trace"))
	redstart.Get(app, "/later", redstart.NoInput(greet))
	later := get(app, "/openapi.json")
	assert.NotContains(t, w.Body.String(), "/later")
	assert.Contains(t, later.Body.String(), "/later")
	assert.NotEqual(t, w.Header().Get("ETag"), later.Header().Get("ETag"))
}

func TestDocsElsewhere(t *testing.T) {
	app, log := described()
	guard := redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		return redstart.Fail(redstart.Error(401, "badge, please")), req.Header("Badge") == ""
	})
	app.Group("/internal", guard).Docs("/manual")

	assert.Equal(t, 401, get(app, "/internal/manual").Code)
	assert.Equal(t, 401, get(app, "/internal/manual/openapi.json").Code)
	page := get(app, "/internal/manual", "Badge", "7")
	require.Equal(t, 200, page.Code)
	for _, address := range []string{`data-base="./../"`, `data-document="manual/openapi"`, `src="manual/page.js"`} {
		assert.Contains(t, page.Body.String(), address)
	}
	assert.Equal(t, 200, get(app, "/internal/manual/page.js", "Badge", "7").Code)
	document := get(app, "/internal/manual/openapi.json", "Badge", "7").Body.String()
	assert.Contains(t, document, "/greeting")
	assert.NotContains(t, document, "/manual")
	assert.Equal(t, 404, get(app, "/internal/manual/nothing", "Badge", "7").Code)
	assert.Equal(t, 404, get(app, "/docs").Code)

	addr, client := online(t, app)
	resp, err := client.Get("http://" + addr + "/greeting")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	line := log.line(t, "listening")
	assert.Equal(t, "http://"+addr+"/internal/manual", line["docs"])
}

func TestDocsPlacedWhereTheyAreUsually(t *testing.T) {
	app, _ := described()
	app.Group("/docs").Docs("/")
	assert.Contains(t, get(app, "/docs").Body.String(), `data-document="docs/openapi"`)
	assert.Equal(t, 200, get(app, "/docs/openapi.json").Code)
	assert.Equal(t, 404, get(app, "/openapi.json").Code)
	panicsAt(t, `Docs "/"`, `the page needs a path of its own, such as "/docs"`, func() { app.Docs("/") })
}

func TestOwnDocument(t *testing.T) {
	own := "openapi: 3.0.3\ninfo: {title: Mine, version: '1'}\npaths:\n  /x:\n    get:\n      responses:\n        '200': {description: fine}\n"
	app, _ := newApp(redstart.WithOpenAPI([]byte(own)))
	var got struct {
		OpenAPI string
		Info    struct{ Title, Version string }
		Paths   map[string]any
	}
	require.NoError(t, json.Unmarshal(get(app, "/openapi.json").Body.Bytes(), &got))
	assert.Equal(t, "3.0.3", got.OpenAPI)
	assert.Equal(t, "Mine", got.Info.Title)
	assert.Equal(t, "1", got.Info.Version)
	assert.Contains(t, got.Paths, "/x")
	assert.Equal(t, 200, get(app, "/docs").Code)
	assert.Contains(t, string(app.OpenAPI().YAML()), "title: Mine")
}

func TestOwnDocumentThatIsNone(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"no YAML":             {"a: [", "neither JSON nor YAML"},
		"broken JSON":         {`{"openapi": "3.1.1"`, "neither JSON nor YAML"},
		"a list":              {"[]", "is no object"},
		"an empty text":       {"", "neither JSON nor YAML"},
		"version 2":           {`{"swagger":"2.0"}`, "is of version 2"},
		"no version":          {`{"info":{}}`, `needs "openapi"`},
		"no info":             {`{"openapi":"3.1.1","paths":{}}`, `has no "info"`},
		"no title":            {`{"openapi":"3.1.1","info":{"version":"1"},"paths":{}}`, `"info.title"`},
		"no paths":            {`{"openapi":"3.1.1","info":{"title":"a","version":"1"}}`, `has no "paths"`},
		"a path that is none": {`{"openapi":"3.1.1","info":{"title":"a","version":"1"},"paths":{"x":{}}}`, `"x", which does not begin with a slash`},
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp(redstart.WithOpenAPI([]byte(tc.text)))
			err := app.Run(t.Context(), "127.0.0.1:0")
			require.ErrorContains(t, err, "WithOpenAPI: the OpenAPI document")
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

// counted is a type that counts how often it is described.
type counted struct{}

var descriptions atomic.Int32

func (counted) OpenAPISchema() any {
	descriptions.Add(1)
	return map[string]string{"type": "string"}
}

func TestDocsAreMadeOnce(t *testing.T) {
	descriptions.Store(0)
	app, _ := newApp()
	redstart.Get(app, "/", redstart.NoInput(func(context.Context) (counted, error) { return counted{}, nil }))
	for _, path := range []string{"/", "/openapi.json", "/openapi.yaml", "/docs", "/openapi.json?version=3.2", "/openapi.json"} {
		require.Equal(t, 200, get(app, path).Code)
	}
	assert.EqualValues(t, 1, descriptions.Load())
}

func TestDocsWhileRoutesAreAdded(t *testing.T) {
	app, _ := described()
	var all sync.WaitGroup
	for reader := range 4 {
		all.Go(func() {
			for i := range 20 {
				assert.Equal(t, 200, get(app, []string{"/openapi.json", "/docs"}[(reader+i)%2]).Code)
			}
		})
	}
	for i := range 20 {
		redstart.Get(app, fmt.Sprintf("/more/%d", i), redstart.NoInput(greet))
	}
	all.Wait()
	assert.Contains(t, get(app, "/openapi.json").Body.String(), "/more/19")
}
