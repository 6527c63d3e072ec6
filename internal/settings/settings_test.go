package settings

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// code is what a program says that says something of all.
func code() Settings {
	return Settings{Host: DefaultHost, Port: DefaultPort, Processes: 4, LogLevel: zerolog.DebugLevel}
}

// sources has the file, the environment and the command line as given.
func sources(t *testing.T, file string, environ, args []string) Sources {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, FileName), []byte(file), 0o600))
	}
	return Sources{Args: args, Environ: environ, Dir: dir}
}

func TestPrecedence(t *testing.T) { // features: G3
	for name, tt := range map[string]struct {
		file    string
		environ []string
		args    []string
		want    func(s *Settings) // changes what the code says
	}{
		"code alone":        {want: func(*Settings) {}},
		"file before code":  {"REDSTART_PORT=1", nil, nil, func(s *Settings) { s.Port = 1 }},
		"environment first": {"REDSTART_PORT=1", []string{"REDSTART_PORT=2"}, nil, func(s *Settings) { s.Port = 2 }},
		"flag first":        {"REDSTART_PORT=1", []string{"REDSTART_PORT=2"}, []string{"--port", "3"}, func(s *Settings) { s.Port = 3 }},
		"flag before file":  {"REDSTART_PORT=1", nil, []string{"-port=3"}, func(s *Settings) { s.Port = 3 }},
		"the last flag":     {"", nil, []string{"--port=3", "--port=4"}, func(s *Settings) { s.Port = 4 }},
		"each by itself": {
			"REDSTART_HOST=::1", []string{"REDSTART_LOG_LEVEL=warn"}, []string{"--processes", "2"},
			func(s *Settings) { s.Host, s.LogLevel, s.Processes = "::1", zerolog.WarnLevel, 2 },
		},
		"all by the file": {
			"REDSTART_HOST=0.0.0.0\nREDSTART_PORT=0\nREDSTART_PROCESSES=1\nREDSTART_LOG_LEVEL=disabled\nREDSTART_OPEN_BROWSER=true\nREDSTART_DISABLE_OPENAPI=1\n", nil, nil,
			func(s *Settings) { *s = Settings{"0.0.0.0", 0, 1, zerolog.Disabled, true, true} },
		},
		"all by the environment": {
			"", []string{"REDSTART_HOST=gotham.city", "REDSTART_PORT=65535", "REDSTART_PROCESSES=255", "REDSTART_LOG_LEVEL=trace", "REDSTART_OPEN_BROWSER=1", "REDSTART_DISABLE_OPENAPI=T"}, nil,
			func(s *Settings) { *s = Settings{"gotham.city", 65535, 255, zerolog.TraceLevel, true, true} },
		},
		"all by flags": {
			"", nil, []string{"--host", "[::1]", "--port", "80", "--processes", "8", "--log-level", "error", "--open-browser", "--disable-openapi"},
			func(s *Settings) { *s = Settings{"::1", 80, 8, zerolog.ErrorLevel, true, true} },
		},
		"a switch is turned off again": {
			"REDSTART_OPEN_BROWSER=true", []string{"REDSTART_DISABLE_OPENAPI=true"}, []string{"--open-browser=false", "--disable-openapi=0"}, func(*Settings) {},
		},
		"processes of 0 are the code's": {"", []string{"REDSTART_PROCESSES=8"}, []string{"--processes", "0"}, func(*Settings) {}},
		"one process is no zero":        {"", []string{"REDSTART_PROCESSES=1"}, nil, func(s *Settings) { s.Processes = 1 }},
		"empty is not there":            {"REDSTART_PORT=1\nREDSTART_HOST=''\nREDSTART_LOG_LEVEL=", []string{"REDSTART_PORT=", "REDSTART_HOST="}, nil, func(s *Settings) { s.Port = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			set, warnings, err := Read(code(), sources(t, tt.file, tt.environ, tt.args))
			require.NoError(t, err)
			want := code()
			tt.want(&want)
			assert.Equal(t, want, set)
			assert.Empty(t, warnings)
		})
	}
}

