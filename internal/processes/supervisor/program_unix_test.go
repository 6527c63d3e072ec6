//go:build unix

package supervisor_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// These make a process of the test binary the program under test.
const (
	processesVariable = "REDSTART_TEST_PROCESSES"
	folderVariable    = "REDSTART_TEST_FOLDER" // of files by which the test tells the program what to do
	addressVariable   = "REDSTART_TEST_ADDRESS"
)

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(processesVariable)); err == nil {
		os.Exit(program(n))
	}
	goleak.VerifyTestMain(m)
}

// program is a program as a user writes it.
func program(n int) (status int) {
	folder := os.Getenv(folderVariable)
	app := redstart.New(
		redstart.WithProcesses(n), redstart.WithoutAccessLog(), redstart.WithTimeouts(redstart.Timeouts{Drain: 20 * time.Second}),
		redstart.WithStreams(&sse.Server{DrainWindow: 50 * time.Millisecond}),
	)
	app.OnStart(func(ctx context.Context) error {
		if app.Supervises() {
			return errors.New("OnStart runs in the supervisor")
		}
		if _, err := os.Stat(filepath.Join(folder, "bad")); err == nil {
			return errors.New("a bad release")
		}
		for { // as long as it takes: the test removes the file
			if _, err := os.Stat(filepath.Join(folder, "slow")); err != nil || ctx.Err() != nil {
				return nil
			}
			<-time.After(time.Millisecond)
		}
	})
	who := func(*redstart.Request) redstart.Response {
		slot, of := redstart.Process()
		return redstart.JSON(identity{os.Getpid(), slot, of})
	}
	app.Get("/", who)
	app.Post("/", who)
	app.Get("/inherited", func(*redstart.Request) redstart.Response {
		open, err := exec.Command("sh", "-c", "for fd in 3 4 5 6; do [ -e /dev/fd/$fd ] && echo $fd; done; true").Output()
		if err != nil {
			return redstart.Fail(err)
		}
		return redstart.Text("open:" + string(open))
	})
	app.Get("/hang", func(req *redstart.Request) redstart.Response {
		fmt.Fprintln(os.Stderr, "hanging")
		<-req.Context().Done()
		return redstart.NoContent()
	})
	hub := sse.NewHub(sse.PerProcess())
	app.Get("/events", func(*redstart.Request) redstart.Response { return redstart.SSEResponse(hub.Subscribe("news")) })
	if app.Start(os.Getenv(addressVariable)) != nil {
		return 3
	}
	return 0
}

// identity is what a process tells of itself.
type identity struct{ Pid, Slot, Of int }

// running is the program, running.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	folder string

	mu     sync.Mutex
	log    []map[string]any
	silent chan struct{} // closed when nobody can write to the log any more
}

// start starts the program and waits until it announces itself, or ends.
func start(t *testing.T, processes int, addr string, with ...string) *running {
	t.Helper()
	return startFile(t, os.Args[0], processes, addr, with...)
}

func startFile(t *testing.T, path string, processes int, addr string, with ...string) *running {
	t.Helper()
	return startWith(t, path, processes, addr, nil, with...)
}

// startWith gives the program these files as its descriptors from 3 on.
func startWith(t *testing.T, path string, processes int, addr string, given []*os.File, with ...string) *running {
	t.Helper()
	p := &running{t: t, folder: t.TempDir(), silent: make(chan struct{})}
	for _, name := range with {
		p.tell(name)
	}
	p.cmd = exec.Command(path)
	p.cmd.ExtraFiles = given
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", processesVariable, processes), folderVariable+"="+p.folder, addressVariable+"="+addr,
		"GORACE=atexit_sleep_ms=0") // by default a second, for each process
	// A pipe of our own: that of os/exec is closed when the first process ends, and
	// the end of this one says that all have.
	lines, out, err := os.Pipe()
	require.NoError(t, err)
	p.cmd.Stderr = out
	require.NoError(t, p.cmd.Start())
	require.NoError(t, out.Close())
	go p.read(lines)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // which ends its children too
		_ = p.cmd.Wait()
		<-p.silent
		if t.Failed() {
			for _, line := range p.log {
				t.Log(line)
			}
		}
	})
	p.until("it is announced, or ends", func() bool { return len(p.lines("listening"))+len(p.lines("stopped")) > 0 })
	if line := p.lines("listening"); len(line) == 1 {
		p.url = line[0]["url"].(string)
	}
	return p
}

