package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Page is one window of the browser, used by one test. Whatever goes wrong fails
// that test at once.
type Page struct {
	t       testing.TB
	ctx     context.Context
	console console
	events  events
}

// Page opens an empty page as a visitor who has never been here: with storage,
// cookies and connections of its own. It is closed when the test ends, so a
// server for it has to be started before it: the page would miss it.
func (c *Chromium) Page(t testing.TB) *Page {
	t.Helper()
	p := &Page{t: t}
	ctx, cancel := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.hear))
	p.ctx = ctx
	late := time.AfterFunc(startLimit, cancel) // the first call must have no deadline, or the page ends with it
	if err := chromedp.Do(ctx, focused); err != nil || !late.Stop() {
		cancel()
		t.Fatalf("the page does not open: %v", err)
	}
	t.Cleanup(func() {
		t.Helper()
		defer cancel()
		if !t.Failed() {
			Value[int](p, "0") // what the page has logged before has arrived with the answer
		}
		for _, line := range p.Errors() {
			t.Errorf("in the browser: %s", line)
		}
	})
	return p
}

// focused lets a page believe that its window is the one in front: keys and focus
// then work in several at once.
var focused = chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
	_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	return err
})

// hear receives the browser's events, on a goroutine of chromedp.
func (p *Page) hear(event any) {
	p.console.hear(event)
	p.events.hear(event)
}

// Do runs actions, all together within [Patience].
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%v\n%s", err, p.scene())
	}
}

// Open goes to a page and waits until it has loaded.
func (p *Page) Open(url string) {
	p.t.Helper()
	p.Do(chromedp.Navigate(url))
}

// Reload loads the page again, as the reader's button does.
func (p *Page) Reload() {
	p.t.Helper()
	p.Do(chromedp.Reload())
}

// Click clicks with the mouse on what the CSS selector finds first, once it is
// visible.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Do(chromedp.Click(chromedp.CSS(selector)))
}

// Type focuses what the CSS selector finds first, once it is visible, and types
// the text there, key by key.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	p.Do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Press types to whatever has the focus. Special keys are in chromedp's package
// kb.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.Do(chromedp.KeyEvent(keys))
}

// Choose picks the option with that value in a select, as a reader does: the
// page is told by the same events.
func (p *Page) Choose(selector, value string) {
	p.t.Helper()
	p.Await(true, `document.querySelector(`+literal(selector)+`)?.options.length > 0`)
	chosen := Value[string](p, fmt.Sprintf(`(() => {
		const select = document.querySelector(%s);
		select.value = %s;
		select.dispatchEvent(new Event("input", {bubbles: true}));
		select.dispatchEvent(new Event("change", {bubbles: true}));
		return select.value;
	})()`, literal(selector), literal(value)))
	if chosen != value {
		p.t.Fatalf("%s has no option %q", selector, value)
	}
}

// Await waits until the JavaScript expression has the wanted value, compared as
// JSON. An expression that throws, because an element is not there yet, say,
// does not have it yet.
func (p *Page) Await(want any, expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	// The loop runs in the page, and survives no navigation. The protocol may
	// evaluate text whatever the page's policy says; chromedp.Poll has the page
	// itself compile it, and a strict policy forbids that.
	loop := fmt.Sprintf(`new Promise((resolve) => {
		const want = JSON.stringify(%s);
		const look = () => {
			try {
				if (JSON.stringify(%s) === want) return resolve(true);
			} catch {}
			setTimeout(look, 20);
		};
		look();
	})`, literal(want), expression)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](loop, chromedp.EvalAwaitPromise)); err != nil {
		p.t.Fatalf("%v\nwant %s\ngot  %s\nfor  %s\n%s", err, literal(want), p.inspect(expression), expression, p.scene())
	}
}

// Value evaluates a JavaScript expression, and waits for it if it is a promise.
func Value[T any](p *Page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%v\nfor %s\n%s", err, expression, p.scene())
	}
	return value
}

// inspect says what an expression is, for a report.
func (p *Page) inspect(expression string) string {
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String(JSON.stringify("+expression+"))"))
	if err != nil {
		return err.Error()
	}
	return text
}

// scene describes the page for the report of a failure.
func (p *Page) scene() string {
	return fmt.Sprintf("on   %s\nconsole %q", p.inspect("[location.href, document.visibilityState, document.activeElement?.outerHTML.slice(0, 120)]"), p.console.all())
}

// literal is a value as JavaScript.
func literal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // tests compare texts, numbers and lists of them
	}
	return string(text)
}
