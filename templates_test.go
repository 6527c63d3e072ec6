package redstart_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

func views(files ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return fsys
}

func ExampleRender() {
	pages := fstest.MapFS{ // usually an embed.FS
		"layouts/base.html":   {Data: []byte("<title>{{block `title` .}}Gotham{{end}}</title>\n{{block `content` .}}{{end}}")},
		"partials/crime.html": {Data: []byte("<li><a href=\"{{url `crime` `id` .ID}}\">{{.Kind}}</a></li>\n")},
		"crimes.html": {Data: []byte("{{template `layouts/base.html` .}}" +
			"{{define `title`}}Crimes{{end}}" +
			"{{define `content`}}{{range .}}{{template `partials/crime.html` .}}{{end}}{{end}}")},
	}
	type Crime struct {
		ID   int
		Kind string
	}
	app := redstart.New(redstart.WithoutAccessLog(), redstart.WithTemplates(redstart.Templates(pages)))
	app.Get("/crimes", func(*redstart.Request) redstart.Response {
		return redstart.Render("crimes.html", []Crime{{7, "arson"}, {8, "<riddle>"}})
	})
	app.Get("/crimes/:id", func(req *redstart.Request) redstart.Response { return redstart.Text(req.Param("id")) }, redstart.Name("crime"))

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/crimes", nil))
	fmt.Println(w.Header().Get("Content-Type"))
	fmt.Print(w.Body)
	// Output:
	// text/html; charset=utf-8
	// <title>Crimes</title>
	// <li><a href="/crimes/7">arson</a></li>
	// <li><a href="/crimes/8">&lt;riddle&gt;</a></li>
}

func ExampleTemplateOptions() {
	type page struct { // what every template is given
		Path    string
		Content any
	}
	templates := redstart.Templates(views("hello.html", `{{.Path}}: {{shout .Content}}`), redstart.TemplateOptions{
		Funcs: map[string]any{"shout": func(s string) string { return s + "!" }},
		Data:  func(req *redstart.Request, data any) any { return page{req.Path(), data} },
	})
	app := redstart.New(redstart.WithoutAccessLog(), redstart.WithTemplates(templates))
	app.Get("/hello", func(*redstart.Request) redstart.Response { return redstart.Render("hello.html", "Gotham") })
	fmt.Println(get(app, "/hello").Body)
	// Output: /hello: Gotham!
}

func TestRenderIsAReplyLikeAnyOther(t *testing.T) { // features: P5
	about := redstart.Render("about.html", "<b>") // shared by requests
	app, _ := newApp(redstart.WithTemplates(redstart.Templates(views("about.html", "about {{.}}"))))
	app.Get("/", func(*redstart.Request) redstart.Response { return about.WithStatus(201).With("X", "1") })
	app.Get("/typed", func(*redstart.Request) redstart.Response { return about.With("Content-Type", "application/xhtml+xml") })
	app.Get("/changed", func(*redstart.Request) redstart.Response { return about },
		redstart.With(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
			body, ok := resp.Bytes()
			assert.True(t, ok)
			assert.False(t, resp.Streams())
			return resp.WithBody(bytes.ToUpper(body))
		})))

	w := get(app, "/")
	assert.Equal(t, 201, w.Code)
	assert.Equal(t, "about &lt;b&gt;", w.Body.String())
	assert.Equal(t, "1", w.Header().Get("X"))
	assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Equal(t, "15", w.Header().Get("Content-Length"))
	head := ask(app, http.MethodHead, "/", "")
	assert.Equal(t, "15", head.Header().Get("Content-Length"))
	assert.Empty(t, head.Body.String())
	assert.Equal(t, "application/xhtml+xml", get(app, "/typed").Header().Get("Content-Type"))
	assert.Equal(t, "ABOUT &LT;B&GT;", get(app, "/changed").Body.String())
	_, ok := about.Bytes()
	assert.False(t, ok, "a page that no request asked for has no bytes")
}

