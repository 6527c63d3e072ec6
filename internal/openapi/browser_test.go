package openapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/browser"
	"github.com/redstart-go/redstart/internal/openapi/gotham"
)

// serve serves a handler until the test ends. What streams is cut.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func open(t *testing.T, chromium *browser.Chromium, address string) *browser.Page {
	t.Helper()
	page := chromium.Page(t)
	page.Open(address)
	page.Await("true", "document.documentElement.dataset.ready")
	return page
}

const text = `.textContent`

func TestPage(t *testing.T) {
	chromium := browser.Start(t)

	t.Run("it lists the operations and finds them", func(t *testing.T) {
		page := open(t, chromium, serve(t, gotham.App())+"/docs")
		page.Await("Gotham's crimes", "document.title")
		page.Await([]string{"Crimes", "districts", "staff", "Live"}, "[...document.querySelectorAll('#list h2')].map((x) => x.textContent)")
		page.Await(16, "document.querySelectorAll('#list a').length")
		page.Press("/")
		page.Await("search", "document.activeElement.id")
		page.Press(kb.Escape) // which empties it
		page.Press("follow happens")
		page.Await([]string{"GETFollow what happens"}, "[...document.querySelectorAll('#list li:not([hidden])')].map((x) => x.textContent)")
		page.Press(kb.Enter)
		page.Await("Follow what happens", "document.querySelector('h1').textContent")
		page.Await("page", "document.querySelector('#list a[aria-current]').getAttribute('aria-current')")
		page.Await(true, "document.title.startsWith('Follow what happens')")
	})

	t.Run("a POST is sent and its 201 shown", func(t *testing.T) {
		page := open(t, chromium, serve(t, gotham.App())+"/docs#/report")
		page.Await("B007", `document.querySelector('[data-name="X-Badge"]').value`)
		page.Choose(`[data-name="notify"]`, "false")
		page.Await(true, `document.querySelector('.curl pre').textContent.includes("?notify=false' \\\n  -H 'X-Badge: B007'")`)
		page.Click(".send")
		page.Await("201", "document.querySelector('[data-status]').dataset.status")
		page.Await(true, `document.querySelector('.outcome pre').textContent.includes('"kind": "riddle"')`)
		page.Await(true, `document.querySelector('.outcome dl').textContent.includes('/crimes/7')`)
	})

	t.Run("what is required is asked for", func(t *testing.T) {
		page := open(t, chromium, serve(t, gotham.App())+"/docs#/closeCrime")
		page.Await("0", `document.querySelector('[data-name="id"]').value`)
		page.Click(`[data-name="id"]`)
		page.Press(kb.Backspace)
		page.Press(kb.Enter)
		page.Await("Missing: id", "document.querySelector('.outcome').textContent")
	})

	t.Run("an event stream shows its events, until it is stopped", func(t *testing.T) {
		page := open(t, chromium, serve(t, gotham.App())+"/docs#/getCrimesFeed")
		page.Click(".send")
		page.Await([]string{"alarm", "alarm", "alarm"}, "[...document.querySelectorAll('.events .tag')].map((x) => x.textContent)")
		page.Await(true, `document.querySelector('.events li:last-child').textContent.includes('"text": "alarm 3"')`)
		page.Click(".stop")
		page.Await("Stopped. 3 events.", `document.querySelector('.outcome > [role=status]').textContent`)
	})

	t.Run("a form with a file is sent", func(t *testing.T) {
		page := open(t, chromium, serve(t, gotham.App())+"/docs#/attach")
		file := filepath.Join(t.TempDir(), "joker.png")
		require.NoError(t, os.WriteFile(file, []byte("picture"), 0o600))
		page.Type(`[data-name="title"]`, "!")
		page.Do(chromedp.SetUploadFiles(chromedp.CSS(`[data-name="photo"]`), []string{file}))
		page.Await(true, `document.querySelector('.curl pre').textContent.includes("-F 'photo=@joker.png'")`)
		page.Click(".send")
		page.Await("200", "document.querySelector('[data-status]').dataset.status")
		page.Await(true, `document.querySelector('.outcome pre').textContent.includes("joker.png 7")`)
	})

	t.Run("a body of bytes is a file, and a reply that does not end can be stopped", func(t *testing.T) {
		app := quiet()
		app.Put("/photo", func(req *redstart.Request) redstart.Response {
			body, err := req.Text()
			if err != nil {
				return redstart.Fail(err)
			}
			return redstart.Stream("text/plain", func(w io.Writer) error {
				_, err := io.WriteString(w, req.Header("Content-Type")+" "+body)
				if body != "end" {
					<-req.Context().Done()
				}
				return err
			})
		}, redstart.Describe(redstart.Doc{ID: "photo", Consumes: []string{"image/*"}}))
		page := open(t, chromium, serve(t, app)+"/docs#/photo")
		send := func(name, content string) {
			file := filepath.Join(t.TempDir(), name)
			require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
			page.Do(chromedp.SetUploadFiles(chromedp.CSS(`[data-name="Body"]`), []string{file}))
			page.Click(".send")
		}
		send("joker.png", "end")
		page.Await(true, `document.querySelector('.outcome pre').textContent.includes("image/png end")`)
		page.Await(0, "document.querySelectorAll('.stop').length")
		page.Await(true, `document.querySelector('.curl pre').textContent.includes("--data-binary '@joker.png'")`)
		send("endless.png", "goes on")
		page.Await("200", "document.querySelector('[data-status]').dataset.status")
		page.Click(".stop")
		page.Await("Stopped.", "document.querySelector('.outcome').textContent")
	})

	t.Run("routes of another host and addresses of nothing are shown", func(t *testing.T) {
		app := quiet()
		app.Get("/", hello, redstart.Describe(redstart.Doc{Summary: "Of all"}))
		app.Host("api.gotham.city").Get("/", hello, redstart.Describe(redstart.Doc{Summary: "Of one", ID: "one"}))
		address := serve(t, app)
		page := open(t, chromium, address+"/docs#/one")
		page.Await("Of one", "document.querySelector('h1').textContent")
		page.Await(true, "document.querySelector('.address').textContent.includes('on api.gotham.city')")
		page.Await(2, "document.querySelectorAll('#list a').length")
		page.Await(true, `document.querySelector('.curl pre').textContent.includes("http://api.gotham.city")`)
		page = open(t, chromium, address+"/docs#/%")
		page.Await("API", "document.querySelector('h1').textContent")
	})

	t.Run("an example of text is shown as it is", func(t *testing.T) {
		app := quiet()
		app.Const("/motd", redstart.Text("The signal\nis \"up\""), redstart.Describe(redstart.Doc{ID: "motd"}))
		page := open(t, chromium, serve(t, app)+"/docs#/motd")
		page.Await("The signal\nis \"up\"", `document.querySelector('.reply pre').textContent`)
	})

	t.Run("a WebSocket is talked to", func(t *testing.T) {
		page := open(t, chromium, serve(t, gotham.App())+"/docs#/chat")
		page.Await("text", `document.querySelector('[data-name="room"]').value`)
		page.Click(".send")
		page.Await(false, "document.querySelector('.speak .send').disabled")
		page.Click(".speak .send")
		page.Await([]string{"sent", "received"}, "[...document.querySelectorAll('.events .tag')].map((x) => x.textContent)")
		page.Click(".stop")
		page.Await(true, "document.querySelector('.outcome [role=status]').textContent.startsWith('Closed: 1000')")
	})

	t.Run("credentials are sent, and kept for the next operation", func(t *testing.T) {
		app := quiet()
		app.Secure(redstart.Security{
			Middleware: func(next redstart.Handler) redstart.Handler { return next },
			Schemes:    []redstart.SecurityScheme{{Name: "bearer", Type: "http", Scheme: "bearer"}, {Name: "key", Type: "apiKey", In: "header", Param: "X-Key"}},
		})
		seen := make(chan []string, 2)
		app.Get("/a", func(req *redstart.Request) redstart.Response {
			seen <- []string{req.Header("Authorization"), req.Header("X-Key")}
			return redstart.Text("seen")
		}, redstart.Describe(redstart.Doc{ID: "a"}))
		page := open(t, chromium, serve(t, app)+"/docs#/a")
		page.Type(`[data-auth="bearer"]`, "secret")
		page.Click(".send")
		assert.Equal(t, []string{"Bearer secret", ""}, <-seen)
		page.Choose(".try select", "1")
		page.Type(`[data-auth="key"]`, "k7")
		page.Reload()
		page.Await("secret", `document.querySelector('[data-auth="bearer"]').value`)
		page.Choose(".try select", "1")
		page.Await("k7", `document.querySelector('[data-auth="key"]').value`)
		page.Click(".send")
		assert.Equal(t, []string{"", "k7"}, <-seen)
	})

	t.Run("it works below any prefix", func(t *testing.T) {
		mux := http.NewServeMux()
		app := gotham.App()
		app.Group("/internal").Docs("/manual")
		mux.Handle("/city/gotham/", http.StripPrefix("/city/gotham", app))
		page := open(t, chromium, serve(t, mux)+"/city/gotham/internal/manual#/report")
		page.Click(".send")
		page.Await("201", "document.querySelector('[data-status]').dataset.status")
	})

	t.Run("what a document says is text and no markup", func(t *testing.T) {
		page := open(t, chromium, serve(t, hostile())+"/docs")
		page.Await(true, "document.querySelectorAll('#list a').length > 0")
		for range 2 { // the overview, and the operation
			for _, selector := range []string{"main img", "main script", "main svg", "a[href^='javascript' i]", "a[href^='data' i]", "[onerror]", "iframe"} {
				assert.Zero(t, browser.Value[int](page, `document.querySelectorAll("`+selector+`").length`), selector)
			}
			assert.Contains(t, browser.Value[string](page, "document.querySelector('main')"+text), "<img src=x onerror=")
			page.Click("#list a")
			page.Await(1, "document.querySelectorAll('article.operation').length")
		}
		page.Click(".send")
		page.Await("200", "document.querySelector('[data-status]').dataset.status")
		assert.Equal(t, "undefined", browser.Value[string](page, "typeof window.harm"))
		assert.Zero(t, browser.Value[int](page, "document.querySelectorAll('.outcome img').length"))
	})

	t.Run("it fits narrow windows", func(t *testing.T) {
		page := open(t, chromium, serve(t, gotham.App())+"/docs#/report")
		for _, width := range []int64{1280, 760, 360} {
			page.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				size := emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: width < 500}
				_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, size)
				return err
			}))
			page.Await(width, "innerWidth")
			assert.LessOrEqual(t, browser.Value[int64](page, "document.documentElement.scrollWidth"), width)
		}
		page.Click("#menu")
		page.Click("#list a[href='#/closeCrime']")
		page.Await("Close a crime", "document.querySelector('h1').textContent")
		page.Await("false", "document.querySelector('#menu').getAttribute('aria-expanded')")
	})
}

