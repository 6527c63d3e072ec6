package middleware

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/authheader"
)

// RequireScopes is a guard, inside of an [Auth], for clients who have all these scopes.
// Others get status 403, with error="insufficient_scope" for a bearer token, and nobody,
// inside of an optional Auth, 401. A scope that is none panics.
func RequireScopes(scopes ...string) redstart.Security {
	if len(scopes) == 0 {
		misuse("RequireScopes", "there is no scope")
	}
	for _, scope := range scopes {
		if !authheader.IsScope(scope) {
			misuse("RequireScopes", "%q is not a scope: want printable ASCII without spaces, quotes and backslashes", scope)
		}
	}
	list := strings.Join(scopes, " ")
	lacking := fmt.Sprintf("this needs the scopes %q", list)
	if len(scopes) == 1 {
		lacking = fmt.Sprintf("this needs the scope %q", list)
	}
	s := guard("RequireScopes", func(id *redstart.Identity) redstart.Response {
		if id.Has(scopes...) {
			return redstart.Response{}
		}
		resp := redstart.Fail(redstart.Error(http.StatusForbidden, lacking))
		if id.Scheme == "Bearer" {
			resp = resp.With("WWW-Authenticate", authheader.Challenge("Bearer", "error", "insufficient_scope", "scope", list))
		}
		return resp
	})
	s.Scopes = scopes
	return s
}

// Require is a guard, inside of an [Auth], for clients of whom rule has nothing to say. Its
// error is the reply, with status 403 if it has none of its own; the text of such an
// error is not shown: use [redstart.Error] for one that is. Nobody gets status 401.
func Require(rule func(*redstart.Identity) error) redstart.Security {
	if rule == nil {
		misuse("Require", "the rule is nil")
	}
	return guard("Require", func(id *redstart.Identity) redstart.Response {
		err := rule(id)
		if err == nil {
			return redstart.Response{}
		}
		if redstart.StatusOf(err) == http.StatusInternalServerError {
			err = redstart.Error(http.StatusForbidden, "you may not do this").WithCause(err)
		}
		return redstart.Fail(err)
	})
}

// guard makes a guard of a function that returns a failed response for who may not
// pass.
func guard(name string, judge func(*redstart.Identity) redstart.Response) redstart.Security {
	return redstart.Security{Middleware: redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		if id := req.Identity(); id != nil {
			resp := judge(id)
			return resp, resp.Err() != nil
		}
		if auth, ok := req.Value(offered{}).(*Auth); ok {
			return auth.refuse(req, nil), true
		}
		return redstart.Fail(fmt.Errorf("middleware: %s: no scheme is around it that could say who asks: put one, such as Bearer, into Secure before it", name)), true
	})}
}
