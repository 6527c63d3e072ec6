package clientip

import (
	"net/http"
	"strings"
)

// walkForwarded follows the Forwarded header of RFC 7239.
func (t Trust) walkForwarded(client Client, h http.Header) Client {
	list := elements{lines: h["Forwarded"]}
	for {
		element, ok := list.previous()
		if !ok {
			return client
		}
		hop, ok := parseHop(element)
		if !ok {
			return client
		}
		// The element was written by a trusted proxy, so what it says of
		// scheme and host holds even if it hides the address.
		if scheme, ok := parseScheme(hop.proto); ok {
			client.Scheme = scheme
		}
		if validHost(hop.host) {
			client.Host = hop.host
		}
		addr, ok := parseNode(hop.node)
		if !ok {
			return client
		}
		client.IP = addr
		if !t.trusts(addr) {
			return client
		}
	}
}

// hop is one element of Forwarded: what one proxy says of the request it got.
type hop struct{ node, proto, host string }

// parseHop reads the pairs of an element. It refuses what RFC 7239 §4 does: a
// pair that is not name=value, and a name that occurs twice.
func parseHop(element string) (hop, bool) {
	if element == "" {
		return hop{}, false
	}
	var h hop
	var seen [3]bool
	for rest, more := element, true; more; {
		var pair string
		pair, rest, more = strings.Cut(rest, ";")
		if pair = trim(pair); pair == "" {
			continue
		}
		name, value, ok := parsePair(pair)
		if !ok {
			return hop{}, false
		}
		var target *string
		var slot int
		switch {
		case strings.EqualFold(name, "for"):
			target, slot = &h.node, 0
		case strings.EqualFold(name, "proto"):
			target, slot = &h.proto, 1
		case strings.EqualFold(name, "host"):
			target, slot = &h.host, 2
		default:
			continue // "by" and extensions
		}
		if seen[slot] {
			return hop{}, false
		}
		*target, seen[slot] = value, true
	}
	return h, true
}

// parsePair reads name=value. Escapes in a quoted value are left as they are:
// no address, scheme or host needs one, and none with a backslash is taken for
// one. An unquoted value may hold the colons and brackets of an address
// although the grammar asks for quotes around them, because proxies forget the
// quotes.
func parsePair(pair string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(pair, "=")
	if !ok || name == "" || strings.ContainsAny(name, " \t\"") {
		return "", "", false
	}
	if strings.HasPrefix(value, `"`) {
		if len(value) < 2 || !strings.HasSuffix(value, `"`) {
			return "", "", false
		}
		return name, value[1 : len(value)-1], true
	}
	return name, value, value != "" && !strings.ContainsAny(value, " \t\"\\=")
}
