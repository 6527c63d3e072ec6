package routing

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// HostName returns the host of a request as routes know it: in lower case, without a
// port, the brackets of an IPv6 address and the last dot.
func HostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimPrefix(strings.TrimSuffix(host, "]"), "[")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

const noPattern = "a host is one name and no pattern: make a group for each, or ask Request.Host in one for all"

// CheckHost says what keeps a host, as a program writes it, from ever being that of a
// request, "" if nothing does.
func CheckHost(host string) string {
	if strings.Contains(host, "/") {
		return `want the name alone, such as "api.gotham.city", without a scheme or a path`
	}
	name := HostName(host)
	if name == "" && host != "" { // ":tenant" is a port without a host
		return noPattern
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
		case r == '*', r == ':':
			return noPattern
		case r > 0x7f:
			return "browsers send such a name in its ASCII form: write it as they do, as in \"xn--bcher-kva.example\""
		default:
			return fmt.Sprintf("a host name has no %q", r)
		}
	}
	return ""
}
