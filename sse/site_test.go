package sse

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/memnet"
)

// patience is how long a test waits for what ought to happen at once, on a busy
// machine.
const patience = 20 * time.Second

// site is a server and a client that speaks its protocol.
type site struct {
	url    string
	addr   string
	client *http.Client
}

// protocols are the ways in which the same tests are run over real sockets.
var protocols = []string{"http1", "http2", "h2c"}

func startSite(t *testing.T, protocol string, handler http.Handler, configure ...func(*http.Server)) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	for _, f := range configure {
		f(server.Config)
	}
	transport := &http.Transport{}
	switch protocol {
	case "http1":
		server.Start()
	case "http2":
		server.EnableHTTP2 = true
		server.StartTLS()
		transport = server.Client().Transport.(*http.Transport)
	case "h2c":
		var h2c http.Protocols
		h2c.SetUnencryptedHTTP2(true)
		server.Config.Protocols = &h2c
		transport.Protocols = &h2c
		server.Start()
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.CloseClientConnections()
		server.Close()
	})
	return &site{url: server.URL, addr: server.Listener.Addr().String(), client: &http.Client{Transport: transport}}
}

// startMemorySite is startSite without sockets, for fake time. Stop it by the
// function returned, within the bubble.
func startMemorySite(protocol string, handler http.Handler, configure ...func(*http.Server)) (s *site, listener *memnet.Listener, stop func()) {
	listener = memnet.Listen()
	var spoken http.Protocols
	spoken.SetHTTP1(protocol == "http1")
	spoken.SetUnencryptedHTTP2(protocol == "h2c")
	server := &http.Server{Handler: handler, Protocols: &spoken}
	for _, f := range configure {
		f(server)
	}
	transport := &http.Transport{DialContext: listener.DialContext, Protocols: &spoken}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	return &site{url: "http://memory", client: &http.Client{Transport: transport}}, listener, func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		serving.Wait()
	}
}

// conversation is a stream as the client sees it.
type conversation struct {
	t      *testing.T
	resp   *http.Response
	reader *Reader
	cancel context.CancelFunc
}

func (s *site) open(t *testing.T, method string, body io.Reader, header ...string) *conversation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, s.url, body)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.client.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return &conversation{t, resp, NewReader(resp.Body), cancel}
}

func (s *site) get(t *testing.T, header ...string) *conversation {
	t.Helper()
	return s.open(t, http.MethodGet, nil, header...)
}

func (c *conversation) next() Message {
	c.t.Helper()
	m, err := c.reader.Next()
	require.NoError(c.t, err)
	return m
}

// rest reads to the end, which err tells: io.EOF for a clean one.
func (c *conversation) rest() (messages []Message, err error) {
	for {
		m, err := c.reader.Next()
		if err != nil {
			return messages, err
		}
		messages = append(messages, m)
	}
}

// request is a way to ask for a stream. net/http treats each differently: it sees
// a client leave only once the body has been read, and reads small ones itself.
type request struct {
	name, method string
	body         int // bytes, which the handler does not read
}

var requests = []request{
	{"GET", http.MethodGet, 0},
	{"POST", http.MethodPost, 100},
	{"POST of 300 KB unread", http.MethodPost, 300 << 10},
}

func (r request) reader() io.Reader {
	if r.body == 0 {
		return nil
	}
	return strings.NewReader(strings.Repeat("x", r.body))
}

// everyWay runs a test over each protocol with each request.
func everyWay(t *testing.T, f func(t *testing.T, protocol string, r request)) {
	for _, protocol := range protocols {
		for _, r := range requests {
			t.Run(protocol+" "+r.name, func(t *testing.T) { f(t, protocol, r) })
		}
	}
}

// receive waits for a value that has to come.
func receive[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		require.FailNow(t, "nothing came", what)
		panic("unreachable")
	}
}

// screen is a ResponseWriter that remembers what was done to it, and when it must
// no longer be used.
type screen struct {
	mu       sync.Mutex
	header   http.Header
	status   int
	body     bytes.Buffer
	writes   int
	flushes  int
	fenced   bool
	violated bool
	onWrite  func(p []byte) error // called without the lock
}

func newScreen() *screen { return &screen{header: http.Header{}} }

func (s *screen) Header() http.Header { return s.header }

func (s *screen) use(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violated = s.violated || s.fenced
	f()
}

func (s *screen) WriteHeader(status int) { s.use(func() { s.status = status }) }

func (s *screen) Write(p []byte) (int, error) {
	if s.onWrite != nil {
		if err := s.onWrite(p); err != nil {
			return 0, err
		}
	}
	s.use(func() { s.writes++; s.body.Write(p) })
	return len(p), nil
}

func (s *screen) FlushError() error { s.use(func() { s.flushes++ }); return nil }

func (s *screen) counts() (writes, flushes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes, s.flushes
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.body.String()
}

func (s *screen) fence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fenced = true
}

// messages are what a client would have got.
func (s *screen) messages(t *testing.T) (messages []Message) {
	t.Helper()
	for m, err := range Read(strings.NewReader(s.text())) {
		require.NoError(t, err)
		messages = append(messages, m)
	}
	return messages
}

// show serves a stream to a screen.
func show(t *testing.T, server *Server, stream *Stream, header ...string) (*screen, Report) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := newScreen()
	report := server.Serve(w, r, stream)
	w.fence()
	return w, report
}

// path is the site at another address.
func (s *site) path(suffix string) *site {
	other := *s
	other.url += suffix
	return &other
}
