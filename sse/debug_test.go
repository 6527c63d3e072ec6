package sse

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/browser"
)

// peek asks a handler for a reply.
func peek(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// lookAt is the JSON that a handler shows.
func lookAt(t *testing.T, h http.Handler, query string) (look debugLook) {
	t.Helper()
	w := peek(h, "GET", "/?format=json&"+query)
	require.Equal(t, 200, w.Code, w.Body.String())
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &look))
	return look
}

func TestDebugAnswersAsAsked(t *testing.T) {
	for name, tc := range map[string]struct {
		method, target, accept string
		status                 int
		content, body          string
	}{
		"browser":        {"GET", "/", "text/html,application/xhtml+xml,*/*;q=0.8", 200, "text/html; charset=utf-8", "<!DOCTYPE html>"},
		"JSON":           {"GET", "/", "application/json", 200, "application/json", `"open": 0`},
		"curl":           {"GET", "/", "*/*", 200, "application/json", `"streams": []`},
		"no Accept":      {"GET", "/", "", 200, "application/json", `"hubs": []`},
		"unknown Accept": {"GET", "/", "image/png", 200, "application/json", `"hubs": []`},
		"parameter":      {"GET", "/?format=json", "text/html", 200, "application/json", `"ended": {}`},
		"page by name":   {"GET", "/?format=html", "", 200, "text/html; charset=utf-8", "<!DOCTYPE html>"},
		"HEAD of page":   {"HEAD", "/", "text/html", 200, "text/html; charset=utf-8", ""},
		"HEAD of JSON":   {"HEAD", "/", "", 200, "application/json", ""},
		"HEAD of stream": {"HEAD", "/", "text/event-stream", 200, "text/event-stream", ""},
		"POST":           {"POST", "/", "", 405, "text/plain; charset=utf-8", "want GET or HEAD"},
		"format":         {"GET", "/?format=xml", "", 400, "text/plain; charset=utf-8", `format "xml": want html, json or events`},
		"sort":           {"GET", "/?sort=name", "", 400, "text/plain; charset=utf-8", `sort "name": want age, events, bytes, lag or blocked`},
		"limit":          {"GET", "/?limit=501", "", 400, "text/plain; charset=utf-8", `limit "501": want 1 to 500`},
		"no number":      {"GET", "/?limit=all", "", 400, "text/plain; charset=utf-8", `limit "all": want 1 to 500`},
		"bad query":      {"GET", "/?limit=%zz", "", 400, "text/plain; charset=utf-8", "the query is malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := peek(DebugHandler(&Server{}, nil), tc.method, tc.target, "Accept", tc.accept)
			assert.Equal(t, tc.status, w.Code)
			assert.Equal(t, tc.content, w.Header().Get("Content-Type"))
			assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			assert.Equal(t, "Accept", w.Header().Get("Vary"))
			if tc.body == "" {
				assert.Empty(t, w.Body.String())
			}
			assert.Contains(t, w.Body.String(), tc.body)
			if tc.status == 405 {
				assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
			}
		})
	}
}

// The page holds nothing that came from outside, loads nothing, and allows no script
// and no style but its own.
func TestDebugPageIsByItself(t *testing.T) {
	server, hub := &Server{}, NewHub()
	defer hub.Close()
	w := peek(DebugHandler(server, map[string]*Hub{"<b>crimes</b>": hub}), "GET", "/", "Accept", "text/html")
	page := w.Body.String()
	assert.NotContains(t, page, "crimes")
	policy := w.Header().Get("Content-Security-Policy")
	assert.True(t, strings.HasPrefix(policy, "default-src 'none'; connect-src 'self';"), policy)
	assert.NotContains(t, policy, "unsafe")
	for _, element := range []string{"script", "style"} {
		found := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(page, -1)
		require.Len(t, found, 1)
		sum := sha256.Sum256([]byte(found[0][1]))
		assert.Contains(t, policy, element+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	assert.NotRegexp(t, `\s(style|on\w+)=`, page, "the policy would forbid it")
	assert.NotRegexp(t, `(src|href)="(https?:)?/`, page, "a mount may be anywhere")
	assert.NotContains(t, strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), "http", "nothing from elsewhere")
}

func TestDebugShowsHubs(t *testing.T) {
	hub := NewHub()
	defer hub.Close()
	h := DebugHandler(&Server{}, map[string]*Hub{"crimes": hub, "a": hub})
	for range 3 {
		_, err := hub.Publish(t.Context(), "gotham", Text("a riddle"))
		require.NoError(t, err)
	}
	look := lookAt(t, h, "")
	require.Len(t, look.Hubs, 2)
	assert.Equal(t, "a", look.Hubs[0].Name, "by name")
	crimes := look.Hubs[1]
	assert.EqualValues(t, 3, crimes.Published)
	assert.Equal(t, 3, crimes.Records)
	assert.Equal(t, hub.Cursor().String(), crimes.Cursor)
	assert.Len(t, crimes.Latency.Bounds, len(LatencyBuckets))
	assert.Len(t, crimes.Latency.Counts, len(LatencyBuckets)+1)
	assert.InDelta(t, .1, crimes.Latency.Bounds[0], 1e-9, "milliseconds")
	assert.NotNil(t, crimes.Oldest)
	assert.Equal(t, []string{"epoch", "evicted", "future", "invalid"}, slices.Sorted(maps.Keys(crimes.Gaps)))
}

func TestDebugShowsThatABrokerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := NewHub(Over(awayBroker{}), OnBrokerError(func(error) {}))
		defer hub.Close()
		synctest.Wait()
		look := lookAt(t, DebugHandler(&Server{}, map[string]*Hub{"crimes": hub}), "")
		assert.Contains(t, look.Hubs[0].BrokerError, "no route to Arkham")
	})
}

