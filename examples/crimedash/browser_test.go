package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/internal/browser"
)

// What a reader sees, in a real browser. Each rule has a server and visitors of
// its own; the browser is shared. A page that logs an error or throws fails its
// test: see package browser.
func TestInTheBrowser(t *testing.T) {
	chromium := browser.Start(t)
	rules := []struct {
		name  string
		holds func(*testing.T, *browser.Chromium)
	}{
		{"an EventSource that has everything stops", eventSourceStops},
		{"all five streams run to their ends", streamsRunToTheirEnds},
		{"an EventSource opens before the first event", eventSourceOpensAtOnce},
		{"an EventSource hears crimes by name, with positions", eventSourceHearsCrimes},
		{"an EventSource without an id joins the crimes to come", eventSourceJoins},
		{"a stream can be stopped and begun again", aStreamCanBeStopped},
		{"nothing is lost or doubled between the list and the live connection", listAndLiveMeet},
		{"a network that is cut and comes back loses nothing", anOutageLosesNothing},
		{"a server that restarts loses nothing", aRestartLosesNothing},
		{"a report that cannot be sent is kept", aReportSurvivesAnOutage},

		{"a crime reported in one page appears in another", aReportReachesOtherPages},
		{"what is missing or too long is said beside the field", thePageChecksReports},
		{"what the server refuses is said beside the field", theServersWordIsShown},
		{"a commissioner moves cases on and removes reports, before all eyes", aCaseIsMovedOn},
		{"a role that is gone is noticed", aRoleThatIsGoneIsNoticed},
		{"a report with a photo, and an error beside it", aReportWithAPhoto},
		{"an examination shows how far it is", anExaminationIsWatched},
		{"an examination that was broken off is begun anew", anExaminationIsBrokenOff},
		{"the map counts and filters", theMapCountsAndFilters},
		{"a commissioner reads the log as it is written", theLogIsRead},
		{"a photo of another node is explained", aPhotoOfAnotherNode},
		{"the plain form keeps what was typed", thePlainFormKeepsWhatWasTyped},
		{"filters act on the list and on live crimes", filtersActOnListAndLive},
		{"a pause holds crimes back, and older ones can be fetched", thePaceIsTheReaders},
		{"the language is switched and remembered", theLanguageIsRemembered},
		{"a Chinese browser is greeted in Chinese", theBrowsersLanguageIsTheFirst},
		{"the theme is switched and remembered", theThemeIsRemembered},
		{"a report can be made with the keyboard alone", theKeyboardIsEnough},
		{"every control has a name", everyControlHasAName},
		{"pages fit a phone and a desktop", pagesFitTheScreen},
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			rule.holds(t, chromium)
		})
	}
}

// site is a dashboard at an address.
type site struct {
	dashboard
	*httptest.Server
}

func newSite(t *testing.T) site {
	t.Helper()
	d := newDashboard(t)
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return site{d, server}
}

// commit reports a crime from elsewhere.
func (d dashboard) commit(t *testing.T, crime store.NewCrime) {
	t.Helper()
	reply := d.ask(t, http.MethodPost, "/api/crimes", jsonType, reportJSON(t, crime))
	require.Equal(t, http.StatusCreated, reply.Code, reply.Body)
}

// visit opens the dashboard and waits until it is live.
func visit(t *testing.T, chromium *browser.Chromium, url string) *browser.Page {
	t.Helper()
	page := chromium.Page(t)
	page.Open(url)
	page.Await("live", `document.querySelector("#link").dataset.state`)
	return page
}

// Expressions for what a page shows.
const (
	listed      = `[...document.querySelectorAll("#crimes li[data-id]")].map((li) => +li.dataset.id)`
	figureToday = `document.querySelector("[data-figure=day] .value").textContent`
)

func text(selector string) string {
	return "document.querySelector(" + strconv.Quote(selector) + ").textContent"
}

func value(selector string) string {
	return "document.querySelector(" + strconv.Quote(selector) + ").value"
}

