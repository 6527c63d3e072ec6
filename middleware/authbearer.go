package middleware

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/authheader"
	"github.com/redstart-go/redstart/websocket"
)

// BearerOptions refine [Bearer] and [JWT].
type BearerOptions struct {
	// Realm names what is protected, in challenges.
	Realm string
	// InsecureQuery is the name of a query parameter that may hold the token too, such
	// as "access_token", for clients that can set no header, as an EventSource. An
	// address is written to histories and to the logs of proxies, and its token with it:
	// a session does without, and so does a token that is only good for a minute.
	InsecureQuery string
}

// Bearer knows clients by a token in the header Authorization (RFC 6750), which verify
// makes an identity of. It returns nil, or a [CredentialsError], for a token that is
// worth nothing; any other error is a failure. It must compare secrets in constant time,
// or look them up by a hash, as [KnownKeys] does; [JWT] is a Bearer that needs no
// comparison.
//
// A script in a browser can set no header for a WebSocket. It offers the subprotocol
// "bearer.<base64url of the token>" instead, see [websocket.BearerToken]. A client that
// gives its token in two ways is refused with status 400.
func Bearer(verify func(ctx context.Context, token string) (*redstart.Identity, error), options ...BearerOptions) *Auth {
	if verify == nil {
		misuse("Bearer", "the verify function is nil")
	}
	return bearer(verify, redstart.SecurityScheme{Name: "bearer", Type: "http", Scheme: "bearer"}, given("Bearer", options))
}

func bearer(verify func(context.Context, string) (*redstart.Identity, error), describe redstart.SecurityScheme, o BearerOptions) *Auth {
	find := func(req *redstart.Request) (*redstart.Identity, error) {
		token, err := bearerToken(req, o.InsecureQuery)
		if token == "" || err != nil {
			return nil, err
		}
		id, err := verify(req.Context(), token)
		return judge(id, err, "Bearer")
	}
	s := &scheme{describe: describe, find: find, varies: "Authorization", private: o.InsecureQuery != "", challenge: func(r *refusal) string {
		fault, description := "", ""
		if r != nil {
			fault, description = "invalid_token", r.description
			if r.malformed {
				fault = "invalid_request"
			}
		}
		return authheader.Challenge("Bearer", "realm", o.Realm, "error", fault, "error_description", description)
	}}
	return &Auth{schemes: []*scheme{s}}
}

// bearerToken finds the one token of a request, "" if there is none.
func bearerToken(req *redstart.Request, query string) (token string, err error) {
	value, ok, err := authorization(req, "Bearer")
	if err != nil {
		return "", err
	}
	var found []string
	if ok {
		found = append(found, value)
	}
	if r := req.HTTP(); isUpgrade(r) {
		if t := websocket.BearerToken(r); t != "" {
			found = append(found, t)
		}
	}
	if query != "" {
		found = append(found, req.QueryAll(query)...)
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		if err := authheader.CheckToken(found[0]); err != nil {
			return "", malformedCredentials(err)
		}
		return found[0], nil
	}
	return "", malformedCredentials(fmt.Errorf("there are %d tokens: %w", len(found), errSeveralTokens))
}

var errSeveralTokens = errors.New("want one, in one place")

// hashOf is what secrets are compared and looked up by: equal in length, and nothing
// that a client can choose bit by bit.
func hashOf(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }
