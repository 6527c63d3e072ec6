package main

import (
	"cmp"
	"context"
	"embed"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

//go:embed web
var web embed.FS

// topic is where crimes are published. Everybody listens to the same one; the
// page filters what it shows, so that its statistics stay those of the city.
const topic = "crimes"

// config is what the dashboard is made of.
type config struct {
	Store    *store.Store
	Hub      *sse.Hub
	Log      store.Log     // as the store was opened with; with a log the hub is over its broker
	Node     node          // who this is
	Simulate pace          // 0: no simulated crimes
	LabPace  time.Duration // of examinations; 0 means labPace
	Console  io.Writer     // where it logs to; nil means standard error
	Secret   []byte        // what sessions and tokens are signed with; nil means one that is kept in the store
	Remote   http.Handler  // the service that /events/api asks; nil means the built-in stand-in
}

// newApp wires the dashboard together. Options are the app's own, for tests.
func newApp(c config, opts ...redstart.Option) (*redstart.App, error) {
	pages, err := fs.Sub(web, "web")
	if err != nil {
		return nil, err
	}
	static, err := fs.Sub(pages, "static")
	if err != nil {
		return nil, err
	}
	if c.Remote == nil {
		c.Remote = standIn{}
	}
	c.LabPace = cmp.Or(c.LabPace, labPace)

	known, err := newGuards(context.Background(), c)
	if err != nil {
		return nil, err
	}

	journal := newJournal(consoleOf(c))
	app := redstart.New(slices.Concat(headers(), documents(), []redstart.Option{
		redstart.WithLogger(journal.logger()), c.Node.named(), redstart.WithTemplates(redstart.Templates(pages, redstart.TemplateOptions{Dir: "templates", Data: pageOf})),
	}, opts)...)
	health := middleware.HealthOptions{Streams: app.Streams(), Checks: []middleware.HealthCheck{{Name: "database", Check: c.Store.Ping}}}
	metrics := middleware.NewMetrics()
	metrics.WatchHub("crimes", c.Hub)
	metrics.WatchStreams("crimedash", app.Streams())
	app.Use(metrics.Middleware, middleware.Health(health), middleware.CSRF(), known.session)
	operators := app.Group("", fromHere())
	operators.Mount("/metrics", metrics.Handler())
	operators.Mount("/debug/streams", sse.DebugHandler(app.Streams(), map[string]*sse.Hub{"crimes": c.Hub}))

	app.OnStop(journal.close)
	known.pages(app)
	journal.routes(app, known)
	app.Static("/static", redstart.FilesFS(static))

	desk := &desk{store: c.Store, hub: c.Hub, node: c.Node, darkroom: newDarkroom()}
	if c.Log != store.NoLog {
		desk.clerk = newClerk(c)
		app.OnStart(desk.clerk.start)
		app.OnStop(func(context.Context) error { desk.clerk.stop(); return nil })
	}
	lab := newLab(desk, c.LabPace)
	app.OnStop(func(context.Context) error { lab.stop(); return nil })
	known.routes(app)
	desk.routes(app, known)
	lab.routes(app, known)
	meet(app, known, desk)

	streams := &streams{store: c.Store, remote: remoteClient(c.Remote)}
	app.Get("/events", streams.count)
	app.Get("/events/json", streams.json)
	app.Get("/events/async", streams.async)
	app.Get("/events/database", streams.database)
	app.Get("/events/api", streams.api)

	if c.Simulate > 0 && c.Node.first() {
		villain := newSimulator(c.Simulate, desk.file)
		app.OnStart(func(context.Context) error { villain.start(); return nil })
		app.OnStop(func(context.Context) error { villain.stop(); return nil })
	}
	return app, nil
}

// fromHere lets only this machine in: what operators look at names clients.
func fromHere() redstart.Middleware {
	return redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		if peer, err := netip.ParseAddr(req.IP()); err != nil || !peer.IsLoopback() {
			return redstart.Fail(redstart.Error(http.StatusForbidden, "this page is for the machine that the dashboard runs on")), true
		}
		return redstart.Response{}, false
	})
}

// headers tells browsers to be strict with our pages: no script, style or data
// but from this server, in no frame of another, sent nowhere else. The picture that
// a witness has chosen, and not yet sent, is a blob.
func headers() []redstart.Option {
	return []redstart.Option{
		redstart.DefaultHeader("Content-Security-Policy", "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
		redstart.DefaultHeader("X-Content-Type-Options", "nosniff"),
		redstart.DefaultHeader("Referrer-Policy", "same-origin"),
	}
}
