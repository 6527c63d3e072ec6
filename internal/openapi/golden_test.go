package openapi_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/openapi/gotham"
)

var update = flag.Bool("update", false, "write the golden documents anew")

// The documents of a program with a route of every kind, read by a human once.
func TestGolden(t *testing.T) {
	document := gotham.App().OpenAPI()
	for file, got := range map[string][]byte{
		"testdata/gotham.json": document.JSON(), "testdata/gotham.yaml": document.YAML(), "testdata/gotham-3.2.json": document.V32().JSON(),
	} {
		if *update {
			require.NoError(t, os.WriteFile(file, got, 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "%s: run go test -update after a look at the difference", file)
	}
}
