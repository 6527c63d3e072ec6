package websocket

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// checkOrigin refuses pages of other sites: a browser lets every page open a
// WebSocket, with the cookies of the site that it connects to (RFC 6455 section 10.2).
// Programs that are no browsers send no Origin.
func checkOrigin(r *http.Request, listed []string) *HandshakeError {
	fields := r.Header["Origin"]
	if len(fields) == 0 {
		return nil
	}
	refusal := func(format string, args ...any) *HandshakeError {
		return &HandshakeError{Status: http.StatusForbidden, Text: fmt.Sprintf(format, args...)}
	}
	if len(fields) > 1 {
		return refusal("the request has %d Origin headers", len(fields))
	}
	origin := fields[0]
	host, ok := originHost(origin)
	if !ok {
		return refusal("the origin %q is none that may connect", origin)
	}
	scheme, _, _ := strings.Cut(strings.ToLower(origin), "://")
	// The scheme is the origin's own: in front of this server TLS may be taken off.
	if host == withoutDefaultPort(scheme, strings.ToLower(r.Host)) {
		return nil
	}
	for _, known := range listed {
		knownHost, ok := originHost(known)
		knownScheme, _, _ := strings.Cut(strings.ToLower(known), "://")
		if ok && knownHost == host && knownScheme == scheme {
			return nil
		}
	}
	return refusal("the origin %q may not connect to %q", origin, r.Host)
}

// originHost reads a serialised origin, scheme://host:port and no more (RFC 6454
// section 6.2). "null" is none.
func originHost(origin string) (host string, ok bool) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", false
	}
	return withoutDefaultPort(strings.ToLower(u.Scheme), strings.ToLower(u.Host)), true
}

func withoutDefaultPort(scheme, host string) string {
	switch scheme {
	case "http", "ws":
		return strings.TrimSuffix(host, ":80")
	case "https", "wss":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}
