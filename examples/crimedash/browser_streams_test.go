package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/internal/browser"
	"github.com/redstart-go/redstart/sse"
)

// watchBanner notes what the banner says, however briefly.
const watchBanner = `(() => {
	const banner = document.querySelector("#banner");
	window.said = [];
	const note = () => {
		const line = banner.dataset.tone + ": " + (banner.querySelector("span")?.textContent ?? "");
		if (window.said.at(-1) !== line) window.said.push(line);
	};
	new MutationObserver(note).observe(banner, {attributes: true, childList: true, subtree: true});
	return 1;
})()`

const (
	saidLost = "lost: Connection lost. Reconnecting; reports filed meanwhile will be caught up."
	saidBack = "back: Back online. Caught up on 5 reports."
)

func address(server *httptest.Server) string { return server.Listener.Addr().String() }

func anOutageLosesNothing(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	cable := browser.NewCable(t, address(gotham.Server))
	page := visit(t, chromium, cable.URL())
	page.Allow(browser.NoNetwork, browser.SocketAsked)
	browser.Value[int](page, watchBanner)
	gotham.commit(t, sighting("before"))
	gotham.commit(t, sighting("before"))
	page.Await([]int{2, 1}, listed)

	cable.Cut()
	page.Await("offline", `document.querySelector("#link").dataset.state`)
	page.Await("lost", `document.querySelector("#banner").dataset.tone`)
	for range 5 {
		gotham.commit(t, sighting("meanwhile 期间"))
	}
	assert.Equal(t, []int{2, 1}, browser.Value[[]int](page, listed))

	cable.Mend(address(gotham.Server))
	page.Await([]int{7, 6, 5, 4, 3, 2, 1}, listed)
	page.Await("live", `document.querySelector("#link").dataset.state`)
	page.Await([]string{saidLost, saidBack}, "window.said.slice(0, 2)")
	page.Await("7", figureToday)
	gotham.commit(t, sighting("after"))
	page.Await([]int{8, 7, 6, 5, 4, 3, 2, 1}, listed)
	page.Await("8", figureToday)

	// Not by reading the list anew: the stream went on where it had been cut.
	assert.Equal(t, []int{1, 2, 3, 4, 5, 6, 7, 8}, crimesHeard(t, page))
	for _, event := range page.Events() {
		assert.NotEqual(t, "sse.gap", event.Name)
	}
}

// crimesHeard are the numbers of the crimes that came over the live connections
// of a page, as they came.
func crimesHeard(t *testing.T, page *browser.Page) (ids []int) {
	t.Helper()
	for _, event := range page.Events() {
		if event.Name == "crime_alert" {
			var crime store.Crime
			require.NoError(t, json.Unmarshal([]byte(event.Data), &crime))
			ids = append(ids, int(crime.ID))
		}
	}
	return ids
}

// The position comes with the list, and is older than it if anything: some
// crimes come twice, and those between the list and the live connection come.
func listAndLiveMeet(t *testing.T, chromium *browser.Chromium) {
	d := newDashboard(t)
	older := `"cursor":"` + d.hub.Cursor().String() + `"`
	cursor := regexp.MustCompile(`"cursor":"[^"]*"`)
	d.commit(t, sighting("listed"))
	d.commit(t, sighting("listed"))
	var between sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/crimes":
			w.Header().Set("Content-Type", jsonType)
			_, _ = io.WriteString(w, cursor.ReplaceAllString(d.get(t, r.URL.String()).Body.String(), older))
			return
		case "/live":
			between.Do(func() { d.commit(t, sighting("between")) })
		}
		d.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	page := visit(t, chromium, server.URL)
	page.Await([]int{3, 2, 1}, listed)
	page.Await("3", figureToday)
	assert.Equal(t, []int{1, 2, 3}, crimesHeard(t, page))
}

