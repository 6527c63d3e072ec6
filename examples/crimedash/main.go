// Crimedash is Gotham's crime dashboard, live: a list of crimes with filters, a
// form to report one, statistics and a feed that every open page shares, all in
// one program with its database and its pages inside.
//
//	go run ./examples/crimedash
//
// and open http://127.0.0.1:8080. The flags are
//
//	--addr address     where to listen                          (127.0.0.1:8080)
//	--db file          the SQLite file, created if missing      (crimedash.db)
//	--simulate time    the mean time between two made-up        (4s)
//	                   crimes; 0 or off leaves Gotham in peace
//	--processes n      serve by so many processes               (1)
//	--broker folder    keep the log of live crimes there, so    (in memory)
//	                   that pages resume when the program was
//	                   restarted
//	--nats url         share the log with other nodes, on a     (none)
//	                   NATS server with JetStream
//	--node name        what the page calls this node            (the host's name)
//	--demo=false       draw passwords for the users, and print  (those of the
//	                   them once                                demonstration)
//
// # Who may what
//
// Everybody may read and report. Robin, who has logged in, may export, and have evidence
// examined; Batman may say how far a case is as well; Gordon may take a report off the
// file and read the log, too. Their passwords are shown where one logs in, unless they
// were drawn.
//
// Photos are encoded anew before they are kept, so that nothing is left of what a camera
// writes into them, such as the place. They are in the database: of several nodes, the one
// that took a report shows its photo.
//
// Sessions and tokens are signed with a secret in the database; for several nodes put one
// of 32 or more random characters into the variable CRIMEDASH_SECRET of all, and whoever
// has logged in to one has logged in to all of them.
//
// # Several processes
//
// With --processes the first process supervises, and runs the broker through which the
// others share one log; they all have the same SQLite file open. A SIGHUP to the first
// is a rolling restart. Only process 1 simulates.
//
// # Several nodes
//
// With --nats every node has a database of its own, and all have the same crimes in it:
// what is reported on one goes through the log and is filed on the others, together with
// the position in the log, so that a node which was away continues where it was. While
// the log is out of reach, each node takes reports and announces them later. A new node
// reads the whole log; a database that was filled by a dashboard alone keeps what it has
// to itself. Each node simulates, so give all but one --simulate 0.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

// run is the program with its exit code: 0 for an orderly end, 1 for one that
// went wrong, 2 for a command line it does not understand.
func run(args []string, stderr io.Writer) int {
	set, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if err := serve(set); err != nil {
		fmt.Fprintln(stderr, "crimedash:", err)
		return 1
	}
	return 0
}

// serve opens what the program needs, runs it until a signal, and closes all in
// the opposite order.
func serve(set settings) (err error) {
	ctx := context.Background()
	broker, err := openBroker(ctx, set)
	if err != nil {
		return err
	}
	var hubOptions []sse.HubOption
	if broker != nil {
		defer func() { err = errors.Join(err, broker.Close()) }()
		hubOptions = append(hubOptions, sse.Over(broker))
	}
	processes := redstart.WithProcesses(set.processes)
	if supervisor := redstart.New(processes); supervisor.Supervises() {
		// The others open the database and serve. This process keeps the broker open
		// for them if it is the program's own, and has made sure of it otherwise.
		return started(supervisor.Start(set.addr))
	}

	crimes, err := store.Open(ctx, set.db, store.Options{Log: set.kind(), Empty: set.kind() == store.Shared})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, crimes.Close()) }()
	hub := sse.NewHub(hubOptions...)
	defer func() { err = errors.Join(err, hub.Close()) }()

	if !set.demo {
		if err := sayPasswords(ctx, crimes, os.Stderr); err != nil {
			return err
		}
	}
	c := config{Store: crimes, Hub: hub, Log: set.kind(), Node: self(set.node), Simulate: set.simulate}
	if set.secret != "" {
		c.Secret = []byte(set.secret)
	}
	app, err := newApp(c, processes)
	if err != nil {
		return err
	}
	return started(app.Start(set.addr))
}

// sayPasswords draws a password for each user who still has that of the demonstration.
func sayPasswords(ctx context.Context, crimes *store.Store, out io.Writer) error {
	drawn, err := crimes.DrawPasswords(ctx)
	for _, login := range drawn {
		fmt.Fprintf(out, "crimedash: %s logs in with the password %s, which is said only now\n", login.Name, login.Password)
	}
	return err
}

// started is the error for what Start returned, and has logged.
func started(err error) error {
	if err != nil {
		return errors.New("stopped by the error above")
	}
	return nil
}
