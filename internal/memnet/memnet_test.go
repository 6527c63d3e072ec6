package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redstart-go/redstart/internal/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHTTPRunsOnFakeTime(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var protocols http.Protocols
				protocols.SetHTTP1(protocol == "HTTP/1.1")
				protocols.SetUnencryptedHTTP2(protocol == "HTTP/2")
				listener := memnet.Listen()
				server := &http.Server{Protocols: &protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(time.Hour) // of fake time
					_, _ = io.WriteString(w, r.Proto)
				})}
				served := make(chan error, 1)
				go func() { served <- server.Serve(listener) }()
				transport := &http.Transport{DialContext: listener.DialContext, Protocols: &protocols}
				defer transport.CloseIdleConnections()

				begin := time.Now()
				resp, err := (&http.Client{Transport: transport}).Get("http://memory/")
				require.NoError(t, err)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				assert.Contains(t, string(body), protocol)
				assert.Equal(t, time.Hour, time.Since(begin))

				transport.CloseIdleConnections()
				require.NoError(t, server.Close())
				assert.ErrorIs(t, <-served, http.ErrServerClosed)
			})
		})
	}
}

func TestWriteToAPeerThatDoesNotReadEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := memnet.Listen()
		defer listener.Close()
		go func() {
			conn, err := listener.Accept()
			if err == nil {
				<-t.Context().Done()
				_ = conn.Close()
			}
		}()
		conn, err := listener.DialContext(t.Context(), "tcp", "anything:80")
		require.NoError(t, err)
		defer conn.Close()
		begin := time.Now()
		require.NoError(t, conn.SetWriteDeadline(begin.Add(5*time.Second)))
		_, err = conn.Write([]byte("x"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(begin))
	})
}

func TestClosedListenerRefuses(t *testing.T) {
	listener := memnet.Listen()
	require.NoError(t, listener.Close())
	require.NoError(t, listener.Close(), "twice does nothing")
	_, err := listener.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = listener.DialContext(t.Context(), "", "")
	require.ErrorIs(t, err, net.ErrClosed)
	assert.Equal(t, "mem", listener.Addr().String())
	assert.Equal(t, "mem", listener.Addr().Network())
}

func TestDialNobodyAcceptsEndsWithItsContext(t *testing.T) {
	listener := memnet.Listen()
	defer listener.Close()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := listener.DialContext(ctx, "", "")
	require.ErrorIs(t, err, cause)
}
