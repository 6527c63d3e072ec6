package middleware

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/authheader"
)

// BasicOptions refine [Basic].
type BasicOptions struct {
	// Realm names what is protected: a browser shows it, and keeps a password for each.
	// The default is "restricted".
	Realm string
	// TrustedOrigins are other sites whose pages may send requests that change
	// something: see [CSRFOptions].
	TrustedOrigins []string
	// InsecureCrossOrigin lets the pages of every site do so.
	InsecureCrossOrigin bool
}

// Basic knows clients by a user's name and a password (RFC 7617), which verify makes an
// identity of: see [Bearer] for what it returns. [Users] makes one of a list. Over plain
// HTTP everybody on the way can read the password.
//
// A browser sends the password by itself once it was given, also when a page of another
// site makes it send something. So requests that may change something, and handshakes of
// WebSockets, are refused with status 403 when they come from another origin, as [CSRF]
// does it.
func Basic(verify func(ctx context.Context, user, password string) (*redstart.Identity, error), options ...BasicOptions) *Auth {
	if verify == nil {
		misuse("Basic", "the verify function is nil")
	}
	o := given("Basic", options)
	if o.Realm == "" {
		o.Realm = "restricted"
	}
	check := originCheck("Basic", o.TrustedOrigins, o.InsecureCrossOrigin)
	challenge := authheader.Challenge("Basic", "realm", o.Realm, "charset", "UTF-8")
	return &Auth{schemes: []*scheme{{
		describe: redstart.SecurityScheme{Name: "basic", Type: "http", Scheme: "basic"},
		find: func(req *redstart.Request) (*redstart.Identity, error) {
			value, ok, err := authorization(req, "Basic")
			if !ok || err != nil {
				return nil, err
			}
			user, password, err := authheader.UserPassword(value)
			if err != nil {
				return nil, malformedCredentials(err)
			}
			if err := check(req); err != nil {
				return nil, err
			}
			id, err := verify(req.Context(), user, password)
			return judge(id, err, "Basic")
		},
		challenge: func(*refusal) string { return challenge },
		varies:    "Authorization",
	}}}
}

// Users makes a verify function for [Basic] of users and what their passwords are known
// by, which is one of:
//
//	$2a$12$...      a bcrypt hash, as `htpasswd -nB` makes it: for passwords of people
//	sha256:9f86...  a SHA-256 hash in hex: only for passwords of 32 or more random
//	                letters, since others are guessed at a billion a second
//
// Hashes are compared in constant time, and an unknown user costs as much time as a
// wrong password. A bcrypt hash takes tens of milliseconds to compare, so put a
// [RateLimit] outside; a password that was right is recognised at once the next time.
// Passwords of more than 72 bytes, of which bcrypt would ignore the rest, are refused. A
// hash that is none panics.
func Users(hashes map[string]string) func(ctx context.Context, user, password string) (*redstart.Identity, error) {
	u := newUsers(hashes)
	return func(_ context.Context, user, password string) (*redstart.Identity, error) {
		if !u.verify(user, password) {
			return nil, nil
		}
		return &redstart.Identity{Subject: user, Name: user}, nil
	}
}

type users struct {
	hashes map[string]string
	decoy  string   // what is compared for a user who is none
	secret [32]byte // of this process, for what is kept of passwords that were right

	mu    sync.Mutex
	known map[string][]byte // by user
}

func newUsers(hashes map[string]string) *users {
	u := &users{hashes: maps.Clone(hashes), known: map[string][]byte{}}
	_, _ = rand.Read(u.secret[:]) // it does not fail
	cost := 0
	for user, hash := range hashes {
		c, err := checkHash(hash)
		if err != nil {
			misuse("Users", "the hash of %q %v", user, err)
		}
		cost = max(cost, c)
	}
	if cost == 0 {
		u.decoy = "sha256:" + strings.Repeat("0", 64)
		return u
	}
	decoy, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), cost)
	if err != nil {
		misuse("Users", "%v", err)
	}
	u.decoy = string(decoy)
	return u
}

// hashFor returns what a password of the user is compared with; of one who is none,
// something that takes as long as any.
func (u *users) hashFor(user string) (hash string, exists bool) {
	if hash, exists = u.hashes[user]; exists {
		return hash, true
	}
	return u.decoy, false
}

func checkHash(hash string) (cost int, err error) {
	if digits, ok := strings.CutPrefix(hash, "sha256:"); ok {
		if sum, err := hex.DecodeString(digits); err != nil || len(sum) != sha256.Size {
			return 0, fmt.Errorf("is not sha256: and 64 hexadecimal digits")
		}
		return 0, nil
	}
	if cost, err = bcrypt.Cost([]byte(hash)); err != nil {
		return 0, fmt.Errorf("is neither a bcrypt hash nor sha256: and 64 hexadecimal digits")
	}
	return cost, nil
}

func (u *users) verify(user, password string) bool {
	const most = 72
	if len(password) > most {
		return false
	}
	hash, exists := u.hashFor(user)
	if digits, ok := strings.CutPrefix(hash, "sha256:"); ok {
		want, _ := hex.DecodeString(digits) // it was checked
		sum := hashOf(password)
		return subtle.ConstantTimeCompare(want, sum[:]) == 1 && exists
	}
	mac := hmac.New(sha256.New, u.secret[:])
	mac.Write([]byte(password)) // a hash takes everything
	sum := mac.Sum(nil)
	u.mu.Lock()
	known := u.known[user]
	u.mu.Unlock()
	if hmac.Equal(known, sum) {
		return true
	}
	if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil || !exists {
		return false
	}
	u.mu.Lock()
	u.known[user] = sum
	u.mu.Unlock()
	return true
}
