package templates

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func folder(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

var site = map[string]string{
	"layouts/base.html":        `<title>{{block "title" .}}Gotham{{end}}</title>{{block "content" .}}{{end}}`,
	"partials/crime.html":      `<li>{{.}}</li>`,
	"crimes.html":              `{{template "layouts/base.html" .}}{{define "title"}}Crimes{{end}}{{define "content"}}{{range .}}{{template "partials/crime.html" .}}{{end}}{{end}}`,
	"heroes/list.html":         `{{template "layouts/base.html" .}}{{define "content"}}heroes{{end}}`,
	"blank.html":               `{{template "layouts/base.html" .}}{{define "title"}}{{end}}`,
	"plain.gohtml":             `<a href="{{link .}}" title="{{.}}">{{shout .}}</a>`,
	"partials/attributes.tmpl": `<script>let x = {{.}};</script>`,
	"readme.txt":               `{{broken`,
}

func load(t *testing.T, fsys fs.FS, o Options) *Set {
	t.Helper()
	o.Funcs = map[string]any{"shout": strings.ToUpper}
	s := New(fsys, o)
	require.NoError(t, s.Load(map[string]any{"link": func(s string) string { return "/to?" + s }, "shout": strings.ToLower}))
	return s
}

func render(s *Set, name string, data any) (string, error) {
	var out strings.Builder
	err := s.Render(&out, name, data)
	return out.String(), err
}

func TestRender(t *testing.T) {
	s := load(t, folder(site), Options{})
	for name, tt := range map[string]struct {
		template string
		data     any
		want     string
	}{
		"page with layout, blocks and partial": {"crimes.html", []string{"arson", "<riddle>"}, `<title>Crimes</title><li>arson</li><li>&lt;riddle&gt;</li>`},
		"the layout's own text for a block":    {"heroes/list.html", nil, `<title>Gotham</title>heroes`},
		"a block left empty on purpose":        {"blank.html", nil, `<title></title>`},
		"functions, the options' first":        {"plain.gohtml", `a "b"`, `<a href="/to?a%20%22b%22" title="a &#34;b&#34;">A &#34;B&#34;</a>`},
		"a partial by itself":                  {"partials/crime.html", "x", `<li>x</li>`},
		"escaped for where it is":              {"partials/attributes.tmpl", "</script>", `<script>let x = "\u003c/script\u003e";</script>`},
		"a block of a page":                    {"crimes.html#content", []string{"x"}, `<li>x</li>`},
		"a shared block of a page":             {"heroes/list.html#title", nil, `Gotham`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := render(s, tt.template, tt.data)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestRenderFailures(t *testing.T) {
	s := load(t, folder(map[string]string{"a.html": "1\n2 {{.Missing.Field}}", "b/c.html": ""}), Options{})
	for name, tt := range map[string]struct{ template, want string }{
		"unknown":       {"x.html", `templates: there is no template "x.html", but a.html, b/c.html`},
		"unknown block": {"a.html#content", `templates: "a.html" has no block "content"`},
		"execution":     {"a.html", `templates: template: a.html:2:12: executing "a.html" at <.Missing.Field>`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(s, tt.template, struct{ Missing func() }{})
			assert.ErrorContains(t, err, tt.want)
		})
	}
	_, err := render(load(t, folder(nil), Options{Reload: true}), "x", nil)
	assert.EqualError(t, err, `templates: there is no template "x", nor any other`)
	_, err = render(New(folder(nil), Options{}), "x", nil)
	assert.EqualError(t, err, "templates: the set was not loaded")
	many := map[string]string{}
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		many[string(c)+".html"] = ""
	}
	_, err = render(load(t, folder(many), Options{}), "x", nil)
	assert.ErrorContains(t, err, "s.html, t.html and 6 more")
}

func TestWhatIsWrongIsFoundWhenLoading(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"syntax":                 {map[string]string{"a/b.html": "ok\n{{if}}"}, `templates: template: a/b.html:2: missing value for if`},
		"function":               {map[string]string{"a.html": "\n\n{{nope}}"}, `templates: template: a.html:3: function "nope" not defined`},
		"call of no template":    {map[string]string{"a.html": "\n{{template `nope.html`}}"}, `a.html:2:11: no such template "nope.html"`},
		"call, where it is rare": {map[string]string{"a.html": "{{if .}}\n{{template `nope`}}{{end}}"}, `a.html:2:11: no such template "nope"`},
		"ambiguous context":      {map[string]string{"a.html": "<a {{if .}}href='{{end}}>"}, `a.html`},
		"in a layout":            {map[string]string{"layouts/a.html": "{{template `nope`}}"}, `layouts/a.html:1:11: no such template "nope"`},
		"call of a page":         {map[string]string{"a.html": "{{template `b.html`}}", "b.html": ""}, `no such template "b.html": it is a page, and only what is in a shared folder can be called: layouts, partials`},
		"a folder too many":      {map[string]string{"web/tpl/a.html": "{{template `layouts/b.html`}}", "web/tpl/layouts/b.html": ""}, `no such template "layouts/b.html", but "web/tpl/layouts/b.html": is the option Dir to be "web/tpl"?`},
		"none at all":            {map[string]string{"a.txt": ""}, `templates: there are no templates in the folder "." of the file system: want files ending in .html, .gohtml, .tmpl`},
		"twice in a file":        {map[string]string{"a.html": `{{define "x"}}1{{end}}{{define "x"}}2{{end}}`}, `a.html:1: template: multiple definition of template "x"`},
		"twice among the shared": {map[string]string{
			"layouts/a.html": `{{define "x"}}1{{end}}`, "partials/b.html": `{{define "x"}}2{{end}}`,
		}, `templates: layouts/a.html and partials/b.html both define "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, New(folder(tt.files), Options{}).Load(nil), tt.want)
		})
	}
	err := New(folder(site), Options{Dir: "nowhere"}).Load(nil)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, `templates: looking for templates in the folder "nowhere" of the file system: `)
	assert.EqualError(t, New(nil, Options{}).Load(nil), "templates: the file system is nil: give one such as an embed.FS or os.DirFS(path)")
}

func TestFunctionsThatAreNone(t *testing.T) {
	for name, tt := range map[string]struct {
		function any
		want     string
	}{
		"shout":     {nil, "templates: Funcs: value for shout not a function"},
		"whisper":   {3, "templates: Funcs: value for whisper not a function"},
		"two words": {strings.ToUpper, `templates: Funcs: function name "two words" is not a valid identifier`},
		"nothing":   {func() {}, "templates: Funcs: function nothing has 0 return values; should be 1 or 2"},
	} {
		err := New(folder(site), Options{Funcs: map[string]any{name: tt.function}}).Load(nil)
		assert.EqualError(t, err, tt.want)
	}
}

func TestOptions(t *testing.T) {
	s := load(t, folder(map[string]string{
		"web/views/a.htm": `{{keep}}[[template "parts/b.htm" .]]`, "web/views/parts/b.htm": "b", "web/a.htm": "[[", "web/views/c.html": "[[",
	}), Options{Dir: "web/views", Extensions: []string{".htm"}, Shared: []string{"/parts/"}, Left: "[[", Right: "]]"})
	got, err := render(s, "a.htm", nil)
	require.NoError(t, err)
	assert.Equal(t, "{{keep}}b", got)

	for _, dir := range []string{"/web/views", "web/views/", "./web//views"} {
		got, err := render(load(t, folder(map[string]string{"web/views/a.htm": "a"}), Options{Dir: dir, Extensions: []string{"htm"}}), "a.htm", nil)
		require.NoError(t, err, dir)
		assert.Equal(t, "a", got, "also without the dot of the extension")
	}
}

func TestReload(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, age time.Duration) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		at := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(path, at, at))
	}
	write("a.html", "one {{template `partials/p.html`}}", time.Hour)
	write("partials/p.html", "p", time.Hour)
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	developing, production := load(t, root.FS(), Options{Reload: true}), load(t, os.DirFS(dir), Options{})
	expect := func(want string) {
		t.Helper()
		got, err := render(developing, "a.html", nil)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		got, err = render(production, "a.html", nil)
		require.NoError(t, err)
		assert.Equal(t, "one p", got, "without Reload nothing changes")
	}
	expect("one p")
	write("a.html", "two {{template `partials/p.html`}}", 50*time.Minute)
	expect("two p")
	write("partials/p.html", "q", 50*time.Minute)
	expect("two q")
	write("a.html", "\n{{if}}", 40*time.Minute)
	for range 2 {
		_, err = render(developing, "a.html", nil)
		assert.ErrorContains(t, err, "a.html:2: missing value for if")
	}
	write("a.html", "three", 30*time.Minute)
	expect("three")
	write("new.html", "new", 20*time.Minute)
	got, err := render(developing, "new.html", nil)
	require.NoError(t, err)
	assert.Equal(t, "new", got)
	require.NoError(t, os.Remove(filepath.Join(dir, "new.html")))
	_, err = render(developing, "new.html", nil)
	assert.ErrorContains(t, err, "there is no template")
}

func TestConcurrentRendering(t *testing.T) {
	s := load(t, folder(site), Options{Reload: true})
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for range 20 {
				_, err := render(s, "crimes.html#content", []string{"x"})
				assert.NoError(t, err)
			}
		})
	}
	users.Wait()
}
