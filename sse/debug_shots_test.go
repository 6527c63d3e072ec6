//go:build shots

package sse

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/browser"
)

func TestShots(t *testing.T) {
	crimes, chat, rooms := NewHub(), NewHub(), NewHub(Over(shotBroker{}), OnBrokerError(func(error) {}))
	defer crimes.Close()
	defer chat.Close()
	defer rooms.Close()
	server := &Server{}
	mux := http.NewServeMux()
	mux.HandleFunc("/live/{topic}", func(w http.ResponseWriter, r *http.Request) { server.Handle(w, r, NewStream(crimes.Subscribe(r.PathValue("topic"), "crimes"))) })
	mux.HandleFunc("/chat", func(w http.ResponseWriter, r *http.Request) { server.Handle(shotWriter{w}, r, NewStream(chat.Subscribe("chat"))) })
	mux.HandleFunc("/answer", func(w http.ResponseWriter, r *http.Request) {
		server.Handle(w, r, NewStream(Func(func(ctx context.Context, send Send) error {
			for range rand.N(4000) {
				if err := send(Text("word")); err != nil { return err }
				select { case <-time.After(50*time.Millisecond): case <-ctx.Done(): return context.Cause(ctx) }
			}
			return nil
		})))
	})
	mux.Handle("/debug/streams/", http.StripPrefix("/debug/streams", DebugHandler(server, map[string]*Hub{"crimes": crimes, "chat": chat, "gotham-rooms": rooms})))
	s := httptest.NewServer(mux)
	defer s.CloseClientConnections()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	open := func(path, id string, stall bool) {
		r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
		if id != "" { r.Header.Set("Last-Event-ID", id) }
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		if !stall { go io.Copy(io.Discard, resp.Body) }
	}
	crimes.Publish(ctx, "gotham", Text("x"))
	first := crimes.Cursor().String()
	for i := range 26 { open(fmt.Sprintf("/live/%s", []string{"gotham", "bludhaven", "metropolis"}[i%3]), map[bool]string{true: first}[i%4 == 0], false) }
	open("/live/gotham", "nonsense", false)
	open("/live/gotham", "", true)
	for range 6 { open("/chat", "", false) }
	for range 6 { open("/answer", "", false) }
	for i := range 14 {
		c, stop := context.WithCancel(ctx)
		r, _ := http.NewRequestWithContext(c, "GET", s.URL+[]string{"/chat", "/answer", "/live/x"}[i%3], nil)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		stop()
		resp.Body.Close()
	}
	server.counts.add(&Report{Reason: SlowClient}); server.counts.add(&Report{Reason: Failed}); server.counts.add(&Report{Reason: Completed}); server.counts.add(&Report{Reason: Completed}); server.counts.add(&Report{Reason: Completed})
	go func() {
		for i := 0; ctx.Err() == nil; i++ {
			crimes.Publish(ctx, "crimes", Text(fmt.Sprintf("%0400d", i)))
			if i%3 == 0 { chat.Publish(ctx, "chat", Text("hello")) }
			time.Sleep(time.Duration(10+rand.N(20)+20*(i/200%3)) * time.Millisecond)
		}
	}()
	p := browser.Start(t).Page(t)
	p.Allow("")
	seconds := 40 * time.Second
	p.Open(s.URL + "/debug/streams/?limit=50")
	p.Await(true, "document.querySelector('#streams').children.length > 30")
	time.Sleep(seconds)
	for _, width := range []int64{1280, 400} {
		for _, scheme := range []string{"light", "dark"} {
			p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				if _, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: map[int64]int64{1280: 1750, 400: 2600}[width], DeviceScaleFactor: 1}); err != nil { return err }
				if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil { return err }
				return nil
			}))
			browser.Value[bool](p, "new Promise(r => setTimeout(() => r(true), 1500))")
			p.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: "png"})
				if err != nil { return err }
				return os.WriteFile(fmt.Sprintf("/tmp/shots/%d-%s.png", width, scheme), shot.Data, 0o644)
			}))
			fmt.Println(width, browser.Value[int](p, "document.documentElement.scrollWidth"), browser.Value[int](p, "document.documentElement.scrollHeight"))
		}
	}
	fmt.Println(p.Errors())
}

type shotWriter struct{ http.ResponseWriter }
func (w shotWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type shotBroker struct{ Broker }
func (shotBroker) State(context.Context) (BrokerState, error) { return BrokerState{}, fmt.Errorf("nats: no servers available for connection") }
func (shotBroker) Close() error { return nil }
