package brokertest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/sse/brokertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryBroker(t *testing.T) {
	brokertest.Run(t, func(t *testing.T) brokertest.Subject {
		return brokertest.Subject{Broker: sse.NewMemoryBroker(4096)}
	})
}
