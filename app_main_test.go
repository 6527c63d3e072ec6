package redstart_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

// programMode is set in the processes that the tests of Main make of the test binary. Its
// name begins otherwise than those that Main looks at.
const programMode = "PROGRAM_UNDER_TEST"

// runProgram is a program as a user writes it, whose last line is Main.
func runProgram(mode string) {
	options := map[string][]redstart.Option{
		"wrong option": {redstart.WithProcesses(-1)},
		"quiet":        {redstart.WithoutAccessLog(), redstart.WithTimeouts(redstart.Timeouts{Drain: 20 * time.Second})},
		"without docs": {redstart.WithoutDocs()},
	}[mode]
	app := redstart.New(options...)
	app.OnStart(func(context.Context) error {
		if mode == "failing start" {
			return errors.New("the signal is broken")
		}
		return nil
	})
	app.Get("/", func(req *redstart.Request) redstart.Response {
		req.Log().Debug().Msg("asked")
		slot, of := redstart.Process()
		return redstart.Text(fmt.Sprintf("%d/%d %d", slot, of, os.Getpid()))
	})
	redstart.Get(app, "/greeting", redstart.NoInput(greet))
	redstart.Main(app)
	fmt.Println("returned")
	os.Exit(0)
}

// programCommand makes a command of the program in a folder of its own.
func programCommand(t *testing.T, mode, file string, environ []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir = t.TempDir()
	if file != "" {
		require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "redstart.env"), []byte(file), 0o600))
	}
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "REDSTART_") })
	cmd.Env = append(append(cmd.Env, programMode+"="+mode), environ...)
	return cmd
}

// served is a program that serves.
type served struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	stdout *bytes.Buffer
	stderr *bufio.Scanner
	log    bytes.Buffer // what has been read of it so far
	client *http.Client
}

// serveProgram starts the program and waits until it listens.
func serveProgram(t *testing.T, mode, file string, environ []string, args ...string) *served {
	t.Helper()
	p := &served{t: t, cmd: programCommand(t, mode, file, environ, args...), stdout: &bytes.Buffer{}}
	p.cmd.Stdout = p.stdout
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	p.stderr = bufio.NewScanner(stderr)
	require.NoError(t, p.cmd.Start())
	p.url, _ = p.until("listening")["url"].(string)
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	p.client = &http.Client{Transport: transport}
	return p
}

// until reads the log up to a line with the message, and returns it.
func (p *served) until(message string) (line map[string]any) {
	p.t.Helper()
	for p.stderr.Scan() {
		p.log.WriteString(p.stderr.Text() + "\n")
		line = nil
		if json.Unmarshal(p.stderr.Bytes(), &line) == nil && line["message"] == message {
			return line
		}
	}
	p.t.Fatalf("the program ended without saying %q:\n%s", message, p.log.String())
	return nil
}

func (p *served) get(path string) (status int, body string) {
	p.t.Helper()
	resp, err := p.client.Get(p.url + path)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return resp.StatusCode, string(text)
}

// stop stops the program in order, and returns all that it has logged.
func (p *served) stop() (log string) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	for p.stderr.Scan() {
		p.log.WriteString(p.stderr.Text() + "\n")
	}
	require.NoError(p.t, p.cmd.Wait(), p.log.String())
	return p.log.String()
}

