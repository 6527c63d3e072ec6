package brokertest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// Churn describes a run of [RunChurn]. Zero stands for the value in brackets.
type Churn struct {
	// Open connects to the log, which is the same for all that it opens. Each node has
	// a broker of its own, and closes it when it ends.
	Open func(t *testing.T) sse.Broker
	// Disturb, if not nil, is called again and again while messages are published: it
	// restarts a server, cuts connections, or whatever brokers have to outlast. It
	// returns when that is over.
	Disturb func(t *testing.T)

	Nodes    int // at the same time [3]
	Restarts int // of nodes [10]
	Clients  int // [60]
	Messages int // [3000]
	Options  []sse.HubOption
}

var churnTopics = []string{"crimes", "alerts", "chat"}

// RunChurn runs hubs above the broker, with clients that are cut off at random and
// come back to another node, and nodes that are drained and replaced, while messages
// are published through all of them. In the end each client must have got every message
// of its topics once, in the order of their positions, and must never have been told of
// a gap.
func RunChurn(t *testing.T, c Churn) {
	c.Nodes, c.Restarts = cmp.Or(c.Nodes, 3), cmp.Or(c.Restarts, 10)
	c.Clients, c.Messages = cmp.Or(c.Clients, 60), cmp.Or(c.Messages, 3000)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()

	site := &site{churn: c}
	for range c.Nodes {
		site.nodes = append(site.nodes, newNode(t, ctx, c))
	}
	origin := site.any().hub.Cursor()

	var clients, publishing, chaos sync.WaitGroup
	visitors := make([]*visitor, c.Clients)
	for i := range visitors {
		v := &visitor{topics: churnTopics[i%len(churnTopics):], last: origin.String(), site: site}
		visitors[i] = v
		clients.Go(func() { v.run(ctx) })
	}
	published := make(chan sse.Ack, c.Messages)
	topics := sync.Map{}
	const publishers = 4
	for p := range publishers {
		publishing.Go(func() {
			for i := range c.Messages / publishers {
				topic := churnTopics[rand.IntN(len(churnTopics))]
				ack := site.publish(t, ctx, topic, fmt.Sprintf("%d of publisher %d", i, p))
				topics.Store(ack.Cursor, topic)
				published <- ack
			}
		})
	}
	over := make(chan struct{})
	if c.Disturb != nil {
		chaos.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					c.Disturb(t)
				}
			}
		})
	}
	for i := range c.Restarts {
		for len(published) < c.Messages/publishers*publishers*(i+1)/(c.Restarts+1) && ctx.Err() == nil {
			pause(ctx, time.Millisecond)
		}
		site.replace(t, ctx, rand.IntN(c.Nodes))
	}
	publishing.Wait()
	close(over)
	chaos.Wait()
	close(published)

	var order []sse.Cursor
	for ack := range published {
		order = append(order, ack.Cursor)
	}
	slices.SortFunc(order, func(a, b sse.Cursor) int { return cmp.Compare(a.Sequence(), b.Sequence()) })
	require.Len(t, slices.Compact(order), c.Messages/publishers*publishers, "two messages have the same position")
	for _, v := range visitors {
		var due []string
		for _, cursor := range order {
			if topic, _ := topics.Load(cursor); slices.Contains(v.topics, topic.(string)) {
				due = append(due, cursor.String())
			}
		}
		v.expect(due)
	}
	clients.Wait()
	for i, v := range visitors {
		v.check(t, i)
	}
	site.close(t)
}

// pause waits, or returns when ctx has ended.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// churnNode is a machine with a hub and a server.
type churnNode struct {
	broker sse.Broker
	hub    *sse.Hub
	server *sse.Server
	site   *httptest.Server
}

