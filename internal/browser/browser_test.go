package browser

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve serves a page under a strict policy, with the script that it names.
func serve(t *testing.T, markup, script string) *httptest.Server {
	t.Helper()
	files := http.NewServeMux()
	files.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><link rel="icon" href="/icon.svg">`+markup+`<script src="/page.js"></script>`)
	})
	files.HandleFunc("/page.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = io.WriteString(w, script+"\ndocument.documentElement.dataset.ran = 1;")
	})
	files.HandleFunc("/icon.svg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = io.WriteString(w, `<svg xmlns="http://www.w3.org/2000/svg"/>`)
	})
	files.HandleFunc("/events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 7\nevent: 冰\ndata: 冻\n\nretry: 600000\ndata\n\n")
	})
	files.HandleFunc("/socket", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUpgradeRequired)
	})
	server := httptest.NewServer(files)
	t.Cleanup(server.Close)
	return server
}

func TestBrowser(t *testing.T) {
	chromium := Start(t)

	complaints := map[string]struct{ markup, script, want string }{
		"an exception":           {"", `setTimeout(() => { throw new Error("Riddler"); });`, "exception: Uncaught Error: Riddler"},
		"a rejected promise":     {"", `Promise.reject(new Error("Riddler"));`, "exception: Uncaught (in promise) Error: Riddler"},
		"an error of a script":   {"", `console.error("Riddler", 7);`, `console.error: "Riddler" 7`},
		"a failed assertion":     {"", `console.assert(false, "Riddler");`, `console.assert: "Riddler"`},
		"a missing resource":     {`<img src="/riddle.png">`, "", "Failed to load resource: the server responded with a status of 404"},
		"a socket asked plainly": {"", `fetch("/socket")`, SocketAsked},
		"a violated policy":      {`<p style="color: green">Riddler</p>`, "", "Content Security Policy directive"},
		"evaluation, by policy":  {"", `try { new Function("return 1")(); } catch {}`, "security: "},
		"a script in the markup": {`<script>alert("Riddler")</script>`, "", "Content Security Policy directive"},
	}
	for name, tc := range complaints {
		t.Run(name+" is an error", func(t *testing.T) {
			server := serve(t, tc.markup, tc.script)
			page := chromium.Page(t)
			page.Open(server.URL)
			page.Await(true, "document.readyState === 'complete' && !!document.documentElement.dataset.ran")
			require.Eventually(t, func() bool { return len(page.Errors()) > 0 }, Patience, Patience/1000)
			assert.Contains(t, strings.Join(page.Errors(), "\n"), tc.want)
			page.Allow("Riddler", tc.want)
		})
	}

	t.Run("a page in order has none, and waits obey its policy", func(t *testing.T) {
		server := serve(t, `<input id="name"><select><option>1<option>2</select><button>go</button>`,
			`console.warn("only a warning"); console.log("nothing");
			document.querySelector("button").onclick = () => document.title = document.querySelector("#name").value + document.querySelector("select").value`)
		page := chromium.Page(t)
		page.Open(server.URL)
		page.Type("#name", "冰冻枪 x")
		page.Choose("select", "2")
		page.Click("button")
		page.Await("冰冻枪 x2", "document.title")
		page.Await([]int{1, 2}, "[...document.querySelectorAll('option')].map((o) => +o.value)")
		assert.Equal(t, 3, Value[int](page, "Promise.resolve(1 + 2)"))
		assert.Empty(t, page.Errors())
	})

	t.Run("events are heard as the browser reads them", func(t *testing.T) {
		server := serve(t, "", `new EventSource("/events").onmessage = (e) => document.title = "last " + e.lastEventId`)
		page := chromium.Page(t)
		page.Open(server.URL)
		page.Await("last 7", "document.title")
		require.Eventually(t, func() bool { return len(page.Events()) == 2 }, Patience, Patience/1000)
		assert.Equal(t, []Event{{"冰", "7", "冻"}, {"message", "7", ""}}, page.Events())
	})

	t.Run("a cable that is cut lets nothing through until it is mended", func(t *testing.T) {
		server := serve(t, "", "")
		cable := NewCable(t, server.Listener.Addr().String())
		page := chromium.Page(t)
		page.Allow("Failed to load resource: net::ERR_")
		page.Open(cable.URL())
		fetched := `fetch("/page.js", {cache: "no-store"}).then((r) => r.status, () => 0)`
		assert.Equal(t, 200, Value[int](page, fetched))
		cable.Cut()
		assert.Zero(t, Value[int](page, fetched))
		assert.Zero(t, Value[int](page, fetched))
		cable.Mend(server.Listener.Addr().String())
		assert.Equal(t, 200, Value[int](page, fetched))
	})

	t.Run("visitors do not share what they store", func(t *testing.T) {
		server := serve(t, "", "")
		first, second := chromium.Page(t), chromium.Page(t)
		first.Open(server.URL)
		second.Open(server.URL)
		Value[int](first, `localStorage.setItem("who", "Nygma"), 1`)
		assert.Equal(t, "nobody", Value[string](second, `localStorage.getItem("who") ?? "nobody"`))
	})
}
