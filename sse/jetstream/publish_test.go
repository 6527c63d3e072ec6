package jetstream

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	js "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

func TestMessageTooLarge(t *testing.T) {
	srv := startNATS(t, func(o *server.Options) { o.MaxPayload = 1000 })
	b := open(t, srv.ClientURL(), newStream()...)
	_, err := b.Publish(patient(t), "crimes", sse.Text(strings.Repeat("x", 1000)).WithID("k"))
	require.Error(t, err)
	assert.Regexp(t, `^jetstream: publishing to "crimes": 1000 bytes of data and \d\d of headers, where the server takes 1000 together: `, err.Error())
	assert.ErrorIs(t, err, sse.ErrTooLong)
	publish(t, b, "crimes", strings.Repeat("x", 900))
}

func TestPublishMakesTheStreamAgain(t *testing.T) {
	srv := startNATS(t)
	b := open(t, srv.ClientURL(), newStream()...)
	old := publish(t, b, "crimes", "x")
	require.NoError(t, b.js.DeleteStream(patient(t), b.settings.stream))
	now := publish(t, b, "crimes", "x")
	assert.NotEqual(t, old.Epoch(), now.Epoch())
	state, err := b.State(patient(t))
	require.NoError(t, err)
	assert.Equal(t, sse.BrokerState{Epoch: now.Epoch(), First: 1, Last: 1}, state)
}

func TestStreamThatRefuses(t *testing.T) {
	srv := startNATS(t)
	b := open(t, srv.ClientURL(), newStream()...)
	config := streamConfig(t, b)
	config.MaxMsgs, config.Discard = 1, js.DiscardNew
	_, err := b.js.UpdateStream(patient(t), config)
	require.NoError(t, err)
	publish(t, b, "crimes", "x")
	_, err = b.Publish(patient(t), "crimes", sse.Text("x"))
	assert.EqualError(t, err, `jetstream: publishing to "crimes": nats: API error: code=503 err_code=10077 description=maximum messages exceeded`)
}

func TestOutage(t *testing.T) {
	t.Parallel()
	srv := startNATS(t)
	b := open(t, srv.ClientURL(), append(newStream(), Patience(300*time.Millisecond))...)
	publish(t, b, "crimes", "x")
	srv.stop()
	require.Error(t, awaitHealth(t, b, false))
	calls := map[string]func(context.Context) error{
		`publishing to "crimes"`: func(ctx context.Context) error {
			_, err := b.Publish(ctx, "crimes", sse.Text("x"))
			return err
		},
		"reading":              func(ctx context.Context) error { _, err := b.Read(ctx, 0, 1); return err },
		"asking for the state": func(ctx context.Context) error { _, err := b.State(ctx); return err },
	}
	for name, call := range calls {
		t.Run(name+" ends with the patience", func(t *testing.T) {
			assert.Regexp(t, `: no success within \d+ms: `, call(context.Background()), "far from the default")
		})
		t.Run(name+" ends with its context", func(t *testing.T) {
			errEnough := errors.New("enough")
			ctx, cancel := context.WithTimeoutCause(context.Background(), 10*time.Millisecond, errEnough)
			defer cancel()
			assert.ErrorIs(t, call(ctx), errEnough)
		})
	}
}
