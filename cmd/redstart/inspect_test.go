package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/inspect"
)

func TestRoutes(t *testing.T) { // features: R7, G6
	status, stdout, stderr := call("routes", "./testdata/desk")
	require.Equal(t, exitOK, status, stderr)
	assert.Equal(t, `METHOD  PATTERN               NAME    HANDLER    SOURCE
GET     /crimes               crimes  main.list  desk/main.go:27
WS      api.gotham.city/wall          main.wall  desk/main.go:28
`, stdout)

	status, stdout, stderr = call("routes", "--json", "./testdata/desk", "--", "--archive")
	require.Equal(t, exitOK, status, stderr)
	var routes []inspect.Route
	require.NoError(t, json.Unmarshal([]byte(stdout), &routes))
	require.Len(t, routes, 3)
	assert.Equal(t, inspect.Route{Method: "GET", Pattern: "/archive", Handler: "main.wall", Source: "desk/main.go:30"}, routes[2])
	assert.True(t, routes[1].Socket)
}

func TestTable(t *testing.T) {
	var out recorder
	require.NoError(t, table(&out, nil))
	require.NoError(t, table(&out, []inspect.Route{
		{Method: "GET", Pattern: "/", Handler: "example.com/me/app/store.Page[example.com/me/app.Crime].list", Source: "app/main.go:7", Guards: []string{"jwt or session", "scope crimes:close"}},
	}))
	assert.Equal(t, `The app has no routes.
METHOD  PATTERN  GUARDS                              HANDLER                                    SOURCE
GET     /        jwt or session, scope crimes:close  store.Page[example.com/me/app.Crime].list  app/main.go:7
`, string(out))
}

// Whoever stops the command stops the program that it has started, which may be a server
// that goes on for good.
func TestAProgramEndsWithTheCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot interrupt itself there")
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("GOTMPDIR", t.TempDir())
	ended := make(chan error, 1)
	go func() {
		_, err := target{command: "routes", pkg: "./testdata/idle", patience: time.Hour}.ask(inspect.Routes)
		ended <- err
	}()
	require.Eventually(t, func() bool {
		built, err := filepath.Glob(filepath.Join(dir, "redstart-*", "program"))
		return err == nil && len(built) == 1
	}, time.Minute, 10*time.Millisecond)
	self, err := os.FindProcess(os.Getpid())
	require.NoError(t, err)
	require.NoError(t, self.Signal(os.Interrupt))
	assert.EqualError(t, <-ended, "routes: interrupt signal received")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

type recorder []byte

func (r *recorder) Write(p []byte) (int, error) { *r = append(*r, p...); return len(p), nil }

func TestOpenAPI(t *testing.T) { // features: O1, G6
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"JSON", nil, "{\n  \"openapi\": \"3.1.1\","},
		{"YAML", []string{"--yaml"}, "openapi: 3.1.1\n"},
		{"3.2", []string{"--version", "3.2"}, "{\n  \"openapi\": \"3.2.0\","},
		{"3.2 as YAML", []string{"--version=3.2", "--yaml"}, "openapi: 3.2.0\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, stdout, stderr := call(append([]string{"openapi", "./testdata/desk"}, tc.args...)...)
			require.Equal(t, exitOK, status, stderr)
			assert.Equal(t, tc.want, stdout[:len(tc.want)])
			assert.Contains(t, stdout, "/crimes")
		})
	}
}

func TestProgramsThatCannotBeAsked(t *testing.T) {
	for _, tc := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no package", []string{"routes", "./testdata/nothing"}, exitError, "redstart: routes: building ./testdata/nothing: exit status 1\n"},
		{"no program", []string{"openapi", "../../sse"}, exitError, "redstart: openapi: ../../sse is no program: give the package of its main function\n"},
		{"one that fails", []string{"routes", "./testdata/desk", "--", "fail"}, exitError, "redstart: routes: ./testdata/desk has ended before it served an app: exit status 3:\nthe signal is broken\n"},
		{"two", []string{"routes", "a", "b"}, exitUsage, "redstart: routes is about one package, but got 2: a b\nArguments of the program itself go behind \"--\".\n"},
		{"unknown version", []string{"openapi", "--version", "2"}, exitUsage, "redstart: --version 2: want 3.1 or 3.2\nRun \"redstart help openapi\" for its flags.\n"},
		{"unknown flag", []string{"openapi", "--yml"}, exitUsage, "redstart: unknown flag \"--yml\" of \"redstart openapi\"\nDid you mean \"--yaml\"?\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, stdout, stderr := call(tc.args...)
			assert.Equal(t, tc.status, status)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, tc.want)
		})
	}
	_, err := target{command: "routes", pkg: "./testdata/idle", patience: 100 * time.Millisecond}.ask(inspect.Routes)
	assert.EqualError(t, err, "routes: after 100ms ./testdata/idle has not come to Start, Run or Serve of an app")
}