func (p *running) read(lines *os.File) {
	defer close(p.silent)
	defer lines.Close()
	for s := bufio.NewScanner(lines); s.Scan(); {
		line := map[string]any{}
		if json.Unmarshal(s.Bytes(), &line) != nil {
			line["message"] = s.Text()
		}
		p.mu.Lock()
		p.log = append(p.log, line)
		p.mu.Unlock()
	}
}

// lines returns the log lines with a message that contains the text.
func (p *running) lines(text string) (found []map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.log {
		if message, _ := line["message"].(string); strings.Contains(message, text) {
			found = append(found, line)
		}
	}
	return found
}

func (p *running) until(what string, condition func() bool) {
	p.t.Helper()
	require.Eventually(p.t, condition, 30*time.Second, 5*time.Millisecond, what)
}

func (p *running) tell(name string) {
	require.NoError(p.t, os.WriteFile(filepath.Join(p.folder, name), nil, 0o600))
}
func (p *running) untell(name string) { require.NoError(p.t, os.Remove(filepath.Join(p.folder, name))) }

func (p *running) signal(s os.Signal) { p.t.Helper(); require.NoError(p.t, p.cmd.Process.Signal(s)) }

// status waits for the supervisor's end, and for that of its children.
func (p *running) status() int {
	p.t.Helper()
	err := p.cmd.Wait()
	<-p.silent
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(p.t, err, &exit)
		return exit.ExitCode()
	}
	return 0
}

// pids returns who was announced.
func (p *running) pids() (pids []int) {
	p.t.Helper()
	for _, pid := range p.lines("listening")[0]["pids"].([]any) {
		pids = append(pids, int(pid.(float64)))
	}
	return pids
}

// serving asks, on connections of their own, until as many processes have answered.
func (p *running) serving(n int) (pids []int) {
	p.t.Helper()
	c := newClient(p.url, true)
	p.until(fmt.Sprintf("%d processes answer", n), func() bool {
		who, err := c.ask()
		require.NoError(p.t, err)
		if !slices.Contains(pids, who.Pid) {
			pids = append(pids, who.Pid)
		}
		return len(pids) >= n
	})
	return pids
}

func TestRequestsAreSpread(t *testing.T) {
	for name, addr := range map[string]string{
		"port": "127.0.0.1:0", "all addresses": ":0", "unix socket": "unix:" + filepath.Join(t.TempDir(), "s"),
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, 3, addr)
			pids := p.pids()
			assert.Len(t, pids, 3)
			assert.NotContains(t, pids, p.cmd.Process.Pid, "the supervisor does not serve")
			assert.EqualValues(t, 3, p.lines("listening")[0]["processes"])
			assert.NotContains(t, p.lines("listening")[0], "process")
			atLeast := 3
			if name == "unix socket" {
				atLeast = 1 // the quickest takes all when it likes to
			}
			assert.Subset(t, pids, p.serving(atLeast))
			who, err := newClient(p.url, true).ask()
			require.NoError(t, err)
			assert.Equal(t, identity{pids[who.Slot-1], who.Slot, 3}, who)
			p.signal(syscall.SIGTERM)
			assert.Zero(t, p.status())
			if path, ok := strings.CutPrefix(addr, "unix:"); ok {
				assert.NoFileExists(t, path)
			}
		})
	}
}

func TestAPortInUseBySeveralProcesses(t *testing.T) {
	p := start(t, 2, "127.0.0.1:0")
	other := start(t, 2, strings.TrimPrefix(p.url, "http://"))
	assert.Equal(t, 3, other.status(), "though both want to share the port, with their own")
	assert.Contains(t, other.lines("stopped")[0]["error"], "another program serves there already: stop it or choose another address")
}

func TestAProgramThatCannotStart(t *testing.T) {
	p := start(t, 2, "127.0.0.1:0", "bad")
	assert.Equal(t, 3, p.status())
	p.untell("bad")
	stopped := p.lines("stopped")
	last := stopped[len(stopped)-1]
	assert.Contains(t, last["error"], "redstart: none of the processes gets to serve: 3 tries each; the last was process ")
	assert.Contains(t, last["error"], "exit status 3: its log says why")
	assert.Contains(t, stopped[0]["error"], "a bad release")
	assert.Contains(t, stopped[0], "process", "the lines of a child say whose they are")
}

