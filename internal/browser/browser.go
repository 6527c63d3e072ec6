// Package browser drives a real browser in tests: headless Chromium, over the
// DevTools protocol.
//
//	func TestInTheBrowser(t *testing.T) {
//		chromium := browser.Start(t)
//		t.Run("the button counts", func(t *testing.T) {
//			page := chromium.Page(t)
//			page.Open(server.URL)
//			page.Click("#more")
//			page.Await("1", `document.querySelector("output").textContent`)
//		})
//	}
//
// A test that uses a page also fails when the page has thrown, or has logged an
// error: see [Page.Allow].
//
// Nothing here sleeps. Every wait is for a condition in the page and ends,
// failing the test, after [Patience].
//
// The package is for tests only. On a machine without a Chromium they are
// skipped, unless the environment says REDSTART_BROWSER=required.
package browser

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Patience is how long a page has for what a test waits for. It is generous: a
// slow machine, under the race detector, must not fail a test.
const Patience = 30 * time.Second

// startLimit is the time from the start of the process to its first answer.
const startLimit = 2 * Patience

// Chromium is a running browser. Its pages may be used from parallel tests.
type Chromium struct {
	ctx context.Context
}

// Start runs a new Chromium with a profile of its own, and ends it when the test
// and its subtests have ended. Without a Chromium on the machine the test is
// skipped, or fails if the environment variable REDSTART_BROWSER is "required".
func Start(t testing.TB) *Chromium {
	t.Helper()
	// Not t.Context: it ends before the clean-up, and a browser that is killed
	// leaves children behind, which still write to the profile.
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(flags()...))
	late := time.AfterFunc(startLimit, cancel)
	err := chromedp.Do(ctx)
	switch {
	case err == nil && late.Stop():
	case errors.Is(err, exec.ErrNotFound):
		cancel()
		if os.Getenv("REDSTART_BROWSER") == "required" {
			t.Fatal("no Chromium is installed, and REDSTART_BROWSER=required")
		}
		t.Skip("no Chromium is installed: the browser tests are skipped")
	default:
		cancel()
		t.Fatalf("Chromium does not start within %v: %v", startLimit, err)
	}
	t.Cleanup(func() {
		defer cancel()
		ending, stop := context.WithTimeout(ctx, Patience)
		defer stop()
		if err := chromedp.Cancel(ending); err != nil {
			t.Errorf("Chromium does not end: %v", err)
		}
	})
	return &Chromium{ctx: ctx}
}

// flags keep the browser to what the test asks for: no network but the test's
// own, no questions, and a known language. The profile is a temporary directory
// that chromedp removes once the last process of the browser is gone.
func flags() []chromedp.ExecAllocatorOption {
	return []chromedp.ExecAllocatorOption{
		chromedp.Flag("headless", "new"),
		chromedp.NoSandbox, // containers run tests as root, and a sandbox refuses that
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true), // the environment may name one
		chromedp.Flag("lang", "en-US"),
		chromedp.Flag("accept-lang", "en-US"),
		chromedp.WindowSize(1280, 1000),
	}
}
