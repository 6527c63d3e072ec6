package openapi_test

import (
	"context"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/openapi/gotham"
)

// An independent validator finds nothing wrong.
func TestValid(t *testing.T) {
	document := gotham.App().OpenAPI()
	for name, text := range map[string][]byte{
		"JSON": document.JSON(), "YAML": document.YAML(), "3.2": document.V32().JSON(), "3.2 YAML": document.V32().YAML(),
	} {
		t.Run(name, func(t *testing.T) {
			validate(t, text)
		})
	}
}

func validate(t *testing.T, text []byte) *openapi3.T {
	t.Helper()
	loaded, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	assert.True(t, loaded.IsOpenAPI31OrLater())
	require.NoError(t, loaded.Validate(context.Background(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()))
	return loaded
}
