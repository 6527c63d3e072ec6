package inspect

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnswer(t *testing.T) { // features: R7
	path := filepath.Join(t.TempDir(), "told")
	tell := func(text string) map[string]func() ([]byte, error) {
		return map[string]func() ([]byte, error){
			Routes: func() ([]byte, error) { return []byte(text), nil },
			JSON:   func() ([]byte, error) { return nil, errors.New("boom") },
		}
	}
	t.Setenv(Variable, "")
	asked, err := Answer(tell("none"))
	assert.False(t, asked)
	require.NoError(t, err)

	t.Setenv(Variable, Routes+"="+path)
	asked, err = Answer(tell("one"))
	assert.True(t, asked)
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "one", string(text))

	for request, want := range map[string]string{
		JSON + "=" + path:              "boom",
		"weather=" + path:              `REDSTART_INSPECT="weather=`,
		Routes:                         "this version knows nothing of it",
		Routes + "=":                   "this version knows nothing of it",
		Routes + "=" + path + "/below": "not a directory",
	} {
		t.Setenv(Variable, request)
		asked, err = Answer(tell(""))
		assert.True(t, asked)
		assert.ErrorContains(t, err, want)
	}
}

func TestTheFirstAppAnswers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "told")
	t.Setenv(Variable, Routes+"="+path)
	answer := func(text string) {
		asked, err := Answer(map[string]func() ([]byte, error){Routes: func() ([]byte, error) { return []byte(text), nil }})
		assert.True(t, asked)
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(path+claimed, nil, 0o600)) // another one is at it
	answer("second")
	assert.NoFileExists(t, path)

	require.NoError(t, os.Remove(path+claimed))
	answer("first")
	answer("second")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "first", string(text))
}

func TestEncode(t *testing.T) {
	text, err := Encode(nil)
	require.NoError(t, err)
	assert.Equal(t, "[]", string(text))
}
