package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/crypto/bcrypt"
)

// The roles that users have.
const (
	RoleVigilante    = "vigilante"
	RoleCommissioner = "commissioner"
	RoleSidekick     = "sidekick"
)

// User is somebody who can log in.
type User struct {
	Name string // to log in with
	Full string // for people
	Role string
}

// Login is what a user of the demonstration logs in with.
type Login struct{ Name, Password string }

type demoUser struct {
	User
	password, hash string
}

// demo are the users of a new file. What their passwords are is no secret, and neither
// is the hash; [Store.DrawPasswords] gives them others.
var demo = [...]demoUser{
	{User{"batman", "Batman", RoleVigilante}, "i-am-the-night", "$2a$10$30EWsAUWm5L/7POeBP5HO.1WNqq5mj0UVoYcWUdx4gXXcfQNY3LiG"},
	{User{"gordon", "Commissioner Gordon", RoleCommissioner}, "light-the-signal", "$2a$10$Q.Ne5vOcQnmKdxr/cd3P2u3/le3FxochYYvcMokY6h8UF0Za4bKty"},
	{User{"robin", "Robin", RoleSidekick}, "holy-password", "$2a$10$g9bK/NZxRo8nFkiMlOUIB.jvM2uu9wSgT8sJ5mu0nnTw96tylnJB2"},
}

// decoy is the hash that a password is compared with when there is no such user, so that
// this takes as long as a wrong password. It is of the same cost; nobody knows of what.
const decoy = "$2a$10$YhPrFaOPcZz2UzNZm11rsOzuvl.fNN3xnGtemqdjpwC5bs0So.Gou"

// hashCost is that of the hashes above. A comparison takes some fifty milliseconds.
const hashCost = 10

// maxPassword is how many bytes bcrypt looks at. More are refused, not ignored.
const maxPassword = 72

// ErrLogin is returned for a name and a password that do not fit, whichever is wrong.
var ErrLogin = errors.New("the name or the password is wrong")

func (s *Store) seedUsers(ctx context.Context, tx *sql.Tx) error {
	return s.once(ctx, tx, "users", func() error {
		for _, u := range demo {
			if _, err := tx.ExecContext(ctx, "INSERT INTO users (name, full, role, hash) VALUES (?, ?, ?, ?)",
				u.Name, u.Full, u.Role, u.hash); err != nil {
				return err
			}
		}
		return nil
	})
}

// User returns the user of that name, or [ErrNotFound].
func (s *Store) User(ctx context.Context, name string) (User, error) {
	user, _, err := s.user(ctx, name)
	return user, err
}

func (s *Store) user(ctx context.Context, name string) (u User, hash string, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT name, full, role, hash FROM users WHERE name = ?", name).
		Scan(&u.Name, &u.Full, &u.Role, &hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return User{}, "", ErrNotFound
	case err != nil:
		return User{}, "", fmt.Errorf("look up a user: %w", err)
	}
	return u, hash, nil
}

// Authenticate returns the user whose name and password these are, or [ErrLogin]. How
// long it takes does not tell whether there is such a user.
func (s *Store) Authenticate(ctx context.Context, name, password string) (User, error) {
	user, hash, err := s.user(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound):
		hash = decoy
	case err != nil:
		return User{}, err
	}
	wrong := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password[:min(len(password), maxPassword)]))
	if err != nil || wrong != nil || len(password) > maxPassword {
		return User{}, ErrLogin
	}
	return user, nil
}

// DemoLogins lists the users who still have the password that everybody knows.
func (s *Store) DemoLogins(ctx context.Context) ([]Login, error) {
	logins := []Login{}
	for _, u := range demo {
		switch _, hash, err := s.user(ctx, u.Name); {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return nil, err
		case hash == u.hash:
			logins = append(logins, Login{u.Name, u.password})
		}
	}
	return logins, nil
}

// DrawPasswords gives each user who still has the password that everybody knows a random
// one, and returns these. They are kept nowhere else. The second time there is nobody.
func (s *Store) DrawPasswords(ctx context.Context) ([]Login, error) {
	known, err := s.DemoLogins(ctx)
	if err != nil || len(known) == 0 {
		return nil, err
	}
	drawn := []Login{}
	for _, u := range demo {
		password := rand.Text()
		hash, err := bcrypt.GenerateFromPassword([]byte(password), hashCost)
		if err != nil {
			return drawn, fmt.Errorf("hash a password: %w", err)
		}
		var n int64
		err = s.inTx(ctx, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, "UPDATE users SET hash = ? WHERE name = ? AND hash = ?", string(hash), u.Name, u.hash)
			if err == nil {
				n, err = result.RowsAffected()
			}
			return err
		})
		if err != nil {
			return drawn, fmt.Errorf("keep a password: %w", err)
		}
		if n > 0 { // otherwise it was another one already
			drawn = append(drawn, Login{u.Name, password})
		}
	}
	return drawn, nil
}

// secretSize is that of a key for HMAC-SHA-256, in bytes.
const secretSize = 32

// Secret returns the random bytes that the file keeps under a name. They are drawn when
// they are first asked for, and are the same for all processes that use the file.
func (s *Store) Secret(ctx context.Context, name string) (secret []byte, err error) {
	fresh := make([]byte, secretSize)
	_, _ = rand.Read(fresh) // it does not fail
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name, fresh); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT value FROM secrets WHERE name = ?", name).Scan(&secret)
	})
	if err != nil {
		return nil, fmt.Errorf("read the secret %q: %w", name, err)
	}
	return secret, nil
}
