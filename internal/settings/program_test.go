package settings

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/help.txt anew")

func program(t *testing.T, stdout, stderr *bytes.Buffer, args ...string) *Program {
	return &Program{Sources: Sources{Args: args, Dir: t.TempDir()}, Name: "desk", Framework: "0.1.0", Stdout: stdout, Stderr: stderr}
}

func TestHelp(t *testing.T) { // features: G3
	var stdout, stderr bytes.Buffer
	_, _, status, ended := program(t, &stdout, &stderr, "--help").Settings(
		Settings{Host: DefaultHost, Port: DefaultPort, Processes: 4, LogLevel: zerolog.TraceLevel, DisableOpenAPI: true})
	assert.True(t, ended)
	assert.Zero(t, status)
	assert.Empty(t, stderr.String())
	golden := filepath.Join("testdata", "help.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, stdout.Bytes(), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), stdout.String())
	for line := range bytes.Lines(stdout.Bytes()) {
		assert.LessOrEqual(t, len(line), 91, "the help is wider than a terminal: %s", line)
	}
	assert.NotContains(t, help("desk", Settings{}), "(default false)")
}

func TestWrongUsage(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p := program(t, &stdout, &stderr)
	p.Environ = []string{"REDSTART_PORT=x", "REDSTART_PROCESSES=y"}
	_, warnings, status, ended := p.Settings(code())
	assert.True(t, ended)
	assert.Equal(t, 2, status)
	assert.Empty(t, warnings)
	assert.Empty(t, stdout.String())
	assert.Equal(t, "desk: REDSTART_PORT=\"x\": want a number from 0 to 65535\ndesk: REDSTART_PROCESSES=\"y\": want a number from 0 to 255\n"+
		"Run \"desk --help\" for what can be set, and how.\n", stderr.String())
}

// A supervisor has warned already, and has as many children as may be.
func TestChildrenDoNotWarn(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p := program(t, &stdout, &stderr)
	p.Environ = []string{"REDSTART_PROT=1"}
	for _, p.Child = range []bool{false, true} {
		_, warnings, _, ended := p.Settings(code())
		assert.False(t, ended)
		assert.Equal(t, !p.Child, len(warnings) == 1)
	}
}

func TestVersion(t *testing.T) {
	system := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + "\n"
	dep := func(replace *debug.Module) []*debug.Module {
		return []*debug.Module{{Path: "example.com/x", Version: "v9.9.9"}, {Path: modulePath, Version: "v0.2.0", Replace: replace}}
	}
	for name, tt := range map[string]struct {
		build *debug.BuildInfo
		want  string
	}{
		"nothing is known": {nil, "desk (unknown)\nredstart v0.1.0\n"},
		"a release":        {&debug.BuildInfo{Main: debug.Module{Path: "gotham.city/desk", Version: "v1.2.3"}, Deps: dep(nil)}, "desk v1.2.3\nredstart v0.2.0\n"},
		"of a module":      {&debug.BuildInfo{Main: debug.Module{Path: "gotham.city/all", Version: "(devel)"}, Deps: dep(nil)}, "desk (devel) of gotham.city/all\nredstart v0.2.0\n"},
		"a checkout":       {&debug.BuildInfo{Main: debug.Module{Path: "desk", Version: "(devel)"}, Deps: dep(&debug.Module{Path: "../redstart"})}, "desk (devel)\nredstart v0.2.0 => ../redstart\n"},
		"of the framework": {&debug.BuildInfo{Main: debug.Module{Path: modulePath}}, "desk (unknown) of " + modulePath + "\nredstart v0.1.0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			p := program(t, &stdout, &stderr, "--version")
			p.Build = tt.build
			_, _, status, ended := p.Settings(code())
			assert.True(t, ended)
			assert.Zero(t, status)
			assert.Equal(t, tt.want+system, stdout.String())
			assert.Empty(t, stderr.String())
		})
	}
}

func TestHelpThatCannotBeWritten(t *testing.T) {
	p := program(t, nil, nil, "--help")
	p.Stdout = full{}
	_, _, status, ended := p.Settings(code())
	assert.True(t, ended)
	assert.Equal(t, 1, status)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestThisIsTheProgramThatRuns(t *testing.T) {
	p := This("0.1.0")
	assert.Contains(t, p.Name, "settings.test")
	assert.Equal(t, os.Args[1:], p.Args)
	assert.NotEmpty(t, p.Environ)
	assert.NotNil(t, p.Build)
	assert.False(t, p.Child)
}
