package jetstream

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/sse/brokertest"
)

// The same promises are kept on a server that is a program of its own, as it is
// installed.
func TestExternalServer(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("nats-server")
	if err != nil {
		t.Skip("there is no nats-server on the PATH")
	}
	address, dir := deadAddress(t), t.TempDir()
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	start := func() *os.Process {
		cmd := exec.Command(program, "-js", "-a", "127.0.0.1", "-p", port, "-sd", dir)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return cmd.Process
	}
	process := start()
	url := fmt.Sprint("nats://", address)

	t.Run("conformance", func(t *testing.T) {
		brokertest.Run(t, func(t *testing.T) brokertest.Subject {
			opts := newStream()
			return brokertest.Subject{
				Broker:      open(t, url, opts...),
				Open:        func(t *testing.T) sse.Broker { return open(t, url, opts...) },
				LargestData: 1<<20 - 1024, // a server's default is 1 MiB with the headers
			}
		})
	})
	t.Run("killed under load", func(t *testing.T) {
		opts := newStream()
		a, b := open(t, url, opts...), open(t, url, opts...)
		entries, _ := follow(t, a, 0)
		c := startCrowd(t, 4, a, b)
		for range 2 {
			c.more(t, 200)
			require.NoError(t, process.Kill())
			require.Error(t, awaitHealth(t, a, false))
			process = start()
			c.more(t, 200)
		}
		c.requireAll(t, entries)
	})
}
