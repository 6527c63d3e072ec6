package main

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart/internal/browser"
)

// said are the lines that have been said in the room on view.
const said = `[...document.querySelectorAll(".lines:not([hidden]) > li:not(.pending) .text")].map((p) => p.textContent)`

// here are the names on the list.
const here = `[...document.querySelectorAll("#people li")].map((li) => li.firstChild.textContent)`

// comeIn goes through the door.
func comeIn(page *browser.Page, url, name string) {
	page.Open(url)
	page.Type("#name", name)
	page.Click("#door button")
	page.Await("live", `document.querySelector("#state").dataset.state`)
}

// say sends a line.
func say(page *browser.Page, text string) {
	page.Type("#text", text)
	page.Click("#say button")
}

// The pages log no error meanwhile: see package browser.
func TestTwoPagesOnABadLine(t *testing.T) {
	app, hub := quietApp()
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = hub.Close() })
	cable := browser.NewCable(t, server.Listener.Addr().String())
	chromium := browser.Start(t)
	ada, bea, wall := chromium.Page(t), chromium.Page(t), chromium.Page(t)
	bea.Allow(browser.NoNetwork, browser.SocketAsked)

	comeIn(ada, server.URL, "Ada")
	comeIn(bea, cable.URL(), "Bea")
	wall.Open(server.URL + "/wall.html#lobby")
	for _, page := range []*browser.Page{ada, bea} {
		page.Await([]string{"Ada", "Bea"}, here)
	}

	say(ada, "hello")
	for _, page := range []*browser.Page{ada, bea, wall} {
		page.Await([]string{"hello"}, said)
	}
	bea.Type("#text", "w")
	ada.Await("Bea is typing", `document.querySelector("#typing").textContent`)
	wall.Await("Bea is typing", `document.querySelector("#typing").textContent`)
	bea.Await("", `document.querySelector("#typing").textContent`) // who types knows
	say(bea, "ell <b>met</b>")
	ada.Await([]string{"hello", "well <b>met</b>"}, said)
	ada.Await("", `document.querySelector("#typing").textContent`)

	// Bea's network is gone. What is said meanwhile, on both sides, is not.
	cable.Cut()
	bea.Await("reconnecting", `document.querySelector("#state").dataset.state`)
	say(ada, "one")
	say(ada, "two")
	ada.Await(4, said+".length")
	ada.Await([]string{"Ada"}, here)
	say(bea, "three")
	say(bea, "four")
	bea.Await(2, `document.querySelectorAll(".lines:not([hidden]) .pending").length`)
	bea.Await([]string{"hello", "well <b>met</b>"}, said)
	cable.Mend(server.Listener.Addr().String())
	all := []string{"hello", "well <b>met</b>", "one", "two", "three", "four"}
	for _, page := range []*browser.Page{ada, bea, wall} {
		page.Await(all, said)
	}
	bea.Await(0, `document.querySelectorAll(".pending").length`)
	for _, page := range []*browser.Page{ada, bea} {
		page.Await([]string{"Ada", "Bea"}, here)
	}

	// The chat and its wall agree on where they are.
	ids := `[...document.querySelectorAll(".lines:not([hidden]) > li[data-id]")].map((li) => li.dataset.id)`
	assert.Equal(t, browser.Value[[]string](wall, ids), browser.Value[[]string](bea, ids))
}

func TestALineOnItsWaySurvivesAReload(t *testing.T) {
	app, hub := quietApp()
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = hub.Close() })
	cable := browser.NewCable(t, server.Listener.Addr().String())
	page := browser.Start(t).Page(t)
	page.Allow(browser.NoNetwork, browser.SocketAsked)
	comeIn(page, cable.URL(), "Ada")
	cable.Cut()
	page.Await("reconnecting", `document.querySelector("#state").dataset.state`)
	say(page, "is anybody there?")
	page.Await(1, `document.querySelectorAll(".pending").length`)
	cable.Mend(server.Listener.Addr().String())
	page.Reload()
	page.Await([]string{"is anybody there?"}, said)
	page.Await(0, `document.querySelectorAll(".pending").length`)
}

func TestRoomsAndMistakes(t *testing.T) {
	app, hub := quietApp()
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = hub.Close() })
	page := browser.Start(t).Page(t)
	comeIn(page, server.URL, "Ada")
	page.Click("#say button")
	page.Await("There is nothing to send yet.", `document.querySelector("#say-error").textContent`)
	say(page, "in the lobby")
	page.Await([]string{"in the lobby"}, said)

	page.Click(`#rooms a[href="#kitchen"]`)
	page.Await("Kitchen", `document.querySelector("#room-title").textContent`)
	page.Await("live", `document.querySelector("#state").dataset.state`)
	page.Await([]string{}, said)
	guest := visit(t, app, "lobby", "Bea", "") // meanwhile
	guest.send(input{Do: "say", Key: "key-of-bea", Text: "anybody?"})
	guest.hears("Ada", "in the lobby")
	guest.hears("Bea", "anybody?")
	page.Click(`#rooms a[href="#lobby"]`)
	page.Await([]string{"in the lobby", "anybody?"}, said)
	guest.leave()

	// What the server says about a name is shown: the page asks it again plainly.
	page.Allow("Error during WebSocket handshake: Unexpected response code: 400", "status of 400")
	page.Click("#rename")
	browser.Value[int](page, `document.querySelector("#name").removeAttribute("maxlength"), 0`)
	page.Type("#name", " the one and only of Analytical Engines")
	page.Click("#door button")
	page.Await("a name has at most 24 characters.", `document.querySelector("#door-error").textContent`)
	page.Await(true, `document.querySelector("#room").hidden`)
}
