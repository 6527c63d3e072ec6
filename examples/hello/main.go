// Hello is the smallest Redstart program.
package main

import (
	"os"

	"github.com/redstart-go/redstart"
)

func main() {
	app := redstart.New()
	app.Get("/", func(req *redstart.Request) redstart.Response {
		return redstart.Text("Hello, Gotham\n")
	})
	if app.Start("127.0.0.1:8080") != nil {
		os.Exit(1)
	}
}
