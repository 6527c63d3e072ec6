//go:build unix

package supervisor_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// client asks over its own connection and repeats nothing, unlike that of net/http:
// it sees every request that gets no reply.
type client struct {
	network, addr string
	each          bool // a connection for each request
	conn          net.Conn
	replies       *bufio.Reader
	used          time.Time // the connection, last
	late          int       // requests that failed where the promise does not hold
	pids          map[int]bool
}

func newClient(url string, each bool) *client {
	c := &client{network: "tcp", addr: strings.TrimPrefix(url, "http://"), each: each, pids: map[int]bool{}}
	if path, ok := strings.CutPrefix(url, "unix:"); ok {
		c.network, c.addr = "unix", path
	}
	return c
}

// ask posts, since a POST is what no client may repeat by itself.
func (c *client) ask() (who identity, err error) {
	if err = c.dial(); err != nil {
		return who, err
	}
	defer func() {
		if err != nil || c.each {
			c.close()
		}
	}()
	// The promise is for connections that are not idle. This client may be kept from
	// the processor for long enough to be.
	idle := time.Since(c.used) > 250*time.Millisecond
	if err = c.conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return who, err
	}
	reply, err := c.send("POST", "/")
	if err != nil {
		if idle {
			c.late++
			return who, nil
		}
		return who, err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return who, fmt.Errorf("status %s", reply.Status)
	}
	if err = json.NewDecoder(reply.Body).Decode(&who); err != nil {
		return who, err
	}
	c.used = time.Now()
	c.pids[who.Pid] = true
	if reply.Close {
		c.close()
	}
	return who, nil
}

// get asks for a path, and leaves the connection to the reply.
func (c *client) get(path string) (*http.Response, error) {
	if err := c.dial(); err != nil {
		return nil, err
	}
	return c.send("GET", path)
}

func (c *client) dial() (err error) {
	if c.conn != nil {
		return nil
	}
	if c.conn, err = net.DialTimeout(c.network, c.addr, 20*time.Second); err != nil {
		c.conn = nil
		return err
	}
	c.replies, c.used = bufio.NewReader(c.conn), time.Now()
	return nil
}

func (c *client) send(method, path string) (*http.Response, error) {
	if _, err := fmt.Fprintf(c.conn, "%s %s HTTP/1.1\r\nHost: gotham\r\nContent-Length: 0\r\n\r\n", method, path); err != nil {
		return nil, err
	}
	return http.ReadResponse(c.replies, nil)
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// load asks with several clients, of both kinds, until it is stopped.
type load struct {
	clients []*client
	asked   atomic.Int64
	errs    chan error
	done    chan struct{}
	wg      sync.WaitGroup
}

const clientsOfLoad = 6

func startLoad(url string) *load {
	l := &load{errs: make(chan error, 10_000), done: make(chan struct{})}
	for i := range clientsOfLoad {
		c := newClient(url, i%2 == 0)
		l.clients = append(l.clients, c)
		l.wg.Go(func() {
			defer c.close()
			for {
				select {
				case <-l.done:
					return
				default:
				}
				if _, err := c.ask(); err != nil {
					l.errs <- err
				} else {
					l.asked.Add(1)
				}
			}
		})
	}
	return l
}

// goOn waits for some more requests.
func (l *load) goOn(p *running) {
	p.t.Helper()
	enough := l.asked.Load() + 200
	p.until("the load goes on", func() bool { return l.asked.Load() >= enough })
}

// stop returns the errors of all clients, and who answered.
func (l *load) stop() (errs []error, pids map[int]bool) {
	close(l.done)
	l.wg.Wait()
	close(l.errs)
	for err := range l.errs {
		errs = append(errs, err)
	}
	pids = map[int]bool{}
	for _, c := range l.clients {
		for pid := range c.pids {
			pids[pid] = true
		}
	}
	return errs, pids
}

func TestRollingRestartUnderLoad(t *testing.T) {
	p := start(t, 2, "127.0.0.1:0")
	old := p.serving(2)
	l := startLoad(p.url)
	l.goOn(p)
	p.signal(syscall.SIGHUP)
	p.until("the rolling restart is over", func() bool { return len(p.lines("rolling restart is over")) == 1 })
	replaced := p.serving(2)
	l.goOn(p)
	errs, pids := l.stop()
	assert.Empty(t, errs)
	for i := range 2 {
		assert.NotContains(t, replaced, old[i])
		assert.Contains(t, pids, replaced[i])
	}
	p.signal(syscall.SIGTERM)
	assert.Zero(t, p.status())
}

func TestABadReleaseUnderLoad(t *testing.T) {
	p := start(t, 2, "127.0.0.1:0")
	old := p.serving(2)
	l := startLoad(p.url)
	l.goOn(p)
	p.tell("bad")
	p.signal(syscall.SIGHUP)
	p.until("the rolling restart is given up", func() bool { return len(p.lines("the old ones stay")) == 1 })
	assert.ElementsMatch(t, old, p.serving(2))
	l.goOn(p)
	errs, pids := l.stop()
	assert.Empty(t, errs)
	for pid := range pids {
		assert.Contains(t, old, pid)
	}
}

func TestACrashUnderLoad(t *testing.T) {
	p := start(t, 2, "127.0.0.1:0")
	pids := p.serving(2)
	l := startLoad(p.url)
	l.goOn(p)
	require.NoError(t, syscall.Kill(pids[0], syscall.SIGKILL))
	p.until("another serves", func() bool { return len(p.lines("process serves")) == 1 })
	p.serving(2)
	l.goOn(p)
	errs, _ := l.stop()
	assert.LessOrEqual(t, len(errs), clientsOfLoad, "only what it had accepted is lost: %v", errs)
	for _, err := range errs {
		assert.NotErrorIs(t, err, syscall.ECONNREFUSED)
		assert.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
}
