package middleware_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func sha256Of(password string) string {
	sum := sha256.Sum256([]byte(password))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func bcryptOf(t testing.TB, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	return string(hash)
}

func ExampleBasic() {
	app := quiet(redstart.WithoutRequestID())
	app.Secure(middleware.Basic(middleware.Users(map[string]string{
		"alfred": "$2a$04$tJKoQQSDddD0k2/XajPnR.Q/miieHsEd13TgE8Jnr7BbS839fXdTy", // "tea at five"
	})))
	app.Get("/", whoami)
	fmt.Println(send(app, "GET", "/", "", basicHeader("alfred:tea at five")).Body)
	fmt.Println(send(app, "GET", "/", "").Header().Get("WWW-Authenticate"))
	// Output:
	// alfred by Basic
	// Basic realm="restricted", charset="UTF-8"
}

func TestBasic(t *testing.T) {
	long := strings.Repeat("x", 72)
	users := middleware.Users(map[string]string{
		"batman": bcryptOf(t, "robin"), "alfred": sha256Of("tea"), "": sha256Of(""), "long": bcryptOf(t, long), "bátman": sha256Of("密码:"),
	})
	app := guarded(middleware.Basic(users, middleware.BasicOptions{Realm: `The "Cave"`}))
	for _, tc := range []struct {
		name, header string
		status       int
	}{
		{"bcrypt", basicHeader("batman:robin"), 200},
		{"bcrypt again", basicHeader("batman:robin"), 200},
		{"bcrypt, wrong after right", basicHeader("batman:robin1"), 401},
		{"another's password", basicHeader("long:robin"), 401},
		{"SHA-256", basicHeader("alfred:tea"), 200},
		{"SHA-256, wrong", basicHeader("alfred:Tea"), 401},
		{"UTF-8", basicHeader("bátman:密码:"), 200},
		{"both empty", basicHeader(":"), 200},
		{"72 bytes", basicHeader("long:" + long), 200},
		{"more, of which bcrypt sees 72", basicHeader("long:" + long + "y"), 401},
		{"the hash for the password", basicHeader("alfred:" + sha256Of("tea")), 401},
		{"unknown", basicHeader("joker:robin"), 401},
		{"unknown, empty", basicHeader("joker:"), 401},
		{"scheme in another case", strings.Replace(basicHeader("alfred:tea"), "Basic", "bASIC", 1), 200},
		{"nothing", "X: y", 401},
		{"no credentials", "Authorization: Basic", 400},
		{"not base64", "Authorization: Basic a:b", 400},
		{"no padding", strings.TrimRight(basicHeader("alfred:tea"), "="), 400},
		{"no colon", basicHeader("alfred"), 400},
		{"not UTF-8", basicHeader("alfred:\xff"), 400},
		{"line break", basicHeader("alfred:tea\r\n"), 400},
		{"bearer", "Authorization: Bearer abc", 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply := send(app, "GET", "/", "", tc.header)
			assert.Equal(t, tc.status, reply.Code)
			if tc.status != 200 {
				assert.Equal(t, `Basic realm="The 'Cave'", charset="UTF-8"`, reply.Header().Get("WWW-Authenticate"))
			}
		})
	}
}

func TestUsersFromManyGoroutines(t *testing.T) {
	verify := middleware.Users(map[string]string{"batman": bcryptOf(t, "robin")})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			right := i%2 == 0
			id, err := verify(t.Context(), "batman", map[bool]string{true: "robin", false: "joker"}[right])
			assert.NoError(t, err)
			assert.Equal(t, right, id != nil)
		})
	}
	wg.Wait()
}
