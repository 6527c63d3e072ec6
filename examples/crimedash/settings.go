package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// settings are what the command line says.
type settings struct {
	addr      string
	db        string
	simulate  pace
	processes int
	broker    string // the folder of the log; empty for memory
	nats      string // servers with commas between; empty for none
	node      string
	demo      bool
	secret    string // of several nodes; empty for one that each keeps in its file
}

// secretVariable is not a flag because everybody on a machine can read the command lines.
const secretVariable = "CRIMEDASH_SECRET"

// minSecret is how many bytes a secret has to have.
const minSecret = 32

// maxProcesses is how many the framework can tell apart.
const maxProcesses = 255

// maxNodeName bounds what is shown on every page, in characters.
const maxNodeName = 32

func parse(args []string, stderr io.Writer) (settings, error) {
	set := settings{simulate: defaultPace, processes: 1}
	flags := flag.NewFlagSet("crimedash", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&set.addr, "addr", "127.0.0.1:8080", "listen on this `address`")
	flags.StringVar(&set.db, "db", "crimedash.db", "keep the crimes in this SQLite `file`")
	flags.Var(&set.simulate, "simulate", "make up a crime every so often: a `time` such as 500ms; 0 or off for none")
	flags.Var((*count)(&set.processes), "processes", "serve by this `number` of processes; SIGHUP restarts them one by one")
	flags.StringVar(&set.broker, "broker", "", "keep the log of live crimes in this `folder`, so that pages resume after a restart; by default in memory")
	flags.StringVar(&set.nats, "nats", "", "share the log with other nodes on the NATS server, with JetStream, at this `url`, such as nats://host:4222")
	flags.StringVar(&set.node, "node", hostname(), "call this node by that `name` on the page")
	flags.BoolVar(&set.demo, "demo", true, "let the users have the passwords that everybody knows; --demo=false draws others, and says them once")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		return set, err // the flag set has explained it
	}
	set.secret = os.Getenv(secretVariable)
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if err := set.check(flags.Args(), given); err != nil {
		fmt.Fprintln(stderr, "crimedash:", err)
		return set, err
	}
	return set, nil
}

// count is a flag that says more of what is no number than package flag does.
type count int

func (c *count) String() string { return strconv.Itoa(int(*c)) }

func (c *count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("want a number from 1 to %d", maxProcesses)
	}
	*c = count(n)
	return nil
}

// check says what is wrong with the command line as a whole.
func (s *settings) check(rest []string, given map[string]bool) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q; the flags begin with --", rest[0])
	case s.processes < 1 || s.processes > maxProcesses:
		return fmt.Errorf("--processes %d: want a number from 1 to %d", s.processes, maxProcesses)
	case given["nats"] && given["broker"]:
		return errors.New("--nats and --broker exclude each other: the log is either on a NATS server or the program's own")
	case given["broker"] && strings.TrimSpace(s.broker) == "":
		return errors.New("--broker: the folder is empty; leave the flag out to keep the log in memory")
	case given["nats"]:
		if err := checkServers(s.nats); err != nil {
			return fmt.Errorf("--nats: %w", err)
		}
	}
	s.node = strings.TrimSpace(s.node)
	switch {
	case s.secret != "" && len(s.secret) < minSecret:
		return fmt.Errorf("%s: want %d or more random characters, there are %d", secretVariable, minSecret, len(s.secret))
	case s.node == "":
		return errors.New("--node: the name is empty")
	case !utf8.ValidString(s.node) || strings.ContainsFunc(s.node, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("--node %q: want plain text on one line", s.node)
	case utf8.RuneCountInString(s.node) > maxNodeName:
		return fmt.Errorf("--node %q: want at most %d characters", s.node, maxNodeName)
	}
	return nil
}

// checkServers finds the mistakes a person makes with the address of a server. It never
// repeats more of it than the host: there may be a password.
func checkServers(list string) error {
	for server := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		switch {
		case err != nil:
			return errors.New("no URL: want one such as nats://127.0.0.1:4222")
		case u.Scheme != "nats" && u.Scheme != "tls" && u.Scheme != "ws" && u.Scheme != "wss":
			return errors.New("want a URL that begins with nats://, tls://, ws:// or wss://, such as nats://127.0.0.1:4222")
		case u.Hostname() == "":
			return errors.New("the URL names no host: want one such as nats://127.0.0.1:4222")
		}
	}
	return nil
}

// hostname is what a node is called by default.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "crimedash"
	}
	name, _, _ = strings.Cut(name, ".")
	if len(name) > maxNodeName { // of ASCII letters, as hosts are
		name = name[:maxNodeName]
	}
	return name
}

// usage lists the flags as they are written everywhere else, with two dashes;
// package flag, which takes either, lists them with one.
func usage(flags *flag.FlagSet) {
	out := flags.Output()
	fmt.Fprintf(out, "Usage of %s:\n", flags.Name())
	flags.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		if f.DefValue != "" {
			text += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(out, "  --%s %s\n    \t%s\n", f.Name, value, text)
	})
}