func aReportSurvivesAnOutage(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	cable := browser.NewCable(t, address(gotham.Server))
	page := visit(t, chromium, cable.URL())
	page.Allow(browser.NoNetwork, browser.SocketAsked)
	page.Choose("#r-kind", "kidnapping")
	page.Click("#r-severity label.critical")
	page.Choose("#r-district", "1")
	page.Type("#r-place", "市政厅")
	page.Type("#r-description", "The mayor")
	cable.Cut()
	page.Click("#r-submit")
	page.Await("The report could not be sent: no connection. Nothing you wrote is lost; try again.", text("#form-error"))
	assert.Equal(t, "市政厅", browser.Value[string](page, value("#r-place")))
	cable.Mend(address(gotham.Server))
	page.Click("#r-submit")
	page.Await("Report 1 is on file. Thank you.", text("#form-done"))
	page.Await([]int{1}, listed)
	page.Await("", text("#form-error"))
}

func aRestartLosesNothing(t *testing.T, chromium *browser.Chromium) {
	crimes := emptyCity(t)
	first, stop := start(t, config{Store: crimes})
	cable := browser.NewCable(t, first.addr)
	page := visit(t, chromium, cable.URL())
	page.Allow(browser.NoNetwork, browser.SocketAsked)
	browser.Value[int](page, watchBanner)
	first.commit(t, sighting("before"))
	first.commit(t, sighting("before"))
	page.Await([]int{2, 1}, listed)

	stop() // the whole way: goodbye to the streams, hub closed
	cable.Cut()
	page.Await("lost", `document.querySelector("#banner").dataset.tone`)
	for range 2 { // filed, but no hub has them: a list has to be read
		_, err := crimes.Report(t.Context(), sighting("unannounced"))
		require.NoError(t, err)
	}
	second, stop := start(t, config{Store: crimes})
	for range 3 {
		second.commit(t, sighting("meanwhile"))
	}
	cable.Mend(second.addr)
	page.Await([]int{7, 6, 5, 4, 3, 2, 1}, listed)
	page.Await("7", figureToday)
	page.Await([]string{saidLost, saidBack}, "window.said.slice(0, 2)")
	second.commit(t, sighting("after"))
	page.Await([]int{8, 7, 6, 5, 4, 3, 2, 1}, listed)
	page.Await("8", figureToday)

	var gaps int
	for _, event := range page.Events() {
		if event.Name == "sse.gap" {
			gaps++
		}
	}
	assert.Equal(t, 1, gaps, "the position of another hub means nothing, and the page is told")
	stop()
}

// process is a dashboard that runs as the program does.
type process struct {
	dashboard
	addr string
}

func emptyCity(t *testing.T) *store.Store {
	t.Helper()
	crimes, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "gotham.db"), store.Options{Empty: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, crimes.Close()) })
	return crimes
}

// start runs the program over the crimes on file, with a hub of its own. What it
// returns stops it; the end of the test does that as well.
func start(t *testing.T, c config) (process, func()) {
	t.Helper()
	c.Hub = sse.NewHub()
	var opts []redstart.Option
	if c.Console == nil { // who names one wants what is logged
		opts = append(opts, redstart.WithLogger(zerolog.Nop()))
	}
	app, err := newApp(c, opts...)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, listener) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		assert.NoError(t, <-ended)
		assert.NoError(t, c.Hub.Close())
	}
	t.Cleanup(stop)
	return process{dashboard{app, c.Store, c.Hub}, listener.Addr().String()}, stop
}

// What depends on the time of day is not compared.
var clocks = regexp.MustCompile(`"timestamp":[0-9.e+]+|\d\d:\d\d:\d\d`)

