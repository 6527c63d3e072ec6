package middleware

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/authheader"
)

// Auth finds out who a request is from: a scheme, or several of which any will do. Make
// one with [Bearer], [JWT], [Basic], [APIKey], [SessionAuth] or [AnyOf]. It is a
// [redstart.Guard], for App.Secure, Group.Secure and [redstart.Secured], by which
// documents know of it too; [Auth.Middleware] is the middleware alone.
//
//	api := app.Group("/api")
//	api.Secure(middleware.AnyOf(middleware.JWT(options), middleware.SessionAuth(users.Load)))
//	api.Post("/crimes", report, redstart.Secured(middleware.RequireScopes("crimes:write")))
//
// Who the request is from is known to the handler as req.Identity() and
// [redstart.IdentityFrom], before a stream begins and before a WebSocket is upgraded.
// Otherwise the handler is not called:
//
//	the client sent                              status   WWW-Authenticate
//	nothing                                      401      all schemes
//	what nobody has, is expired or withdrawn     401      all schemes; Bearer with error="invalid_token"
//	what is malformed, or two at once            400      Bearer with error="invalid_request"
//	a scheme's own credentials by another site   403      none: see [Basic] and [Session]
//
// A handler that says 401 itself, as one inside of an optional Auth may, gets the
// challenges of all schemes added to its reply, unless that has one. A status that is
// decided only while the reply is sent, as by a mounted handler, is left as it is.
//
// What was sent is never repeated, neither to the client nor to a log. An Auth is
// immutable and safe for concurrent use.
type Auth struct {
	schemes  []*scheme
	optional bool
}

// scheme is one way to prove who one is.
type scheme struct {
	describe redstart.SecurityScheme
	// find returns who has sent credentials of the scheme: nobody without an error if
	// there are none, and a *refusal if they are worth nothing.
	find func(*redstart.Request) (*redstart.Identity, error)
	// challenge says how to prove it, after a refusal of credentials of the scheme if
	// that is not nil.
	challenge func(*refusal) string
	// varies is the header that the credentials are in, "" if they are in none or the
	// session tells of it.
	varies string
	// private says that caches do not know the credentials for such.
	private bool
	// ask replies to a browser that should be led somewhere, instead of status 401.
	ask func(*redstart.Request) (redstart.Response, bool)
}

// CredentialsError is what a verify function returns for credentials that are worth
// nothing. So it is told apart from a failure, which is an error with status 500 or its
// own.
type CredentialsError struct {
	Description string // the client is told, such as "the token has expired"
	Err         error  // nobody is told
}

// Error returns the description.
func (e *CredentialsError) Error() string {
	return cmp.Or(e.Description, "the credentials were refused")
}

// Unwrap returns Err.
func (e *CredentialsError) Unwrap() error { return e.Err }

// StatusCode is 401.
func (e *CredentialsError) StatusCode() int { return http.StatusUnauthorized }

// refusal is why credentials are worth nothing.
type refusal struct {
	malformed   bool
	description string
	cause       error
}

func (r *refusal) Error() string { return r.description }
func (r *refusal) Unwrap() error { return r.cause }

func malformedCredentials(err error) error {
	return &refusal{malformed: true, description: err.Error()}
}

// judge says what a verify function has found.
func judge(id *redstart.Identity, err error, scheme string) (*redstart.Identity, error) {
	if err != nil {
		if told, ok := errors.AsType[*CredentialsError](err); ok {
			return nil, &refusal{description: told.Description, cause: err}
		}
		if redstart.StatusOf(err) == http.StatusUnauthorized {
			return nil, &refusal{cause: err}
		}
		return nil, err
	}
	if id == nil {
		return nil, &refusal{}
	}
	if id.Scheme == "" {
		named := *id // it may be shared
		named.Scheme = scheme
		id = &named
	}
	return id, nil
}

// AnyOf lets in who is somebody by one of several schemes: the first that accepts what
// was sent. A reply with status 401 names all of them.
func AnyOf(auths ...*Auth) *Auth {
	if len(auths) == 0 {
		misuse("AnyOf", "there is no scheme: nobody could come in")
	}
	all := &Auth{}
	for i, a := range auths {
		if a == nil {
			misuse("AnyOf", "scheme %d of %d is nil", i+1, len(auths))
		}
		if a.optional {
			misuse("AnyOf", "one of the schemes is optional: write AnyOf(...).Optional()")
		}
		all.schemes = append(all.schemes, a.schemes...)
	}
	return all
}

// Optional returns an Auth that lets in who sends nothing, too: req.Identity() is nil then.
// Credentials that are worth nothing are refused as ever.
func (a *Auth) Optional() *Auth { return &Auth{schemes: a.schemes, optional: true} }

// Security implements [redstart.Guard].
func (a *Auth) Security() redstart.Security {
	if a == nil {
		return redstart.Security{} // which the registration refuses, with its place
	}
	s := redstart.Security{Middleware: a.Middleware(), Optional: a.optional}
	for _, scheme := range a.schemes {
		s.Schemes = append(s.Schemes, scheme.describe)
	}
	return s
}

