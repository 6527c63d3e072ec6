package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// telegraph is a NATS server that can be stopped and started again at its address.
type telegraph struct {
	t      *testing.T
	dir    string
	port   int
	server *server.Server
}

func newTelegraph(t *testing.T) *telegraph {
	t.Helper()
	w := &telegraph{t: t, dir: t.TempDir(), port: server.RANDOM_PORT}
	w.start()
	w.port = w.server.Addr().(*net.TCPAddr).Port
	t.Cleanup(w.stop)
	return w
}

func (w *telegraph) start() {
	w.t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: w.port, JetStream: true, StoreDir: w.dir, NoLog: true, NoSigs: true})
	require.NoError(w.t, err)
	s.Start()
	require.True(w.t, s.ReadyForConnections(30*time.Second))
	w.server = s
}

func (w *telegraph) stop() {
	w.server.Shutdown()
	w.server.WaitForShutdown()
}

func (w *telegraph) url() string { return w.server.ClientURL() }

// member is a node, running as the program does.
type member struct {
	t      *testing.T
	url    string
	store  *store.Store
	client *http.Client
	stop   func()
}

// join starts a node. What it returns is ready to be asked.
func join(t *testing.T, w *telegraph, db, name string) *member {
	t.Helper()
	set, err := parse([]string{"--nats", w.url(), "--node", name, "--simulate", "off"}, io.Discard)
	require.NoError(t, err)
	broker, err := openBroker(t.Context(), set)
	require.NoError(t, err)
	crimes, err := store.Open(t.Context(), db, store.Options{Log: set.kind(), Empty: true})
	require.NoError(t, err)
	hub := sse.NewHub(sse.Over(broker), sse.OnBrokerError(func(error) {}))
	app, err := newApp(config{Store: crimes, Hub: hub, Log: set.kind(), Node: self(set.node)}, redstart.WithLogger(zerolog.Nop()),
		redstart.WithStreams(&sse.Server{DrainWindow: time.Millisecond}))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, listener) }()
	transport := &http.Transport{}
	m := &member{t: t, url: "http://" + listener.Addr().String(), store: crimes, client: &http.Client{Transport: transport}}
	m.stop = sync.OnceFunc(func() {
		cancel()
		transport.CloseIdleConnections()
		assert.NoError(t, <-ended)
		assert.NoError(t, hub.Close())
		assert.NoError(t, crimes.Close())
		assert.NoError(t, broker.Close())
	})
	t.Cleanup(m.stop)
	m.get("/readyz", nil) // answered once the node has begun
	return m
}

func (m *member) get(path string, into any) http.Header {
	m.t.Helper()
	resp, err := m.client.Get(m.url + path)
	require.NoError(m.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(m.t, err)
	require.Equal(m.t, http.StatusOK, resp.StatusCode, string(body))
	if into != nil {
		require.NoError(m.t, json.Unmarshal(body, into))
	}
	return resp.Header
}

func (m *member) commit(place string) store.Crime {
	m.t.Helper()
	resp, err := m.client.Post(m.url+"/api/crimes", jsonType, strings.NewReader(reportJSON(m.t, sighting(place))))
	require.NoError(m.t, err)
	defer resp.Body.Close()
	require.Equal(m.t, http.StatusCreated, resp.StatusCode)
	var crime store.Crime
	require.NoError(m.t, json.NewDecoder(resp.Body).Decode(&crime))
	return crime
}

func (m *member) list() []store.Crime {
	m.t.Helper()
	var list crimeList
	m.get("/api/crimes?limit=200", &list)
	return list.Crimes
}

// has waits until all of these crimes are on the node's list.
func (m *member) has(crimes ...store.Crime) {
	m.t.Helper()
	require.EventuallyWithT(m.t, func(c *assert.CollectT) {
		assert.Subset(c, m.list(), crimes)
	}, 20*time.Second, 10*time.Millisecond)
}

// witness hears the node's live stream until it has got n crimes.
func (m *member) witness(n int) <-chan []store.Crime {
	m.t.Helper()
	resp, err := m.client.Get(m.url + "/live")
	require.NoError(m.t, err)
	heard := make(chan []store.Crime, 1)
	go func() {
		defer resp.Body.Close()
		var crimes []store.Crime
		defer func() { heard <- crimes }()
		for message, err := range sse.Read(resp.Body) {
			if err != nil || message.Event == "sse.gap" {
				return
			}
			var crime store.Crime
			if message.Event == "crime_alert" && message.DecodeJSON(&crime) == nil {
				if crimes = append(crimes, crime); len(crimes) == n {
					return
				}
			}
		}
	}()
	m.t.Cleanup(func() { resp.Body.Close() })
	return heard
}

func places(crimes []store.Crime) (names []string) {
	for _, c := range crimes {
		names = append(names, c.Place)
	}
	return names
}

// hearLog collects what the program itself logs, until the test is over. Such tests
// cannot run beside others.
func hearLog(t *testing.T) func() string {
	var mu sync.Mutex
	var text bytes.Buffer
	before := log.Writer()
	log.SetOutput(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return text.Write(p)
	}))
	t.Cleanup(func() { log.SetOutput(before) })
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return text.String()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestNodesHaveTheSameCrimes(t *testing.T) {
	w, dir := newTelegraph(t), t.TempDir()
	var a, b *member
	var both sync.WaitGroup
	both.Go(func() { a = join(t, w, filepath.Join(dir, "a.db"), "a") })
	both.Go(func() { b = join(t, w, filepath.Join(dir, "b.db"), "b") })
	both.Wait()
	require.Equal(t, 120, len(a.list()), "the city has one past, though two began to tell it")
	require.Equal(t, a.list(), b.list())

	atA, atB := a.witness(2), b.witness(2)
	first := a.commit("Pier 19")
	b.has(first)
	second := b.commit("金门茶楼")
	a.has(second)
	assert.True(t, store.IsShared(first.ID))
	assert.NotEqual(t, first.ID, second.ID)
	assert.Less(t, second.ID, int64(1)<<53, "JavaScript has no greater numbers")
	assert.Equal(t, a.list(), b.list())
	for node, heard := range map[string]<-chan []store.Crime{"a": atA, "b": atB} {
		assert.Equal(t, []store.Crime{first, second}, <-heard, node)
	}

	c := join(t, w, filepath.Join(dir, "c.db"), "c")
	assert.Equal(t, a.list(), c.list(), "who comes later hears the whole story")
	for name, m := range map[string]*member{"a": a, "b": b, "c": c} {
		var stats store.Stats
		header := m.get("/api/stats", &stats)
		assert.Equal(t, 122, stats.AllTime)
		assert.Empty(t, stats.Ahead)
		assert.NotNil(t, stats.Ahead)
		assert.NotEmpty(t, stats.Cursor)
		assert.Equal(t, name, header.Get("Served-By"))
	}
}

