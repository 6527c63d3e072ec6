package jetstream

import (
	"testing"
	"time"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/sse/brokertest"
)

// Hubs with sixty clients above a real server that is restarted again and again, while
// clients are cut off and nodes replaced.
func TestChurn(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes several seconds")
	}
	srv := startNATS(t)
	opts := append(newStream(), Patience(brokertest.Patience))
	brokertest.RunChurn(t, brokertest.Churn{
		Messages: 2000, Restarts: 6,
		Open: func(t *testing.T) sse.Broker {
			b, err := Connect(patient(t), srv.ClientURL(), opts...)
			if err != nil {
				t.Errorf("connecting: %v", err)
				return sse.NewMemoryBroker(0)
			}
			return b
		},
		Disturb: func(t *testing.T) {
			pause := time.NewTimer(time.Second) // of peace between two restarts
			defer pause.Stop()
			<-pause.C
			srv.stop()
			srv = srv.restart(t)
		},
	})
}
