// Package clientip finds out who sent a request when proxies stand in front of
// the server: the client's address, and the scheme and host it used.
//
// By default that is the peer of the connection and nothing a header says.
// Forwarding headers are text that anyone can write, so they are read only
// when the peer is a proxy named in a [Trust], from right to left, and only as
// far as the proxies that wrote them are trusted too.
package clientip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Trust is the set of proxies whose forwarding headers are believed. The zero
// value trusts nobody. A Trust does not change once it is made and may be used
// by any number of goroutines.
type Trust struct {
	prefixes []netip.Prefix
	unix     bool
	family   family
}

// family says which of the two families of forwarding headers the proxies write.
type family uint8

const (
	both       family = iota // read both, believe what they agree on
	forwarded                // RFC 7239 only
	xForwarded               // X-Forwarded-For, -Proto and -Host only
)

// ParseTrust makes a Trust from a list of proxies. Each item is one of:
//
//	"10.0.0.0/8", "fd00::/8"    a network
//	"192.0.2.7", "2001:db8::1"  a single address
//	"loopback"                  this machine: 127.0.0.0/8 and ::1
//	"private"                   the private networks of RFC 1918 and RFC 4193
//	"unix"                      peers connected over a unix socket
//	"forwarded"                 the proxies write Forwarded (RFC 7239): ignore X-Forwarded-*
//	"x-forwarded"               the proxies write X-Forwarded-*: ignore Forwarded
//
// The last two matter because a proxy that writes one family of headers
// usually lets a client's own header of the other family pass. Without either
// word both families are read, and where both are present only what they agree
// on is believed.
//
// The error names the item it does not understand and what is wrong with it.
func ParseTrust(proxies ...string) (Trust, error) { return Trust{}.And(proxies...) }

// And returns a Trust in these proxies as well, or after an error t itself.
func (t Trust) And(proxies ...string) (Trust, error) {
	more := t
	more.prefixes = slices.Clone(t.prefixes)
	for _, item := range proxies {
		if err := more.parse(strings.TrimSpace(item)); err != nil {
			return t, err
		}
	}
	return more, nil
}

func (t *Trust) parse(item string) error {
	switch item {
	case "loopback":
		t.add("127.0.0.0/8", "::1/128")
		return nil
	case "private":
		t.add("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
		return nil
	case "unix":
		t.unix = true
		return nil
	case "forwarded":
		return t.only(forwarded)
	case "x-forwarded":
		return t.only(xForwarded)
	}
	if strings.Contains(item, "/") {
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			return fmt.Errorf("trusted proxies: %q is not a network like 10.0.0.0/8", item)
		}
		prefix = unmapPrefix(prefix)
		if prefix != prefix.Masked() {
			// More likely a slip than an intention, and the wrong guess
			// would trust sixteen million addresses instead of one.
			return fmt.Errorf("trusted proxies: %q has bits beyond its prefix: write %s for the network or %s for the address",
				item, prefix.Masked(), prefix.Addr())
		}
		t.prefixes = append(t.prefixes, prefix)
		return nil
	}
	addr, err := netip.ParseAddr(item)
	if err != nil {
		return fmt.Errorf("trusted proxies: %q is neither an address, a network like 10.0.0.0/8, nor one of loopback, private, unix, forwarded, x-forwarded", item)
	}
	addr = addr.Unmap().WithZone("")
	t.prefixes = append(t.prefixes, netip.PrefixFrom(addr, addr.BitLen()))
	return nil
}

// only settles which family of headers is read.
func (t *Trust) only(f family) error {
	if t.family != both && t.family != f {
		return errors.New(`trusted proxies: "forwarded" and "x-forwarded" exclude each other`)
	}
	t.family = f
	return nil
}

// add appends networks known to be well-formed.
func (t *Trust) add(networks ...string) {
	for _, network := range networks {
		t.prefixes = append(t.prefixes, netip.MustParsePrefix(network))
	}
}

// unmapPrefix turns a network of IPv4-mapped IPv6 addresses into the IPv4
// network it stands for, since addresses are compared unmapped.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// nobody reports whether t can trust no peer at all.
func (t Trust) nobody() bool { return len(t.prefixes) == 0 && !t.unix }

// trusts reports whether addr belongs to a trusted proxy.
func (t Trust) trusts(addr netip.Addr) bool {
	addr = addr.WithZone("") // a prefix contains no address with a zone
	for _, p := range t.prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
