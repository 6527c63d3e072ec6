package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/middleware"
)

const (
	sessionTime   = 12 * time.Hour
	tokenTime     = time.Hour
	tokenIssuer   = "crimedash"
	sessionCookie = "gotham-session"

	// Attempts to log in, per client and minute. A comparison with bcrypt takes some fifty
	// milliseconds of a processor, so this protects more than passwords.
	loginAttempts = 10
	maxLogin      = 4 << 10 // bytes of a form or a JSON body with a name and a password
)

// challenge goes with status 401 for a name and a password (RFC 9110 section 11.6.1). It
// is what the session asks for elsewhere: a browser has no dialogue of its own for it.
const challenge = `Cookie cookie-name="` + sessionCookie + `"`

// What users may do besides reading and reporting, which everybody may.
const (
	scopeStatus = "crimes:status" // say how far a case is
	scopeDelete = "crimes:delete" // take a report off the file
	scopeLog    = "log:read"      // see what the program does, and who asks it
)

var scopes = map[string][]string{
	store.RoleCommissioner: {scopeStatus, scopeDelete, scopeLog},
	store.RoleVigilante:    {scopeStatus},
	store.RoleSidekick:     nil,
}

// guards know who asks. All of it follows from one secret, which the processes that share
// a database share with it, and nodes by the environment.
type guards struct {
	store   *store.Store
	session redstart.Middleware
	limit   redstart.Middleware // around whatever takes a password
	members *middleware.Auth    // somebody who has logged in, or a program with a token
	guests  *middleware.Auth    // anybody; who has logged in is known
	tokens  middleware.JWTKey
}

func newGuards(ctx context.Context, c config) (*guards, error) {
	secret := c.Secret
	if secret == nil {
		var err error
		if secret, err = c.Store.Secret(ctx, "master"); err != nil {
			return nil, err
		}
	}
	sessions, err := hkdf.Key(sha256.New, secret, nil, "sessions", sha256.Size)
	if err != nil {
		return nil, err
	}
	tokens, err := hkdf.Key(sha256.New, secret, nil, "tokens", sha256.Size)
	if err != nil {
		return nil, err
	}
	limits, err := middleware.OpenSQLLimits(ctx, c.Store.DB(), "rate_limits")
	if err != nil {
		return nil, err
	}
	g := &guards{store: c.Store, tokens: middleware.JWTKey{Key: tokens}}
	g.session = middleware.Session(middleware.SessionOptions{Keys: [][]byte{sessions}, Name: sessionCookie, MaxAge: sessionTime})
	g.limit = middleware.RateLimit(loginAttempts, time.Minute, middleware.RateLimitOptions{Name: "login", Store: limits, FailClosed: true})
	g.members = middleware.AnyOf(
		middleware.SessionAuth(g.load, middleware.SessionAuthOptions{LoginPage: "/login", Cookie: sessionCookie}),
		middleware.JWT(middleware.JWTOptions{Keys: []middleware.JWTKey{g.tokens}, Issuer: tokenIssuer, Identify: g.identify}),
	)
	g.guests = g.members.Optional()
	return g, nil
}

// load makes the identity of a user, each time anew: who has lost a role has lost it at
// once. Somebody who is no user any more is nobody.
func (g *guards) load(ctx context.Context, name string) (*redstart.Identity, error) {
	user, err := g.store.User(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &redstart.Identity{Subject: user.Name, Name: user.Full, Scopes: scopes[user.Role], User: user}, nil
}

// identify does not believe what a token says of its owner but for the name.
func (g *guards) identify(ctx context.Context, id *redstart.Identity) (*redstart.Identity, error) {
	return g.load(ctx, id.Subject)
}

// authenticate checks a password, under the status that the client gets.
func (g *guards) authenticate(ctx context.Context, name, password string) (store.User, error) {
	user, err := g.store.Authenticate(ctx, name, password)
	if errors.Is(err, store.ErrLogin) {
		return user, redstart.Error(http.StatusUnauthorized, err.Error()).WithCause(err).WithHeader("WWW-Authenticate", challenge)
	}
	return user, err
}

// credentials are what a program gets a token for.
type credentials struct {
	Name     string `json:"name" validate:"required"`
	Password string `json:"password" validate:"required"`
}

// token is what it gets; the names are those of OAuth 2 (RFC 6749 section 5.1).
type token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"` // seconds
}

// Header keeps a token out of caches, as RFC 6749 section 5.1 wants it.
func (token) Header() http.Header { return http.Header{"Cache-Control": {"no-store"}} }

// issue makes a token, for programs: a browser has its session.
func (g *guards) issue(ctx context.Context, in *credentials) (token, error) {
	user, err := g.authenticate(ctx, in.Name, in.Password)
	if err != nil {
		return token{}, err
	}
	now := time.Now()
	text, err := middleware.SignJWT(jwt.RegisteredClaims{
		Issuer: tokenIssuer, Subject: user.Name,
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(tokenTime)),
	}, g.tokens)
	if err != nil {
		return token{}, fmt.Errorf("sign a token: %w", err)
	}
	return token{AccessToken: text, TokenType: "Bearer", ExpiresIn: int(tokenTime / time.Second)}, nil
}

// visitor is what a page knows of who looks at it.
type visitor struct {
	Name   string   `json:"name"` // "" for nobody
	Full   string   `json:"full"`
	Role   string   `json:"role"`
	Scopes []string `json:"scopes"`
}

// whoAmI answers the page, which shows buttons accordingly. They are a convenience: what
// counts is asked again when one is pressed.
func whoAmI(req *redstart.Request) (visitor, error) {
	id := req.Identity()
	if id == nil {
		return visitor{Scopes: []string{}}, nil
	}
	user, _ := id.User.(store.User)
	return visitor{Name: user.Name, Full: user.Full, Role: user.Role, Scopes: append([]string{}, id.Scopes...)}, nil
}

// badge is the name of the user who asks, or "".
func badge(req *redstart.Request) string {
	if id := req.Identity(); id != nil {
		return id.Subject
	}
	return ""
}
