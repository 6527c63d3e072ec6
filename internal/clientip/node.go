package clientip

import (
	"net/netip"
	"strings"
)

// parseNode reads the address of a hop: an IPv4 or IPv6 address, the latter
// with or without brackets, with or without a port (which RFC 7239 §6 allows
// to be obfuscated, as in "192.0.2.1:_gazonk"). It refuses "unknown",
// obfuscated identifiers, which begin with "_", and zones, which mean nothing
// on another machine.
func parseNode(s string) (netip.Addr, bool) {
	if strings.HasPrefix(s, "[") {
		address, port, found := strings.Cut(s[1:], "]")
		if !found || port != "" && !validPort(port) {
			return netip.Addr{}, false
		}
		addr, ok := parseAddr(address)
		return addr, ok && strings.Contains(address, ":")
	}
	if i := strings.IndexByte(s, ':'); i >= 0 && i == strings.LastIndexByte(s, ':') {
		if !validPort(s[i:]) {
			return netip.Addr{}, false
		}
		s = s[:i]
	}
	return parseAddr(s)
}

func parseAddr(s string) (netip.Addr, bool) {
	if s == "" || strings.IndexByte(s, '%') >= 0 {
		return netip.Addr{}, false
	}
	// Names are frequent here ("unknown", "_hidden"); netip would build an
	// error for each.
	if c := s[0]; c == '_' || c > 'f' {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// validPort reports whether s is a colon and a port of RFC 7239 §6.2: up to
// five digits, or an obfuscated port.
func validPort(s string) bool {
	if len(s) < 2 || s[0] != ':' {
		return false
	}
	s = s[1:]
	if s[0] == '_' {
		return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
	}
	return len(s) <= 5 && digits(s)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