func aReportReachesOtherPages(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	witness, reader := visit(t, chromium, gotham.URL), visit(t, chromium, gotham.URL)
	browser.Value[int](reader, "window.notReloaded = 1")

	witness.Choose("#r-kind", "sabotage")
	witness.Click("#r-severity label.critical")
	witness.Choose("#r-district", "10")
	witness.Type("#r-place", "冰山餐厅 <b>&amp;</b>")
	witness.Type("#r-description", "“冰冻枪”又出现了: fire\nand ice 🧊")
	witness.Type("#r-reporter", "企鹅人")
	witness.Click("#r-submit")
	witness.Await("Report 1 is on file. Thank you.", text("#form-done"))

	for name, page := range map[string]*browser.Page{"reader": reader, "witness": witness} {
		page.Await([]int{1}, listed)
		page.Await("1", figureToday)
		page.Await("1", text("[data-figure=severe] .value"))
		page.Await("Tricorner", text("[data-figure=hot] .value"))
		assert.Equal(t, "Sabotage · 冰山餐厅 <b>&amp;</b>, Tricorner", browser.Value[string](page, text("#crimes li h3")), name)
		assert.Equal(t, "“冰冻枪”又出现了: fire\nand ice 🧊", browser.Value[string](page, text("#crimes li .said")), name)
		assert.Contains(t, browser.Value[string](page, text("#crimes li .meta")), "Reported by 企鹅人", name)
		assert.Equal(t, "Critical", browser.Value[string](page, text("#crimes li .badge")), name)
	}
	assert.Equal(t, 1, browser.Value[int](reader, "window.notReloaded"))
	reader.Await("New report: Sabotage, Critical, Tricorner.", text("#announcer"))

	crime := decode[store.Crime](t, gotham.get(t, "/api/crimes/1"))
	assert.Equal(t, "企鹅人", crime.Reporter)
	assert.Equal(t, "“冰冻枪”又出现了: fire\nand ice 🧊", crime.Description)
	assert.Equal(t, "企鹅人", browser.Value[string](witness, value("#r-reporter")), "the same witness may have seen more")
	assert.Empty(t, browser.Value[string](witness, value("#r-place")))
}

func thePageChecksReports(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := visit(t, chromium, gotham.URL)
	page.Type("#r-reporter", "Nora Fries")
	page.Type("#r-description", "\t") // no way around the form's own check
	page.Click("#r-submit")
	page.Await("5 fields need your attention.", text("#form-error"))
	for _, field := range []string{"kind", "severity", "district", "place", "description"} {
		assert.Equal(t, "This is needed.", browser.Value[string](page, text("#e-"+field)), field)
	}
	assert.Empty(t, browser.Value[string](page, text("#e-reporter")))
	assert.Equal(t, "Nora Fries", browser.Value[string](page, value("#r-reporter")))
	assert.Equal(t, "kind", browser.Value[string](page, "document.activeElement.name"), "the first wrong field has the focus")
	assert.Equal(t, "true", browser.Value[string](page, `document.querySelector("#r-place").getAttribute("aria-invalid")`))

	page.Choose("#r-kind", "arson")
	page.Await("", text("#e-kind"))
	assert.Equal(t, "This is needed.", browser.Value[string](page, text("#e-place")), "the others stay")
	page.Click("#r-severity label.low")
	page.Choose("#r-district", "3")
	page.Type("#r-description", "smoke")
	page.Type("#r-place", strings.Repeat("界", store.MaxPlace+1))
	page.Click("#r-submit")
	page.Await("At most 80 characters.", text("#e-place"))
	assert.Equal(t, strings.Repeat("界", store.MaxPlace+1), browser.Value[string](page, value("#r-place")))

	page.Click("#r-place")
	page.Press(kb.End + kb.Backspace)
	page.Click("#r-submit")
	page.Await("Report 1 is on file. Thank you.", text("#form-done"))
	assert.Empty(t, browser.Value[string](page, text("#form-error")))
	assert.Equal(t, strings.Repeat("界", store.MaxPlace), decode[store.Crime](t, gotham.get(t, "/api/crimes/1")).Place)
}

