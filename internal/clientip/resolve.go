package clientip

import (
	"net/http"
	"net/netip"
	"strings"
)

// Client is what is known about the sender of a request.
type Client struct {
	// IP is the client's address, never IPv4-mapped. It is invalid (the zero
	// Addr) for a peer without one, such as a unix socket's.
	IP netip.Addr
	// Scheme is "http" or "https", as the client used it.
	Scheme string
	// Host is the host, with a port if one was given, that the client asked for.
	Host string
}

// Address returns the IP as text, or "" when it is not known.
func (c Client) Address() string {
	if !c.IP.IsValid() {
		return ""
	}
	return c.IP.String()
}

// Resolve finds the client of a request. Unless the peer is trusted, that is
// the peer itself, the scheme of its connection and the request's Host.
//
// A trusted peer's headers are walked from right to left, the order in which
// the proxies wrote them backwards. The walk ends at the first address that is
// not trusted: that is the client. It also ends, at the last address known, in
// front of an element that is malformed or hides its address ("unknown",
// "_hidden"), because nothing to the left of it can be verified. Scheme and
// host come from the same trusted proxies; a host that is not a plain host
// name or address is ignored.
//
// Where both Forwarded and X-Forwarded-* are present, only what they agree on
// is believed and the rest is taken from the connection, unless the Trust says
// which of them the proxies write (see [ParseTrust]).
func (t Trust) Resolve(r *http.Request) Client {
	addr, unix := peer(r.RemoteAddr)
	direct := Client{IP: addr, Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		direct.Scheme = "https"
	}
	if t.nobody() {
		return direct
	}
	if unix && !t.unix || !unix && !(addr.IsValid() && t.trusts(addr)) {
		return direct
	}
	hasForwarded := t.family != xForwarded && len(r.Header["Forwarded"]) > 0
	hasX := t.family != forwarded && hasXForwarded(r.Header)
	switch {
	case hasForwarded && hasX:
		return agreed(direct, t.walkForwarded(direct, r.Header), t.walkXForwarded(direct, r.Header))
	case hasForwarded:
		return t.walkForwarded(direct, r.Header)
	case hasX:
		return t.walkXForwarded(direct, r.Header)
	}
	return direct
}

// agreed keeps what two sources say alike and takes the rest from the
// connection. One of them may have been sent by the client and passed on by
// a proxy that only knows the other, and it cannot be told which.
func agreed(direct, a, b Client) Client {
	if a.IP == b.IP {
		direct.IP = a.IP
	}
	if a.Scheme == b.Scheme {
		direct.Scheme = a.Scheme
	}
	if strings.EqualFold(a.Host, b.Host) {
		direct.Host = a.Host
	}
	return direct
}

// peer reads http.Request.RemoteAddr. A unix socket's peer has no address:
// its name is empty, or begins with "@" or, if the client bound one, with "/".
func peer(remote string) (addr netip.Addr, unix bool) {
	if remote == "" || remote[0] == '@' || remote[0] == '/' {
		return netip.Addr{}, true
	}
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		return ap.Addr().Unmap(), false
	}
	// An adapter in front of the handler may have left the port out.
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap(), false
}