const attack = `<img src=x onerror="window.harm=1"><script>window.harm=1</script> [x](javascript:window.harm=1) [y](data:text/html,<script>1</script>) ` +
	"`<svg onload=harm=1>` \"><iframe src=javascript:harm=1>"

// hostile makes an app of which every text is an attack.
func hostile() *redstart.App {
	type input struct {
		A string `query:"<img src=x onerror=harm=1>" doc:"<img src=x onerror=harm=1>" example:"<svg onload=harm=1>"`
		B string `json:"<script>harm=1</script>" doc:"<script>harm=1</script> [a](javascript:harm=1)" validate:"oneof=<script>"`
	}
	app := redstart.New(redstart.WithoutAccessLog(), redstart.WithAPI(redstart.API{
		Title: attack, Version: attack, Summary: attack, Description: attack, Terms: "javascript:window.harm=1",
		Contact: redstart.APIContact{Name: attack, URL: "javascript:harm=1"}, License: redstart.APILicense{Name: attack, URL: "javascript:harm=1"},
	}))
	group := app.Group("/x")
	group.Describe(redstart.GroupDoc{Tag: attack, Description: attack})
	redstart.Post(group, "/", func(_ context.Context, in *input) (map[string]string, error) {
		return map[string]string{"text": attack + in.B}, nil
	}, redstart.Describe(redstart.Doc{
		Summary: attack, Description: strings.Repeat(attack+"\n\n# "+attack+"\n\n- "+attack+"\n\n", 2), ID: attack, RequestExample: map[string]any{},
	}))
	return app
}
