package clientip

import "net/http"

func hasXForwarded(h http.Header) bool {
	return len(h["X-Forwarded-For"]) > 0 || len(h["X-Forwarded-Proto"]) > 0 || len(h["X-Forwarded-Host"]) > 0
}

// walkXForwarded follows X-Forwarded-For and then reads from
// X-Forwarded-Proto and X-Forwarded-Host what the outermost trusted proxy
// wrote there.
func (t Trust) walkXForwarded(client Client, h http.Header) Client {
	hops := 1 // trusted proxies that wrote an element; the peer is the first
	list := elements{lines: h["X-Forwarded-For"]}
	for {
		element, ok := list.previous()
		if !ok {
			hops = max(hops-1, 1) // the last address was trusted, but wrote nothing
			break
		}
		addr, ok := parseNode(element)
		if !ok {
			break
		}
		client.IP = addr
		if !t.trusts(addr) {
			break
		}
		hops++
	}
	if scheme, ok := parseScheme(fromRight(h["X-Forwarded-Proto"], hops)); ok {
		client.Scheme = scheme
	}
	if host := fromRight(h["X-Forwarded-Host"], hops); validHost(host) {
		client.Host = host
	}
	return client
}

// fromRight returns the n-th element from the right, or the leftmost if there
// are fewer: a proxy either appends to these headers, as it does to
// X-Forwarded-For, or replaces them.
func fromRight(lines []string, n int) (element string) {
	list := elements{lines: lines}
	for range n {
		e, ok := list.previous()
		if !ok {
			break
		}
		element = e
	}
	return element
}
