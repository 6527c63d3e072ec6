package clientip

import (
	"net/netip"
	"strings"
)

// parseScheme reads the scheme a proxy reports. WebSocket schemes, which some
// proxies report for an upgrade, name the same transports.
func parseScheme(s string) (scheme string, ok bool) {
	switch {
	case strings.EqualFold(s, "https"), strings.EqualFold(s, "wss"):
		return "https", true
	case strings.EqualFold(s, "http"), strings.EqualFold(s, "ws"):
		return "http", true
	}
	return "", false
}

// validHost reports whether s is a host, with or without a port, that may be
// used to build links: a DNS name, an IPv4 address or an IPv6 address in
// brackets. It refuses everything else a URL's authority could hold (user
// names, percent-encoding, white space, slashes), so that a link built from
// it leads to that host and nowhere else.
func validHost(s string) bool {
	const longest = 253 + len(":65535")
	if s == "" || len(s) > longest {
		return false
	}
	if s[0] == '[' {
		address, port, found := strings.Cut(s[1:], "]")
		if !found || port != "" && !(port[0] == ':' && len(port) <= 6 && digits(port[1:])) {
			return false
		}
		addr, err := netip.ParseAddr(address)
		return err == nil && addr.Is6() && addr.Zone() == ""
	}
	name, port, found := strings.Cut(s, ":")
	if found && (len(port) > 5 || !digits(port)) {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return strings.Trim(name, ".") != ""
}
