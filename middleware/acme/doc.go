// Package acme gets certificates for an app from an authority that speaks ACME (RFC
// 8555), such as Let's Encrypt, and renews them before they expire.
//
//	manager, err := acme.New(acme.Options{
//		Hosts: []string{"gotham.city", "www.gotham.city"}, Cache: "/var/lib/gotham/certs",
//		Email: "gordon@gotham.city", AcceptTerms: true,
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	app := redstart.New(redstart.WithTLSConfig(manager.TLSConfig()))
//	manager.RedirectHTTP(app, ":80")
//	app.Start(":443")
//
// The first handshake for a host gets its certificate, which takes some seconds; later
// ones have it from memory, and after a start of the program from the folder Cache. The
// authority asks back whether the host is ours, at port 443 by the handshake (tls-alpn-01)
// or at port 80 (http-01, if there is [Manager.RedirectHTTP] or [Manager.Handler]), so
// one of these must be reached from outside. What fails is in the app's log, as a failed
// handshake. Try it out with Directory: [Staging], since authorities limit how many
// certificates they give.
//
// Several processes (see redstart.WithProcesses) and programs on one machine share the
// folder: one of them gets the certificate and the others wait for it.
package acme
