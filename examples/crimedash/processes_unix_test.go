//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// program is the dashboard as a process of its own, which supervises others: the test
// binary, run with a command line of the dashboard's.
type program struct {
	t   *testing.T
	cmd *exec.Cmd
	url string

	mu     sync.Mutex
	log    []map[string]any
	said   chan struct{} // a token for each line that was read
	silent chan struct{} // closed when none of the processes is left
}

func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	line, err := json.Marshal(append([]string{"--addr", "127.0.0.1:0", "--simulate", "off", "--node", "gotham"}, args...))
	require.NoError(t, err)
	p := &program{t: t, cmd: exec.Command(os.Args[0]), said: make(chan struct{}, 1), silent: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), commandLine+"="+string(line), "GORACE=atexit_sleep_ms=0")
	lines, out, err := os.Pipe() // its end says that all of the processes have ended
	require.NoError(t, err)
	p.cmd.Stderr = out
	require.NoError(t, p.cmd.Start())
	require.NoError(t, out.Close())
	go p.read(lines)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // and its children drain, if they are still there
		_ = p.cmd.Wait()
		<-p.silent
		if t.Failed() {
			for _, line := range p.log {
				t.Log(line)
			}
		}
	})
	p.url = p.await("listening")["url"].(string)
	return p
}

func (p *program) read(lines *os.File) {
	defer close(p.silent)
	defer lines.Close()
	for s := bufio.NewScanner(lines); s.Scan(); {
		line := map[string]any{}
		if json.Unmarshal(s.Bytes(), &line) != nil {
			line["message"] = s.Text()
		}
		if line["status"] != nil {
			continue // of requests there are many
		}
		p.mu.Lock()
		p.log = append(p.log, line)
		p.mu.Unlock()
		select {
		case p.said <- struct{}{}:
		default:
		}
	}
}

// await returns the first line whose message contains the text, once it is there.
func (p *program) await(text string) map[string]any {
	p.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		if line := p.find(text); line != nil {
			return line
		}
		select {
		case <-p.said:
		case <-deadline.C:
			require.FailNow(p.t, "the program does not say "+text)
		}
	}
}

func (p *program) find(text string) map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.log {
		if message, _ := line["message"].(string); strings.Contains(message, text) {
			return line
		}
	}
	return nil
}

// stop ends the program in order.
func (p *program) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	assert.NoError(p.t, p.cmd.Wait())
	<-p.silent
}

// fresh is a client that uses each connection once. A request that an idle connection
// carries at the moment of its end may or may not have arrived, with any server.
var fresh = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}

func (p *program) get(path string, into any) {
	p.t.Helper()
	resp, err := fresh.Get(p.url + path)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	require.Equal(p.t, http.StatusOK, resp.StatusCode)
	require.NoError(p.t, json.NewDecoder(resp.Body).Decode(into))
}

// commit reports a crime. An error means that nobody knows what became of it.
func (p *program) commit(place string) (id int64, err error) {
	p.t.Helper()
	resp, err := fresh.Post(p.url+"/api/crimes", jsonType, strings.NewReader(reportJSON(p.t, sighting(place))))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		body, _ := io.ReadAll(resp.Body)
		return 0, fmt.Errorf("%s: %s", resp.Status, body)
	}
	var crime store.Crime
	err = json.NewDecoder(resp.Body).Decode(&crime)
	return crime.ID, err
}

// settled waits until all that was reported is announced.
func (p *program) settled() {
	p.t.Helper()
	require.EventuallyWithT(p.t, func(c *assert.CollectT) {
		var stats store.Stats
		p.get("/api/stats", &stats)
		assert.Empty(c, stats.Ahead)
	}, 20*time.Second, 50*time.Millisecond)
}

const theEnd = "the end"

// listener follows the live stream, across connections, until the last crime.
type listener struct {
	position  string
	sequence  uint64
	ids       []int64
	opened    int // connections
	err       error
	connected func() // called when the first is open
}

func (l *listener) run(ctx context.Context, client *http.Client, url string) {
	for ctx.Err() == nil && l.err == nil {
		if l.listen(ctx, client, url) {
			return
		}
	}
	if l.err == nil {
		l.err = context.Cause(ctx)
	}
}

