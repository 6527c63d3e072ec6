package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/redstart-go/redstart/internal/inspect"
)

const routesHelp = `usage: redstart routes [PACKAGE] [--json] [-- ARGUMENTS]

Lists the routes of a program: method, pattern, name, handler, and the line where
each was registered. The package is that of its main function, the one in this
directory by default. It is built and run with the arguments up to the point where
it would begin to serve, so its main function must come to Main, Start, Run or Serve;
no function of OnStart runs. Of several apps the one that is served first is listed.

  --json   as JSON, with what guards each route
`

func runRoutes(args []string, stdout io.Writer) error {
	flags := newFlags("routes")
	asJSON := flags.Bool("json", false, "")
	target, err := parseTarget(flags, args)
	if err != nil {
		return err
	}
	text, err := target.ask(inspect.Routes)
	if err != nil {
		return err
	}
	var routes []inspect.Route
	if err := json.Unmarshal(text, &routes); err != nil {
		return fmt.Errorf("routes: the program's answer cannot be read: %w", err)
	}
	if *asJSON {
		indented, err := json.MarshalIndent(routes, "", "  ")
		if err != nil {
			return fmt.Errorf("routes: %w", err)
		}
		_, err = fmt.Fprintln(stdout, string(indented))
		return err
	}
	return table(stdout, routes)
}

// table writes the routes in columns, and leaves out those that no route has anything in.
func table(w io.Writer, routes []inspect.Route) error {
	if len(routes) == 0 {
		_, err := fmt.Fprintln(w, "The app has no routes.")
		return err
	}
	rows := [][]string{{"METHOD", "PATTERN", "NAME", "GUARDS", "HANDLER", "SOURCE"}}
	used := map[int]bool{0: true, 1: true, 4: true, 5: true}
	for _, r := range routes {
		method := r.Method
		if r.Socket {
			method = "WS"
		}
		row := []string{method, r.Host + r.Pattern, r.Name, strings.Join(r.Guards, ", "), lastPart(r.Handler), r.Source}
		for i, cell := range row {
			used[i] = used[i] || cell != ""
		}
		rows = append(rows, row)
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		var cells []string
		for i, cell := range row {
			if used[i] {
				cells = append(cells, cell)
			}
		}
		fmt.Fprintln(columns, strings.Join(cells, "\t"))
	}
	return columns.Flush()
}

// lastPart takes the path of the package off a function's name.
func lastPart(name string) string {
	base, arguments, generic := strings.Cut(name, "[")
	base = base[strings.LastIndex(base, "/")+1:]
	if generic {
		base += "[" + arguments
	}
	return base
}
