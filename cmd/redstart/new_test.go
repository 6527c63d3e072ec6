package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

// checkout is the root of this one.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	require.True(t, isCheckout(root))
	return root
}

// listing returns the names of the files below dir.
func listing(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}))
	return names
}

var appFiles = []string{
	".gitignore", "README.md", "app_test.go", "go.mod", "handlers.go", "live.go", "main.go",
	"web/app.js", "web/icon.svg", "web/index.html", "web/style.css",
}

func TestNewWritesAnApp(t *testing.T) {
	for _, tc := range []struct {
		name, dir        string
		flags            []string
		module, app, mod string
	}{
		{"name from the directory", "crimes", nil, "crimes", "crimes", "module crimes\n"},
		{"a name that is no module path", "Crime Desk", nil, "crime-desk", "crime-desk", "module crime-desk\n"},
		{"--module", "crimes", []string{"--module", "gotham.city/desk"}, "gotham.city/desk", "desk", "module gotham.city/desk\n"},
		{"--module with a major version", "crimes", []string{"--module", "gotham.city/desk/v2"}, "gotham.city/desk/v2", "desk", "module gotham.city/desk/v2\n"},
		{"--module for a name that has none", "哥谭", []string{"--module", "gotham"}, "gotham", "gotham", "module gotham\n"},
		{"parents are made", "a/b/crimes", nil, "crimes", "crimes", "module crimes\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			top := t.TempDir()
			dir := filepath.Join(top, tc.dir)
			status, stdout, stderr := call(append([]string{"new", dir}, tc.flags...)...)
			require.Equal(t, exitOK, status, stderr)
			assert.Empty(t, stderr)
			assert.ElementsMatch(t, appFiles, listing(t, dir))
			first, _, _ := strings.Cut(tc.dir, "/")
			entries, err := os.ReadDir(top)
			require.NoError(t, err)
			require.Len(t, entries, 1, "nothing may be left beside the app")
			assert.Equal(t, first, entries[0].Name())

			mod := read(t, dir, "go.mod")
			assert.True(t, strings.HasPrefix(mod, tc.mod), mod)
			assert.Contains(t, mod, "\nrequire github.com/redstart-go/redstart v"+redstart.Version+"\n")
			assert.Contains(t, mod, "\nreplace github.com/redstart-go/redstart => "+checkout(t)+"\n")
			assert.Contains(t, read(t, dir, "main.go"), "// Command "+tc.app+" is a web app")
			assert.Contains(t, read(t, dir, "web/index.html"), "<title>"+tc.app+"</title>")
			assert.Contains(t, read(t, dir, "README.md"), "# "+tc.app+"\n")
			assert.Contains(t, read(t, dir, ".gitignore"), "\n/"+tc.app+"\n")

			assert.Contains(t, stdout, "module "+tc.module+":\n")
			assert.Contains(t, stdout, "Its go.mod uses the Redstart sources in "+checkout(t)+".\n")
			assert.Contains(t, stdout, "\n  cd "+quoteForShell(dir)+"\n  go mod tidy\n  go test ./...\n  go run .\n")
			for _, name := range appFiles {
				assert.Contains(t, stdout, "  "+filepath.Join(dir, name)+"\n")
			}
		})
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(data)
}

func TestNewInTheEmptyWorkingDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "crimes")
	require.NoError(t, os.Mkdir(dir, 0o700))
	t.Chdir(dir)
	status, _, stderr := call("new", ".")
	require.Equal(t, exitOK, status, stderr)
	assert.ElementsMatch(t, appFiles, listing(t, "."))
	assert.True(t, strings.HasPrefix(read(t, ".", "go.mod"), "module crimes\n"))
}

func TestNewOfARelease(t *testing.T) {
	version, root, err := framework(build{version: "v0.3.1"}, "")
	require.NoError(t, err)
	assert.Empty(t, root)
	files, err := render(app{Name: "crimes", Module: "crimes", Version: version})
	require.NoError(t, err)
	for _, f := range files {
		if f.name == "go.mod" {
			assert.Equal(t, "module crimes\n\ngo 1.26.0\n\nrequire github.com/redstart-go/redstart v0.3.1\n", string(f.data))
		}
	}
}

