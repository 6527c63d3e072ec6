package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart/internal/browser"
)

const (
	allySaid     = `[...document.querySelectorAll("#ally-lines > li:not(.pending) .said")].map((p) => p.textContent)`
	allyPending  = `document.querySelectorAll("#ally-lines .pending").length`
	allyHere     = `[...document.querySelectorAll("#ally-people li")].map((li) => li.textContent)`
	allyUnread   = `document.querySelector("#allies-unread").textContent`
	allyPosition = `[...document.querySelectorAll(".ally-line[data-id]")].map((li) => li.dataset.id)`
)

func TestAlliesInTheBrowser(t *testing.T) {
	chromium := browser.Start(t)
	for _, rule := range []struct {
		name  string
		holds func(*testing.T, *browser.Chromium)
	}{
		{"allies talk, and the wall shows it", alliesTalk},
		{"a bad line loses and doubles nothing", alliesOnABadLine},
		{"what nobody has looked at is counted", alliesUnread},
		{"who logs in is known", alliesKnowWhoLogsIn},
		{"the keyboard is enough, in both languages", alliesByKeyboard},
	} {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			rule.holds(t, chromium)
		})
	}
}

// joinAs chooses one of the names that the panel offers.
func joinAs(page *browser.Page, name string) {
	page.Click(`#ally-names button[value="` + name + `"]`)
	page.Await(name, text("#ally-me"))
	page.Await("live", `document.querySelector("#allies").dataset.state`)
}

func allySay(page *browser.Page, line string) {
	page.Type("#ally-text", line)
	page.Press(kb.Enter)
}

func alliesTalk(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	batman, gordon, wall := visit(t, chromium, gotham.URL), visit(t, chromium, gotham.URL), chromium.Page(t)
	wall.Open(gotham.URL + "/wall")
	wall.Await("live", `document.querySelector("#link").dataset.state`)
	joinAs(batman, "Batman")
	joinAs(gordon, "Gordon")
	for _, page := range []*browser.Page{batman, gordon} {
		page.Await([]string{"Batman", "Gordon"}, allyHere)
	}
	allySay(gordon, "The signal is <b>on</b>.")
	for _, page := range []*browser.Page{batman, gordon} {
		page.Await([]string{"The signal is <b>on</b>."}, allySaid)
	}
	gotham.commit(t, sighting("Pier 19"))
	wall.Await([]string{"The signal is <b>on</b>."}, `[...document.querySelectorAll("#wall-lines .said")].map((p) => p.textContent)`)
	wall.Await(1, `document.querySelectorAll(".wall-crime").length`)
	assert.Equal(t, browser.Value[[]string](batman, allyPosition), browser.Value[[]string](wall, allyPosition))

	// A name is remembered, and the past is there.
	batman.Reload()
	batman.Await("Batman", text("#ally-me"))
	batman.Await([]string{"The signal is <b>on</b>."}, allySaid)

	// Who goes to another room is seen there.
	batman.Click(`#ally-rooms button[value="gcpd"]`)
	batman.Await([]string{"Batman"}, allyHere)
	batman.Await([]string{}, allySaid)
	gordon.Click(`#ally-rooms button[value="gcpd"]`)
	gordon.Await([]string{"Batman", "Gordon"}, allyHere)

	// A wall that is opened later shows what was said and done before.
	late := chromium.Page(t)
	late.Open(gotham.URL + "/wall")
	late.Await(1, `document.querySelectorAll("#wall-lines .said").length`)
	late.Await(1, `document.querySelectorAll(".wall-crime").length`)
	late.Click("#language")
	late.Await("盟友", text("#wall-lines-title"))
	late.Await("蝙蝠洞", text("#wall-lines .in"))
}

