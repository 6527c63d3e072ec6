package brokertest

import (
	"testing"

	"github.com/redstart-go/redstart/sse"
)

// lasting is a broker that outlives the nodes.
type lasting struct{ *sse.MemoryBroker }

func (lasting) Close() error { return nil }

func TestChurnOverMemory(t *testing.T) {
	broker := sse.NewMemoryBroker(0)
	RunChurn(t, Churn{Open: func(*testing.T) sse.Broker { return lasting{broker} }})
}
