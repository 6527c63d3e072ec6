package jetstream

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse/brokertest"
)

// cluster is three servers.
type cluster struct{ servers []*testServer }

func startCluster(t *testing.T) *cluster {
	c := &cluster{}
	var routes []*url.URL
	for range 3 {
		// The routes have to be known before the servers listen, so each port is
		// chosen by the system and given free for a moment.
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: l.Addr().String()})
		require.NoError(t, l.Close())
	}
	for i := range 3 {
		dir, port := t.TempDir(), routes[i].Port()
		change := func(o *server.Options) {
			o.ServerName, o.StoreDir = fmt.Sprint("server-", i), dir
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1"}
			fmt.Sscan(port, &o.Cluster.Port)
			o.Routes = routes
		}
		c.servers = append(c.servers, startNATS(t, change))
	}
	return c
}

// urls are the addresses of all of them.
func (c *cluster) urls() string {
	var urls []string
	for _, srv := range c.servers {
		urls = append(urls, srv.ClientURL())
	}
	return strings.Join(urls, ",")
}

// leader returns which server leads the stream.
func (c *cluster) leader(t *testing.T, b *Broker) int {
	t.Helper()
	for ctx := patient(t); ; {
		stream, err := b.js.Stream(ctx, b.settings.stream)
		if err == nil && stream.CachedInfo().Cluster != nil {
			for i, srv := range c.servers {
				if srv.Name() == stream.CachedInfo().Cluster.Leader {
					return i
				}
			}
		}
		require.NoError(t, ctx.Err(), "the stream has no leader: %v", err)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	outer := t // the servers outlive the test that restarts them
	c := startCluster(t)
	options := func() []Option {
		return append(newStream(), Replicas(3), MaxBytes(64<<20), Patience(brokertest.Patience))
	}

	t.Run("conformance", func(t *testing.T) {
		n := 0
		brokertest.Run(t, func(t *testing.T) brokertest.Subject {
			n++
			s := subject(t, c.servers[n%3], Replicas(3), MaxBytes(64<<20), Memory(), Patience(brokertest.Patience))
			s.Interrupt = func(t *testing.T) {
				for _, srv := range c.servers {
					cut(t, srv, s.Broker.(*Broker))
				}
			}
			return s
		})
	})

	t.Run("loses its leader under load", func(t *testing.T) {
		opts := options()
		a, b := open(t, c.urls(), opts...), open(t, c.urls(), opts...)
		fromA, _ := follow(t, a, 0)
		fromB, _ := follow(t, b, 0)
		crowd := startCrowd(t, 6, a, b)
		for range 2 {
			crowd.more(t, 200)
			leader := c.leader(t, a)
			c.servers[leader].stop()
			crowd.more(t, 200)
			c.servers[leader] = c.servers[leader].restart(outer)
			crowd.more(t, 200)
		}
		crowd.requireAll(t, fromA, fromB)
	})

	t.Run("changes its leader under load", func(t *testing.T) {
		opts := options()
		a, b := open(t, c.urls(), opts...), open(t, c.urls(), opts...)
		fromA, _ := follow(t, a, 0)
		crowd := startCrowd(t, 4, a, b)
		for range 2 {
			crowd.more(t, 100)
			_, err := a.nc.Request("$JS.API.STREAM.LEADER.STEPDOWN."+a.settings.stream, nil, attemptTimeout)
			require.NoError(t, err)
		}
		crowd.more(t, 100)
		crowd.requireAll(t, fromA)
	})
}