func streamsRunToTheirEnds(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	names := map[string]string{"events": "/events", "json": "/events/json", "async": "/events/async", "database": "/events/database", "api": "/events/api"}
	page := chromium.Page(t)
	page.Open(gotham.URL + "/streams")
	page.Await(len(names), `document.querySelectorAll("[data-stream][data-state=idle]").length`)
	page.Click("#start-all")

	// Meanwhile the same streams, with the reader of package sse.
	type row struct{ Event, ID, Data string }
	results := map[string]chan []row{}
	for name, path := range names {
		results[name] = make(chan []row, 1)
		go func() {
			var rows []row
			defer func() { results[name] <- rows }()
			for message, err := range read(t, gotham.URL+path) {
				if !assert.NoError(t, err) {
					return
				}
				if message.Event == "" {
					message.Event = "message"
				}
				rows = append(rows, row{message.Event, message.ID, clocks.ReplaceAllString(message.Data, "NOW")})
			}
		}()
	}
	want := map[string][]row{}
	for name, result := range results {
		want[name] = <-result
	}

	for name, count := range map[string]int{"events": 10, "json": 5, "async": 8, "database": 10, "api": 5} {
		card := `document.querySelector("[data-stream=` + name + `]")`
		page.Await("done", card+".dataset.state")
		cells := browser.Value[[][]string](page, `[...`+card+`.querySelectorAll("tbody tr")].map((tr) =>
			["event", "id", "data"].map((name) => tr.querySelector("." + name)?.textContent ?? "none"))`)
		var shown []row
		for _, c := range cells {
			shown = append(shown, row{c[0], c[1], clocks.ReplaceAllString(c[2], "NOW")})
		}
		require.Len(t, shown, count, name)
		assert.Equal(t, want[name], shown, name)
		want[name] = shown
	}
	assert.Equal(t, row{"message", "9", "事件 9"}, want["events"][9])
	assert.Equal(t, row{"update", "4", `{"id":4,"message":"更新 4",NOW}`}, want["json"][4])
	assert.Equal(t, row{"async", "0", "异步消息 0 - NOW"}, want["async"][0])
	assert.Equal(t, row{"crime_alert", "0", `{"crime_id":0,"location":"哥谭市第0区","severity":"高",NOW}`}, want["database"][0])
	assert.Equal(t, row{"error", "error_2", "获取数据错误: 503 Service Unavailable"}, want["api"][2])
	assert.Equal(t, "api_update", want["api"][3].Event)
	assert.Equal(t, "5 events", browser.Value[string](page, text("[data-stream=api] .state .muted")))
	assert.Equal(t, 1, browser.Value[int](page, `document.querySelectorAll("tr.wrong").length`))
}

// read opens a stream with an ordinary client.
func read(t *testing.T, url string) func(func(sse.Message, error) bool) {
	return func(yield func(sse.Message, error) bool) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			yield(sse.Message{}, err)
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			yield(sse.Message{}, err)
			return
		}
		defer resp.Body.Close()
		sse.Read(resp.Body)(yield)
	}
}

func aStreamCanBeStopped(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := chromium.Page(t)
	page.Open(gotham.URL + "/streams")
	const card = `document.querySelector("[data-stream=events]")`
	page.Click("[data-stream=events] button")
	page.Await("事件 0", card+`.querySelector("tbody .data").textContent`)
	page.Await("running", card+".dataset.state")
	page.Click("[data-stream=events] button")
	page.Await("stopped", card+".dataset.state")
	page.Click("[data-stream=events] button")
	page.Await([]string{"0", "1"}, `[...`+card+`.querySelectorAll("tbody .id")].map((td) => td.textContent)`)
	page.Click("#stop-all")
	page.Await("stopped", card+".dataset.state")
}

// listenTo opens an EventSource in a page and notes all that happens to it.
func listenTo(url string, names ...string) string {
	list, _ := json.Marshal(append([]string{"message"}, names...))
	return `(() => {
	window.heard = [];
	const source = window.source = new EventSource(` + strconv.Quote(url) + `);
	source.onopen = () => heard.push("open");
	source.onerror = (e) => heard.push("error" + (e.data === undefined ? "" : " " + e.lastEventId + " " + e.data));
	for (const name of ` + string(list) + `) source.addEventListener(name, (e) => heard.push([e.type, e.lastEventId, e.data].join(" ")));
	return source.readyState;
})()`
}