func newNode(t *testing.T, ctx context.Context, c Churn) *churnNode {
	n := &churnNode{broker: c.Open(t), server: &sse.Server{Retry: -1, DrainWindow: 20 * time.Millisecond, Heartbeat: time.Second}}
	n.hub = sse.NewHub(append([]sse.HubOption{
		sse.Over(n.broker), sse.Retain(500, 0, 0), sse.OnBrokerError(func(error) {}),
	}, c.Options...)...)
	assert.NoError(t, n.hub.Ready(ctx))
	n.site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.server.Handle(w, r, sse.NewStream(n.hub.Subscribe(r.URL.Query()["topic"]...)))
	}))
	return n
}

func (n *churnNode) close(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	assert.NoError(t, n.server.Drain(ctx))
	n.site.Close()
	assert.NoError(t, n.hub.Close())
	assert.NoError(t, n.broker.Close())
}

// site is all nodes.
type site struct {
	churn Churn
	mu    sync.RWMutex
	nodes []*churnNode
}

func (s *site) any() *churnNode {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.nodes[rand.IntN(len(s.nodes))]
}

// replace starts a node in the place of another, which is drained then.
func (s *site) replace(t *testing.T, ctx context.Context, i int) {
	fresh := newNode(t, ctx, s.churn)
	s.mu.Lock()
	old := s.nodes[i]
	s.nodes[i] = fresh
	s.mu.Unlock()
	old.close(t)
}

func (s *site) close(t *testing.T) {
	for _, n := range s.nodes {
		n.close(t)
	}
}

// publish tries until the message is stored. The key makes that safe.
func (s *site) publish(t *testing.T, ctx context.Context, topic, data string) sse.Ack {
	m := sse.Text(data).WithID(data)
	for {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		ack, err := s.any().hub.Publish(try, topic, m)
		cancel()
		if err == nil {
			return ack
		}
		if !assert.NoError(t, context.Cause(ctx), "publishing: %v", err) {
			return ack
		}
		pause(ctx, time.Millisecond)
	}
}

// visitor is a client as a browser is one: it remembers the last id, and comes back
// with it.
type visitor struct {
	topics []string
	last   string
	site   *site

	mu    sync.Mutex
	got   []string
	fault string
	due   []string // once all is published
	cut   context.CancelFunc
}

func (v *visitor) expect(due []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.due = due
	if v.completeLocked() && v.cut != nil {
		v.cut()
	}
}

// completeLocked says that there is nothing more to come.
func (v *visitor) completeLocked() bool {
	return v.due != nil && (len(v.due) == 0 || len(v.got) >= len(v.due)) || v.fault != ""
}

func (v *visitor) run(ctx context.Context) {
	for ctx.Err() == nil {
		patience := time.Duration(1+rand.IntN(150)) * time.Millisecond
		visit, cancel := context.WithTimeout(ctx, patience)
		v.mu.Lock()
		v.cut = cancel
		complete := v.completeLocked()
		if v.due != nil {
			cancel = func() {} // no more cuts
			visit = ctx
		}
		v.mu.Unlock()
		if complete {
			return
		}
		v.visit(visit)
		cancel()
	}
}

func (v *visitor) visit(ctx context.Context) {
	url := v.site.any().site.URL + "?"
	for _, topic := range v.topics {
		url += "&topic=" + topic
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Last-Event-ID", v.last)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		pause(ctx, time.Millisecond)
		return // the node has just ended
	}
	defer resp.Body.Close()
	for m, err := range sse.Read(resp.Body) {
		if err != nil || !v.take(m) {
			return
		}
	}
}

// take says whether to go on.
func (v *visitor) take(m sse.Message) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch m.Event {
	case "":
		v.got = append(v.got, m.ID)
		v.last = m.ID
	case "sse.gap":
		v.fault = "was told of a gap: " + m.Data
	}
	return !v.completeLocked()
}

func (v *visitor) check(t *testing.T, i int) {
	if !assert.Empty(t, v.fault, "client %d", i) {
		return
	}
	for n := range min(len(v.got), len(v.due)) {
		if !assert.Equal(t, v.due[n], v.got[n], "client %d, message %d", i, n) {
			return
		}
	}
	assert.Equal(t, len(v.due), len(v.got), "client %d", i)
}
