package main

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

// call runs the command and returns what it says.
func call(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestHelp(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want string // begins the output
	}{
		{"help", []string{"help"}, "Redstart is a micro web framework for Go.\n\nusage: redstart COMMAND"},
		{"-h", []string{"-h"}, "Redstart is a micro web framework"},
		{"--help", []string{"--help"}, "Redstart is a micro web framework"},
		{"--help of a command", []string{"--help", "new"}, "usage: redstart new DIR"},
		{"help new", []string{"help", "new"}, newHelp},
		{"new -h", []string{"new", "-h"}, newHelp},
		{"new --help behind the directory", []string{"new", "x", "--help"}, newHelp},
		{"help version", []string{"help", "version"}, versionHelp},
		{"version -h", []string{"version", "-h"}, versionHelp},
		{"help help", []string{"help", "help"}, helpHelp},
		{"help -h", []string{"help", "-h"}, helpHelp},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, stdout, stderr := call(tc.args...)
			assert.Equal(t, exitOK, status)
			assert.Contains(t, stdout, tc.want)
			assert.Empty(t, stderr)
		})
	}
}

func TestHelpListsEveryCommand(t *testing.T) {
	_, stdout, _ := call("help")
	for _, c := range commands() {
		assert.Regexp(t, `(?m)^  `+c.name+` +`+c.summary+`$`, stdout)
		assert.Contains(t, c.help, "usage: redstart "+c.name)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "usage: redstart COMMAND"},
		{"unknown command", []string{"nwe"}, "redstart: unknown command \"nwe\"\nDid you mean \"redstart new\"?\n"},
		{"unknown command like no other", []string{"deploy-everything"}, "redstart: unknown command \"deploy-everything\"\nRun \"redstart help\" for the commands.\n"},
		{"unknown flag", []string{"--vresion"}, "redstart: unknown flag \"--vresion\"\nDid you mean \"redstart version\"?\n"},
		{"help about nothing there is", []string{"help", "versoin"}, "redstart: unknown command \"versoin\"\nDid you mean \"redstart version\"?\n"},
		{"help about two", []string{"help", "new", "version"}, "redstart: help is about one command, not 2\nusage: redstart help [COMMAND]\n"},
		{"version of something", []string{"version", "go"}, "redstart: version takes no argument, but got \"go\"\nusage: redstart version\n"},
		{"unknown flag of a command", []string{"new", "x", "--modul", "m"}, "redstart: unknown flag \"--modul\" of \"redstart new\"\nDid you mean \"--module\"?\n"},
		{"unknown flag like no other", []string{"new", "--docker", "x"}, "redstart: unknown flag \"--docker\" of \"redstart new\"\nRun \"redstart help new\" for its flags.\n"},
		{"flag of a command without any", []string{"version", "--short"}, "redstart: unknown flag \"--short\" of \"redstart version\"\nRun \"redstart help version\" for its flags.\n"},
		{"flag without its value", []string{"new", "x", "--module"}, "redstart: flag needs an argument: -module\nRun \"redstart help new\" for its flags.\n"},
		{"new without a directory", []string{"new"}, "redstart: new needs a directory to write into\nusage: redstart new DIR [--module PATH] [--replace DIR]\n"},
		{"new with two", []string{"new", "a", "b"}, "redstart: new writes into one directory, but got 2: a b\nusage: redstart new DIR"},
		{"bad module path", []string{"new", "x", "--module", "a b"}, "redstart: module path \"a b\": ' ' is not allowed; letters, digits and - . _ ~ / are\nA module path looks like example.com/me/app.\n"},
		{"no module path in the name", []string{"new", "哥谭"}, "redstart: new cannot make a module path of the name \"哥谭\"\nGive one with --module, such as --module example.com/me/app.\n"},
		{"replace by something else", []string{"new", "x", "--replace", "template"}, "redstart: --replace template: there is no go.mod of module github.com/redstart-go/redstart\nIt must be the root of a checkout of Redstart.\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, stdout, stderr := call(tc.args...)
			assert.Equal(t, exitUsage, status)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, tc.want)
			assert.NoFileExists(t, "x")
			assert.NoDirExists(t, "x")
		})
	}
}

func TestVersion(t *testing.T) {
	platform := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + "\n"
	for _, tc := range []struct {
		name  string
		build build
		want  string
	}{
		{"installed", build{version: "v0.3.1"}, "redstart v0.3.1\n" + platform},
		{"run in a checkout", build{version: "(devel)"}, "redstart v" + redstart.Version + ", built from a checkout\n" + platform},
		{"built in a checkout", build{version: "v0.0.0-20260101000000-abcdef012345", revision: "abcdef012345"},
			"redstart v" + redstart.Version + ", built from a checkout\nrevision abcdef012345\n" + platform},
		{"built in a checkout with changes", build{version: "v0.3.2-0.20260101000000-abcdef012345+dirty", revision: "abcdef012345", modified: true},
			"redstart v" + redstart.Version + ", built from a checkout\nrevision abcdef012345, with changes\n" + platform},
		{"nothing known", build{}, "redstart v" + redstart.Version + ", built from a checkout\n" + platform},
	} {
		t.Run(tc.name, func(t *testing.T) { assert.Equal(t, tc.want, describe(tc.build)) })
	}
	for _, arg := range []string{"version", "--version", "-v"} {
		status, stdout, stderr := call(arg)
		assert.Equal(t, exitOK, status)
		assert.Contains(t, stdout, "redstart v")
		assert.Empty(t, stderr)
	}
}

func TestParseTakesFlagsAnywhere(t *testing.T) {
	for _, tc := range []struct {
		name   string
		args   []string
		module string
		rest   []string
	}{
		{"before", []string{"--module", "m", "dir"}, "m", []string{"dir"}},
		{"behind", []string{"dir", "--module", "m"}, "m", []string{"dir"}},
		{"one dash and =", []string{"dir", "-module=m"}, "m", []string{"dir"}},
		{"between", []string{"a", "--module", "m", "b"}, "m", []string{"a", "b"}},
		{"none behind --", []string{"--module", "m", "--", "--dir", "x"}, "m", []string{"--dir", "x"}},
		{"none behind -- behind an argument", []string{"a", "--", "--module"}, "", []string{"a", "--module"}},
		{"nothing", nil, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			flags := newFlags("new")
			module := flags.String("module", "", "")
			rest, err := parse(flags, tc.args)
			require.NoError(t, err)
			assert.Equal(t, tc.module, *module)
			assert.Equal(t, tc.rest, rest)
		})
	}
}

func TestEditDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "new", 3}, {"new", "", 3}, {"new", "new", 0},
		{"nwe", "new", 2}, {"modul", "module", 1}, {"kitten", "sitting", 3},
	} {
		assert.Equal(t, tc.want, editDistance(tc.a, tc.b), "%q to %q", tc.a, tc.b)
	}
}

func TestColoursAreForTerminalsOnly(t *testing.T) {
	assert.False(t, bool(styleFor(io.Discard)))
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	assert.False(t, bool(styleFor(file)))
	assert.Equal(t, "\x1b[1mx\x1b[0m", style(true).strong("x"))
	assert.Equal(t, "\x1b[31mx\x1b[0m", style(true).bad("x"))
	assert.Equal(t, "x", style(false).strong("x"))
}
