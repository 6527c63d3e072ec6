package middleware

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// Whether there is a user must not be told by the time that a wrong password takes, which
// is decided by the kind of the hash and its cost alone.
func TestAnUnknownUserTakesAsLong(t *testing.T) {
	sum := "sha256:" + strings.Repeat("ab", 32)
	bcryptOf := func(cost int) string {
		hash, err := bcrypt.GenerateFromPassword([]byte("robin"), cost)
		require.NoError(t, err)
		return string(hash)
	}
	for _, tc := range []struct {
		name   string
		hashes map[string]string
		cost   int
	}{
		{"as the slowest of all", map[string]string{"alfred": bcryptOf(4), "batman": bcryptOf(6), "batcave": sum}, 6},
		{"as a sum where all are", map[string]string{"batcave": sum}, 0},
		{"with nobody known", nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			hash, exists := newUsers(tc.hashes).hashFor("joker")
			assert.False(t, exists)
			cost, err := checkHash(hash)
			require.NoError(t, err)
			assert.Equal(t, tc.cost, cost)
			assert.NotContains(t, tc.hashes, hash)
		})
	}
}

// The map stays the caller's, who may go on with it while requests are served.
func TestUsersKeepTheirOwnHashes(t *testing.T) {
	hashes := map[string]string{"batcave": "sha256:" + strings.Repeat("ab", 32)}
	u := newUsers(hashes)
	delete(hashes, "batcave")
	_, exists := u.hashFor("batcave")
	assert.True(t, exists)
}
