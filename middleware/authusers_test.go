package middleware

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// What a comparison takes is decided by the kind of the hash and its cost alone.
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
