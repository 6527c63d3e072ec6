package logging

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDefaultWritesJSONToAFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer f.Close()
	logger := Default(f)
	logger.Info().Str("a", "b").Msg("hello")
	text, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	var line map[string]any
	require.NoError(t, json.Unmarshal(text, &line))
	assert.Equal(t, "hello", line["message"])
	assert.Equal(t, "b", line["a"])
	assert.NotEmpty(t, line["time"])
}

func TestConsoleIsForPeople(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	var out bytes.Buffer
	logger := New(Console(&out))
	logger.Warn().Int("n", 7).Msg("hello")
	assert.Regexp(t, `^\d\d:\d\d:\d\d WRN hello n=7\n$`, out.String())
}

func TestStandardBecomesWarnings(t *testing.T) {
	var out bytes.Buffer
	Standard(New(&out)).Printf("http: TLS handshake error from %s", "x")
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	assert.Equal(t, "warn", line["level"])
	assert.Equal(t, "http: TLS handshake error from x", line["text"])
}
