package jetstream

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// deadAddress is one on which nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func TestServerCannotBeReached(t *testing.T) {
	address := deadAddress(t)
	_, err := Connect(t.Context(), "nats://me:secret@"+address, Patience(100*time.Millisecond))
	require.ErrorContains(t, err, "jetstream: connecting to nats://me:xxxxx@"+address+": no success within 1")
	assert.ErrorIs(t, err, nats.ErrNoServers)

	errEnough := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errEnough)
	defer cancel()
	_, err = Connect(ctx, "nats://"+address)
	assert.ErrorIs(t, err, errEnough)
}

// A server that takes the connection and says nothing is given up as well.
func TestServerThatSaysNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = Connect(t.Context(), "nats://"+l.Addr().String(), Patience(50*time.Millisecond), NATS(nats.Timeout(50*time.Millisecond)))
	assert.ErrorContains(t, err, "no success within")
}

func TestServerThatStartsLater(t *testing.T) {
	srv := startNATS(t)
	srv.stop()
	connected := make(chan error, 1)
	go func() {
		b, err := Connect(context.Background(), srv.ClientURL())
		if err == nil {
			err = b.Close()
		}
		connected <- err
	}()
	srv.restart(t)
	assert.NoError(t, <-connected)
}

func TestServerThatRefuses(t *testing.T) {
	srv := startNATS(t, func(o *server.Options) { o.Authorization = "the token" })
	address := srv.Addr().String()
	start := time.Now()
	_, err := Connect(t.Context(), "nats://wrong@"+address)
	require.EqualError(t, err, "jetstream: connecting to nats://xxxxx@"+address+": nats: Authorization Violation")
	assert.Less(t, time.Since(start), DefaultPatience, "there is no use in trying again")
	open(t, "nats://the%20token@"+address)
	open(t, "nats://"+address, NATS(nats.Token("the token")))
}

func TestServerWithoutJetStream(t *testing.T) {
	t.Parallel()
	srv := startNATS(t, func(o *server.Options) { o.JetStream = false })
	_, err := Connect(t.Context(), srv.ClientURL())
	assert.ErrorContains(t, err, "nothing answers for JetStream: is it enabled on the server (nats-server -js) and for the account?")
}

func TestServerTooOld(t *testing.T) {
	for version, want := range map[string]bool{
		"2.9.25": true, "2.10.29": true, "2.11.0": false, "2.15.2": false, "3.0.0": false, "2.12.0-dev": false, "1.4.1": true, "": false, "new": false,
	} {
		assert.Equal(t, want, tooOld(version), version)
	}
}

// The permissions that the package's documentation asks for are enough, and what is
// missing is named.
func TestPermissions(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"redstart.>",
		"$JS.API.STREAM.INFO.REDSTART", "$JS.API.STREAM.CREATE.REDSTART", "$JS.API.STREAM.UPDATE.REDSTART",
		"$JS.API.CONSUMER.CREATE.REDSTART.>", "$JS.API.CONSUMER.DELETE.REDSTART.>", "$JS.API.CONSUMER.MSG.NEXT.REDSTART.>",
		"$JS.API.DIRECT.GET.REDSTART",
	}
	user := func(name string, publish []string) *server.User {
		return &server.User{Username: name, Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
		}}
	}
	srv := startNATS(t, func(o *server.Options) {
		o.Users = []*server.User{user("node", allowed), user("reader", allowed[1:]), user("nobody", []string{"redstart.>"})}
	})
	url := func(user string) string { return "nats://" + user + ":p@" + srv.Addr().String() }

	b := open(t, url("node"))
	entries, _ := follow(t, b, 0)
	c := publish(t, b, "crimes", "x")
	assert.Equal(t, c, next(t, entries).Cursor)
	read, err := b.Read(patient(t), 0, 1)
	require.NoError(t, err)
	assert.Len(t, read, 1)

	reader := open(t, url("reader"), Patience(100*time.Millisecond))
	_, err = reader.Publish(patient(t), "crimes", sse.Text("x"))
	assert.ErrorContains(t, err, `Permissions Violation for Publish to "redstart.crimes"`)
	_, err = Connect(t.Context(), url("nobody"), Patience(100*time.Millisecond))
	assert.ErrorContains(t, err, `Permissions Violation for Publish to "$JS.API.STREAM.INFO.REDSTART"`)
}

func TestOnConnectionOfOthers(t *testing.T) {
	srv := startNATS(t)
	nc, err := nats.Connect(srv.ClientURL())
	require.NoError(t, err)
	defer nc.Close()
	b, err := On(patient(t), nc)
	require.NoError(t, err)
	publish(t, b, "crimes", "x")
	require.NoError(t, b.Close())
	assert.ErrorIs(t, b.Healthy(), sse.ErrBrokerClosed)
	assert.True(t, nc.IsConnected(), "the connection is not the broker's")

	_, err = On(patient(t), nc, NATS(nats.Name("x")))
	assert.ErrorContains(t, err, "the connection given to On is made already")

	b, err = On(patient(t), nc)
	require.NoError(t, err)
	_, ended := follow(t, b, 0)
	nc.Close()
	assert.ErrorIs(t, <-ended, nats.ErrConnectionClosed)
	_, err = b.Publish(patient(t), "crimes", sse.Text("x"))
	assert.ErrorIs(t, err, nats.ErrConnectionClosed)
	assert.ErrorIs(t, b.Healthy(), nats.ErrConnectionClosed)
	require.NoError(t, b.Close())
	_, err = On(patient(t), nc)
	assert.ErrorIs(t, err, nats.ErrConnectionClosed)
}

func TestHealthy(t *testing.T) {
	srv := startNATS(t)
	b := open(t, srv.ClientURL())
	require.NoError(t, b.Healthy())
	srv.stop()
	assert.ErrorContains(t, awaitHealth(t, b, false), "jetstream: not connected for ")
	srv.restart(t)
	require.NoError(t, awaitHealth(t, b, true))
	require.NoError(t, b.Close())
	assert.ErrorIs(t, b.Healthy(), sse.ErrBrokerClosed)
}
