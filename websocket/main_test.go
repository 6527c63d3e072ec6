package websocket

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a goroutine outlives the tests: every connection, and the wheel
// of every server, has to let go of its own.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
