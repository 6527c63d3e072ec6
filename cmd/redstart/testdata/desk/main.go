// Desk is a program for the tests of the commands that ask one about its app.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/redstart-go/redstart"
)

type crime struct {
	ID int `json:"id"`
}

func list(context.Context, *redstart.None) ([]crime, error) { return nil, nil }

func wall(*redstart.Request) redstart.Response { return redstart.Text("") }

func main() {
	if len(os.Args) > 1 && os.Args[1] == "fail" {
		fmt.Fprintln(os.Stderr, "the signal is broken")
		os.Exit(3)
	}
	app := redstart.New()
	app.OnStart(func(context.Context) error { panic("nobody asked for a start") })
	redstart.Get(app, "/crimes", list, redstart.Name("crimes"))
	app.Host("api.gotham.city").WebSocket("/wall", wall)
	if len(os.Args) > 1 && os.Args[1] == "--archive" {
		app.Get("/archive", wall)
	}
	app.Start("127.0.0.1:0")
	select {} // as one that has something else to do
}