func TestAddr(t *testing.T) {
	for want, s := range map[string]Settings{
		"127.0.0.1:8080": {Host: "127.0.0.1", Port: 8080},
		"[::1]:0":        {Host: "::1"},
		"localhost:1":    {Host: "localhost", Port: 1},
	} {
		assert.Equal(t, want, s.Addr())
	}
}

// Each wrong value is refused in each of the sources, which is named.
func TestWrongValues(t *testing.T) {
	const (
		port      = "want a number from 0 to 65535"
		processes = "want a number from 0 to 255"
		level     = "want trace, debug, info, warn, error or disabled"
		switches  = "want true or false"
		host      = "want a host name or an IP address, such as localhost, 127.0.0.1 or ::1; 0.0.0.0 for all of the machine's"
		hostAlone = "want a host alone: the port is a setting of its own"
		socket    = "want a host name or an IP address: the program has to call App.Start for a socket"
	)
	for _, tt := range []struct{ name, value, want string }{
		{"port", "http", port},
		{"port", "-1", port},
		{"port", "65536", port},
		{"port", ":8080", port},
		{"port", "+80", port},
		{"port", "80 ", port},
		{"port", "8e3", port},
		{"port", "99999999999999999999", port},
		{"processes", "all", processes},
		{"processes", "-2", processes},
		{"processes", "256", processes},
		{"processes", "1.5", processes},
		{"log-level", "loud", level},
		{"log-level", "INFO", level},
		{"log-level", "2", level},
		{"log-level", "fatal", level},
		{"open-browser", "maybe", switches},
		{"open-browser", "yes", switches},
		{"disable-openapi", "2", switches},
		{"host", "http://localhost", host},
		{"host", "a b", host},
		{"host", "/run/socket", host},
		{"host", "[localhost]", host},
		{"host", "哥谭", host},
		{"host", "127.0.0.1:8080", hostAlone},
		{"host", "[::1]:8080", hostAlone},
		{"host", "localhost:8080", hostAlone},
		{"host", "unix:/run/socket", socket},
		{"host", "systemd:", socket},
		{"host", "fd:3", socket},
	} {
		t.Run(tt.name+" "+tt.value, func(t *testing.T) {
			variable := "REDSTART_" + strings.ReplaceAll(strings.ToUpper(tt.name), "-", "_")
			_, _, err := Read(code(), sources(t, "", nil, []string{"--" + tt.name + "=" + tt.value}))
			assert.EqualError(t, err, `--`+tt.name+` "`+tt.value+`": `+tt.want)

			_, _, err = Read(code(), sources(t, "", []string{"HOME=/", variable + "=" + tt.value}, nil))
			assert.EqualError(t, err, variable+`="`+tt.value+`": `+tt.want)

			_, _, err = Read(code(), sources(t, "# mine\n\n"+variable+"='"+tt.value+"'\n", nil, nil))
			assert.EqualError(t, err, `redstart.env:3: `+variable+`="`+tt.value+`": `+tt.want)
		})
	}
	_, _, err := Read(code(), sources(t, "", nil, []string{"--host", ""}))
	assert.EqualError(t, err, `--host "": `+host)
	_, _, err = Read(code(), sources(t, "", nil, []string{"--port", ""}))
	assert.EqualError(t, err, `--port "": `+port)
	_, _, err = Read(code(), sources(t, "", []string{"REDSTART_PORT=" + strings.Repeat("9", 100)}, nil))
	assert.EqualError(t, err, `REDSTART_PORT="`+strings.Repeat("9", 60)+`…": `+port)
}

// A wrong value is one even where another goes before it, and all of them are told.
func TestAllFaultsAreTold(t *testing.T) {
	_, _, err := Read(code(), sources(t, "REDSTART_PORT=a\nREDSTART_PROT=1\nrubbish\n", []string{"REDSTART_PORT=b", "REDSTART_OPEN_BROWSER=c"}, []string{"--port", "80"}))
	require.Error(t, err)
	assert.ElementsMatch(t, []string{
		`redstart.env:1: REDSTART_PORT="a": want a number from 0 to 65535`,
		`redstart.env:2: REDSTART_PROT is unknown: want REDSTART_HOST, REDSTART_PORT, REDSTART_PROCESSES, REDSTART_LOG_LEVEL, REDSTART_OPEN_BROWSER or REDSTART_DISABLE_OPENAPI`,
		`redstart.env:3: want KEY=VALUE: there is no "="`,
		`REDSTART_PORT="b": want a number from 0 to 65535`,
		`REDSTART_OPEN_BROWSER="c": want true or false`,
	}, strings.Split(err.Error(), "\n"))
}

