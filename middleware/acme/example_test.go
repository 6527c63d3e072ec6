package acme_test

import (
	"fmt"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware/acme"
)

func Example() {
	manager, err := acme.New(acme.Options{
		Hosts: []string{"gotham.city"}, Cache: "/var/lib/gotham/certs", AcceptTerms: true,
		Email: "gordon@gotham.city", Directory: acme.Staging, // until it works
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	app := redstart.New(redstart.WithTLSConfig(manager.TLSConfig()))
	manager.RedirectHTTP(app, ":80")
	app.Start(":443")
}

func ExampleNew() {
	_, err := acme.New(acme.Options{Hosts: []string{"*.gotham.city"}, Cache: "certs", AcceptTerms: true})
	fmt.Println(err)
	// Output: acme: the host "*.gotham.city": wildcards are not possible: name each host
}
