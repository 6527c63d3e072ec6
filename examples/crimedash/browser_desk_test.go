package main

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/browser"
)

// What a badge shows besides the buttons of a case, and the map.

func anExaminationIsWatched(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	gotham.commit(t, sighting("Pier 19"))
	page := visit(t, chromium, gotham.URL)
	page.Await([]int{1}, listed)
	page.Await(0, `document.querySelectorAll("[data-act=examine]").length`)
	logIn(t, page, "robin")
	browser.Value[int](page, `(() => { // the bar is gone when the result is there
		window.seen = [];
		new MutationObserver(() => {
			const bar = document.querySelector(".lab progress");
			if (bar) seen.push(bar.value);
		}).observe(document.querySelector("#crimes"), { childList: true, subtree: true, characterData: true });
		return 1;
	})()`)
	press(page, "[data-act=examine]")
	page.Await("Laboratory: green ink on every page. The Riddler.", text(".lab"))
	seen := browser.Value[[]int](page, "seen")
	assert.IsIncreasing(t, compact(seen))
	assert.Contains(t, seen, 95)
	page.Click("#language")
	page.Await("实验室： 每一页都有绿墨水。谜语人。", text(".lab"))

	// A row that is drawn anew still knows.
	gordon := visit(t, chromium, gotham.URL)
	logIn(t, gordon, "gordon")
	press(gordon, "[data-act=closed]")
	page.Await("已结案", text("#crimes .status-closed"))
	page.Await("实验室： 每一页都有绿墨水。谜语人。", text(".lab"))
}

// A server that ends takes an examination with it. The page says so, and a new one can be
// begun; meanwhile a page that was put aside holds no connection.
func anExaminationIsBrokenOff(t *testing.T, chromium *browser.Chromium) {
	crimes := emptyCity(t)
	first, stop := start(t, config{Store: crimes, LabPace: time.Hour})
	cable := browser.NewCable(t, first.addr)
	page := visit(t, chromium, cable.URL())
	page.Allow(browser.NoNetwork, browser.SocketAsked)
	logIn(t, page, "robin")
	first.commit(t, sighting("Pier 19"))
	press(page, "[data-act=examine]")
	page.Await("Collecting evidence", text(".lab .stage"))
	await := func(subscribers int) {
		t.Helper()
		require.Eventually(t, func() bool { return first.hub.Stats().Subscribers == subscribers }, browser.Patience, browser.Patience/1000)
	}
	await(len(rooms) + 2) // of the allies; the feed, and this
	browser.Value[bool](page, `dispatchEvent(new PageTransitionEvent("pagehide"))`)
	await(len(rooms))
	browser.Value[bool](page, `dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`)
	await(len(rooms) + 2)

	browser.Value[string](page, `document.querySelector("#crimes li[data-id]").dataset.before = "1"`)
	stop()
	second, _ := start(t, config{Store: crimes, LabPace: 20 * time.Millisecond})
	cable.Mend(second.addr)
	page.Await("The examination was broken off. Please begin again.", text(".lab"))
	// The list is read anew, and what was focused in the old one is gone.
	page.Await(0, `document.querySelectorAll("#crimes li[data-before]").length`)
	page.Await("live", `document.querySelector("#link").dataset.state`)
	press(page, "[data-act=examine]")
	page.Await("Laboratory: green ink on every page. The Riddler.", text(".lab"))
}

// compact leaves out what comes twice in a row.
func compact(list []int) (short []int) {
	for _, n := range list {
		if len(short) == 0 || short[len(short)-1] != n {
			short = append(short, n)
		}
	}
	return short
}

func theMapCountsAndFilters(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := visit(t, chromium, gotham.URL)
	const chinatown = `document.querySelector('#city-map [data-district="8"]')`
	page.Await(10, `document.querySelectorAll("#city-map .area").length`)
	page.Await("0", chinatown+`.querySelector("text").textContent`)
	fire := sighting("Pier 19")
	fire.District = 3
	gotham.commit(t, fire)
	gotham.commit(t, sighting("金门茶楼"))
	page.Await("1", chinatown+`.querySelector("text").textContent`)
	page.Await("Chinatown: 1", chinatown+`.querySelector("title").textContent`)
	page.Await(true, chinatown+`.classList.contains("struck")`)
	page.Await([]int{2, 1}, listed)
	browser.Value[int](page, chinatown+`.dispatchEvent(new MouseEvent("click", { bubbles: true })), 1`)
	page.Await([]int{2}, listed)
	page.Await(true, chinatown+`.classList.contains("chosen")`)
}

func theLogIsRead(t *testing.T, chromium *browser.Chromium) {
	gotham, _ := start(t, config{Store: emptyCity(t), Console: io.Discard})
	page := visit(t, chromium, "http://"+gotham.addr)
	logIn(t, page, "gordon")
	page.Click(`.nav a[href="/log"]`)
	arrive(page, `document.querySelector("#link")?.dataset.state === "live"`)
	const lines = `[...document.querySelectorAll("#log-lines li")].map((li) => [li.className, li.querySelector(".mark").textContent, li.querySelector(".what").textContent].join(" "))`
	page.Await(true, lines+`.includes("good 303 POST /login")`)
	gotham.get(t, "/nowhere")
	page.Await(true, lines+`.includes("trouble 404 GET /nowhere")`)
	page.Click("#log-trouble")
	page.Await(true, `[...document.querySelectorAll("#log-lines li")].every((li) => (li.offsetParent !== null) === (li.className !== "good" && li.className !== "info"))`)
	page.Click("#log-clear")
	page.Await(0, `document.querySelectorAll("#log-lines li").length`)
}
