package middleware

import (
	"fmt"
	"net/http"

	"github.com/redstart-go/redstart"
)

// CSRFOptions refine [CSRF].
type CSRFOptions struct {
	// TrustedOrigins are other sites whose pages may send requests that change
	// something, each as a browser writes it: "https://wayne.example".
	TrustedOrigins []string
	// InsecureBypass are patterns of [http.ServeMux], such as "POST /hooks/", for which
	// nothing is checked: for requests that browsers send across origins and that do
	// not act by the visitor's cookies, or are checked in another way.
	InsecureBypass []string
}

// CSRF refuses requests by which a page of another site makes a visitor's browser act
// with the visitor's cookies (cross-site request forgery), by [http.CrossOriginProtection]
// of the standard library: no tokens, nothing to put into forms.
//
// A request that may change something, which is any but GET, HEAD and OPTIONS, passes if
// the browser says by Sec-Fetch-Site that it comes from this very origin or from no page
// at all; or, for an older browser, if its Origin is this host. One with neither header is
// no browser's, and passes. Any other is answered with status 403 and a problem that names
// the header it was refused for. So GET must not change anything; and a WebSocket, whose
// handshake is a GET, has a check of its own.
//
// The host is the one that the client asked for. Behind a proxy that changes it, name
// the proxy by [redstart.TrustProxies]. An entry of TrustedOrigins that is no origin, and
// a pattern that ServeMux does not take, panic.
func CSRF(options ...CSRFOptions) redstart.Middleware {
	o := given("CSRF", options)
	protection := newProtection("CSRF", o.TrustedOrigins)
	for _, pattern := range o.InsecureBypass {
		if err := addBypass(protection, pattern); err != nil {
			misuse("CSRF", "InsecureBypass %q: %v", pattern, err)
		}
	}
	return redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
		if err := checkOrigins(protection, req, req.HTTP()); err != nil {
			return redstart.Fail(err), true
		}
		return redstart.Response{}, false
	})
}

// addBypass makes an error of the panic that net/http has for a pattern it cannot read.
func addBypass(protection *http.CrossOriginProtection, pattern string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	protection.AddInsecureBypassPattern(pattern)
	return nil
}

// refuseCrossOrigin says which header a request was refused for, and tells the page's
// author how to go on.
func refuseCrossOrigin(r *http.Request, cause error) error {
	reason, value := "Sec-Fetch-Site", r.Header.Get("Sec-Fetch-Site")
	if value == "" {
		reason, value = "Origin", r.Header.Get("Origin")
	}
	const most = 200
	if len(value) > most {
		value = value[:most]
	}
	return redstart.Error(http.StatusForbidden,
		fmt.Sprintf("a page of another origin may not do this: %s is %q", reason, value)).
		WithField("header", reason).WithCause(cause)
}
