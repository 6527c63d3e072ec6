package settings

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/redstart-go/redstart/internal/excerpt"
)

// parseFlags reads the command line. Its errors name the flag.
func parseFlags(args []string) (found []given, err error) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // what is wrong is told by who called
	var wrong error             // in words of ours, since package flag says less
	for _, s := range known() {
		take := func(value string) error {
			g := given{s, value, fmt.Sprintf("--%s %q", s.name, excerpt.Of(value, longest))}
			found = append(found, g)
			wrong = g.apply(new(Settings))
			return wrong
		}
		if s.argument == "" {
			flags.BoolFunc(s.name, "", take)
		} else {
			flags.Func(s.name, "", take)
		}
	}
	version := flags.Bool("version", false, "")
	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil, ErrHelp
	case wrong != nil:
		return nil, wrong
	case err != nil:
		return nil, explain(err)
	case flags.NArg() > 0:
		return nil, leftOver(flags.Arg(0))
	case *version:
		return nil, ErrVersion
	}
	return found, nil
}

// explain says an error of package flag in the manner of the help, which writes flags with
// two dashes.
func explain(err error) error {
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return fmt.Errorf("unknown flag --%s", name)
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return fmt.Errorf("--%s: the value is missing", name)
	}
	return err
}

// leftOver explains that there are no arguments but flags.
func leftOver(argument string) error {
	err := fmt.Errorf("unexpected argument %q: there are flags only", excerpt.Of(argument, longest))
	if _, no := strconv.ParseBool(argument); no == nil {
		err = fmt.Errorf("%w; write the value of a switch behind \"=\": --open-browser=%s", err, argument)
	}
	return err
}
