package store_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

func TestTheUsersOfTheDemonstration(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	logins, err := s.DemoLogins(t.Context())
	require.NoError(t, err)
	require.Len(t, logins, 3)
	roles := map[string]string{"batman": store.RoleVigilante, "gordon": store.RoleCommissioner, "robin": store.RoleSidekick}
	for _, login := range logins {
		user, err := s.Authenticate(t.Context(), login.Name, login.Password)
		require.NoError(t, err, "the hash of %s is of another password", login.Name)
		assert.Equal(t, roles[login.Name], user.Role)
	}
	for name, password := range map[string]string{
		"batman": logins[1].Password, "joker": logins[0].Password, "Batman": logins[0].Password, "": "", "robin": "",
		"gordon": logins[1].Password + strings.Repeat("x", 72),
	} {
		_, err := s.Authenticate(t.Context(), name, password)
		assert.ErrorIs(t, err, store.ErrLogin, name)
	}
}

// bcrypt looks at the first 72 bytes only: a password with more must not pass for these.
func TestPasswordsAreWhole(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	password := strings.Repeat("x", 72)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	_, err = s.DB().ExecContext(t.Context(), "INSERT INTO users (name, full, role, hash) VALUES ('alfred', 'Alfred', 'butler', ?)", string(hash))
	require.NoError(t, err)
	_, err = s.Authenticate(t.Context(), "alfred", password)
	require.NoError(t, err)
	_, err = s.Authenticate(t.Context(), "alfred", password+"y")
	assert.ErrorIs(t, err, store.ErrLogin)
}

func TestPasswordsAreDrawnOnce(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	known, err := s.DemoLogins(t.Context())
	require.NoError(t, err)
	drawn, err := s.DrawPasswords(t.Context())
	require.NoError(t, err)
	require.Len(t, drawn, 3)
	for i, login := range drawn {
		_, err := s.Authenticate(t.Context(), login.Name, login.Password)
		assert.NoError(t, err)
		_, err = s.Authenticate(t.Context(), known[i].Name, known[i].Password)
		assert.ErrorIs(t, err, store.ErrLogin)
	}
	left, err := s.DemoLogins(t.Context())
	require.NoError(t, err)
	assert.Empty(t, left)
	again, err := s.DrawPasswords(t.Context())
	require.NoError(t, err)
	assert.Empty(t, again)
}

func TestASecretIsDrawnOnceForAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gotham.db")
	secrets := map[string]bool{}
	for range 2 {
		s, err := store.Open(t.Context(), path, store.Options{Empty: true})
		require.NoError(t, err)
		for _, name := range []string{"one", "two"} {
			secret, err := s.Secret(t.Context(), name)
			require.NoError(t, err)
			assert.Len(t, secret, 32)
			secrets[string(secret)] = true
		}
		require.NoError(t, s.Close())
	}
	assert.Len(t, secrets, 2)
}

// Secrets are in the file, and in those that SQLite keeps beside it.
func TestNobodyElseReadsTheFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such permissions")
	}
	dir := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(dir, "gotham.db"), store.Options{Empty: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, file.Name())
	}
}
