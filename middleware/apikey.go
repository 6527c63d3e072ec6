package middleware

import (
	"context"
	"fmt"
	"net/http"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/authheader"
)

// KeyPlace is where a client sends an API key.
type KeyPlace string

// The places of [APIKey].
const (
	InHeader KeyPlace = "header"
	InCookie KeyPlace = "cookie"
	// InQuery writes the key into histories and into the logs of proxies, as part of the
	// address.
	InQuery KeyPlace = "query"
)

// APIKeyOptions refine [APIKey].
type APIKeyOptions struct {
	// Realm names what is protected, in challenges.
	Realm string
	// TrustedOrigins are other sites whose pages may send requests that change
	// something, with a key in a cookie: see [CSRFOptions].
	TrustedOrigins []string
	// InsecureCrossOrigin lets the pages of every site do so.
	InsecureCrossOrigin bool
}

// APIKey knows clients by a key in a header, a cookie or a query parameter of that name,
// which verify makes an identity of: see [Bearer] for what it returns. Replies are kept out
// of shared caches, which do not know the key for one.
//
// A key in a cookie is sent by the browser itself, and so protected as [Basic] is.
func APIKey(in KeyPlace, name string, verify func(ctx context.Context, key string) (*redstart.Identity, error), options ...APIKeyOptions) *Auth {
	o := given("APIKey", options)
	if verify == nil {
		misuse("APIKey", "the verify function is nil")
	}
	var sent func(*redstart.Request) []string
	varies := ""
	switch in {
	case InHeader:
		checkHeader("APIKey", "name", name, "")
		name = http.CanonicalHeaderKey(name)
		varies = name
		sent = func(req *redstart.Request) []string { return req.HTTP().Header[name] }
	case InCookie:
		if err := (&http.Cookie{Name: name}).Valid(); err != nil {
			misuse("APIKey", "name %q: %v", name, err)
		}
		varies = "Cookie"
		sent = func(req *redstart.Request) (values []string) {
			for _, c := range req.HTTP().CookiesNamed(name) {
				values = append(values, c.Value)
			}
			return values
		}
	case InQuery:
		if name == "" {
			misuse("APIKey", "the name of the query parameter is empty")
		}
		sent = func(req *redstart.Request) []string { return req.QueryAll(name) }
	default:
		misuse("APIKey", "a key in %q: want InHeader, InCookie or InQuery", in)
	}
	check := originCheck("APIKey", o.TrustedOrigins, o.InsecureCrossOrigin || in != InCookie)
	place := string(in)
	if in == InQuery {
		place = "query parameter"
	}
	challenge := authheader.Challenge("ApiKey", "realm", o.Realm, "in", string(in), "name", name)
	return &Auth{schemes: []*scheme{{
		describe: redstart.SecurityScheme{Name: "apiKey", Type: "apiKey", In: string(in), Param: name},
		find: func(req *redstart.Request) (*redstart.Identity, error) {
			keys := sent(req)
			switch {
			case len(keys) == 0:
				return nil, nil
			case len(keys) > 1:
				return nil, malformedCredentials(fmt.Errorf("there are %d API keys in the %s %s: want one", len(keys), place, name))
			case keys[0] == "":
				return nil, malformedCredentials(fmt.Errorf("the API key in the %s %s is empty", place, name))
			case len(keys[0]) > authheader.MaxLength:
				return nil, malformedCredentials(fmt.Errorf("the API key in the %s %s has %d bytes: want %d at most", place, name, len(keys[0]), authheader.MaxLength))
			}
			if err := check(req); err != nil {
				return nil, err
			}
			id, err := verify(req.Context(), keys[0])
			return judge(id, err, "ApiKey")
		},
		challenge: func(*refusal) string { return challenge },
		varies:    varies,
		private:   true,
	}}}
}