func TestMainExitsWithAStatus(t *testing.T) { // features: G3
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = busy.Close() }) // behind the tests in parallel
	_, port, err := net.SplitHostPort(busy.Addr().String())
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		mode, file string
		environ    []string
		args       []string
		status     int
		stdout     string // what each of them holds
		stderr     string
	}{
		"help":           {args: []string{"--help"}, stdout: "usage: redstart.test [FLAGS]\n"},
		"version":        {args: []string{"--version"}, stdout: "\nredstart v" + redstart.Version + "\n" + runtime.Version()},
		"unknown flag":   {args: []string{"--prot", "1"}, status: 2, stderr: "redstart.test: unknown flag --prot\nRun \"redstart.test --help\" for what can be set, and how.\n"},
		"an argument":    {args: []string{"serve"}, status: 2, stderr: `unexpected argument "serve"`},
		"wrong value":    {args: []string{"--port", "x"}, status: 2, stderr: `--port "x": want a number from 0 to 65535`},
		"wrong variable": {environ: []string{"REDSTART_LOG_LEVEL=loud"}, status: 2, stderr: `REDSTART_LOG_LEVEL="loud": want trace, debug`},
		"wrong line":     {file: "\nREDSTART_PROT=1\n", status: 2, stderr: "redstart.env:2: REDSTART_PROT is unknown: want REDSTART_HOST, "},
		"a port in use":  {args: []string{"--port", port}, status: 1, stderr: "another program serves there already"},
		"no such host":   {args: []string{"--host", "198.51.100.1", "--port", "0"}, status: 1, stderr: `"message":"stopped"`},
		"a failed start": {mode: "failing start", args: []string{"--port", "0"}, status: 1, stderr: "the signal is broken"},
		"a wrong option": {mode: "wrong option", args: []string{"--port", "0"}, status: 1, stderr: "WithProcesses(-1): want 0 to 255"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := programCommand(t, cmp.Or(tt.mode, "plain"), tt.file, tt.environ, tt.args...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			assert.Equal(t, tt.status, cmd.ProcessState.ExitCode(), "%v: %s", err, &stderr)
			assert.Contains(t, stdout.String(), tt.stdout)
			assert.Contains(t, stderr.String(), tt.stderr)
			assert.NotContains(t, stdout.String(), "returned", "what stands behind Main does not run")
			if tt.status == 0 {
				assert.Empty(t, stderr.String())
			} else {
				assert.Empty(t, stdout.String())
			}
		})
	}
}

func TestMainServesWhatItIsTold(t *testing.T) { // features: G3
	t.Parallel()
	p := serveProgram(t, "plain", "REDSTART_PORT=1\nREDSTART_HOST=0.0.0.0\nOTHER=1\n", []string{"REDSTART_PORT=0", "REDSTART_PROT=9000"}, "--host", "127.0.0.1")
	assert.Contains(t, p.url, "http://127.0.0.1:")
	status, _ := p.get("/docs")
	assert.Equal(t, 200, status)
	log := p.stop()
	assert.Equal(t, "returned\n", p.stdout.String(), "Main returns after an orderly stop")
	assert.Contains(t, log, `"level":"warn","name":"REDSTART_PROT","where":"environment"`)
	assert.Contains(t, log, `"level":"warn","name":"OTHER","where":"redstart.env:3"`)
	assert.NotContains(t, log, "PROGRAM_UNDER_TEST")
}

func TestMainDisablesOpenAPI(t *testing.T) { // features: G3, O1
	t.Parallel()
	for name, tt := range map[string]struct {
		mode string
		args []string
		want int
	}{
		"as it is":            {"plain", nil, 200},
		"by the flag":         {"plain", []string{"--disable-openapi"}, 404},
		"in code":             {"without docs", nil, 404},
		"not, in spite of it": {"without docs", []string{"--disable-openapi=false"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serveProgram(t, tt.mode, "", nil, append(tt.args, "--port=0")...)
			for _, path := range []string{"/docs", "/openapi.json", "/openapi.yaml"} {
				status, _ := p.get(path)
				assert.Equal(t, tt.want, status, path)
			}
			assert.Equal(t, tt.want == 200, strings.Contains(p.stop(), `"docs":"`), "the first line of the log")
		})
	}
}

func TestMainSetsTheLevelOfTheLog(t *testing.T) { // features: G3, G7
	t.Parallel()
	p := serveProgram(t, "plain", "", nil, "--port=0", "--log-level=info")
	_, _ = p.get("/")
	log := p.stop()
	assert.Contains(t, log, `"message":"request"`)
	assert.NotContains(t, log, `"message":"asked"`)

	p = serveProgram(t, "plain", "", nil, "--port=0", "--log-level=debug")
	_, _ = p.get("/")
	assert.Contains(t, p.stop(), `"message":"asked"`)

	var stderr bytes.Buffer
	cmd := programCommand(t, "failing start", "", []string{"REDSTART_PROT=1"}, "--port=0", "--log-level=error")
	cmd.Stderr = &stderr
	assert.Error(t, cmd.Run())
	assert.NotContains(t, stderr.String(), `"level":"warn"`)
	assert.Contains(t, stderr.String(), `"level":"error"`)
}