// listen follows one connection. However that ends, and it may in the midst of an
// event, the next goes on behind the last event that came whole.
func (l *listener) listen(ctx context.Context, client *http.Client, url string) (done bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/live", nil)
	if err != nil {
		l.err = err
		return false
	}
	req.Header.Set("Last-Event-ID", l.position)
	resp, err := client.Do(req)
	if err != nil {
		pause(ctx, 20*time.Millisecond)
		return false
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK { // a process that leaves sends its clients away
		pause(ctx, 20*time.Millisecond)
		return false
	}
	if l.opened++; l.opened == 1 {
		l.connected()
	}
	for message, err := range sse.Read(resp.Body) {
		if err != nil {
			return false
		}
		switch message.Event {
		case "sse.gap":
			l.err = errors.New("a gap: " + message.Data)
			return false
		case "crime_alert":
			var crime store.Crime
			if l.err = message.DecodeJSON(&crime); l.err != nil {
				return false
			}
			at, err := sse.ParseCursor(message.ID)
			if err != nil || at.Sequence() <= l.sequence {
				l.err = fmt.Errorf("%s behind %s: %w", message.ID, l.position, err)
				return false
			}
			l.ids = append(l.ids, crime.ID)
			l.position, l.sequence = message.ID, at.Sequence()
			if crime.Place == theEnd {
				return true
			}
		}
	}
	return false
}

// crowd is many listeners, all from the same position on.
type crowd struct {
	listeners []*listener
	client    *http.Client
	running   sync.WaitGroup
}

func gather(t *testing.T, p *program, n int) *crowd {
	t.Helper()
	var list crimeList
	p.get("/api/crimes", &list)
	require.NotEmpty(t, list.Cursor)
	c := &crowd{client: &http.Client{Transport: &http.Transport{}}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	var connecting sync.WaitGroup
	for range n {
		connecting.Add(1)
		l := &listener{position: list.Cursor, connected: connecting.Done}
		c.listeners = append(c.listeners, l)
		c.running.Go(func() { l.run(ctx, c.client, p.url) })
	}
	t.Cleanup(func() {
		cancel()
		c.running.Wait()
		c.client.CloseIdleConnections()
	})
	connecting.Wait()
	return c
}

// heard waits for the last crime, and returns what all of them got: the same.
func (c *crowd) heard(t *testing.T) (ids []int64, connections int) {
	t.Helper()
	c.running.Wait()
	ids = c.listeners[0].ids
	for _, l := range c.listeners {
		require.NoError(t, l.err)
		require.Equal(t, ids, l.ids)
		connections += l.opened
	}
	return ids, connections
}

// witness reports crimes one after the other, steadily, until it is told to stop.
type witness struct {
	t       *testing.T
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu           sync.Mutex
	acknowledged []int64
	unanswered   int // reports of which nobody knows what became
	more         chan struct{}
}

func steady(t *testing.T, p *program, every time.Duration) *witness {
	ctx, cancel := context.WithCancel(t.Context())
	w := &witness{t: t, cancel: cancel, more: make(chan struct{}, 1)}
	w.running.Go(func() {
		for n := 0; pause(ctx, every); n++ {
			id, err := p.commit(fmt.Sprintf("spot %d", n))
			w.mu.Lock()
			if err == nil {
				w.acknowledged = append(w.acknowledged, id)
			} else {
				w.unanswered++
			}
			w.mu.Unlock()
			select {
			case w.more <- struct{}{}:
			default:
			}
		}
	})
	t.Cleanup(func() { w.stop() })
	return w
}

// reports waits until n more reports were acknowledged.
func (w *witness) reports(n int) {
	w.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	count := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.acknowledged)
	}
	for until := count() + n; count() < until; {
		select {
		case <-w.more:
		case <-deadline.C:
			require.FailNow(w.t, "reports are not acknowledged any more")
		}
	}
}

func (w *witness) stop() (acknowledged []int64, unanswered int) {
	w.cancel()
	w.running.Wait()
	return w.acknowledged, w.unanswered
}

const (
	listenersOfATest = 1000
	pressure         = 30 * time.Millisecond
)

func TestARollingRestartLosesAndDoublesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program as processes, with 1 000 clients")
	}
	dir := t.TempDir()
	p := startProgram(t, "--db", filepath.Join(dir, "gotham.db"), "--broker", filepath.Join(dir, "log"), "--processes", "2")
	all := gather(t, p, listenersOfATest)
	witness := steady(t, p, pressure)
	witness.reports(20)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGHUP))
	p.await("rolling restart is over")
	witness.reports(20)
	acknowledged, unanswered := witness.stop()
	assert.Zero(t, unanswered)
	p.settled()
	last, err := p.commit(theEnd)
	require.NoError(t, err)

	ids, connections := all.heard(t)
	want := append(acknowledged, last)
	assert.ElementsMatch(t, want, ids, "each once")
	if p.find("will be announced later") == nil { // as it may, on a machine that is very busy
		assert.Equal(t, want, ids, "in the order of the reports")
	}
	assert.GreaterOrEqual(t, connections, 2*listenersOfATest, "they all had to move")
	t.Logf("%d crimes, %d connections of %d clients", len(ids), connections, listenersOfATest)
	p.stop()
}

func TestAKilledProcessLosesNothingThatWasAcknowledged(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program as processes, with 1 000 clients")
	}
	dir := t.TempDir()
	p := startProgram(t, "--db", filepath.Join(dir, "gotham.db"), "--processes", "2")
	victim := int(p.find("listening")["pids"].([]any)[0].(float64))
	all := gather(t, p, listenersOfATest)
	witness := steady(t, p, pressure)
	witness.reports(20)
	require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
	p.await("process serves") // another in its place
	witness.reports(20)
	acknowledged, unanswered := witness.stop()
	p.settled()
	last, err := p.commit(theEnd)
	require.NoError(t, err)

	ids, connections := all.heard(t)
	times := map[int64]int{}
	for _, id := range ids {
		times[id]++
		assert.Equal(t, 1, times[id], "crime %d", id)
	}
	assert.Subset(t, ids, append(acknowledged, last))
	assert.LessOrEqual(t, len(ids), len(acknowledged)+1+unanswered, "of others, only those that nobody could be told of")
	assert.Greater(t, connections, listenersOfATest)
	t.Logf("%d crimes, %d reports without an answer, %d connections of %d clients", len(ids), unanswered, connections, listenersOfATest)
	p.stop()
}
