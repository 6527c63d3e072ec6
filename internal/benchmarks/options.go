//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// options is what the command line asks for.
type options struct {
	full      bool
	pin       bool
	rounds    int // 0: each scenario's own
	scenarios []string
	servers   []string // a scenario's baseline runs with them, asked for or not
	command   string
}

func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "usage: go run -C internal/benchmarks . [flags]\n")
		flags.PrintDefaults()
	}
	known := make([]string, 0, len(scenarios(true)))
	for _, s := range scenarios(true) {
		if !slices.Contains(known, s.name) {
			known = append(known, s.name)
		}
	}
	quick := flags.Bool("quick", false, "small loads, about four minutes in all (the default)")
	full := flags.Bool("full", false, "large loads, half an hour in all")
	pin := flags.Bool("pin", true, "one CPU for the server and another for the client")
	only := flags.String("only", "", "scenarios, separated by commas: "+strings.Join(known, ","))
	which := flags.String("servers", "", "servers, separated by commas: "+strings.Join(servers.Names(0), ","))
	rounds := flags.Int("rounds", 0, "rounds of each scenario (default: 1 to 3, with -full 3 to 5)")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *quick && *full {
		return options{}, errors.New("-quick and -full exclude each other")
	}
	if *rounds < 0 || *rounds > 100 {
		return options{}, fmt.Errorf("-rounds %d: from 1 to 100, or 0 for each scenario's own", *rounds)
	}
	o := options{full: *full, pin: *pin, rounds: *rounds}
	var err error
	if o.scenarios, err = choose("-only", *only, known); err != nil {
		return options{}, err
	}
	if o.servers, err = choose("-servers", *which, servers.Names(0)); err != nil {
		return options{}, err
	}
	o.command = strings.Join(append([]string{"go run -C internal/benchmarks ."}, args...), " ")
	return o, nil
}

// taking returns all servers that take part, those that others are compared to included.
func (o options) taking() []string {
	var names []string
	for _, s := range scenarios(o.full) {
		if slices.Contains(o.scenarios, s.name) {
			names = append(names, s.servers(o)...)
		}
	}
	return names
}

// choose returns the names of a list in the order they are known in; all of them for
// an empty list.
func choose(flag, list string, known []string) ([]string, error) {
	if list == "" {
		return known, nil
	}
	asked := strings.Split(list, ",")
	for _, name := range asked {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%s: no %q; there are %s", flag, name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !slices.Contains(asked, name) }), nil
}
