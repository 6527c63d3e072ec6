package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redstart-go/redstart/internal/excerpt"
	"github.com/redstart-go/redstart/internal/inspect"
	"github.com/redstart-go/redstart/internal/processes"
)

// Sources are where settings come from besides the program's code.
type Sources struct {
	Args    []string // without the program's name
	Environ []string // NAME=value
	Dir     string   // of the file, "" for the working directory
}

// Warning is about a name that has no effect.
type Warning struct{ Name, Where, Text string }

// ErrVersion and ErrHelp say that a flag asks for that, instead of serving.
var (
	ErrVersion = errors.New("the version is asked for")
	ErrHelp    = errors.New("help is asked for")
)

// Read returns the settings that count, beginning with those of the program's code. It
// reads the command line first, so that help is had whatever else is wrong.
func Read(code Settings, from Sources) (Settings, []Warning, error) {
	flags, err := parseFlags(from.Args)
	if err != nil {
		return code, nil, err
	}
	lines, warnings, faults := readFile(filepath.Join(from.Dir, FileName))
	variables, unknown := readEnvironment(from.Environ)
	set := code
	for _, g := range slices.Concat(lines, variables, flags) {
		faults = append(faults, g.apply(&set))
	}
	if set.Processes == 0 {
		set.Processes = code.Processes
	}
	return set, append(warnings, unknown...), errors.Join(faults...)
}

// readFile reads the file, if there is one.
func readFile(path string) (found []given, warnings []Warning, faults []error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, []error{err}
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: the file has more than %d bytes: it is for settings alone", FileName, maxFile)
	}
	if err != nil {
		return nil, nil, []error{err}
	}
	entries, faults := parseFile(string(text))
	for _, e := range entries {
		where := fmt.Sprintf("%s:%d", FileName, e.line)
		s, ok := find(e.key)
		switch {
		case ok && e.value != "":
			found = append(found, given{s, e.value, fmt.Sprintf("%s: %s=%q", where, e.key, excerpt.Of(e.value, longest))})
		case ok: // empty is as if it were not there
		case strings.HasPrefix(e.key, prefix):
			faults = append(faults, fmt.Errorf("%s: %s is unknown: want %s", where, e.key, oneOf(variables())))
		default:
			// It may be there for a shell or a container that reads the file too. The
			// environment is not changed: what the main function has read is read.
			warnings = append(warnings, Warning{e.key, where, "the key has no effect on the program: it is not one of Redstart"})
		}
	}
	return found, warnings, faults
}

// longest is how much of a wrong value is repeated.
const longest = 60

// readEnvironment reads the variables. One that is empty is as if it were not there, since
// there are tools that can set them but not take them away.
func readEnvironment(environ []string) (found []given, warnings []Warning) {
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		s, ok := find(name)
		switch {
		case ok && value != "":
			found = append(found, given{s, value, fmt.Sprintf("%s=%q", name, excerpt.Of(value, longest))})
		case !ok && strings.HasPrefix(name, prefix) && !isInternal(name):
			warnings = append(warnings, Warning{name, "environment", "the variable has no effect: it is unknown"})
		}
	}
	return found, warnings
}

// brokerPrefix begins the names of the variables by which package sse/jetstream tells the
// processes of a program where its embedded server is.
const brokerPrefix = prefix + "BROKER_"

// isInternal says whether a variable is one by which parts of the framework speak to each
// other, over processes.
func isInternal(name string) bool {
	return name == processes.Variable || name == inspect.Variable || strings.HasPrefix(name, brokerPrefix)
}

func find(variable string) (setting, bool) {
	for _, s := range known() {
		if s.variable() == variable {
			return s, true
		}
	}
	return setting{}, false
}

func oneOf(names []string) string {
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
