package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

func TestTheSecretOfNodesIsLongEnough(t *testing.T) {
	for secret, want := range map[string]int{"": 0, strings.Repeat("s", minSecret): 0, "short": 2} {
		t.Setenv(secretVariable, secret)
		var stderr bytes.Buffer
		set, err := parse(nil, &stderr)
		if want == 0 {
			require.NoError(t, err)
			assert.Equal(t, secret, set.secret)
			continue
		}
		assert.Equal(t, want, run(nil, &stderr))
		assert.Contains(t, stderr.String(), "CRIMEDASH_SECRET: want 32 or more random characters, there are 5")
		assert.NotContains(t, stderr.String(), secret)
	}
}

func TestDrawnPasswordsAreSaidOnce(t *testing.T) {
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "gotham.db"), store.Options{Empty: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	var said strings.Builder
	require.NoError(t, sayPasswords(t.Context(), s, &said))
	for name := range passwords {
		assert.Regexp(t, `(?m)^crimedash: `+name+` logs in with the password [A-Z2-7]{26}, which is said only now$`, said.String())
	}
	said.Reset()
	require.NoError(t, sayPasswords(t.Context(), s, &said))
	assert.Empty(t, said.String())
}