// Middleware returns the middleware.
func (a *Auth) Middleware() redstart.Middleware {
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			id, by, refusals, err := a.identify(req)
			switch {
			case err != nil:
				return redstart.Fail(err)
			case id != nil:
				req.SetIdentity(id)
			case len(refusals) > 0 || !a.optional:
				return a.refuse(req, refusals)
			default:
				req.Set(offered{}, a)
			}
			resp := next(req)
			if resp.StatusCode() == http.StatusUnauthorized && resp.Header().Get("WWW-Authenticate") == "" {
				resp = a.challenge(resp, nil) // RFC 9110 section 11.6.1 wants one
			}
			return a.refine(resp, by)
		}
	}
}

// challenge adds the challenges of all schemes to a reply, each in a line of its own: there are
// browsers that look at the first in a line only.
func (a *Auth) challenge(resp redstart.Response, refusals map[*scheme]*refusal) redstart.Response {
	var challenges []string
	for _, s := range a.schemes {
		if c := s.challenge(refusals[s]); !slices.Contains(challenges, c) {
			challenges = append(challenges, c)
			resp = resp.WithAdded("WWW-Authenticate", c)
		}
	}
	return resp
}

// refine makes a reply fit for caches, which know of themselves only that one to a
// request with the header Authorization is for nobody else (RFC 9111 section 3.5).
func (a *Auth) refine(resp redstart.Response, by *scheme) redstart.Response {
	for _, s := range a.schemes {
		if s.varies != "" && (a.optional || s.private) {
			resp = resp.WithVary(s.varies)
		}
	}
	if by != nil && by.private {
		resp = private(resp)
	}
	return resp
}

// offered is where an optional Auth leaves word of itself, for who needs an identity.
type offered struct{}

// identify asks the schemes in turn.
func (a *Auth) identify(req *redstart.Request) (id *redstart.Identity, by *scheme, refusals map[*scheme]*refusal, err error) {
	for _, s := range a.schemes {
		id, err := s.find(req)
		if id != nil && err == nil {
			return id, s, nil, nil
		}
		if err == nil {
			continue
		}
		refused, ok := errors.AsType[*refusal](err)
		if !ok {
			return nil, nil, nil, err
		}
		if refusals == nil {
			refusals = map[*scheme]*refusal{}
		}
		refusals[s] = refused
	}
	return nil, nil, refusals, nil
}

// refuse replies to one who has not proved anything.
func (a *Auth) refuse(req *redstart.Request, refusals map[*scheme]*refusal) redstart.Response {
	var first *refusal
	for _, s := range a.schemes {
		if r := refusals[s]; r != nil && (first == nil || r.malformed && !first.malformed) {
			first = r
		}
	}
	if first == nil {
		for _, s := range a.schemes {
			if s.ask != nil {
				if resp, ok := s.ask(req); ok {
					return resp
				}
			}
		}
	}
	status, text := http.StatusUnauthorized, "this is not open to everybody: say who you are"
	var cause error
	if other, ok := a.unread(req); ok {
		text = other
	}
	if first != nil {
		text, cause = cmp.Or(first.description, "the credentials were refused"), first.cause
		if first.malformed {
			status = http.StatusBadRequest
		}
	}
	return a.challenge(redstart.Fail(redstart.Error(status, text).WithCause(cause)), refusals)
}

// unread says that the request has a header Authorization, which none of the schemes took
// for theirs, although there are some that read it. The header is not repeated: it may be
// a token whose scheme was forgotten.
func (a *Auth) unread(req *redstart.Request) (text string, ok bool) {
	if len(req.HTTP().Header["Authorization"]) == 0 {
		return "", false
	}
	var names []string
	for _, s := range a.schemes {
		if s.describe.Type != "http" {
			continue
		}
		name, _, _ := strings.Cut(s.challenge(nil), " ")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return "the header Authorization is of a scheme that is not taken here: want " + strings.Join(names, " or "), len(names) > 0
}

// authorization reads the header for a scheme. Without one for it, ok is false.
func authorization(req *redstart.Request, scheme string) (value string, ok bool, err error) {
	a, sent, err := authheader.Parse(req.HTTP().Header["Authorization"])
	if err != nil {
		return "", false, malformedCredentials(err)
	}
	return a.Value, sent && a.Is(scheme), nil
}

// private keeps a reply out of the caches that others share.
func private(resp redstart.Response) redstart.Response {
	return resp.WithDefault("Cache-Control", "private")
}

// KnownKeys makes a verify function, for [Bearer] and [APIKey], of keys that are known in
// advance and who has them. They are kept as SHA-256 hashes, and what is sent is looked
// up by its hash: how long that takes says nothing about a key. One of fewer than 16
// bytes, which can be guessed, panics.
func KnownKeys(keys map[string]redstart.Identity) func(ctx context.Context, key string) (*redstart.Identity, error) {
	known := make(map[[32]byte]*redstart.Identity, len(keys))
	for key, id := range keys {
		const least = 16
		if len(key) < least {
			misuse("KnownKeys", "the key of %q has %d bytes: want %d or more, at random", id.Subject, len(key), least)
		}
		known[hashOf(key)] = &id
	}
	return func(_ context.Context, key string) (*redstart.Identity, error) { return known[hashOf(key)], nil }
}