func TestFrameworkWithReplace(t *testing.T) {
	version, root, err := framework(build{version: "v0.3.1"}, "../..")
	require.NoError(t, err)
	assert.Equal(t, "v"+redstart.Version, version)
	assert.Equal(t, checkout(t), root)
}

func TestFrameworkOfACheckout(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	nowhere := t.TempDir()
	for _, tc := range []struct {
		name   string
		build  build
		places []string
		want   string
	}{
		{"run in it", build{version: "(devel)"}, []string{here}, checkout(t)},
		{"built in it", build{version: "v0.0.0-20260101000000-abcdef012345", revision: "abcdef012345"}, []string{here}, checkout(t)},
		{"found at the second place", build{}, []string{"github.com/redstart-go/redstart/cmd/redstart", nowhere, here}, checkout(t)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			version, root, err := framework(tc.build, "", tc.places...)
			require.NoError(t, err)
			assert.Equal(t, "v"+redstart.Version, version)
			assert.Equal(t, tc.want, root)
		})
	}
	t.Run("gone", func(t *testing.T) {
		_, _, err := framework(build{version: "(devel)"}, "", nowhere)
		assert.ErrorIs(t, err, errNoCheckout)
	})
	assert.Equal(t, here, checkoutPlaces()[0])
}

// An app is written for the Go that the framework needs.
func TestTemplateNamesTheSameGo(t *testing.T) {
	mod := read(t, checkout(t), "go.mod")
	files, err := render(app{})
	require.NoError(t, err)
	for _, f := range files {
		if f.name == "go.mod" {
			_, line, _ := strings.Cut(string(f.data), "\ngo ")
			line, _, _ = strings.Cut(line, "\n")
			assert.Contains(t, mod, "\ngo "+line+"\n")
		}
	}
}

func TestNewLeavesEverythingAsItWasWhenItFails(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(t *testing.T, top string)
		dir     string
		want    string
	}{
		{"not empty", func(t *testing.T, top string) {
			require.NoError(t, os.Mkdir(filepath.Join(top, "app"), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(top, "app", "diary.txt"), nil, 0o600))
		}, "app", `the directory is not empty: it holds "diary.txt"; nothing was written`},
		{"a file", func(t *testing.T, top string) {
			require.NoError(t, os.WriteFile(filepath.Join(top, "app"), nil, 0o600))
		}, "app", "there is a file of that name; nothing was written"},
		{"below a file", func(t *testing.T, top string) {
			require.NoError(t, os.WriteFile(filepath.Join(top, "app"), nil, 0o600))
		}, "app/x/y", "not a directory; nothing was written"},
		{"a link to nowhere", func(t *testing.T, top string) {
			require.NoError(t, os.Symlink(filepath.Join(top, "gone"), filepath.Join(top, "app")))
		}, "app", "; nothing was written"},
		{"a name that is too long", func(*testing.T, string) {}, "made/" + strings.Repeat("x", 300), "file name too long; nothing was written"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			top := t.TempDir()
			tc.prepare(t, top)
			before := snapshot(t, top)
			status, stdout, stderr := call("new", filepath.Join(top, tc.dir))
			assert.Equal(t, exitError, status)
			assert.Empty(t, stdout)
			assert.True(t, strings.HasPrefix(stderr, "redstart: new "+filepath.Join(top, tc.dir)+": "), stderr)
			assert.Contains(t, stderr, tc.want)
			assert.Equal(t, before, snapshot(t, top))
		})
	}
}

// snapshot lists everything below dir, directories too.
func snapshot(t *testing.T, dir string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	}))
	return paths
}

// A write that fails half way must take back what it has done.
func TestWriteIsAllOrNothing(t *testing.T) {
	broken := []file{{"main.go", []byte("x")}, {"main.go/below", nil}} // a file cannot hold another
	for _, tc := range []struct {
		name   string
		exists bool
	}{{"new directory", false}, {"empty directory", true}} {
		t.Run(tc.name, func(t *testing.T) {
			top := t.TempDir()
			dir := filepath.Join(top, "a", "app")
			if tc.exists {
				require.NoError(t, os.MkdirAll(dir, 0o700))
			}
			before := snapshot(t, top)
			require.Error(t, write(dir, broken))
			assert.Equal(t, before, snapshot(t, top))
		})
	}
}

