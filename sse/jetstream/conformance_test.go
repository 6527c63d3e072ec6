package jetstream

import (
	"testing"

	js "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/sse/brokertest"
)

func TestBrokerOnDisk(t *testing.T) {
	t.Parallel()
	srv := startNATS(t)
	brokertest.Run(t, func(t *testing.T) brokertest.Subject { return subject(t, srv) })
}

func TestBrokerInMemory(t *testing.T) {
	t.Parallel()
	srv := startNATS(t)
	brokertest.Run(t, func(t *testing.T) brokertest.Subject { return subject(t, srv, Memory()) })
}

// subject is a broker on a stream of its own, with all that can be done to it.
func subject(t *testing.T, srv *testServer, opts ...Option) brokertest.Subject {
	opts = append(newStream(), opts...)
	b := open(t, srv.ClientURL(), opts...)
	// A cluster slows down under streams that nobody needs. The test may have closed
	// the connection, or deleted the stream.
	t.Cleanup(func() { _ = b.js.DeleteStream(patient(t), b.settings.stream) })
	stream := func(t *testing.T) js.Stream {
		s, err := b.js.Stream(patient(t), b.settings.stream)
		require.NoError(t, err)
		return s
	}
	return brokertest.Subject{
		Broker:    b,
		Open:      func(t *testing.T) sse.Broker { return open(t, srv.ClientURL(), opts...) },
		Interrupt: func(t *testing.T) { cut(t, srv, b) },
		Replace:   func(t *testing.T) { require.NoError(t, b.js.DeleteStream(patient(t), b.settings.stream)) },
		Trim: func(t *testing.T, first uint64) {
			require.NoError(t, stream(t).Purge(patient(t), js.WithPurgeSequence(first)))
		},
	}
}
