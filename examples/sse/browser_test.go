package main

import (
	"io"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart/internal/browser"
)

func state(stream string) string {
	return "document.querySelector('[data-stream=" + strconv.Quote(stream) + "] .state').dataset.state"
}

// The page logs no error meanwhile: see package browser.
func TestAllSixPanelsComeAlive(t *testing.T) {
	brisk := paces{
		notifications: 50 * time.Millisecond, feed: 20 * time.Millisecond, progress: 20 * time.Millisecond,
		chat: 50 * time.Millisecond, dashboard: 50 * time.Millisecond,
	}
	server := httptest.NewServer(newApp(brisk, io.Discard))
	t.Cleanup(server.Close)
	page := browser.Start(t).Page(t)
	// The feed's line drops on purpose, and one request is made to be refused.
	page.Allow("network: Failed to load resource: net::ERR_INCOMPLETE_CHUNKED_ENCODING ("+server.URL+"/feed", "status of 404 (Not Found) ("+server.URL+"/answer/404)")
	page.Open(server.URL)

	page.Await(4, `document.querySelectorAll(".notices li").length`)
	page.Await(true, `document.querySelectorAll(".reports li").length > 0`)
	page.Await(true, `document.querySelectorAll(".lines li").length > 0`)
	page.Await(true, `document.querySelector("#bar").value > 0`)
	page.Await(true, `document.querySelector("[data-spark=heap]").points.numberOfItems > 1`)
	for _, stream := range []string{"/notifications", "/chat", "/dashboard", "/log"} {
		page.Await("live", state(stream))
	}

	// The job runs to its end.
	page.Await("finished", state("/progress"))
	page.Await(100, `document.querySelector("#bar").value`)
	page.Await(false, `document.querySelector("#start").disabled`)

	// The feed goes on where its line dropped.
	page.Await(true, `document.querySelector(".feed .remark").textContent.endsWith("Resumed.")`)
	page.Await(true, `document.querySelectorAll(".reports li").length > 30`)
	inOrder(t, page)

	// A pause loses nothing.
	page.Click(`[data-stream="/feed"] .toggle`)
	page.Await("paused", state("/feed"))
	last := browser.Value[string](page, `document.querySelector(".reports li:last-child .number").textContent`)
	page.Click(`[data-stream="/feed"] .toggle`)
	page.Await(true, `document.querySelector(".reports li:last-child .number").textContent !== `+strconv.Quote(last))
	inOrder(t, page)

	// The log tells of each request.
	for _, status := range []string{"200", "404"} {
		page.Click(`[data-request="/answer/` + status + `"]`)
		page.Await(true, `[...document.querySelectorAll(".entries .what")].some((e) => e.textContent.endsWith("GET /answer/`+status+" "+status+`"))`)
	}

	// All are paused at once.
	page.Click("#all")
	page.Await("0", `document.querySelector("#open-count").textContent`)
	page.Click("#all")
	page.Await(true, `+document.querySelector("#open-count").textContent >= 4`) // the feed's line may just have dropped
}

// inOrder says that the reports on the page follow one another without a hole.
func inOrder(t *testing.T, page *browser.Page) {
	t.Helper()
	numbers := browser.Value[[]int](page, `[...document.querySelectorAll(".reports .number")].map((n) => +n.textContent.slice(1))`)
	for i, n := range numbers {
		assert.Equal(t, numbers[0]+i, n)
	}
}