func TestPagesThatFail(t *testing.T) { // features: P5
	type data struct{ Broken func() (string, error) }
	broken := data{func() (string, error) { return "", errors.New("the archive burnt down") }}
	templates := redstart.Templates(views("page.html", "half a page\n{{call .Broken}}", "panics.html", "half\n{{boom}}"),
		redstart.TemplateOptions{Funcs: map[string]any{"boom": func() string { panic("boom") }}})
	for name, tt := range map[string]struct {
		reply redstart.Response
		want  string
	}{
		"execution": {redstart.Render("page.html", broken), `redstart: Render("page.html"): templates: template: page.html:2:2: executing "page.html" at <call .Broken>: error calling call: the archive burnt down`},
		"unknown":   {redstart.Render("villain.html", nil), `redstart: Render("villain.html"): templates: there is no template "villain.html", but page.html, panics.html`},
		"panic":     {redstart.Render("panics.html", nil), `redstart: Render("panics.html"): templates: template: panics.html:2:2: executing "panics.html" at <boom>: error calling boom: boom`},
	} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp(redstart.WithTemplates(templates))
			app.Get("/", func(*redstart.Request) redstart.Response { return tt.reply.With("X-Page", "1") })
			w := get(app, "/")
			assert.Equal(t, 500, w.Code)
			assert.NotContains(t, w.Body.String(), "half", "never a part of the page")
			assert.NotContains(t, w.Body.String(), "burnt")
			assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			assert.Equal(t, tt.want, log.line(t, "request")["error"])
		})
	}
	app, log := newApp()
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Render("a.html", nil) })
	assert.Equal(t, 500, get(app, "/").Code)
	assert.Equal(t, `redstart: Render("a.html"): the app has no templates: give New the option WithTemplates`, log.line(t, "request")["error"])
}

func TestErrorPagesCanBeRendered(t *testing.T) { // features: P5
	app, _ := newApp(redstart.WithTemplates(redstart.Templates(views("error.html", "sorry: {{.}}", "late.html", "{{.Missing.Field}}"))))
	app.OnError(func(_ *redstart.Request, err error) redstart.Response {
		return redstart.Render("error.html", redstart.StatusOf(err))
	})
	app.Get("/fails", fails(redstart.Error(404, "x")))
	app.Get("/late", func(*redstart.Request) redstart.Response { return redstart.Render("late.html", struct{}{}) })
	w := get(app, "/fails")
	assert.Equal(t, 404, w.Code)
	assert.Equal(t, "sorry: 404", w.Body.String())
	w = get(app, "/late")
	assert.Equal(t, 500, w.Code)
	assert.Equal(t, "sorry: 500", w.Body.String(), "also when the page itself fails while it is written")
}

func TestABrokenTemplateStopsTheStart(t *testing.T) { // features: P5
	app, log := newApp(redstart.WithTemplates(redstart.Templates(views("a/b.html", "ok\n{{if}}"))))
	assert.ErrorContains(t, app.Run(t.Context(), "127.0.0.1:0"), "a/b.html:2: missing value for if")
	assert.Empty(t, log.lines(t, "listening"))
}

func TestTemplatesAreReloadedInDevelopment(t *testing.T) { // features: P5
	dir := t.TempDir()
	write := func(text string, age time.Duration) {
		name := filepath.Join(dir, "a.html")
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(name, time.Time{}, time.Now().Add(-age)))
	}
	write("one", time.Hour)
	app, log := newApp(redstart.WithTemplates(redstart.Templates(os.DirFS(dir), redstart.TemplateOptions{Reload: true})))
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Render("a.html", nil) })
	assert.Equal(t, "one", get(app, "/").Body.String())
	write("two", time.Minute)
	assert.Equal(t, "two", get(app, "/").Body.String())
	write("{{nope}}", time.Second)
	assert.Equal(t, 500, get(app, "/").Code)
	assert.Contains(t, log.lines(t, "request")[2]["error"], `a.html:1: function "nope" not defined`)
}

// capitals is another template language.
type capitals struct{ loaded map[string]any }

func (c *capitals) Load(funcs map[string]any) error { c.loaded = funcs; return nil }

func (c *capitals) Render(w io.Writer, req *redstart.Request, name string, data any) error {
	_, err := fmt.Fprintf(w, "%s %s %v", req.Path(), name, data)
	return err
}

func TestAnotherRenderer(t *testing.T) { // features: P5
	c := &capitals{}
	app := redstart.New(redstart.WithLogger(zerolog.Nop()), redstart.WithTemplates(c))
	app.Get("/x", func(*redstart.Request) redstart.Response { return redstart.Render("a", 1) }, redstart.Name("x"))
	assert.Equal(t, "/x a 1", get(app, "/x").Body.String())
	url := c.loaded["url"].(func(string, ...any) (string, error))
	path, err := url("x")
	require.NoError(t, err)
	assert.Equal(t, "/x", path)
}
