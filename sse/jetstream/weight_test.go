package jetstream

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever does not import this package links nothing of NATS.
func TestOnlyThisPackageNeedsNATS(t *testing.T) {
	const module = "github.com/redstart-go/redstart"
	for pkg, want := range map[string]bool{module: false, module + "/sse": false, module + "/sse/brokertest": false, module + "/sse/jetstream": true} {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		require.NoError(t, err)
		assert.Equal(t, want, strings.Contains(string(out), "github.com/nats-io/"), pkg)
	}
}
