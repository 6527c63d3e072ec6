// Package settings is what whoever runs a program says of its app, as opposed to who
// wrote it: where it listens, how much it logs. Each source goes before the one above it:
//
//	the program's code      redstart.New(redstart.WithProcesses(4))
//	the file redstart.env   REDSTART_PORT=9000
//	the environment         REDSTART_PORT=9000
//	flags                   --port 9000
//
// A value that cannot be is an error wherever it stands, also where another one goes
// before it: it would come into force with the next change. What is wrong is told at once,
// all of it, with its place; but a wrong command line alone, which is read first.
//
// A name in the environment that begins with REDSTART_ and is unknown is a warning. It may
// be meant for another version of the program, or for another program; but it may be
// misspelt as well, so it is told.
package settings

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/rs/zerolog"
)

// Settings are the choices. Those of the program's code are what [Read] begins with.
type Settings struct {
	Host           string
	Port           int // 0 for one that is free
	Processes      int // 0 and 1 are a single one
	LogLevel       zerolog.Level
	OpenBrowser    bool
	DisableOpenAPI bool
}

// Where an app listens unless anybody says otherwise. That is for this machine alone:
// to be reached from others is a decision.
const (
	DefaultHost = "127.0.0.1"
	DefaultPort = 8080
)

// Addr is the address to listen on.
func (s *Settings) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// setting is one of the choices.
type setting struct {
	name     string // of the flag
	argument string // what the flag takes, in the help; "" for a switch
	about    string // lines of the help
	set      func(s *Settings, value string) error
	show     func(s *Settings) string
}

// variable is the name in the environment and in the file.
func (s *setting) variable() string {
	return prefix + strings.ReplaceAll(strings.ToUpper(s.name), "-", "_")
}

// prefix is what the names of all variables of the framework begin with.
const prefix = "REDSTART_"

// known returns all the settings, in the order of the help.
func known() []setting {
	return []setting{
		{
			"host", "HOST", "listen on this host name or address;\n0.0.0.0 and :: are all of the machine's",
			func(s *Settings, value string) (err error) { s.Host, err = parseHost(value); return err },
			func(s *Settings) string { return s.Host },
		},
		{
			"port", "PORT", "listen on this port, 0 for one that is free",
			func(s *Settings, value string) (err error) { s.Port, err = parseNumber(value, maxPort); return err },
			func(s *Settings) string { return strconv.Itoa(s.Port) },
		},
		{
			"processes", "NUMBER", "serve by so many processes on the one port,\n0 for as many as the program says",
			func(s *Settings, value string) (err error) {
				s.Processes, err = parseNumber(value, maxProcesses)
				return err
			},
			func(s *Settings) string { return strconv.Itoa(max(s.Processes, 1)) },
		},
		{
			"log-level", "LEVEL", "log what is of this level or above it:\n" + strings.Join(levels(), ", "),
			func(s *Settings, value string) (err error) { s.LogLevel, err = parseLevel(value); return err },
			func(s *Settings) string { return s.LogLevel.String() },
		},
		{
			"open-browser", "", "open the app in a browser once it listens",
			func(s *Settings, value string) (err error) { s.OpenBrowser, err = parseSwitch(value); return err },
			func(s *Settings) string { return strconv.FormatBool(s.OpenBrowser) },
		},
		{
			"disable-openapi", "", "serve neither /docs nor /openapi.json",
			func(s *Settings, value string) (err error) { s.DisableOpenAPI, err = parseSwitch(value); return err },
			func(s *Settings) string { return strconv.FormatBool(s.DisableOpenAPI) },
		},
	}
}

// variables lists the names that the environment and the file may have.
func variables() (names []string) {
	for _, s := range known() {
		names = append(names, s.variable())
	}
	return names
}

// given is a value of a source.
type given struct {
	setting setting
	value   string
	told    string // as whoever wrote it finds it: redstart.env:3: REDSTART_PORT="x"
}

// apply makes the value count.
func (g *given) apply(s *Settings) error {
	if err := g.setting.set(s, g.value); err != nil {
		return fmt.Errorf("%s: %w", g.told, err)
	}
	return nil
}