func TestANewReleaseBehindALink(t *testing.T) {
	folder := t.TempDir()
	current, release := filepath.Join(folder, "current"), filepath.Join(folder, "release")
	binary, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.Symlink(binary, current))
	p := startFile(t, current, 2, "127.0.0.1:0")
	require.NoError(t, os.WriteFile(release, []byte("#!/bin/sh\necho the new release >&2\nexit 4\n"), 0o700))
	require.NoError(t, os.Remove(current))
	require.NoError(t, os.Symlink(release, current))
	p.signal(syscall.SIGHUP)
	p.until("it is given up", func() bool { return len(p.lines("the old ones stay")) == 1 })
	assert.Len(t, p.lines("the new release"), 1)
	assert.Contains(t, p.lines("the old ones stay")[0]["error"], "exit status 4")
}

func TestWhatAChildStartsInheritsNothing(t *testing.T) {
	p := start(t, 2, "127.0.0.1:0")
	resp, err := newClient(p.url, true).get("/inherited")
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "open:", string(body), "a socket held open by a stranger would never be closed")
}

func TestAHangupOfTheWholeGroupIsForTheSupervisor(t *testing.T) {
	p := start(t, 2, "127.0.0.1:0")
	for _, pid := range p.pids() {
		require.NoError(t, syscall.Kill(pid, syscall.SIGHUP))
	}
	p.signal(syscall.SIGHUP)
	p.until("the rolling restart is over", func() bool { return len(p.lines("rolling restart is over")) == 1 })
	p.signal(syscall.SIGTERM)
	assert.Zero(t, p.status())
	assert.Len(t, p.lines("process has drained"), 2, "none has crashed")
}

func TestASiblingStandsInForACrash(t *testing.T) {
	p := start(t, 2, "127.0.0.1:0")
	pids := p.serving(2)
	p.tell("slow") // who starts now is not ready before the test says so
	require.NoError(t, syscall.Kill(pids[0], syscall.SIGKILL))
	p.until("the crash is heard of", func() bool { return len(p.lines("starting another")) == 1 })
	c := newClient(p.url, true)
	for range 50 { // about half of them go to the socket of the one that crashed
		who, err := c.ask()
		require.NoError(t, err)
		require.Equal(t, pids[1], who.Pid)
	}
	p.untell("slow")
	p.until("the new one serves", func() bool { return len(p.lines("process serves")) == 1 })
	assert.Contains(t, p.serving(2), int(p.lines("process serves")[0]["pid"].(float64)))
	p.signal(os.Interrupt)
	assert.Zero(t, p.status())
}

func TestStopDrainsStreams(t *testing.T) {
	for name, stop := range map[string]func(p *running){
		"SIGTERM":                   func(p *running) { p.signal(syscall.SIGTERM) },
		"the end of the supervisor": func(p *running) { p.signal(os.Kill) },
		"SIGINT, as Ctrl-C, to everyone": func(p *running) {
			for _, pid := range p.pids() {
				require.NoError(p.t, syscall.Kill(pid, syscall.SIGINT))
			}
			p.signal(os.Interrupt)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, 2, "127.0.0.1:0")
			var streams []io.Reader
			for range 8 {
				resp, err := newClient(p.url, false).get("/events")
				require.NoError(t, err)
				defer resp.Body.Close()
				streams = append(streams, resp.Body)
			}
			stop(p)
			for _, s := range streams {
				var names []string
				for m, err := range sse.Read(s) {
					require.NoError(t, err)
					names = append(names, m.Event)
				}
				assert.Equal(t, []string{"sse.hello", "sse.bye"}, names)
			}
			if status := p.status(); name != "the end of the supervisor" {
				assert.Zero(t, status)
			}
		})
	}
}

func TestASecondSignalForcesAll(t *testing.T) {
	p := start(t, 2, "127.0.0.1:0")
	cut := make(chan error)
	go func() {
		_, err := newClient(p.url, true).get("/hang")
		cut <- err
	}()
	p.until("the request has arrived", func() bool { return len(p.lines("hanging")) == 1 })
	p.signal(syscall.SIGTERM)
	p.until("they drain", func() bool { return len(p.lines("draining")) == 1 })
	p.signal(syscall.SIGTERM)
	assert.Error(t, <-cut)
	assert.Equal(t, 3, p.status())
	stopped := p.lines("stopped")
	assert.Contains(t, stopped[len(stopped)-1]["error"], "redstart: stopped by a second signal before the drain was over")
}