func TestANodeThatWasAwayGoesOnWhereItWas(t *testing.T) {
	said := hearLog(t)
	w, dir := newTelegraph(t), t.TempDir()
	a, b := join(t, w, filepath.Join(dir, "a.db"), "a"), join(t, w, filepath.Join(dir, "b.db"), "b")
	before := a.commit("before")
	b.has(before)
	b.stop()
	var meanwhile []store.Crime
	for range 5 {
		meanwhile = append(meanwhile, a.commit("meanwhile"))
	}
	b = join(t, w, filepath.Join(dir, "b.db"), "b")
	assert.Equal(t, a.list(), b.list(), "at once: a node does not serve before it knows all")
	assert.Subset(t, b.list(), meanwhile)
	assert.Equal(t, 126, len(b.list()))
	assert.Empty(t, said())
}

func TestAnOutageOfTheLogLosesNothing(t *testing.T) {
	w, dir := newTelegraph(t), t.TempDir()
	said := hearLog(t)
	a, b := join(t, w, filepath.Join(dir, "a.db"), "a"), join(t, w, filepath.Join(dir, "b.db"), "b")
	atA, atB := a.witness(7), b.witness(7)
	w.stop()
	var filed []store.Crime
	for range 3 {
		filed = append(filed, a.commit("at a"), b.commit("at b"))
	}
	assert.Equal(t, 123, len(a.list()), "each has its own")
	assert.Equal(t, 123, len(b.list()))
	var stats store.Stats
	a.get("/api/stats", &stats)
	assert.Len(t, stats.Ahead, 3, "the page is told that these are counted, and will come")
	assert.Contains(t, said(), "is on file and will be announced later")

	w.start()
	a.has(filed...)
	b.has(filed...)
	last := a.commit("after")
	b.has(last)
	assert.Equal(t, a.list(), b.list())
	for node, heard := range map[string]<-chan []store.Crime{"a": atA, "b": atB} {
		assert.ElementsMatch(t, append(filed, last), <-heard, "each once, to whoever listens to %s", node)
	}
	for _, m := range []*member{a, b} {
		waiting, err := m.store.Unannounced(t.Context(), 0)
		require.NoError(t, err)
		assert.Empty(t, waiting)
	}
}

func TestACrimeWhoseProcessWasKilledIsAnnounced(t *testing.T) {
	w, dir := newTelegraph(t), t.TempDir()
	a, b := join(t, w, filepath.Join(dir, "a.db"), "a"), join(t, w, filepath.Join(dir, "b.db"), "b")
	// What is left of a process that ended between the two steps of a report.
	crime, err := a.store.Report(t.Context(), sighting("Tin Alley"))
	require.NoError(t, err)
	b.has(crime)
	assert.Equal(t, a.list(), b.list())
}

func TestALogThatWasLostIsSaidToBe(t *testing.T) {
	w, dir := newTelegraph(t), t.TempDir()
	said := hearLog(t)
	a, b := join(t, w, filepath.Join(dir, "a.db"), "a"), join(t, w, filepath.Join(dir, "b.db"), "b")
	before := a.commit("before")
	b.has(before)
	w.stop()
	w.dir = t.TempDir()
	waits := a.commit("waits")
	w.start()
	b.has(before, waits)
	after := b.commit("after")
	a.has(before, waits, after)
	assert.Equal(t, a.list(), b.list())
	assert.Contains(t, said(), "the log was lost or replaced")
}

func TestADashboardThatWasAloneJoins(t *testing.T) {
	w, dir := newTelegraph(t), t.TempDir()
	db := filepath.Join(dir, "a.db")
	alone, err := store.Open(t.Context(), db, store.Options{Empty: true})
	require.NoError(t, err)
	old, err := alone.Report(t.Context(), sighting("old"))
	require.NoError(t, err)
	require.EqualValues(t, 1, old.ID)
	require.NoError(t, alone.Close())

	a := join(t, w, db, "a")
	first := a.commit("first")
	assert.Equal(t, []store.Crime{first, old}, a.list(), "it keeps what it had, and is given no other past")
	a.stop()

	alone, err = store.Open(t.Context(), db, store.Options{})
	require.NoError(t, err)
	apart, err := alone.Report(t.Context(), sighting("apart"))
	require.NoError(t, err)
	assert.True(t, store.IsShared(apart.ID))
	require.NoError(t, alone.Close())

	a = join(t, w, db, "a")
	b := join(t, w, filepath.Join(dir, "b.db"), "b")
	b.has(first, apart)
	assert.Equal(t, []string{"apart", "first", "old"}, places(a.list()))
	assert.NotContains(t, places(b.list()), "old", "which is a's alone")
}
