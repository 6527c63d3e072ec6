package main

import (
	"errors"
	"net/http"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/middleware"
)

// loginPage is what the template shows.
type loginPage struct {
	Next  string
	Name  string
	Wrong bool
	Later bool          // there were too many attempts
	Demo  []store.Login // users whose password everybody knows
}

// loginForm shows the form. It works without JavaScript, as all that has to do with
// passwords should.
func (g *guards) loginForm(req *redstart.Request) redstart.Response {
	return g.showLogin(req, loginPage{Next: req.Query("next")})
}

func (g *guards) showLogin(req *redstart.Request, page loginPage) redstart.Response {
	demo, err := g.store.DemoLogins(req.Context())
	if err != nil {
		return redstart.Fail(err)
	}
	page.Demo = demo
	return redstart.Render("login.html", page).With("Cache-Control", "no-store")
}

// login takes the form. A name that is wrong and a password that is wrong look the same.
func (g *guards) login(req *redstart.Request) redstart.Response {
	form, err := req.Form()
	if err != nil {
		return redstart.Fail(err)
	}
	next := form.Get("next")
	user, err := g.store.Authenticate(req.Context(), form.Get("name"), form.Get("password"))
	switch {
	case errors.Is(err, store.ErrLogin):
		return g.showLogin(req, loginPage{Next: next, Name: form.Get("name"), Wrong: true}).
			WithStatus(http.StatusUnauthorized).With("WWW-Authenticate", challenge)
	case err != nil:
		return redstart.Fail(err)
	}
	if err := middleware.Login(req, user.Name); err != nil {
		return redstart.Fail(err)
	}
	if back := redstart.RedirectLocal(next); next != "" && back.Err() == nil {
		return back
	}
	return redstart.Redirect("/")
}

// turnAway shows the form also to those whose attempts were too many: they are people.
func (g *guards) turnAway(req *redstart.Request, err error) redstart.Response {
	if redstart.StatusOf(err) != http.StatusTooManyRequests {
		return explainToPeople(req, err)
	}
	page := loginPage{Later: true}
	if form, err := req.Form(); err == nil {
		page.Next, page.Name = form.Get("next"), form.Get("name")
	}
	return g.showLogin(req, page)
}

func logout(req *redstart.Request) redstart.Response {
	middleware.Logout(req)
	return redstart.Redirect("/")
}