func TestQuoteForMod(t *testing.T) {
	for path, want := range map[string]string{
		"/home/barbara/redstart":    "/home/barbara/redstart",
		"/home/barbara g/redstart":  `"/home/barbara g/redstart"`,
		`C:\Users\barbara\redstart`: `"C:\\Users\\barbara\\redstart"`,
		"":                          "",
	} {
		assert.Equal(t, want, quoteForMod(path))
	}
}

func TestQuoteForShell(t *testing.T) {
	for path, want := range map[string]string{
		"app":         "app",
		"Crime Desk":  "'Crime Desk'",
		"it's":        `'it'\''s'`,
		"$HOME":       "'$HOME'",
		"-app":        "./-app",
		"/tmp/哥谭/app": "/tmp/哥谭/app",
	} {
		assert.Equal(t, want, quoteForShell(path))
	}
}

func TestModulePaths(t *testing.T) {
	good := []string{
		"app", "App", "example.com/me/app", "example.com/me/app/v2", "example.com/me/app/v10", "a-b_c~d.e", "gotham.city/desk/vault",
		"compass", "com0", "console", "a~b",
	}
	bad := map[string]string{
		"a b":                "' ' is not allowed",
		"哥谭":                 "'哥' is not allowed",
		"a@v1":               "'@' is not allowed",
		"a\nb":               `'\n' is not allowed`,
		`a\b`:                `'\\' is not allowed`,
		"-app":               "begins with -",
		"/app":               "a / too many",
		"app/":               "a / too many",
		"a//b":               "a / too many",
		"app.":               `"app." begins or ends with a dot`,
		"a/../b":             `".." begins or ends with a dot`,
		"example.com/con":    `"con" is not a name that every system can have`,
		"example.com/COM1.x": "is not a name",
		"progra~1":           "is not a name",
		"example.com/app/v1": `"v1" is not a major version`,
		"example.com/app/v0": `"v0" is not a major version`,
	}
	ours := map[string]string{ // the go command takes these for now, to no good end
		"":         "is empty",
		".app":     `".app" begins or ends with a dot`,
		"std":      "it is taken",
		"cmd/app":  "it is taken",
		modulePath: "it is taken",
	}
	for _, path := range good {
		assert.NoError(t, checkModulePath(path), path)
	}
	for _, refused := range []map[string]string{bad, ours} {
		for path, want := range refused {
			err := checkModulePath(path)
			if assert.Error(t, err, path) {
				assert.Contains(t, err.Error(), want)
			}
		}
	}

	if testing.Short() {
		t.Skip("asking the go command for its opinion takes a while")
	}
	initialise := func(path string) error {
		cmd := exec.Command("go", "mod", "init", path)
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
		return cmd.Run()
	}
	for _, path := range good {
		assert.NoError(t, initialise(path), "go mod init %q", path)
	}
	for path := range bad {
		assert.Error(t, initialise(path), "go mod init %q", path)
	}
}

// What is written must build and pass its own tests, by the real go command and
// without a network: all that the app needs, this module needs too.
func TestTheAppBuildsAndPasses(t *testing.T) {
	if testing.Short() {
		t.Skip("building an app takes a while")
	}
	dir := filepath.Join(t.TempDir(), "crime desk")
	status, _, stderr := call("new", dir, "--module", "gotham.city/desk", "--replace", "../..")
	require.Equal(t, exitOK, status, stderr)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), []byte(read(t, checkout(t), "go.sum")), 0o600))
	for _, args := range [][]string{
		{"vet", "./..."}, {"test", "-count=1", "./..."}, {"build", "-o", "desk", "."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "go %s: %s", strings.Join(args, " "), out)
	}
	out, err := exec.Command("gofmt", "-l", dir).CombinedOutput()
	require.NoError(t, err)
	assert.Empty(t, string(out), "the app must be formatted")
}
