package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/internal/browser"
)

// arrive waits until a page has loaded, after a click that leads there, of which the
// expression is true. Asking is repeated, because a question is lost with its page.
func arrive(page *browser.Page, expression string) {
	page.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		for {
			there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && (`+expression+`)`))
			if err == nil && there {
				return nil
			}
			if !pause(ctx, 20*time.Millisecond) {
				return fmt.Errorf("the page never came of which is true: %s (%w)", expression, errors.Join(err, ctx.Err()))
			}
		}
	}))
}

// Where one arrives.
const (
	atLogin    = `document.activeElement.id === "l-name"`
	loggedIn   = `document.querySelector("#log-out")?.hidden === false`
	loggedOut  = `document.querySelector("#log-in")?.hidden === false`
	formErrors = `!!document.querySelector(".plain-form .form-error")`
)

// logIn goes the way of a visitor, with the keyboard, and comes back to the dashboard.
func logIn(t *testing.T, page *browser.Page, name string) {
	t.Helper()
	page.Click("#log-in")
	arrive(page, atLogin)
	page.Press(name + kb.Tab + passwords[name] + kb.Enter)
	arrive(page, loggedIn)
	page.Await("live", `document.querySelector("#link")?.dataset.state`)
}

// press uses a button by the keyboard. A page that still grows moves it away from under
// a mouse.
func press(page *browser.Page, selector string) {
	page.Await(true, "!!document.querySelector("+strconv.Quote(selector)+")")
	browser.Value[int](page, "(document.querySelector("+strconv.Quote(selector)+").focus(), 1)")
	page.Press(kb.Enter)
}

// attach chooses a file for the photo field, as a person does in a dialog of the browser.
func attach(page *browser.Page, name, mediaType string, content []byte) {
	browser.Value[int](page, `(() => {
		const bytes = Uint8Array.from(atob("`+base64.StdEncoding.EncodeToString(content)+`"), (c) => c.charCodeAt(0));
		const files = new DataTransfer();
		files.items.add(new File([bytes], "`+name+`", { type: "`+mediaType+`" }));
		const input = document.querySelector("#r-photo");
		input.files = files.files;
		for (const type of ["input", "change"]) input.dispatchEvent(new Event(type, { bubbles: true }));
		return 1;
	})()`)
}

func aCaseIsMovedOn(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	gotham.commit(t, sighting("Pier 19"))
	gotham.commit(t, sighting("Pier 20"))
	reader := visit(t, chromium, gotham.URL)
	wall := chromium.Page(t)
	wall.Open(gotham.URL + "/wall")
	const onWall = `[...document.querySelectorAll("#wall-crimes li[data-id]")].map((li) => +li.dataset.id).sort()`
	wall.Await([]int{1, 2}, onWall)
	reader.Await(0, `document.querySelectorAll(".acts").length`)
	reader.Await(true, `document.querySelector("#export").hidden`)

	gordon := visit(t, chromium, gotham.URL+"/?kind=riddle")
	gordon.Allow("Failed to load resource: the server responded with a status of 401")
	gordon.Click("#log-in")
	arrive(gordon, atLogin)
	gordon.Type("#l-name", "gordon")
	gordon.Type("#l-password", "wrong"+kb.Enter)
	arrive(gordon, formErrors)
	gordon.Await("The name or the password is wrong.", text(".form-error"))
	assert.Equal(t, "gordon", browser.Value[string](gordon, value("#l-name")), "what was typed is kept")
	gordon.Await("l-password", "document.activeElement.id")
	gordon.Press(passwords["gordon"] + kb.Enter)
	arrive(gordon, loggedIn)
	gordon.Await("live", `document.querySelector("#link")?.dataset.state`)
	gordon.Await("?kind=riddle", "location.search")
	gordon.Await("Commissioner Gordon", text("#who-name"))
	gordon.Await("/api/crimes.csv?kind=riddle", `document.querySelector("#export").getAttribute("href")`)
	gordon.Await([]int{2, 1}, listed)

	press(gordon, `li[data-id="1"] [data-act=closed]`)
	for _, page := range []*browser.Page{gordon, reader} {
		page.Await("Closed", text(`li[data-id="1"] .status-closed`))
		page.Await("1", text("[data-figure=open] .value"))
	}
	gordon.Await("Reopen: report 1", `document.activeElement.getAttribute("aria-label")`)

	press(gordon, `li[data-id="2"] [data-act=remove]`)
	gordon.Await("Really remove?", text(`li[data-id="2"] [data-act=remove]`))
	press(gordon, `li[data-id="2"] [data-act=remove]`)
	for _, page := range []*browser.Page{gordon, reader} {
		page.Await([]int{1}, listed)
	}
	wall.Await([]int{1}, onWall)

	gordon.Click("#language")
	gordon.Await("重新立案", text(`li[data-id="1"] .acts button`))
	gordon.Click("#language")
	gordon.Click("#log-out button")
	arrive(gordon, loggedOut)
	gordon.Await([]int{1}, listed)
	assert.Empty(t, browser.Value[string](gordon, text("#who-name")))
	gordon.Await(0, `document.querySelectorAll(".acts").length`)
}

// Who has lost the right meanwhile is told beside the button.
func aRoleThatIsGoneIsNoticed(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	gotham.commit(t, sighting("Pier 19"))
	page := visit(t, chromium, gotham.URL)
	page.Allow("Failed to load resource: the server responded with a status of 403")
	logIn(t, page, "batman")
	page.Await(0, `document.querySelectorAll("[data-act=remove]").length`)
	_, err := gotham.store.DB().ExecContext(t.Context(), "UPDATE users SET role = ? WHERE name = 'batman'", store.RoleSidekick)
	require.NoError(t, err)
	press(page, `li[data-id="1"] [data-act=responding]`)
	page.Await(true, text(`li[data-id="1"] .said-no`)+`.startsWith("Not done: ")`)
}

func aReportWithAPhoto(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	witness, reader := visit(t, chromium, gotham.URL), visit(t, chromium, gotham.URL)
	witness.Allow("Failed to load resource: the server responded with a status of 422")
	logIn(t, witness, "robin")
	witness.Choose("#r-kind", "arson")
	witness.Click("#r-severity label.high")
	witness.Choose("#r-district", "3")
	witness.Type("#r-place", "Tin Alley")
	witness.Type("#r-description", "Smoke")

	attach(witness, "riddle.png", "image/png", []byte("no picture at all"))
	witness.Await(true, `document.querySelector("#r-preview").hidden`) // there is nothing to show
	witness.Click("#r-submit")
	witness.Await("Please choose a picture: JPEG, PNG, GIF or WebP.", text("#e-photo"))
	witness.Await("photo", "document.activeElement.name")
	for selector, want := range map[string]string{"#r-kind": "arson", "#r-district": "3", "#r-place": "Tin Alley", "#r-description": "Smoke"} {
		assert.Equal(t, want, browser.Value[string](witness, value(selector)), "what was typed is kept")
	}

	attach(witness, "smoke.png", "image/png", picture(t))
	witness.Await("", text("#e-photo"))
	witness.Await(40, `document.querySelector("#r-preview-image").naturalWidth`)
	witness.Click("#r-photo-clear")
	witness.Await(true, `document.querySelector("#r-preview").hidden`)
	witness.Await(0, `document.querySelector("#r-photo").files.length`)
	attach(witness, "smoke.png", "image/png", picture(t))
	witness.Click("#r-submit")
	witness.Await("Report 1 is on file. Thank you.", text("#form-done"))
	witness.Await(true, `document.querySelector("#r-preview").hidden`)

	reader.Await([]int{1}, listed)
	browser.Value[int](reader, `(document.querySelector("#crimes img").scrollIntoView(), 1)`)
	reader.Await(40, `document.querySelector("#crimes img").naturalWidth`)
	reader.Await("Photo: Tin Alley", `document.querySelector("#crimes img").alt`)
	reader.Await("✓ logged in as robin", text("#crimes .badge-mark"))
}

func aPhotoOfAnotherNode(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	_, err := gotham.store.File(t.Context(), "log.1", store.Crime{
		ID: 1, Kind: "riddle", Severity: "low", District: 8, Place: "Pier 19", Status: store.StatusOpen, CreatedAt: time.Now(),
		Photo: store.Photo{Type: "image/png", Content: []byte("elsewhere")}.Name(),
	})
	require.NoError(t, err)
	page := chromium.Page(t)
	page.Allow("Failed to load resource: the server responded with a status of 404")
	page.Open(gotham.URL)
	page.Await("The photo is on the node that took this report.", `document.querySelector("#crimes .photo-away")?.textContent ?? ""`)
}

// The form that works without JavaScript, here with it, for the language.
func thePlainFormKeepsWhatWasTyped(t *testing.T, chromium *browser.Chromium) {
	gotham := newSite(t)
	page := chromium.Page(t)
	page.Allow("Failed to load resource: the server responded with a status of 422")
	page.Open(gotham.URL + "/report")
	page.Choose("#p-kind", "fraud")
	page.Choose("#p-severity", "low")
	page.Type("#p-place", "Haha Hall")
	page.Click(".plain-form button")
	arrive(page, formErrors)
	page.Await("This is needed.", `document.querySelector("#e-district")?.textContent ?? ""`)
	page.Await("This is needed.", text("#e-description"))
	page.Await([]string{"fraud", "low", "Haha Hall"}, `["#p-kind", "#p-severity", "#p-place"].map((id) => document.querySelector(id).value)`)
	page.Click("#language")
	page.Await("此项必填。", text("#e-district"))
	page.Click("#language")
	page.Choose("#p-district", "9")
	page.Type("#p-description", "没有什么好笑的")
	page.Click(".plain-form button")
	arrive(page, `!!document.querySelector("#crimes")`)
	page.Await("live", `document.querySelector("#link")?.dataset.state ?? ""`)
	page.Await([]int{1}, listed)
	assert.Equal(t, http.StatusOK, gotham.get(t, "/api/crimes/1").Code)
}
