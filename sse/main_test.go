package sse

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a goroutine outlives the tests: every stream, subscription
// and hub has to let go of its own.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
