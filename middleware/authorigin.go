package middleware

import (
	"net/http"
	"strings"

	"github.com/redstart-go/redstart"
)

// originCheck makes a function that refuses what a page of another origin makes a
// browser send, with credentials that the browser adds by itself: requests that may
// change something, and handshakes of WebSockets, which may do anything.
func originCheck(middleware string, trusted []string, off bool) func(*redstart.Request) error {
	if off {
		if len(trusted) > 0 {
			misuse(middleware, "TrustedOrigins have no effect together with InsecureCrossOrigin: leave out one of them")
		}
		return func(*redstart.Request) error { return nil }
	}
	protection := newProtection(middleware, trusted)
	return func(req *redstart.Request) error {
		r := req.HTTP()
		if isUpgrade(r) {
			// What a handshake may lead to is for this purpose like a POST.
			asked := *r
			asked.Method = http.MethodPost
			r = &asked
		}
		return checkOrigins(protection, req, r)
	}
}

func newProtection(middleware string, trusted []string) *http.CrossOriginProtection {
	protection := http.NewCrossOriginProtection()
	for _, origin := range trusted {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			misuse(middleware, "TrustedOrigins: %v", err)
		}
	}
	return protection
}

// checkOrigins checks r, which may be req's own request or one in its place.
func checkOrigins(protection *http.CrossOriginProtection, req *redstart.Request, r *http.Request) error {
	if host := req.Host(); host != r.Host { // a trusted proxy knows better
		asked := *r
		asked.Host = host
		r = &asked
	}
	if err := protection.Check(r); err != nil {
		return refuseCrossOrigin(r, err)
	}
	return nil
}

// isUpgrade says whether a request is the handshake of a WebSocket (RFC 6455 section 4.1,
// RFC 8441 section 4).
func isUpgrade(r *http.Request) bool {
	if r.Method == http.MethodConnect {
		return strings.EqualFold(strings.Join(r.Header[":protocol"], ""), "websocket")
	}
	for _, field := range r.Header["Upgrade"] {
		for protocol := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(protocol), "websocket") {
				return true
			}
		}
	}
	return false
}