// idle is a page that has no connection open.
func idle(t *testing.T, chromium *browser.Chromium, url string) *browser.Page {
	t.Helper()
	page := chromium.Page(t)
	page.Open(url + "/streams")
	page.Await(5, `document.querySelectorAll("[data-stream][data-state=idle]").length`)
	return page
}

func eventSourceOpensAtOnce(t *testing.T, chromium *browser.Chromium) {
	// A service that does not answer yet: the stream has nothing to send.
	answer := make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-answer:
			standIn{}.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
	gotham, _ := start(t, config{Store: emptyCity(t), Remote: slow})
	page := idle(t, chromium, "http://"+gotham.addr)
	browser.Value[int](page, listenTo("/events/api", "api_update"))
	page.Await([]string{"open"}, "heard")
	close(answer)
	page.Await([]string{"open", `api_update 0 {"id":0,"patrols_on_duty":12,"source":"GCPD"}`}, "heard.slice(0, 2)")
	page.Await("error error_2 获取数据错误: 503 Service Unavailable", "heard[3]")
	page.Await("api_update 3", "heard[4]?.slice(0, 12)")
	browser.Value[int](page, "source.close(), 1")
}

func eventSourceHearsCrimes(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := idle(t, chromium, gotham.URL)
	from := gotham.hub.Cursor().String()
	gotham.commit(t, sighting("冰山餐厅"))
	browser.Value[int](page, listenTo("/live?lastEventID="+from, "crime_alert", "sse.gap"))
	page.Await("open", "heard[0]")
	page.Await(1, `heard.filter((line) => line.startsWith("crime_alert")).length`)
	gotham.commit(t, sighting("冰山餐厅"))
	page.Await(2, `heard.filter((line) => line.startsWith("crime_alert")).length`)
	assert.Equal(t, 2, strings.Count(strings.Join(browser.Value[[]string](page, "heard"), "\n"), "谜题 & <riddle>"))
	assert.Equal(t, []int{1, 2}, crimesHeard(t, page))

	// The position of the last crime is the present one, and a listener from
	// there hears only what is new.
	last := browser.Value[string](page, `heard.at(-1).split(" ")[1]`)
	assert.Equal(t, gotham.hub.Cursor().String(), last)
	other := idle(t, chromium, gotham.URL)
	browser.Value[int](other, listenTo("/live?lastEventID="+last, "crime_alert", "sse.gap"))
	other.Await([]string{"open"}, "heard")
	gotham.commit(t, sighting("冰山餐厅"))
	other.Await(2, "heard.length")
	assert.Equal(t, []int{3}, crimesHeard(t, other))
	for _, p := range []*browser.Page{page, other} {
		browser.Value[int](p, "source.close(), 1")
		assert.NotContains(t, strings.Join(browser.Value[[]string](p, "heard"), "\n"), "sse.gap")
	}
}

func eventSourceJoins(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	gotham.commit(t, sighting("Old news"))
	page := idle(t, chromium, gotham.URL)
	browser.Value[int](page, listenTo("/live", "crime_alert", "sse.gap"))
	page.Await([]string{"open"}, "heard")
	gotham.commit(t, sighting("News"))
	page.Await(2, "heard.length")
	assert.Equal(t, []int{2}, crimesHeard(t, page))
	browser.Value[int](page, "source.close(), 1")
}

// The stream ends after its tenth message. An EventSource takes that for an
// accident and comes back, naming the last; the reply is then 204, and it stops.
func eventSourceStops(t *testing.T, chromium *browser.Chromium) {
	page := idle(t, chromium, newSite(t).URL)
	browser.Value[int](page, listenTo("/events"))
	page.Await(2, "source.readyState")
	want := []string{"open"}
	for i := range 10 {
		want = append(want, fmt.Sprintf("message %d 事件 %d", i, i))
	}
	assert.Equal(t, append(want, "error", "error"), browser.Value[[]string](page, "heard"))
}