func theServersWordIsShown(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := visit(t, chromium, gotham.URL)
	page.Allow("Failed to load resource: the server responded with a status of 422")
	// Nothing that the page checks by itself: a kind that the server does not
	// know, and a character that is no text.
	browser.Value[int](page, `document.querySelector("#r-kind").append(new Option("Pun", "pun")), 1`)
	page.Choose("#r-kind", "pun")
	page.Click("#r-severity label.low")
	page.Choose("#r-district", "9")
	browser.Value[string](page, value("#r-place")+` = "Haha\u0007 Hall"`)
	page.Type("#r-description", "没有什么好笑的")
	page.Click("#r-submit")
	page.Await("2 fields need your attention.", text("#form-error"))
	assert.Equal(t, "Choose one of the list.", browser.Value[string](page, text("#e-kind")))
	assert.Equal(t, "Please use plain text.", browser.Value[string](page, text("#e-place")))
	assert.Empty(t, browser.Value[string](page, text("#e-description")))
	assert.Equal(t, "没有什么好笑的", browser.Value[string](page, value("#r-description")))
	assert.Equal(t, "low", browser.Value[string](page, `document.querySelector("#report-form").elements.severity.value`))
	page.Await("kind", "document.activeElement.name")

	page.Click("#language")
	page.Await("请从列表中选择。", text("#e-kind"))
	page.Click("#language")

	page.Choose("#r-kind", "fraud")
	browser.Value[string](page, value("#r-place")+` = "Haha Hall"`)
	page.Click("#r-submit")
	page.Await("Report 1 is on file. Thank you.", text("#form-done"))
	page.Await([]int{1}, listed)
}

func filtersActOnListAndLive(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	tea, fire := sighting("金门茶楼"), sighting("Pier 19")
	fire.Kind, fire.Severity, fire.District = "arson", "high", 3
	gotham.commit(t, tea)  // 1
	gotham.commit(t, fire) // 2
	page := visit(t, chromium, gotham.URL)
	page.Await([]int{2, 1}, listed)

	page.Choose("#filters [name=kind]", "arson")
	page.Await([]int{2}, listed)
	page.Await("?kind=arson", "location.search")
	gotham.commit(t, tea)  // 3: it comes first, and would be there when 4 is
	gotham.commit(t, fire) // 4
	page.Await([]int{4, 2}, listed)
	page.Await("4", figureToday) // the figures stay those of the city

	page.Click("#clear")
	page.Await([]int{4, 3, 2, 1}, listed)
	page.Await("", "location.search")

	page.Type("#filters [name=q]", "PIER 19")
	page.Await([]int{4, 2}, listed)
	gotham.commit(t, tea)  // 5
	gotham.commit(t, fire) // 6
	page.Await([]int{6, 4, 2}, listed)
	page.Click("#clear")
	page.Type("#filters [name=q]", "茶楼")
	page.Await([]int{5, 3, 1}, listed)
	page.Await("3 reports", text("#feed-count"))
	page.Await("茶楼", "new URLSearchParams(location.search).get('q')")

	page.Reload()
	page.Await([]int{5, 3, 1}, listed)
	page.Await("茶楼", value("#filters [name=q]"))
	page.Click("#clear")

	page.Choose("#filters [name=severity]", "high")
	page.Await([]int{6, 4, 2}, listed)
	page.Choose("#filters [name=severity]", "")
	page.Click("#district-bars li:nth-child(8) button")
	page.Await("8", value("#filters [name=district]"))
	page.Await([]int{5, 3, 1}, listed)
	page.Choose("#filters [name=severity]", "critical")
	page.Await("No report matches these filters. New ones will appear here as they come in.", text("#empty"))
}

func thePaceIsTheReaders(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	for range 25 {
		gotham.commit(t, sighting("Robinson Park"))
	}
	page := visit(t, chromium, gotham.URL)
	page.Await(20, listed+".length")
	page.Await(6, listed+".at(-1)")

	page.Click("#pause")
	gotham.commit(t, sighting("Robinson Park"))
	gotham.commit(t, sighting("Robinson Park"))
	page.Await("Show 2 new reports", text("#held"))
	assert.Equal(t, 25, browser.Value[int](page, listed+"[0]"))
	page.Click("#held")
	page.Await(27, listed+"[0]")
	page.Await(20, listed+".length")

	page.Click("#older")
	all := make([]int, 27)
	for i := range all {
		all[i] = 27 - i
	}
	page.Await(all, listed)
	page.Await(true, `document.querySelector("#older").hidden`)
}