func TestCommandLine(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"unknown flag":         {[]string{"--prot", "1"}, "unknown flag --prot"},
		"one of later":         {[]string{"--fast"}, "unknown flag --fast"},
		"no value":             {[]string{"--port"}, "--port: the value is missing"},
		"an argument":          {[]string{"serve"}, `unexpected argument "serve": there are flags only`},
		"behind flags":         {[]string{"--port", "1", "serve"}, `unexpected argument "serve": there are flags only`},
		"behind dashes":        {[]string{"--", "--port"}, `unexpected argument "--port": there are flags only`},
		"a switch's value":     {[]string{"--open-browser", "false"}, `unexpected argument "false": there are flags only; write the value of a switch behind "=": --open-browser=false`},
		"three dashes":         {[]string{"---port=1"}, "bad flag syntax: ---port=1"},
		"help and an argument": {[]string{"x", "--help"}, `unexpected argument "x": there are flags only`},
		"version of something": {[]string{"--version=x"}, `invalid boolean value "x" for -version: parse error`},
		"help":                 {[]string{"--help"}, ErrHelp.Error()},
		"help, short":          {[]string{"-h"}, ErrHelp.Error()},
		"version":              {[]string{"--version"}, ErrVersion.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			// What else is wrong does not matter: help is what is needed then.
			_, _, err := Read(code(), sources(t, "rubbish", []string{"REDSTART_PORT=x"}, tt.args))
			assert.EqualError(t, err, tt.want)
		})
	}
}

func TestNamesWithoutEffectAreTold(t *testing.T) {
	set, warnings, err := Read(code(), sources(t, "\nDATABASE_URL=secret\n", []string{
		"PATH=/bin", "REDSTART=1", "REDSTART_PROT=secret", "REDSTART_BROKER=1", "REDSTART_=",
		"REDSTART_PROCESS=1/2", "REDSTART_INSPECT=routes=/x", "REDSTART_BROKER_0123=nats://x", "redstart_port=1", "=C:=C:\\",
	}, nil))
	require.NoError(t, err)
	assert.Equal(t, code(), set)
	assert.Equal(t, []Warning{
		{"DATABASE_URL", "redstart.env:2", "the key has no effect on the program: it is not one of Redstart"},
		{"REDSTART_PROT", "environment", "the variable has no effect: it is unknown"},
		{"REDSTART_BROKER", "environment", "the variable has no effect: it is unknown"},
		{"REDSTART_", "environment", "the variable has no effect: it is unknown"},
	}, warnings)
}

// What the framework says to itself over the environment must not be warned of.
func TestVariablesOfTheFrameworkAreKnown(t *testing.T) {
	name := regexp.MustCompile(`"(REDSTART_[A-Z_]+)`)
	seen := 0
	for _, folder := range []string{"../processes", "../inspect", "../../sse/jetstream", "../..", "../serving"} {
		sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, path := range sources {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, m := range name.FindAllStringSubmatch(string(text), -1) {
				seen++
				_, setting := find(m[1])
				assert.True(t, setting || isInternal(m[1]), "%s in %s", m[1], path)
			}
		}
	}
	assert.GreaterOrEqual(t, seen, 4)
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, FileName), 0o700))
	_, _, err := Read(code(), Sources{Dir: dir})
	assert.ErrorContains(t, err, FileName)
	assert.ErrorContains(t, err, "is a directory")

	_, _, err = Read(code(), sources(t, strings.Repeat("# far too much\n", 5000), nil, nil))
	assert.EqualError(t, err, "redstart.env: the file has more than 65536 bytes: it is for settings alone")
}