func alliesOnABadLine(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	cable := browser.NewCable(t, address(gotham.Server))
	batman, robin := visit(t, chromium, gotham.URL), visit(t, chromium, cable.URL())
	robin.Allow(browser.NoNetwork, browser.SocketAsked)
	joinAs(batman, "Batman")
	joinAs(robin, "Robin")
	allySay(batman, "one")
	robin.Await([]string{"one"}, allySaid)
	cable.Cut()
	robin.Await("offline", `document.querySelector("#allies").dataset.state`)
	allySay(batman, "two")
	allySay(robin, "three")
	allySay(robin, "four")
	robin.Await(2, allyPending)
	batman.Await([]string{"one", "two"}, allySaid)
	cable.Mend(address(gotham.Server))
	for _, page := range []*browser.Page{batman, robin} {
		page.Await([]string{"one", "two", "three", "four"}, allySaid)
		page.Await(0, allyPending)
		page.Await([]string{"Batman", "Robin"}, allyHere)
	}
}

func alliesUnread(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	batman, robin := visit(t, chromium, gotham.URL), visit(t, chromium, gotham.URL)
	joinAs(batman, "Batman")
	joinAs(robin, "Robin")
	robin.Click(`#ally-rooms button[value="oracle"]`)
	allySay(batman, "one")
	allySay(batman, "two")
	robin.Await("2", allyUnread)
	robin.Await("2", text(`#ally-rooms button[value="batcave"] .unread`))
	robin.Await("(2) Gotham Crime Desk", "document.title")
	batman.Await("", allyUnread)
	robin.Click(`#ally-rooms button[value="batcave"]`)
	robin.Await("", allyUnread)
	robin.Await("Gotham Crime Desk", "document.title")

	// The panel has been scrolled away.
	browser.Value[int](robin, `scrollTo(0, 0), document.querySelector("#allies").style.marginTop = "300vh", 0`)
	robin.Await(true, `document.querySelector("#allies-body").getBoundingClientRect().top > innerHeight`)
	robin.Await([]string{"one", "two"}, allySaid)
	allySay(batman, "three")
	robin.Await("1", allyUnread)
	robin.Click(`.nav a[href="#allies"]`)
	robin.Await("", allyUnread)
}

// Who has logged in is known to the allies, and has no other name.
func alliesKnowWhoLogsIn(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := visit(t, chromium, gotham.URL)
	joinAs(page, "Alfred")
	post := `fetch("%s", {method: "POST", body: new URLSearchParams({name: "batman", password: "i-am-the-night"})}).then((r) => r.status)`
	assert.Equal(t, 200, browser.Value[int](page, fmt.Sprintf(post, "/login")))
	page.Reload()
	page.Await("Batman", text("#ally-me"))
	page.Await(true, `document.querySelector("#ally-change").hidden && document.querySelector("#ally-who").hidden`)
	allySay(page, "It is I.")
	page.Await([]string{"It is I."}, allySaid)
	page.Await("Logged in", `document.querySelector("#ally-lines .sworn").title`)
	assert.Equal(t, 200, browser.Value[int](page, fmt.Sprintf(post, "/logout")))
	page.Reload()
	page.Await("Alfred", text("#ally-me"))
	page.Await("live", `document.querySelector("#allies").dataset.state`)
}

func alliesByKeyboard(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := visit(t, chromium, gotham.URL)
	page.Click("#language")
	page.Await("盟友频道", text("#allies-title"))
	page.Await("live", `document.querySelector("#allies").dataset.state`)
	browser.Value[int](page, `document.querySelector("#ally-name").focus(), 0`)
	page.Press(kb.Enter)
	page.Await("请先选个名字。", text("#ally-fault"))
	page.Press("夜翼")
	page.Press(kb.Enter)
	page.Await("夜翼", text("#ally-me"))
	page.Await("ally-text", "document.activeElement.id")
	page.Await("live", `document.querySelector("#allies").dataset.state`)
	page.Press(kb.Enter)
	page.Await("还没有可发送的内容。", text("#ally-fault"))
	page.Press("大家好")
	page.Press(kb.Enter)
	page.Await([]string{"大家好"}, allySaid)
	page.Await("", text("#ally-fault"))
	page.Click("#ally-change")
	page.Await("夜翼", value("#ally-name"))
	page.Await([]string{}, allyHere)
}