// awayBroker cannot be reached.
type awayBroker struct{ Broker }

func (awayBroker) State(context.Context) (BrokerState, error) {
	return BrokerState{}, fmt.Errorf("no route to Arkham")
}
func (awayBroker) Close() error { return nil }

// The streams that matter are listed, however few are.
func TestDebugSortsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &Server{Heartbeat: -1}
		s, _, stop := startMemorySite("http1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			server.Handle(w, r, NewStream(Func(func(ctx context.Context, send Send) error {
				for range len(r.URL.Path) - 1 {
					if err := send(Text("x")); err != nil {
						return err
					}
				}
				<-ctx.Done()
				return context.Cause(ctx)
			})))
		}))
		for _, path := range []string{"/xx", "/x", "/xxx"} {
			stream := s.path(path).get(t)
			for range len(path) - 1 {
				stream.next()
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		h := DebugHandler(server, nil)
		for query, want := range map[string][]string{
			"":                    {"/xx", "/x", "/xxx"},
			"sort=age":            {"/xx", "/x", "/xxx"},
			"sort=events":         {"/xxx", "/xx", "/x"},
			"sort=bytes":          {"/xxx", "/xx", "/x"},
			"sort=lag":            {"/xx", "/x", "/xxx"},
			"sort=blocked":        {"/xx", "/x", "/xxx"},
			"sort=events&limit=1": {"/xxx"},
		} {
			look := lookAt(t, h, query)
			var paths []string
			for _, stream := range look.Streams {
				paths = append(paths, stream.Path)
			}
			assert.Equal(t, want, paths, query)
			assert.Equal(t, 3, look.Scanned)
			assert.Equal(t, 3, look.Server.Open)
			assert.Equal(t, map[string]int{"parked": 0, "lean": 0, "portable": 0, "generated": 3}, look.Server.Transports)
		}
		oldest := lookAt(t, h, "limit=1").Streams[0]
		assert.InDelta(t, 3000, oldest.AgeMS, 1e-9)
		assert.EqualValues(t, 2, oldest.Events)
		assert.EqualValues(t, -1, oldest.Lag, "not known")
		assert.NotEmpty(t, oldest.Remote)
		stop()
	})
}

func TestDebugStreamKeepsFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, hub := &Server{}, NewHub()
		defer hub.Close()
		mux := http.NewServeMux()
		mux.Handle("/debug/streams/", http.StripPrefix("/debug/streams", DebugHandler(server, map[string]*Hub{"crimes": hub})))
		s, _, stop := startMemorySite("http1", mux)
		defer stop()
		events := s.path("/debug/streams/?limit=5").get(t, "Accept", "text/event-stream")
		assert.Equal(t, "no-store", events.resp.Header.Get("Cache-Control"))
		begin := time.Now()
		for second := range 4 {
			m := events.next()
			assert.Equal(t, time.Duration(second)*time.Second, time.Since(begin))
			assert.Equal(t, "stats", m.Event)
			var look debugLook
			require.NoError(t, json.Unmarshal([]byte(m.Data), &look))
			assert.EqualValues(t, second, look.Hubs[0].Published)
			require.Len(t, look.Streams, 1, "its own")
			assert.Equal(t, "/debug/streams/", look.Streams[0].Path, "as the client asked")
			_, err := hub.Publish(t.Context(), "gotham", Text("a riddle"))
			require.NoError(t, err)
		}
		events.cancel()
		synctest.Wait()
		assert.Zero(t, server.Open(), "nobody looks")
		assert.EqualValues(t, 1, server.Stats().Ended[ClientGone])
	})
}

func TestDebugStreamDoesNotHoldADrainUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &Server{}
		s, _, stop := startMemorySite("http1", DebugHandler(server, nil))
		defer stop()
		events := s.get(t, "Accept", "text/event-stream")
		events.next()
		begin := time.Now()
		var drain sync.WaitGroup
		drain.Go(func() {
			assert.NoError(t, server.Drain(t.Context()))
			assert.Less(t, time.Since(begin), DefaultGrace)
		})
		rest, err := events.rest()
		drain.Wait()
		assert.ErrorIs(t, err, io.EOF)
		require.NotEmpty(t, rest)
		assert.Equal(t, "sse.bye", rest[len(rest)-1].Event)
	})
}

func TestDebugHandlerRefusesNil(t *testing.T) {
	assert.PanicsWithValue(t, "sse: DebugHandler: the server is nil", func() { DebugHandler(nil, nil) })
	assert.PanicsWithValue(t, `sse: DebugHandler: the hub "crimes" is nil`, func() { DebugHandler(&Server{}, map[string]*Hub{"crimes": nil}) })
}

// Names that came from outside are shown as they are and do nothing; the numbers move
// without a reload.
func TestDebugInTheBrowser(t *testing.T) {
	const (
		evil  = `<img src=x onerror="window.caught=1">`
		topic = `</script><script>window.caught=2</script>`
	)
	hub := NewHub()
	t.Cleanup(func() { _ = hub.Close() })
	server := &Server{}
	mux := http.NewServeMux()
	mux.Handle("/debug/streams/", http.StripPrefix("/debug/streams", DebugHandler(server, map[string]*Hub{evil: hub})))
	mux.HandleFunc("/live/", func(w http.ResponseWriter, r *http.Request) {
		server.Handle(shrouded{w}, r, NewStream(hub.Subscribe(topic))) // not parked: its path is kept
	})
	s := startSite(t, "http1", mux)
	page := browser.Start(t).Page(t)
	page.Open(s.url + "/debug/streams/")
	page.Await("live", `document.querySelector("#state").textContent`)
	page.Await("1", `document.querySelector("#open").textContent`)
	page.Await(evil, `document.querySelector(".hub h3").textContent`)
	page.Await("0", `document.querySelector(".hub dd").textContent`)

	s.path("/live/%3Cimg%20src=x%20onerror=alert(1)%3E").get(t)
	page.Await("2", `document.querySelector("#open").textContent`)
	page.Await(true, `[...document.querySelectorAll("#streams td:first-child > :first-child")].some((e) => e.textContent === `+quote("/live/<img src=x onerror=alert(1)> · "+topic)+`)`)
	for range 3 {
		_, err := hub.Publish(t.Context(), topic, Text("a riddle"))
		require.NoError(t, err)
	}
	page.Await("3", `document.querySelector(".hub dd").textContent`)
	page.Await(true, `document.querySelector("#rate-spark .line").getAttribute("d").includes("L")`)

	// Sorting asks the server anew, and is remembered.
	page.Click(`[data-sort=events]`)
	page.Await("?sort=events&limit=100", `location.search`)
	page.Await("descending", `document.querySelector("[data-sort=events]").parentElement.getAttribute("aria-sort")`)
	page.Await("live", `document.querySelector("#state").textContent`)

	// Nothing is asked while the page is paused.
	page.Click("#pause")
	page.Await("paused", `document.querySelector("#state").textContent`)
	require.Eventually(t, func() bool { return server.Open() == 1 }, patience, 10*time.Millisecond)
	page.Click("#pause")
	page.Await("live", `document.querySelector("#state").textContent`)

	assert.Equal(t, 0, browser.Value[int](page, `window.caught ?? document.querySelectorAll("img").length`))
}

func quote(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}

// shrouded is a ResponseWriter that was wrapped by middleware.
type shrouded struct{ http.ResponseWriter }

func (s shrouded) Unwrap() http.ResponseWriter { return s.ResponseWriter }
