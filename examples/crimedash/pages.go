package main

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/redstart-go/redstart"
)

// page is what every template gets: what the layout wants to know, and what the handler
// has for the page itself.
type page struct {
	Path string // of the request
	Back string // where a log-in leads back to
	Who  visitor
	Of   any
}

func pageOf(req *redstart.Request, data any) any {
	who, _ := whoAmI(req)
	p := page{Path: req.Path(), Back: "/", Who: who, Of: data}
	if req.Method() == http.MethodGet {
		p.Back = req.HTTP().URL.RequestURI()
	}
	return p
}

// pages are what is looked at, with or without JavaScript. The layout says who has logged
// in, so that no cache may show one to somebody else.
func (g *guards) pages(app *redstart.App) {
	for path, show := range map[string]func() redstart.Response{
		"/":        func() redstart.Response { return redstart.Render("dashboard.html", nil) },
		"/streams": func() redstart.Response { return redstart.Render("streams.html", nil) },
		"/wall":    func() redstart.Response { return redstart.Render("wall.html", nil) },
		"/report":  func() redstart.Response { return redstart.Render("report.html", newReportPage(reportForm{}, nil)) },
	} {
		app.Get(path, func(*redstart.Request) redstart.Response {
			return show().With("Cache-Control", "private, no-cache")
		}, redstart.Secured(g.guests), redstart.Hidden())
	}
	app.OnError(explainToPeople)
}

// explained are the failures that the pages have words for.
var explained = map[int]bool{
	http.StatusBadRequest: true, http.StatusForbidden: true, http.StatusNotFound: true, http.StatusMethodNotAllowed: true,
	http.StatusRequestEntityTooLarge: true, http.StatusInternalServerError: true, http.StatusServiceUnavailable: true,
}

// failurePage is what the template shows.
type failurePage struct {
	Status int
	Text   string // the key of the page's words for it
	Detail string // what programs are told, in English; maybe ""
}

// forPeople says whether a browser asks, to show the reply. Programs, our own scripts too,
// want JSON.
func forPeople(req *redstart.Request) bool {
	return req.Accepts("application/json", "text/html") == "text/html"
}

// explainToPeople shows a page to a browser that was led to what does not work.
func explainToPeople(req *redstart.Request, err error) redstart.Response {
	if !forPeople(req) {
		return redstart.Fail(err)
	}
	failure := failurePage{Status: redstart.StatusOf(err), Text: "other"}
	if explained[failure.Status] {
		failure.Text = strconv.Itoa(failure.Status)
	}
	if told, ok := errors.AsType[*redstart.HTTPError](err); ok {
		failure.Detail = told.Detail()
	}
	return redstart.Render("failure.html", failure).WithStatus(failure.Status).WithAdded("Vary", "Accept")
}
