package sse

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-go/redstart/internal/negotiate"
)

// The bounds of a page of [DebugHandler].
const (
	debugPace    = time.Second
	debugStreams = 100    // that are listed unless the client says how many
	debugMost    = 500    // that can be
	debugScanned = 10_000 // that are looked at to find them
)

//go:embed debug.html
var debugPage string

// DebugHandler shows what a server of streams and its hubs, by name, are doing: as a
// page that keeps itself fresh, and as JSON for programs. It may be mounted anywhere:
//
//	app.Mount("/debug/streams", sse.DebugHandler(app.Streams(), map[string]*sse.Hub{"crimes": hub}))
//
// It shows the addresses of clients, the paths and topics that they asked for and the
// text of errors. Put it behind authentication, as the rest of /debug.
//
// It answers GET and HEAD in the form that the request accepts, or that the parameter
// format names: html, json, and events, which is a stream with an event named "stats"
// each second whose data is that same JSON. The parameter sort chooses the streams that
// come first: those with the highest age (the default), events, bytes, lag or blocked.
// At most limit of them are listed: 100, or as the parameter says up to 500. They are
// found among all streams, or where more than 10 000 are open, among so many of them at
// random. A parameter that is wrong is answered with status 400.
//
// Nothing runs while nobody looks. The page's own stream is one of the server's: it is
// counted, drained, and refused where there are too many; the page then asks for JSON
// every few seconds instead. The page loads nothing from elsewhere, and has a strict
// Content-Security-Policy of its own.
//
// A nil server, and a nil hub, panic.
func DebugHandler(server *Server, hubs map[string]*Hub) http.Handler {
	if server == nil {
		panic("sse: DebugHandler: the server is nil")
	}
	d := &debugger{server: server, hubs: maps.Clone(hubs), names: slices.Sorted(maps.Keys(hubs))}
	for name, hub := range hubs {
		if hub == nil {
			panic(fmt.Sprintf("sse: DebugHandler: the hub %q is nil", name))
		}
	}
	d.policy = "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" +
		"; script-src " + inlined("script") + "; style-src " + inlined("style")
	return d
}

// inlined is the source expression for the element's text in the page (CSP Level 3
// section 2.3.1).
func inlined(element string) string {
	_, rest, _ := strings.Cut(debugPage, "<"+element+">")
	text, _, _ := strings.Cut(rest, "</"+element+">")
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

type debugger struct {
	server *Server
	hubs   map[string]*Hub
	names  []string
	policy string
}

// debugQuery is what a request asks for.
type debugQuery struct {
	format, sort string
	limit        int
}

// debugOrders are the values that streams are sorted by, highest first.
var debugOrders = map[string]func(StreamInfo) int64{
	"age":     func(s StreamInfo) int64 { return -s.Begin.UnixNano() },
	"events":  func(s StreamInfo) int64 { return s.Events },
	"bytes":   func(s StreamInfo) int64 { return s.Bytes },
	"lag":     func(s StreamInfo) int64 { return s.Lag },
	"blocked": func(s StreamInfo) int64 { return int64(s.Blocked) },
}

var debugFormats = map[string]string{
	"application/json": "json", "text/html": "html", "text/event-stream": "events",
}

func debugQueryOf(r *http.Request) (q debugQuery, err error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, fmt.Errorf("the query is malformed: %w", err)
	}
	q = debugQuery{format: values.Get("format"), sort: cmp.Or(values.Get("sort"), "age"), limit: debugStreams}
	if q.format == "" {
		accept := strings.Join(r.Header["Accept"], ",")
		q.format = cmp.Or(debugFormats[negotiate.Type(accept, "application/json", "text/html", "text/event-stream")], "json")
	}
	if !slices.Contains([]string{"json", "html", "events"}, q.format) {
		return q, fmt.Errorf("format %q: want html, json or events", q.format)
	}
	if debugOrders[q.sort] == nil {
		return q, fmt.Errorf("sort %q: want age, events, bytes, lag or blocked", q.sort)
	}
	if limit := values.Get("limit"); limit != "" {
		if q.limit, err = strconv.Atoi(limit); err != nil || q.limit < 1 || q.limit > debugMost {
			return q, fmt.Errorf("limit %q: want 1 to %d", limit, debugMost)
		}
	}
	return q, nil
}

func (d *debugger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Add("Vary", "Accept")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "want GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	q, err := debugQueryOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch q.format {
	case "html":
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", d.policy)
		d.write(w, r, []byte(debugPage))
	case "json":
		h.Set("Content-Type", "application/json")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		body, _ := json.MarshalIndent(d.look(q), "", "  ") // numbers and texts only
		d.write(w, r, append(body, '\n'))
	case "events":
		d.server.Handle(w, asAsked(r), NewStream(Func(func(ctx context.Context, send Send) error {
			return d.watch(ctx, send, q)
		}), Grace(0)))
	}
}

func (d *debugger) write(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that has gone needs no reply
	}
}

// asAsked is the request with the path that the client asked for, of which a mount has
// taken its prefix: the page's own stream is listed by it.
func asAsked(r *http.Request) *http.Request {
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return r
	}
	asked := r.WithContext(r.Context())
	asked.URL = u
	return asked
}

// watch sends what is to be seen until the client leaves.
func (d *debugger) watch(ctx context.Context, send Send, q debugQuery) error {
	tick := time.NewTicker(debugPace)
	defer tick.Stop()
	for {
		if err := send(JSON(d.look(q)).WithEvent("stats")); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
