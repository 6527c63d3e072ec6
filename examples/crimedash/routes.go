package main

import (
	"net/http"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/middleware"
)

// documents says what /docs and /openapi.json cannot know by themselves.
func documents() []redstart.Option {
	return []redstart.Option{redstart.WithAPI(redstart.API{
		Title: "Gotham Crime Desk", Version: redstart.Version,
		Description: "Crimes as they are reported. Everybody may read and report. " +
			"For the rest, get a token from `POST /api/token`, or log in by the page.",
	})}
}

// routes are where people and programs say who they are.
func (g *guards) routes(app *redstart.App) {
	page := redstart.Hidden()
	app.Get("/login", g.loginForm, page)
	door := app.Group("")
	door.OnError(g.turnAway)
	door.Post("/login", g.login, page, redstart.With(g.limit), redstart.BodyLimit(maxLogin))
	app.Post("/logout", logout, page)

	api := app.Group("/api")
	api.Describe(redstart.GroupDoc{Tag: "Who asks"})
	redstart.Post(api, "/token", g.issue, redstart.With(g.limit), redstart.BodyLimit(maxLogin),
		redstart.Describe(redstart.Doc{Summary: "Get a token", Problems: []int{http.StatusUnauthorized, http.StatusTooManyRequests}}))
	redstart.Get(api, "/session", redstart.NoInput(whoAmI), redstart.Secured(g.guests),
		redstart.Describe(redstart.Doc{Summary: "Who am I?"}))
}

// routes are for whoever may see what the program does.
func (j *journal) routes(app *redstart.App, g *guards) {
	reader := redstart.Secured(g.members, middleware.RequireScopes(scopeLog))
	app.Get("/log", func(*redstart.Request) redstart.Response {
		return redstart.Render("log.html", nil).With("Cache-Control", "private, no-cache")
	}, reader, redstart.Hidden())
	app.Get("/log/live", j.live, reader, redstart.Hidden())
}

// routes are where a long job is begun and followed.
func (l *lab) routes(app *redstart.App, g *guards) {
	api := app.Group("/api")
	api.Describe(redstart.GroupDoc{Tag: "Laboratory"})
	redstart.Post(api, "/crimes/:id/examinations", l.examine, redstart.Secured(g.members), redstart.WithSuccess(http.StatusAccepted),
		redstart.Describe(redstart.Doc{Summary: "Have the evidence examined", Problems: []int{http.StatusNotFound, http.StatusServiceUnavailable}}))
	api.Get("/examinations/:job/live", l.live, redstart.Describe(redstart.Doc{
		Summary: "Follow an examination", Events: map[string]any{labEvent: labProgress{}, labDoneEvent: labProgress{}, labOverEvent: labProgress{}},
	}))
}

// routes are where reports come in and questions are answered. Reading is for everybody.
func (d *desk) routes(app *redstart.App, g *guards) {
	api := app.Group("/api")
	api.Describe(redstart.GroupDoc{Tag: "Crimes"})
	notFound, unchanged := []int{http.StatusNotFound}, []int{http.StatusNotFound, http.StatusServiceUnavailable}
	redstart.Get(api, "/crimes", d.list, redstart.Describe(redstart.Doc{Summary: "List crimes, newest first"}))
	redstart.Post(api, "/crimes", d.report, redstart.Secured(g.guests), redstart.BodyLimit(maxReport), redstart.WithSuccess(http.StatusCreated),
		redstart.Describe(redstart.Doc{Summary: "Report a crime"}))
	redstart.Get(api, "/crimes/:id", d.get, redstart.Describe(redstart.Doc{Summary: "Look up a crime", Problems: notFound}))
	redstart.Get(api, "/crimes.csv", d.export, redstart.Secured(g.members),
		redstart.Describe(redstart.Doc{
			Summary: "Export crimes as CSV", Description: "All that match, however many, as a stream.", Produces: []string{"text/csv; charset=utf-8; header=present"},
		}))
	redstart.Patch(api, "/crimes/:id", d.setStatus, redstart.Secured(g.members, middleware.RequireScopes(scopeStatus)), redstart.BodyLimit(maxReport),
		redstart.Describe(redstart.Doc{Summary: "Say how far a case is", Problems: unchanged}))
	redstart.Delete(api, "/crimes/:id", redstart.NoOutput(d.remove), redstart.Secured(g.members, middleware.RequireScopes(scopeDelete)),
		redstart.Describe(redstart.Doc{Summary: "Take a report off the file", Problems: unchanged}))
	redstart.Get(api, "/stats", redstart.NoInput(d.stats), redstart.Describe(redstart.Doc{Summary: "The last 24 hours in figures"}))
	app.Get("/live", d.live, redstart.Describe(redstart.Doc{
		Summary: "Crimes as they are filed and changed", Tags: []string{"Crimes"},
		Events: map[string]any{"crime_alert": store.Crime{}, changeEvent: store.Change{}},
	}))

	form := app.Group("")
	form.OnError(tooMuch)
	redstart.Post(form, "/report", d.reportByForm, redstart.Secured(g.guests), redstart.BodyLimit(maxForm),
		redstart.Describe(redstart.Doc{Summary: "Report a crime by form, with a photo", Tags: []string{"Crimes"}}))
	app.Get("/photos/:name", d.photo, redstart.With(middleware.ETag()), redstart.Describe(redstart.Doc{Summary: "Show a photo", Tags: []string{"Crimes"}}))
}
