package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/browser"
)

const (
	servedBy    = `document.querySelector("#served-by .served-name").textContent`
	bannerSays  = `document.querySelector("#banner span")?.textContent ?? ""`
	firstPlaces = `[...document.querySelectorAll("#crimes li .where")].slice(0, 3).map((e) => e.textContent.trim())`
	onFile      = `document.querySelector("[data-figure=open] .note").textContent.match(/\d+/)[0]`
	// noteTimes notes when each crime was put on the list, by its number.
	noteTimes = `(() => {
	window.shown = {};
	new MutationObserver((changes) => {
		for (const change of changes) for (const item of change.addedNodes) window.shown[item.dataset.id] ??= Date.now();
	}).observe(document.querySelector("#crimes"), {childList: true});
	return 1;
})()`
)

func TestNodesInTheBrowser(t *testing.T) {
	chromium := browser.Start(t)
	w, dir := newTelegraph(t), t.TempDir()
	a, b := join(t, w, filepath.Join(dir, "a.db"), "gotham-a"), join(t, w, filepath.Join(dir, "b.db"), "gotham-b")
	cable := browser.NewCable(t, strings.TrimPrefix(a.url, "http://"))
	page, other := visit(t, chromium, cable.URL()), visit(t, chromium, b.url)
	page.Allow(browser.NoNetwork, browser.SocketAsked)
	page.Await("gotham-a", servedBy)
	other.Await("gotham-b", servedBy)
	browser.Value[int](page, noteTimes)

	crime := b.commit("Pier 19")
	page.Await(crime.ID, listed+"[0]")
	shown := browser.Value[int64](page, "window.shown["+listed+"[0]]")
	assert.Less(t, shown-crime.CreatedAt.UnixMilli(), int64(1000), "milliseconds from one node to the page of the other")
	other.Await(crime.ID, listed+"[0]")
	page.Await("121", onFile)
	assert.Regexp(t, `#[0-9A-Z]+-[0-9A-Z]{5}$`, browser.Value[string](page, text("#crimes li .meta")))

	// The node leaves, and the page finds the other one at the same address.
	cable.Mend(strings.TrimPrefix(b.url, "http://"))
	browser.Value[int](page, watchBanner)
	a.stop()
	during := b.commit("Tin Alley")
	page.Await("gotham-b", servedBy)
	page.Await("live", `document.querySelector("#link").dataset.state`)
	page.Await(during.ID, listed+"[0]")
	page.Await([]string{"moved: Handed over to gotham-b. Nothing was missed."}, "window.said.slice(0, 1)")
	page.Click("#language")
	page.Await("由 gotham-b 提供服务", `document.querySelector("#served-by").title`)
	page.Click("#language")
	last := b.commit("Ace Chemicals")
	page.Await(last.ID, listed+"[0]")
	assert.Equal(t, []string{"· Ace Chemicals, Chinatown", "· Tin Alley, Chinatown", "· Pier 19, Chinatown"}, browser.Value[[]string](page, firstPlaces))
	var heard []string
	for _, event := range page.Events() {
		require.NotEqual(t, "sse.gap", event.Name)
		if event.Name == "crime_alert" {
			heard = append(heard, event.Data)
		}
	}
	assert.Len(t, heard, 3, "each once")
	page.Await("123", onFile)

	// The log is out of reach: the witness sees the report, and everybody later.
	c := join(t, w, filepath.Join(dir, "c.db"), "gotham-c")
	far := visit(t, chromium, c.url)
	w.stop()
	page.Choose("#r-kind", "sabotage")
	page.Click("#r-severity label.critical")
	page.Choose("#r-district", "10")
	page.Type("#r-place", "Telegraph office")
	page.Type("#r-description", "All lines are cut.")
	page.Click("#r-submit")
	page.Await("· Telegraph office, Tricorner", firstPlaces+"[0]")
	page.Await("124", onFile)
	assert.Equal(t, "· Ace Chemicals, Chinatown", browser.Value[string](far, firstPlaces+"[0]"))
	w.start()
	far.Await("· Telegraph office, Tricorner", firstPlaces+"[0]")
	far.Await("124", onFile)
	next := c.commit("Pier 20")
	page.Await(next.ID, listed+"[0]")
	page.Await("125", onFile)
	assert.Equal(t, "· Telegraph office, Tricorner", browser.Value[string](page, firstPlaces+"[1]"))
	assert.Equal(t, "· Ace Chemicals, Chinatown", browser.Value[string](page, firstPlaces+"[2]"))
}
