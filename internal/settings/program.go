package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/redstart-go/redstart/internal/processes"
)

// The statuses that a program exits with.
const (
	StatusError = 1 // the app could not be served, or not to an orderly end
	StatusUsage = 2 // what the program was told cannot be
)

// Program is a program as it was started.
type Program struct {
	Sources
	Name           string
	Framework      string           // its version
	Build          *debug.BuildInfo // nil if it is not known
	Child          bool             // of a supervisor, see package processes
	Stdout, Stderr io.Writer
}

// This is the program that runs.
func This(framework string) *Program {
	p := &Program{Name: "program", Framework: framework, Stdout: os.Stdout, Stderr: os.Stderr}
	if len(os.Args) > 0 { // an exec may leave out even the name
		p.Name = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
		p.Args = os.Args[1:]
	}
	p.Environ = os.Environ()
	p.Build, _ = debug.ReadBuildInfo()
	_, _, p.Child = processes.Slot()
	return p
}

// Settings reads the settings, or says what was asked for instead, or what is wrong. If
// ended is true, that was all: the program is to exit with the status. Otherwise there may
// be warnings for the log.
func (p *Program) Settings(code Settings) (set Settings, warnings []Warning, status int, ended bool) {
	set, warnings, err := Read(code, p.Sources)
	switch {
	case errors.Is(err, ErrHelp):
		return set, nil, p.say(help(p.Name, code)), true
	case errors.Is(err, ErrVersion):
		return set, nil, p.say(version(p.Name, p.Build, p.Framework)), true
	case err != nil:
		for line := range strings.Lines(err.Error()) { // errors.Join has one on each
			fmt.Fprintf(p.Stderr, "%s: %s\n", p.Name, strings.TrimSuffix(line, "\n"))
		}
		fmt.Fprintf(p.Stderr, "Run \"%s --help\" for what can be set, and how.\n", p.Name)
		return set, nil, StatusUsage, true
	case p.Child:
		return set, nil, 0, false // the supervisor has read the same
	}
	return set, warnings, 0, false
}

func (p *Program) say(text string) (status int) {
	if _, err := io.WriteString(p.Stdout, text); err != nil {
		return StatusError
	}
	return 0
}
