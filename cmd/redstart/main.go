// Redstart is the command of the Redstart web framework.
//
//	redstart new DIR            write a small app to start from
//	redstart routes [PACKAGE]   list the routes of a program
//	redstart openapi [PACKAGE]  print its OpenAPI document
//	redstart version            tell the version
//	redstart help COMMAND       tell more about a command
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// The statuses that the command exits with.
const (
	exitOK    = 0
	exitError = 1 // it could not do what it was told
	exitUsage = 2 // it was not told right
)

// command is one word after "redstart".
type command struct {
	name    string
	summary string // one line, for the list of commands
	help    string // all there is to know; see newHelp
	run     func(args []string, stdout io.Writer) error
}

// commands is a function since help, which is one of them, looks at all of them.
func commands() []command {
	return []command{
		{"new", "write a small app to start from", newHelp, runNew},
		{"routes", "list the routes of a program", routesHelp, runRoutes},
		{"openapi", "print the OpenAPI document of a program", openapiHelp, runOpenAPI},
		{"version", "tell the version of this command", versionHelp, runVersion},
		{"help", "tell more about a command", helpHelp, runHelp},
	}
}

// usageError is an error in how the command was called, as opposed to one in what
// it did.
type usageError struct {
	text string
	hint string // the next thing to try
}

func (e *usageError) Error() string { return e.text }

// errHelp is returned by a command that was asked for its help by a flag.
var errHelp = errors.New("help was asked for")

// run is the whole command: it never exits, so that tests can call it.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, overview(styleFor(stderr)))
		return exitUsage
	}
	switch args[0] {
	case "-h", "-help", "--help":
		args = append([]string{"help"}, args[1:]...)
	case "-v", "-version", "--version":
		args = append([]string{"version"}, args[1:]...)
	}
	cmd, err := find(args[0])
	if err == nil {
		err = cmd.run(args[1:], stdout)
	}
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errHelp) {
		fmt.Fprint(stdout, cmd.help)
		return exitOK
	}
	style := styleFor(stderr)
	fmt.Fprintf(stderr, "%s %v\n", style.bad("redstart:"), err)
	if usage, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintln(stderr, usage.hint)
		return exitUsage
	}
	return exitError
}

// find looks a command up, and if there is none, which one may have been meant.
func find(name string) (command, error) {
	all := commands()
	if i := slices.IndexFunc(all, func(c command) bool { return c.name == name }); i >= 0 {
		return all[i], nil
	}
	what := "command"
	if strings.HasPrefix(name, "-") {
		what = "flag"
	}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
	}
	e := &usageError{text: fmt.Sprintf("unknown %s %q", what, name), hint: `Run "redstart help" for the commands.`}
	if near, ok := nearest(strings.TrimLeft(name, "-"), names); ok {
		e.hint = fmt.Sprintf("Did you mean %q?", "redstart "+near)
	}
	return command{}, e
}