func theLanguageIsRemembered(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	gotham.commit(t, sighting("金门茶楼"))
	page := visit(t, chromium, gotham.URL)
	assert.Equal(t, "en", browser.Value[string](page, "document.documentElement.lang"))
	page.Type("#r-place", "Pier 19")
	page.Click("#r-severity label.high")
	page.Choose("#r-district", "8")

	page.Click("#language")
	chinese := func() {
		t.Helper()
		page.Await("zh-Hans", "document.documentElement.lang")
		page.Await([]string{"老哥谭", "钻石区", "窄巷区", "东区", "公园街", "奥蒂斯堡", "伯恩利", "唐人街", "游乐里", "三角岛"},
			`[...document.querySelectorAll("#r-district option")].slice(1).map((o) => o.text)`)
		page.Await([]string{"抢劫", "入室盗窃", "袭击", "纵火", "走私", "诈骗", "毁坏财物", "绑架", "蓄意破坏", "谜题"},
			`[...document.querySelectorAll("#filters [name=kind] option")].slice(1).map((o) => o.text)`)
		page.Await([]string{"低", "中", "高", "特危"}, `[...document.querySelectorAll("#r-severity label")].map((l) => l.textContent)`)
		page.Await("谜题 · 金门茶楼, 唐人街", text("#crimes li h3"))
		page.Await("唐人街", text("#district-bars li:nth-child(8) .name"))
		page.Await("唐人街", text("[data-figure=hot] .value"))
		page.Await("实时", text("#link-text"))
		page.Await("哥谭犯罪监控台", "document.title")
	}
	chinese()
	assert.Equal(t, []string{"Pier 19", "high", "8"}, browser.Value[[]string](page,
		`(({place, severity, district}) => [place.value, severity.value, district.value])(document.querySelector("#report-form").elements)`))
	page.Click("#r-submit")
	page.Await("此项必填。", text("#e-kind"))

	page.Reload()
	chinese()
	page.Open(gotham.URL + "/streams")
	page.Await("五种事件流", text("h1"))
	page.Click("#language")
	page.Await("Five ways to stream", text("h1"))
	page.Open(gotham.URL)
	page.Await("Riddle · 金门茶楼, Chinatown", text("#crimes li h3"))
}

func theBrowsersLanguageIsTheFirst(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := chromium.Page(t)
	agent := browser.Value[string](page, "navigator.userAgent")
	page.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetUserAgentOverride,
			emulation.SetUserAgentOverrideParams{UserAgent: agent, AcceptLanguage: "zh-CN,zh"})
		return err
	}))
	page.Open(gotham.URL)
	page.Await("zh-Hans", "document.documentElement.lang")
	page.Await("提交报告", text("#r-submit"))
}

func theThemeIsRemembered(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := visit(t, chromium, gotham.URL)
	const shown = "getComputedStyle(document.body).backgroundColor"
	first := browser.Value[string](page, shown)
	page.Click("#theme")
	page.Await(true, shown+" !== "+strconv.Quote(first))
	second := browser.Value[string](page, shown)
	page.Reload()
	page.Await(second, shown)
	page.Open(gotham.URL + "/streams")
	page.Await(second, shown)
	page.Click("#theme")
	page.Await(first, shown)
}