// fakeBrowser puts a script of the name of the command that opens a browser into a folder,
// for PATH. It is told the name of a file to write to.
func fakeBrowser(t *testing.T, script string) (path, opened string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the command has another name here")
	}
	dir := t.TempDir()
	opened = filepath.Join(dir, "opened")
	script = fmt.Sprintf("#!/bin/sh\n"+script, opened)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700))
	return "PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), opened
}

func TestMainOpensTheBrowserOnce(t *testing.T) { // features: G3
	t.Parallel()
	for name, processes := range map[string]string{"one process": "1", "a supervisor with two": "2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, opened := fakeBrowser(t, "echo \"$*\" >> '%s'\n")
			p := serveProgram(t, "quiet", "", []string{path, "REDSTART_PROCESSES=" + processes}, "--port=0", "--open-browser")
			require.Eventually(t, func() bool {
				text, err := os.ReadFile(opened)
				return err == nil && strings.HasSuffix(string(text), "\n")
			}, 20*time.Second, 10*time.Millisecond)
			log := p.stop()
			text, err := os.ReadFile(opened)
			require.NoError(t, err)
			assert.Equal(t, p.url+"\n", string(text))
			assert.NotContains(t, log, "browser")
		})
	}
}

func TestMainServesWithoutABrowser(t *testing.T) { // features: G3
	t.Parallel()
	p := serveProgram(t, "quiet", "", []string{"PATH=" + t.TempDir()}, "--port=0", "--open-browser")
	p.until("the browser cannot be opened: open the address yourself")
	status, _ := p.get("/")
	assert.Equal(t, 200, status)
	p.stop()
}

// A command that goes on as long as the browser it has started is not left behind.
func TestMainEndsTheCommandForTheBrowser(t *testing.T) { // features: G3
	t.Parallel()
	path, opened := fakeBrowser(t, "echo $$ > '%s'\nexec sleep 600\n")
	p := serveProgram(t, "quiet", "", []string{path}, "--port=0", "--open-browser")
	var pid int
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(opened)
		if err != nil || !strings.HasSuffix(string(text), "\n") {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	command, err := os.FindProcess(pid)
	require.NoError(t, err)
	t.Cleanup(func() { _ = command.Kill() })
	assert.NotContains(t, p.stop(), "browser")
	assert.ErrorIs(t, command.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// The command redstart asks a program by running it: see package internal/inspect.
func TestMainTellsTheRoutes(t *testing.T) { // features: G3, G6
	t.Parallel()
	answer := filepath.Join(t.TempDir(), "answer")
	cmd := programCommand(t, "failing start", "REDSTART_PROCESSES=2", []string{"REDSTART_INSPECT=routes=" + answer}, "--open-browser")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "returned\n", string(out))
	text, err := os.ReadFile(answer)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"pattern":"/greeting"`)
}

// What has changed in the file counts from the next rolling restart on, but for what the
// supervisor has in its hands: its sockets, and how many they are.
func TestMainInSeveralProcesses(t *testing.T) { // features: G3, G5
	if runtime.GOOS != "linux" {
		t.Skip("the processes are counted by how Linux spreads connections")
	}
	t.Parallel()
	p := serveProgram(t, "quiet", "REDSTART_PROCESSES=2\nREDSTART_PORT=0\n", []string{"REDSTART_PROT=1"})
	_, body := p.get("/")
	assert.Contains(t, body, "/2 ")
	status, _ := p.get("/docs")
	assert.Equal(t, 200, status)

	file := "REDSTART_PROCESSES=1\nREDSTART_PORT=1\nREDSTART_DISABLE_OPENAPI=true\n"
	require.NoError(t, os.WriteFile(filepath.Join(p.cmd.Dir, "redstart.env"), []byte(file), 0o600))
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGHUP))
	p.until("rolling restart is over")
	_, body = p.get("/")
	assert.Contains(t, body, "/2 ")
	status, _ = p.get("/docs")
	assert.Equal(t, 404, status)
	assert.Equal(t, 1, strings.Count(p.stop(), "REDSTART_PROT"), "the supervisor warns for all")
}

func TestMainOfNoApp(t *testing.T) {
	panicsAt(t, "Main", "the app is nil", func() { redstart.Main(nil) })
}
