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
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

// settings are what the command line says.
type settings struct {
	addr     string
	db       string
	simulate pace
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

func parse(args []string, stderr io.Writer) (settings, error) {
	set := settings{simulate: defaultPace}
	flags := flag.NewFlagSet("crimedash", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&set.addr, "addr", "127.0.0.1:8080", "listen on this `address`")
	flags.StringVar(&set.db, "db", "crimedash.db", "keep the crimes in this SQLite `file`")
	flags.Var(&set.simulate, "simulate", "make up a crime every so often: a `time` such as 500ms; 0 or off for none")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		return set, err // the flag set has explained it
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q; the flags begin with --", flags.Arg(0))
		fmt.Fprintln(stderr, "crimedash:", err)
		return set, err
	}
	return set, nil
}

// usage lists the flags as they are written everywhere else, with two dashes;
// package flag, which takes either, lists them with one.
func usage(flags *flag.FlagSet) {
	out := flags.Output()
	fmt.Fprintf(out, "Usage of %s:\n", flags.Name())
	flags.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		fmt.Fprintf(out, "  --%s %s\n    \t%s (default %s)\n", f.Name, value, text, f.DefValue)
	})
}

// serve opens what the program needs, runs it until a signal, and closes all in
// the opposite order.
func serve(set settings) (err error) {
	crimes, err := store.Open(context.Background(), set.db, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, crimes.Close()) }()
	hub := sse.NewHub()
	defer func() { err = errors.Join(err, hub.Close()) }()

	app, err := newApp(config{Store: crimes, Hub: hub, Simulate: set.simulate})
	if err != nil {
		return err
	}
	if app.Start(set.addr) != nil {
		return errors.New("stopped by the error above") // Start has logged it
	}
	return nil
}