func theKeyboardIsEnough(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := visit(t, chromium, gotham.URL)
	const focused = "(document.activeElement.id || document.activeElement.className || document.activeElement.name)"

	page.Press(kb.Tab)
	page.Await("skip", focused)
	page.Press(kb.Enter)
	page.Await("feed", focused)

	tabTo(t, page, `#r-kind`)
	page.Press("Ars")
	page.Press(kb.Tab)
	page.Await("low", "document.activeElement.value")
	page.Press(kb.ArrowRight + kb.ArrowRight)
	page.Await("high", "document.activeElement.value")
	page.Press(kb.Tab)
	page.Await("r-district", focused)
	page.Press("The N")
	page.Press(kb.Tab + "Ace Chemicals" + kb.Tab + "Fire" + kb.Enter + "and smoke" + kb.Tab + "Gordon" + kb.Tab + kb.Tab) // past the photo
	page.Await("r-submit", focused)
	page.Press(" ")
	page.Await("Report 1 is on file. Thank you.", text("#form-done"))

	crime := decode[store.Crime](t, gotham.get(t, "/api/crimes/1"))
	assert.Equal(t, store.NewCrime{Kind: "arson", Severity: "high", District: 3, Place: "Ace Chemicals", Description: "Fire\nand smoke", Reporter: "Gordon"},
		store.NewCrime{Kind: crime.Kind, Severity: crime.Severity, District: crime.District, Place: crime.Place, Description: crime.Description, Reporter: crime.Reporter})

	page.Open(gotham.URL + "/streams")
	page.Press(kb.Tab)
	page.Await("skip", focused)
	page.Press(kb.Enter + kb.Tab)
	page.Await("Start /events", `document.activeElement.getAttribute("aria-label")`)
}

// tabTo presses Tab until the element has the focus, as it must be reachable.
func tabTo(t *testing.T, page *browser.Page, selector string) {
	t.Helper()
	for range 60 {
		page.Press(kb.Tab)
		if browser.Value[bool](page, "document.activeElement.matches("+strconv.Quote(selector)+")") {
			return
		}
	}
	t.Fatalf("%s is not within 60 steps", selector)
}

func everyControlHasAName(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	gotham.commit(t, sighting("金门茶楼"))
	page := visit(t, chromium, gotham.URL)
	page.Await([]int{1}, listed)
	logIn(t, page, "gordon")
	for path, controls := range map[string]int{"/": 30, "/streams": 10, "/login": 5, "/report": 10, "/log": 10} {
		page.Open(gotham.URL + path)
		for _, lang := range []string{"zh-Hans", "en"} {
			page.Click("#language")
			page.Await(lang, "document.documentElement.lang")
			var found int
			for _, node := range accessibilityTree(page) {
				switch role := plain(node.Role); role {
				case "button", "link", "textbox", "searchbox", "combobox", "radio", "region", "search", "log", "navigation":
					if node.Ignored {
						continue
					}
					found++
					assert.NotEmpty(t, strings.TrimSpace(plain(node.Name)), "%s has a %s without a name in %s: %+v", path, role, lang, node)
				}
			}
			assert.GreaterOrEqual(t, found, controls, path)
		}
	}
}

func accessibilityTree(page *browser.Page) (nodes []*accessibility.Node) {
	page.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		tree, err := cdp.Call(ctx, target, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		nodes = tree.Nodes
		return err
	}))
	return nodes
}

func plain(v *accessibility.Value) (s string) {
	if v != nil {
		_ = json.Unmarshal([]byte(v.Value), &s) // what is no text stays empty
	}
	return s
}

func pagesFitTheScreen(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	crime := sighting(strings.Repeat("W", store.MaxPlace)) // one word, as wide as can be
	crime.Description, crime.Reporter = strings.Repeat("M", store.MaxDescription), strings.Repeat("W", store.MaxReporter)
	gotham.commit(t, crime)
	page := visit(t, chromium, gotham.URL)
	page.Allow("Failed to load resource: the server responded with a status of 404")
	logIn(t, page, "gordon") // whose masthead has the most in it
	for _, width := range []int64{320, 390, 768, 1280, 2560} {
		page.Do(chromedp.EmulateViewport(width, 800))
		for _, path := range []string{"/", "/streams", "/login", "/report", "/log", "/nowhere"} {
			page.Open(gotham.URL + path)
			page.Await(true, `!!document.querySelector("#crimes li, [data-stream], .plain-form, #log-lines, .failure")`)
			for range 2 { // both languages
				for _, all := range []string{"html", ".masthead"} { // which cuts off what does not fit
					assert.LessOrEqual(t, browser.Value[int64](page, `document.querySelector("`+all+`").scrollWidth`), width, "%s of %s at %d", all, path, width)
				}
				page.Do(chromedp.Click(chromedp.CSS("#language")))
			}
		}
	}
}
