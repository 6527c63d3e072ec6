package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// newFlags makes the flags of a command. What is wrong with them is told by run,
// so the set itself keeps quiet.
func newFlags(command string) *flag.FlagSet {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	return flags
}

// parse reads flags wherever they stand, since "redstart new DIR --module M" is as
// natural as the other order, and returns the other arguments. Behind "--" nothing
// is a flag.
func parse(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, flagError(flags, err)
		}
		read := len(args) - flags.NArg()
		if read > 0 && args[read-1] == "--" {
			return append(rest, flags.Args()...), nil
		}
		if flags.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

func flagError(flags *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return errHelp
	}
	e := &usageError{err.Error(), fmt.Sprintf("Run %q for its flags.", "redstart help "+flags.Name())}
	if name, ok := strings.CutPrefix(e.text, "flag provided but not defined: -"); ok {
		e.text = fmt.Sprintf("unknown flag %q of %q", "--"+name, "redstart "+flags.Name())
		var names []string
		flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
		if near, ok := nearest(name, names); ok {
			e.hint = fmt.Sprintf("Did you mean %q?", "--"+near)
		}
	}
	return e
}

// nearest returns the name that was probably meant: the one with the smallest edit
// distance, if that is small against the length of the word.
func nearest(word string, names []string) (string, bool) {
	best, distance := "", len(word)/3+2
	for _, name := range names {
		if d := editDistance(word, name); d < distance {
			best, distance = name, d
		}
	}
	return best, best != ""
}

// editDistance counts the letters to insert, delete or replace to make b of a
// (Levenshtein distance), with one row of the table at a time.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
